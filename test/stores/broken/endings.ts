// Stores that do not know what has ended, or do not tell.
import type { BrokenStore } from './workshop.ts'

export const brokenEndings: readonly BrokenStore[] = [
  {
    name: 'findEnded takes what has expired for living',
    caughtBy: 'is found by findEnded, if there is one',
    breakage: store => ({
      findEnded: async keys => {
        const found = await Promise.all(keys.map(key => store.load(key)))
        return keys.filter((key, n) => (found[n] ? 'gone' in (found[n] as object) : !store.written.has(key)))
      },
    }),
  },
  {
    name: 'findEnded takes tombstones for sessions',
    caughtBy: 'is found by findEnded, if there is one',
    breakage: store => ({
      findEnded: async keys => {
        const found = await Promise.all(keys.map(key => store.load(key)))
        return keys.filter((_, n) => !found[n])
      },
    }),
  },
  {
    name: 'findEnded looks at the first hundred',
    caughtBy: 'is found by findEnded for 500 keys',
    breakage: store => ({ findEnded: keys => store.findEnded(keys.slice(0, 100)) }),
  },
  {
    name: 'watch goes on telling who has gone',
    caughtBy: 'is told by watch, if there is one',
    breakage: store => ({
      watch: async listener => {
        await store.watch(listener)
        return async () => {}
      },
    }),
  },
  {
    name: 'watch tells of what lives',
    caughtBy: 'is told by watch, if there is one',
    breakage: store => {
      const tellers = new Set<(key: string) => void>()
      return {
        watch: async listener => {
          tellers.add(key => listener.ended({ keys: [key] }))
          return store.watch(listener)
        },
        save: async (record, expected) => {
          for (const tell of tellers) tell(record.key)
          return store.save(record, expected)
        },
      }
    },
  },
]
