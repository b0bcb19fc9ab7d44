// Runs under Vitest and in a bare Node. Data in memory are this process's: stores of one space are one store.
import { MemoryStore } from 'holdfast/stores/memory'

/** @type {Map<string, { store: MemoryStore, openings: number }>} */
const spaces = new Map()

/** @param {import('../opened.ts').OpenOptions} opening */
export async function open({ url, space, now, options }) {
  const name = `${url} ${space}`
  const held = spaces.get(name) ?? { store: new MemoryStore({ now, ...options }), openings: 0 }
  spaces.set(name, held)
  held.openings++
  return {
    store: held.store,
    async end() {
      held.openings--
      if (held.openings > 0) return
      spaces.delete(name)
      await held.store.close()
    },
  }
}
