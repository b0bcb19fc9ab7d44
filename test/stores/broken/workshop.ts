// A store in memory with its back taken off, for stores that are broken on purpose.
import type { IndexedSessionStore, SessionRecord, WatchableSessionStore } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'

type Watchable = Required<Pick<WatchableSessionStore, 'watch' | 'findEnded'>>

export interface Workshop extends IndexedSessionStore, Watchable {
  now(): number
  /** Makes a key as if nothing had ever been there. */
  forget(key: string): void
  /** What was written last under each key, whatever became of it. */
  written: Map<string, SessionRecord>
  /** All versions that each key ever had, the newest last. */
  versions: Map<string, string[]>
  /** The record, if it lives. */
  live(key: string): Promise<SessionRecord | undefined>
  /** Puts a record in the place of whatever is there. */
  put(record: SessionRecord): Promise<true>
}

/** What is broken, in place of what was whole. */
type Breakage = (store: Workshop) => Partial<IndexedSessionStore & Watchable>

export interface BrokenStore {
  /** What it does. */
  name: string
  /** The tests of the kit that must fail: parts of their names. */
  caughtBy: string | readonly string[]
  breakage: Breakage
  /** Some are broken by their clock. */
  clock?: (now: number) => number
}

export function workshop(now: () => number): Workshop {
  const store = new MemoryStore({ now })
  const lives = new Map<string, number>()
  const written = new Map<string, SessionRecord>()
  const versions = new Map<string, string[]>()

  const inside = (key: string) => `${key}~${lives.get(key) ?? 0}`
  const outside = (record: SessionRecord): SessionRecord => ({ ...record, key: record.key.slice(0, record.key.indexOf('~')) })
  const note = (record: SessionRecord) => {
    written.set(record.key, structuredClone(record))
    versions.set(record.key, [...(versions.get(record.key) ?? []), record.version])
  }
  const conflictOutside = <T extends { status: string }>(result: T): T =>
    'current' in result ? { ...result, current: outside(result.current as SessionRecord) } : result

  const whole: Workshop = {
    now,
    written,
    versions,
    forget: key => {
      // What is left behind must neither be found nor be counted.
      void store.delete(inside(key), 'expired')
      lives.set(key, (lives.get(key) ?? 0) + 1)
    },
    async live(key) {
      const found = await whole.load(key)
      return found && !('gone' in found) ? found : undefined
    },
    async put(record) {
      whole.forget(record.key)
      return (await whole.create(record)) as true
    },
    async load(key) {
      const found = await store.load(inside(key))
      return found && !('gone' in found) ? outside(found) : found
    },
    async create(record, timeoutMs, limit) {
      const done = await store.create({ ...record, key: inside(record.key) }, timeoutMs, limit)
      if (done === true) note(record)
      return done
    },
    async save(record, expected) {
      const result = await store.save({ ...record, key: inside(record.key) }, expected)
      if (result.status === 'saved') note(record)
      return conflictOutside(result)
    },
    async replace(oldKey, expected, record, reason, timeoutMs, limit) {
      const result = await store.replace(inside(oldKey), expected, { ...record, key: inside(record.key) }, reason, timeoutMs, limit)
      if (result.status === 'replaced') note(record)
      return conflictOutside(result)
    },
    touch: (key, times) => store.touch(inside(key), times),
    delete: (key, reason) => store.delete(inside(key), reason),
    listByUser: async userKey => (await store.listByUser(userKey)).map(outside),
    deleteByUser: (userKey, { except, ...options } = {}) =>
      store.deleteByUser(userKey, { ...options, ...(except !== undefined && { except: inside(except) }) }),
    async list(options) {
      const { records, cursor } = await store.list(options)
      return { records: records.map(outside), cursor }
    },
    deleteExpired: limit => store.deleteExpired(limit),
    watch: listener =>
      store.watch({
        ...listener,
        ended: ({ keys = [] }) => listener.ended({ keys: keys.map(key => key.slice(0, key.indexOf('~'))) }),
      }),
    async findEnded(keys) {
      const lives = await Promise.all(keys.map(key => whole.live(key)))
      return keys.filter((_, n) => !lives[n])
    },
    close: () => store.close(),
  }
  return whole
}

/** Lets others come first: where a store waits for its database. */
export function elsewhere(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
