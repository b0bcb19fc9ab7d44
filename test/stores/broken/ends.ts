// Stores whose delete, touch, clock, index, list or clean-up is broken.
import type { SessionRecord } from 'holdfast'
import { type BrokenStore, elsewhere } from './workshop.ts'

const MINUTE = 60_000

const tombstones: BrokenStore[] = [
  {
    name: 'delete leaves no tombstone',
    caughtBy: 'tells whether something lived',
    breakage: store => ({
      delete: async (key, reason) => {
        const lived = await store.delete(key, reason)
        store.forget(key)
        return lived
      },
    }),
  },
  {
    name: 'delete leaves a tombstone only where something lived',
    caughtBy: 'also where nothing was',
    breakage: store => ({ delete: async (key, reason) => (await store.live(key)) !== undefined && store.delete(key, reason) }),
  },
  {
    name: 'the last reason wins',
    caughtBy: ['leaves the first reason', 'by several clients in turn'],
    breakage: store => ({
      delete: async (key, reason) => {
        const lived = (await store.live(key)) !== undefined
        store.forget(key)
        await store.delete(key, reason)
        return lived
      },
    }),
  },
  {
    name: 'delete is always true',
    caughtBy: 'tells whether something lived',
    breakage: store => ({ delete: async (key, reason) => (await store.delete(key, reason)) || true }),
  },
  {
    name: 'delete looks, and then ends',
    caughtBy: ['of racing deletes exactly one', 'by several clients at once'],
    breakage: store => ({
      delete: async (key, reason) => {
        const lived = (await store.live(key)) !== undefined
        await elsewhere()
        await store.delete(key, reason)
        return lived
      },
    }),
  },
  {
    name: 'delete ends only what it has seen',
    caughtBy: 'a delete that races with the create',
    breakage: store => ({
      delete: async (key, reason) => {
        if (await store.load(key)) return store.delete(key, reason)
        await elsewhere()
        await store.delete(key, reason)
        return false
      },
    }),
  },
  {
    name: 'every tombstone lies for a minute',
    caughtBy: ['that of an evicted session lies for a day', 'by several clients in turn'],
    breakage: store => ({ delete: (key, reason) => store.delete(key, reason === 'evicted' ? 'revoked' : reason) }),
  },
  {
    name: 'tombstones lie for a day',
    caughtBy: 'a tombstone lies for a minute',
    breakage: store => ({ delete: key => store.delete(key, 'evicted') }),
  },
  {
    name: 'tombstones are a millisecond short',
    caughtBy: 'a tombstone lies for a minute',
    breakage: store => {
      const until = new Map<string, number>()
      return {
        delete: (key, reason) => store.delete(key, until.set(key, store.now() + MINUTE) && reason),
        load: async key => (until.get(key) === store.now() ? null : store.load(key)),
      }
    },
  },
]

const touch: BrokenStore[] = [
  {
    name: 'touch creates',
    caughtBy: 'never creates',
    breakage: store => ({
      touch: async (key, times) =>
        (await store.touch(key, times)) ||
        (!(await store.load(key)) &&
          (await store.create({ key, partition: '', data: '{}', version: 'x', createdAt: 0, idleMs: 1, ...times })) === true),
    }),
  },
  {
    name: 'touch revives what has expired',
    caughtBy: 'never revives',
    breakage: store => ({
      touch: async (key, times) => {
        const last = store.written.get(key)
        if (!last || (await store.load(key))) return store.touch(key, times)
        const { absoluteExpiresAt: _, ...rest } = last
        return store.put({ ...rest, ...times })
      },
    }),
  },
  {
    name: 'touch revives what has ended',
    caughtBy: 'what was destroyed stays dead',
    breakage: store => ({
      touch: async (key, times) => {
        const last = store.written.get(key)
        return (await store.touch(key, times)) || (last !== undefined && store.put({ ...last, ...times }))
      },
    }),
  },
  {
    name: 'touch sets the times that it is given',
    caughtBy: 'never lowers, never shortens',
    breakage: store => ({
      touch: async (key, times) => {
        const found = await store.live(key)
        return found !== undefined && store.put({ ...found, ...times })
      },
    }),
  },
  {
    name: 'touch lowers touchedAt',
    caughtBy: 'never lowers, never shortens',
    breakage: store => ({
      touch: async (key, times) => {
        const found = await store.live(key)
        return (
          found !== undefined && store.put({ ...found, touchedAt: times.touchedAt, expiresAt: Math.max(found.expiresAt, times.expiresAt) })
        )
      },
    }),
  },
  {
    name: 'touch goes past the absolute end',
    caughtBy: ['never goes past the absolute end', 'by several clients in turn'],
    breakage: store => ({
      touch: async (key, times) => {
        const found = await store.live(key)
        return found !== undefined && store.put({ ...found, ...times })
      },
    }),
  },
  {
    name: 'touch believes an older request',
    caughtBy: ['H11: of an older request', 'by several clients in turn'],
    breakage: store => ({
      touch: async (key, { touchedAt, expiresAt }) => {
        const found = await store.live(key)
        if (!found) return false
        return store.put({ ...found, touchedAt: Math.max(touchedAt, found.touchedAt), expiresAt: Math.max(expiresAt, found.expiresAt) })
      },
    }),
  },
  {
    name: 'touch moves nothing',
    caughtBy: 'moves times forward',
    breakage: store => ({ touch: async key => (await store.live(key)) !== undefined }),
  },
  {
    name: 'touch changes the version',
    caughtBy: 'moves times forward',
    breakage: store => ({
      touch: async (key, times) => {
        const found = await store.live(key)
        return found ? (await store.save({ ...found, ...times, version: 'touched' }, found.version)).status === 'saved' : false
      },
    }),
  },
  {
    name: 'touch leaves the expiry of the index where it was',
    caughtBy: 'a life that was moved forward',
    breakage: store => {
      const ends = new Map<string, number>()
      return {
        create: record => store.create(ends.set(record.key, record.expiresAt) && record),
        listByUser: async userKey => (await store.listByUser(userKey)).filter(({ key }) => (ends.get(key) ?? 0) >= store.now()),
      }
    },
  },
  {
    name: 'touch writes back what it has loaded',
    caughtBy: ['that races with writes loses none', 'by several clients at once'],
    breakage: store => ({
      touch: async (key, times) => {
        const found = await store.live(key)
        await elsewhere()
        return found !== undefined && store.put({ ...found, ...times })
      },
    }),
  },
  {
    name: 'touch writes back what was deleted meanwhile',
    caughtBy: ['that races with a delete does not', 'by several clients at once'],
    breakage: store => ({
      touch: async (key, times) => {
        const found = await store.live(key)
        await elsewhere()
        return found !== undefined && store.put({ ...found, ...times })
      },
    }),
  },
]

const clocks: BrokenStore[] = [
  {
    name: 'a clock a millisecond behind',
    caughtBy: ['lies at expiresAt to the millisecond', 'by several clients in turn'],
    clock: now => now - 1,
    breakage: () => ({}),
  },
  {
    name: 'a clock a millisecond ahead',
    caughtBy: ['lies at absoluteExpiresAt to the millisecond', 'by several clients in turn'],
    clock: now => now + 1,
    breakage: () => ({}),
  },
  {
    name: 'whole seconds',
    caughtBy: 'lies at expiresAt to the millisecond',
    clock: now => Math.floor(now / 1000) * 1000,
    breakage: () => ({}),
  },
  {
    name: 'it ignores the absolute end',
    caughtBy: 'lies at absoluteExpiresAt to the millisecond',
    breakage: store => ({
      load: async key => {
        const last = store.written.get(key)
        return (await store.load(key)) ?? (last && last.expiresAt >= store.now() ? last : null)
      },
    }),
  },
  { name: 'its own clock stands still', caughtBy: 'on its own clock', clock: now => (now > 1.9e12 ? now : 1.7e12), breakage: () => ({}) },
  { name: 'its own clock is a second ahead', caughtBy: 'on its own clock', clock: now => now + 1000, breakage: () => ({}) },
]

const index: BrokenStore[] = [
  {
    name: 'it lists by createdAt',
    caughtBy: 'lists the oldest first by its own sequence',
    breakage: store => ({ listByUser: async userKey => (await store.listByUser(userKey)).sort((a, b) => a.createdAt - b.createdAt) }),
  },
  {
    name: 'it lists the newest first',
    caughtBy: 'lists the sessions of a user',
    breakage: store => ({ listByUser: async userKey => (await store.listByUser(userKey)).reverse() }),
  },
  {
    name: 'a save moves a session to the end of the list',
    caughtBy: 'keeps the order through saves',
    breakage: store => ({
      save: async (record, version) => {
        const found = await store.live(record.key)
        const result = await store.save(record, version)
        if (result.status === 'saved' && found?.version === version) await store.put(record)
        return result
      },
    }),
  },
  {
    name: 'the entry of what was replaced stays',
    caughtBy: 'a replace moves the entry',
    breakage: store => {
      const old = new Map<string, SessionRecord>()
      return {
        replace: async (oldKey, version, record, reason) => {
          const found = await store.live(oldKey)
          if (found) old.set(oldKey, found)
          return store.replace(oldKey, version, record, reason)
        },
        listByUser: async userKey => [...old.values()].filter(record => record.userKey === userKey).concat(await store.listByUser(userKey)),
      }
    },
  },
  {
    name: 'it lists what was deleted',
    caughtBy: ['forgets what was deleted', 'by several clients in turn'],
    breakage: store => ({
      listByUser: async userKey =>
        [...store.written.values()].filter(record => record.userKey === userKey && record.expiresAt >= store.now()),
    }),
  },
  {
    name: 'it lists what has expired',
    caughtBy: 'does not list what has expired',
    breakage: store => ({
      listByUser: async userKey => {
        const records = [...store.written.values()].filter(record => record.userKey === userKey)
        const gone = await Promise.all(records.map(async ({ key }) => (await store.load(key)) === null || store.live(key)))
        return records.filter((_, n) => gone[n])
      },
    }),
  },
  {
    name: 'the index lags behind',
    caughtBy: 'misses no login',
    breakage: store => {
      const indexed = new Set<string>()
      return {
        create: async record => {
          setTimeout(() => indexed.add(record.key), 1)
          return store.create(record)
        },
        listByUser: async userKey => (await store.listByUser(userKey)).filter(({ key }) => indexed.has(key)),
      }
    },
  },
  {
    name: 'deleteByUser leaves no tombstones',
    caughtBy: ['deleteByUser ends them all', 'by several clients in turn'],
    breakage: store => ({
      deleteByUser: async (userKey, options) => {
        const records = await store.listByUser(userKey)
        const count = await store.deleteByUser(userKey, options)
        for (const { key } of records) if (key !== options?.except) store.forget(key)
        return count
      },
    }),
  },
  {
    name: 'deleteByUser counts what has ended',
    caughtBy: 'deleteByUser ends them all',
    breakage: store => ({ deleteByUser: async (userKey, options) => (await store.deleteByUser(userKey, options)) + 1 }),
  },
  {
    name: 'deleteByUser ignores `except`',
    caughtBy: 'deleteByUser spares `except`',
    breakage: store => ({ deleteByUser: (userKey, { except: _, ...options } = {}) => store.deleteByUser(userKey, options) }),
  },
  {
    name: 'deleteByUser ignores the reason',
    caughtBy: ['deleteByUser spares `except`', 'by several clients in turn'],
    breakage: store => ({ deleteByUser: (userKey, { reason: _, ...options } = {}) => store.deleteByUser(userKey, options) }),
  },
  {
    name: 'deleteByUser ends only what it saw at first, and forgets the rest',
    caughtBy: 'H7: deleteByUser and logins at the same time',
    breakage: store => {
      const lost = new Set<string>()
      return {
        deleteByUser: async (userKey, options) => {
          const before = new Set((await store.listByUser(userKey)).map(({ key }) => key))
          const count = await store.deleteByUser(userKey, options)
          await elsewhere()
          // The index is emptied, with what came meanwhile.
          for (const { key } of await store.listByUser(userKey)) if (!before.has(key) && key !== options?.except) lost.add(key)
          return count
        },
        listByUser: async userKey => (await store.listByUser(userKey)).filter(({ key }) => !lost.has(key)),
      }
    },
  },
  {
    name: 'a save brings back what deleteByUser ends meanwhile',
    caughtBy: 'no write that races with deleteByUser',
    breakage: store => ({
      save: async (record, version) => {
        const found = await store.live(record.key)
        await elsewhere()
        if (found?.version !== version) return store.save(record, version)
        await store.put(record)
        return { status: 'saved' }
      },
    }),
  },
]

const lists: BrokenStore[] = [
  {
    name: 'list pages by number: what goes moves the rest forward',
    caughtBy: 'misses none that lives throughout',
    breakage: store => ({
      list: async ({ cursor = '0', limit = 100 } = {}) => {
        const { records } = await store.list({ limit: 10_000 })
        const end = Number(cursor) + limit
        return { records: records.slice(Number(cursor), end), cursor: end < records.length ? String(end) : null }
      },
    }),
  },
  {
    name: 'list shows what was there when it began',
    caughtBy: 'misses none that lives throughout',
    breakage: store => {
      let all: SessionRecord[] = []
      return {
        list: async ({ cursor = '0', limit = 100 } = {}) => {
          if (cursor === '0') all = (await store.list({ limit: 10_000 })).records
          const end = Number(cursor) + limit
          return { records: all.slice(Number(cursor), end), cursor: end < all.length ? String(end) : null }
        },
      }
    },
  },
  {
    name: 'list gives the first page only',
    caughtBy: ['gives every record, over more than one page', 'by several clients in turn'],
    breakage: store => ({ list: async options => ({ records: (await store.list(options)).records, cursor: null }) }),
  },
  {
    name: 'list gives all at once',
    caughtBy: 'gives every record, over more than one page',
    breakage: store => ({ list: () => store.list({ limit: 10_000 }) }),
  },
  {
    name: 'list has no end',
    caughtBy: 'of an empty store is empty',
    breakage: store => ({ list: async options => ({ cursor: '0', records: (await store.list(options)).records }) }),
  },
  {
    name: 'list shows what has ended',
    caughtBy: ['leaves out what has ended', 'by several clients in turn'],
    breakage: store => ({ list: async () => ({ records: [...store.written.values()], cursor: null }) }),
  },
]

const cleanUp: BrokenStore[] = [
  {
    name: 'deleteExpired removes what lives',
    caughtBy: ['finds nothing in an empty store', 'by several clients in turn'],
    breakage: store => ({
      deleteExpired: async limit => {
        const { records } = await store.list({ limit })
        for (const { key } of records) store.forget(key)
        return records.length
      },
    }),
  },
  ...['removes what ended over ten minutes ago', 'H11: by a clock that runs ahead'].map(caughtBy => ({
    name: `deleteExpired knows no grace (${caughtBy})`,
    caughtBy,
    breakage: (store => ({
      deleteExpired: async limit => {
        const ended = [...store.written.values()].filter(
          ({ expiresAt, absoluteExpiresAt }) => Math.min(expiresAt, absoluteExpiresAt ?? expiresAt) < store.now(),
        )
        for (const { key } of ended.slice(0, limit)) {
          store.forget(key)
          store.written.delete(key)
        }
        return Math.min(limit, ended.length)
      },
    })) as BrokenStore['breakage'],
  })),
  {
    name: 'deleteExpired knows no limit',
    caughtBy: 'removes what ended over ten minutes ago',
    breakage: store => ({ deleteExpired: () => store.deleteExpired(10_000) }),
  },
  {
    name: 'deleteExpired does nothing',
    caughtBy: 'removes what ended over ten minutes ago',
    breakage: () => ({ deleteExpired: async () => 0 }),
  },
  {
    name: 'deleteExpired counts each batch as full',
    caughtBy: 'removes what ended over ten minutes ago',
    breakage: store => ({ deleteExpired: async limit => ((await store.deleteExpired(limit)) > 0 ? limit : 0) }),
  },
  {
    name: 'two clean-ups count the same twice',
    caughtBy: 'by several at once removes each but once',
    breakage: store => {
      let running: Promise<number> | undefined
      return {
        deleteExpired: async limit => {
          running ??= elsewhere().then(() => store.deleteExpired(limit))
          const count = await running
          running = undefined
          return count
        },
      }
    },
  },
]

const closing: BrokenStore[] = [
  {
    name: 'a second close fails',
    caughtBy: ['of a store that was never used, and twice', 'when the tests are done'],
    breakage: store => {
      let closed = false
      return {
        close: async () => {
          if (closed) throw new Error('it is closed')
          closed = true
          await store.close()
        },
      }
    },
  },
  {
    name: 'close is the end of all clients',
    caughtBy: 'ends only this client',
    breakage: store => ({ close: () => store.close() }),
  },
  {
    name: 'close fails while something is under way',
    caughtBy: 'lets what is under way come to an end',
    breakage: store => {
      let open = 0
      return {
        load: async key => {
          open++
          await elsewhere()
          open--
          return store.load(key)
        },
        close: async () => {
          if (open > 0) throw new Error('busy')
        },
      }
    },
  },
  {
    name: 'a time limit is an error',
    caughtBy: 'each method takes one',
    breakage: store => ({
      load: async (key, timeoutMs) => {
        if (timeoutMs !== undefined) throw new Error('no such thing')
        return store.load(key)
      },
    }),
  },
  {
    name: 'what is not there is an error',
    caughtBy: 'finds nothing where nothing is',
    breakage: store => ({
      load: async key => {
        const found = await store.load(key)
        if (found === null && key !== 'none') throw new Error('not found')
        return found
      },
    }),
  },
]

export const brokenEnds: readonly BrokenStore[] = [...tombstones, ...touch, ...clocks, ...index, ...lists, ...cleanUp, ...closing]
