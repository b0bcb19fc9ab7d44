import type { IndexedSessionStore, SessionRecord } from 'holdfast'

/** Makes another store of a store. */
export type Sabotage = (store: IndexedSessionStore) => IndexedSessionStore

/** The same store with some methods of another kind. */
export function changed(store: IndexedSessionStore, methods: Partial<IndexedSessionStore>): IndexedSessionStore {
  return new Proxy(store, {
    get(target, name) {
      const other: unknown = Reflect.get(methods, name)
      if (other !== undefined) return other
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

/** A store without the version check: whoever saves last has written all of it. */
export const withoutVersionCheck: Sabotage = store => {
  const save: IndexedSessionStore['save'] = async (record, expectedVersion, timeoutMs) => {
    for (let expected = expectedVersion; ; ) {
      const result = await store.save(record, expected, timeoutMs)
      if (result.status !== 'conflict') return result
      expected = result.current.version
    }
  }
  return changed(store, { save })
}

/** A store whose save and touch insert where there is nothing: an upsert, which all instances of a site see. */
export function withInserts(): Sabotage {
  const inserted = new Map<string, SessionRecord>()
  return store => {
    const seen = new Map<string, SessionRecord>()
    return changed(store, {
      load: async (key, timeoutMs) => {
        const found = inserted.get(key) ?? (await store.load(key, timeoutMs))
        if (found && !('gone' in found)) seen.set(key, found)
        return found
      },
      save: async (record, expectedVersion, timeoutMs) => {
        const result = await store.save(record, expectedVersion, timeoutMs)
        if (result.status !== 'missing') return result
        inserted.set(record.key, record)
        return { status: 'saved' }
      },
      touch: async (key, times, timeoutMs) => {
        if (await store.touch(key, times, timeoutMs)) return true
        const before = seen.get(key)
        if (!before) return false
        inserted.set(key, { ...before, ...times })
        return true
      },
    })
  }
}

/** A store that swallows what its database says about a write that has failed. */
export const withoutErrors: Sabotage = store =>
  changed(store, {
    create: (...args) => store.create(...args).catch(() => true),
    save: (...args) => store.save(...args).catch(() => ({ status: 'saved' })),
    replace: (...args) => store.replace(...args).catch(() => ({ status: 'replaced' })),
    delete: (...args) => store.delete(...args).catch(() => true),
  })

/** A store that, asked to end a user's sessions, leaves one of them. */
export const leavingOne: Sabotage = store =>
  changed(store, {
    deleteByUser: async (userKey, options, timeoutMs) => {
      const [first] = await store.listByUser(userKey)
      return store.deleteByUser(userKey, { ...options, ...(first && { except: first.key }) }, timeoutMs)
    },
  })

/** A store that takes the second attempt of a write for a new one. */
export function forgetful(): Sabotage {
  const seen = new Set<string>()
  return store =>
    changed(store, {
      save: (record, expectedVersion, timeoutMs) => {
        const again = seen.has(record.version)
        seen.add(record.version)
        return store.save(again ? { ...record, version: `another-${record.version}`.slice(0, 16) } : record, expectedVersion, timeoutMs)
      },
    })
}

/** A store that gives a session a new id without a look at what else has become of it. */
export const replacingBlindly: Sabotage = store =>
  changed(store, {
    replace: async (oldKey, expectedVersion, record, reason, timeoutMs) => {
      const result = await store.replace(oldKey, expectedVersion, record, reason, timeoutMs)
      if (result.status !== 'conflict') return result
      return store.replace(oldKey, result.current.version, record, reason, timeoutMs)
    },
  })

/** A store whose touch sets the times as they are told. */
export const touchingBlindly: Sabotage = store =>
  changed(store, {
    touch: async (key, times, timeoutMs) => {
      const found = await store.load(key, timeoutMs)
      if (!found || 'gone' in found) return false
      await store.save({ ...found, ...times, version: `touched${found.version}`.slice(0, 16) }, found.version, timeoutMs)
      return true
    },
  })

/** A store that does not say that a session has ended, but that there is none. */
export const withoutTombstones: Sabotage = store =>
  changed(store, {
    load: async (key, timeoutMs) => {
      const found = await store.load(key, timeoutMs)
      return found && 'gone' in found ? null : found
    },
  })
