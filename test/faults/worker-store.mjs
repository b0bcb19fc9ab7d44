// What stands between the engine and the store in a process of the site: a point to stop at, and faults of a store that a checker must find.

/** The same store, with some methods in the place of its own. */
const instead = (store, methods) => new Proxy(store, { get: (target, name) => methods[name] ?? bound(target, name) })

function bound(target, name) {
  const value = target[name]
  return typeof value === 'function' ? value.bind(target) : value
}

const WRITES = ['create', 'save', 'replace', 'delete']

/** A store whose next write stops, until it is released: before it is sent (`before-commit`), or once it is answered (`committed`). */
export function watched(store, tell) {
  let armed
  let go = () => {}
  const stop = async point => {
    if (armed !== point) return
    armed = undefined
    const released = new Promise(resolve => {
      go = resolve
    })
    tell(point)
    await released
  }
  const method =
    name =>
    async (...args) => {
      await stop('before-commit')
      const answer = await store[name](...args)
      await stop('committed')
      return answer
    }
  return {
    store: instead(store, Object.fromEntries(WRITES.map(name => [name, method(name)]))),
    stopAt(point) {
      armed = point
    },
    release() {
      go()
    },
  }
}

/** Where a session lies that was brought back. */
const shadow = key => `${key}-`

export const sabotages = {
  /** `save` takes any version: the last writer wins. */
  'blind-save': store =>
    instead(store, {
      async save(record, _version, timeout) {
        for (;;) {
          const now = await store.load(record.key, timeout)
          if (now === null || 'gone' in now) return { status: 'missing' }
          const saved = await store.save(record, now.version, timeout)
          if (saved.status !== 'conflict') return saved
        }
      },
    }),
  /** `save` inserts what is missing, and no tombstone is in its way. */
  upsert: store =>
    instead(store, {
      async load(key, timeout) {
        const found = await store.load(key, timeout)
        if (found === null || !('gone' in found)) return found
        const back = await store.load(shadow(key), timeout)
        return back && 'key' in back ? { ...back, key } : found
      },
      async save(record, version, timeout) {
        const saved = await store.save(record, version, timeout)
        if (saved.status !== 'missing') return saved
        const back = { ...record, key: shadow(record.key) }
        if (await store.create(back, timeout)) return { status: 'saved' }
        return store.save(back, version, timeout)
      },
      async delete(key, reason, timeout) {
        const was = await store.delete(key, reason, timeout)
        return was || store.delete(shadow(key), reason, timeout)
      },
    }),
}
