// migratingStore is a store as the others are, whatever has been moved; and no move brings back what has ended.
import { type GoneReason, type IndexedSessionStore, type SessionRecord, SessionStoreError } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { migratingStore } from 'holdfast/stores/migrating'
import { testSessionStore } from 'holdfast/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { clock, MINUTE, record } from '../unit/support.ts'

interface Pair {
  from: IndexedSessionStore
  to: IndexedSessionStore
}

/**
 * A tombstone lies in both stores, and each removes its own: how many there were in all is not what the kit counts. The second one may
 * be laid a millisecond after the first, and the model of the random commands knows one of them.
 */
const ofTwoStores = ['removes what ended', 'by several clients in turn']

function testBut(skipped: readonly string[]) {
  const run = (name: string, body: () => Promise<void>) => (skipped.some(words => name.startsWith(words)) ? it.skip(name) : it(name, body))
  return Object.assign(run, { skip: (name: string) => it.skip(name) })
}

/** Clients of one space share its two stores. */
function spaces(wrap: (pair: Pair) => IndexedSessionStore): (space: string, now?: () => number) => IndexedSessionStore {
  const made = new Map<string, IndexedSessionStore>()
  return (space, now) => {
    const store = made.get(space) ?? wrap({ from: new MemoryStore({ now }), to: new MemoryStore({ now }) })
    made.set(space, store)
    return store
  }
}

describe('migratingStore, where nothing lies in the old store', () => {
  const open = spaces(migratingStore)
  testSessionStore({ describe, it: testBut(ofTwoStores), runs: 100, create: async ({ space, now }) => open(space, now) })
})

describe('migratingStore, where every session begins in the old store', () => {
  const open = spaces(pair => {
    const store = migratingStore(pair)
    const create: IndexedSessionStore['create'] = async (...args) => {
      const [{ key }, , limit] = args
      // Where a limit counts it is the site's store that must know all of them.
      const isNew = limit === undefined && !(await pair.to.load(key)) && !(await pair.from.load(key))
      return isNew ? pair.from.create(...args) : store.create(...args)
    }
    return new Proxy(store, {
      get: (target, name) => {
        if (name === 'create') return create
        const value = Reflect.get(target, name) as (...args: unknown[]) => unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  })
  // Nobody begins one session twice at once; the `create` above, which is two steps, would let them.
  testSessionStore({
    describe,
    it: testBut([...ofTwoStores, 'by several clients at once']),
    runs: 100,
    create: async ({ space, now }) => open(space, now),
  })
})

/** A store that waits before one of its calls is carried out. */
function held(store: IndexedSessionStore, method: keyof IndexedSessionStore) {
  let arrived = () => {}
  let open = () => {}
  const reached = new Promise<void>(resolve => {
    arrived = resolve
  })
  const released = new Promise<void>(resolve => {
    open = resolve
  })
  const proxy = new Proxy(store, {
    get: (target, name) => {
      const value = (Reflect.get(target, name) as (...args: unknown[]) => unknown).bind(target)
      if (name !== method) return value
      return async (...args: unknown[]) => {
        arrived()
        await released
        return value(...args)
      }
    },
  })
  return { store: proxy, reached, open: () => open() }
}

describe('H24: while a move is between its read and its write', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  function setUp() {
    const time = clock()
    const from = new MemoryStore({ now: time.now })
    const to = new MemoryStore({ now: time.now })
    const one = record({ key: 'one', version: 'first', userKey: 'ann', userId: 'ann' }, time.now())
    const door = held(to, 'create')
    return { time, from, to, one, door, site: migratingStore({ from, to }), mover: migratingStore({ from, to: door.store }) }
  }

  it.each([
    ['destroyed', (site: IndexedSessionStore) => site.delete('one', 'destroyed')],
    ['revoked', (site: IndexedSessionStore) => site.deleteByUser('ann')],
  ] as [GoneReason, (site: IndexedSessionStore) => Promise<unknown>][])('what is %s stays so', async (reason, end) => {
    const { from, to, one, door, site, mover } = setUp()
    await from.create(one)
    const moving = mover.load('one')
    await door.reached
    await end(site)
    door.open()
    expect(await moving).toEqual({ gone: reason })
    for (const store of [from, to, site]) expect(await store.load('one')).toEqual({ gone: reason })
    expect(await site.listByUser('ann')).toEqual([])
  })

  it('what another one has moved and written on stays as it is', async () => {
    const { from, one, door, site, mover } = setUp()
    await from.create(one)
    const moving = mover.load('one')
    await door.reached
    await site.load('one')
    expect(await site.save({ ...one, data: '{"n":1}', version: 'second' }, 'first')).toEqual({ status: 'saved' })
    door.open()
    await moving
    expect(await site.load('one')).toMatchObject({ data: '{"n":1}', version: 'second' })
    expect(await from.load('one')).toEqual({ gone: 'expired' })
  })

  it('what got a new id meanwhile is not to be had by its old one', async () => {
    const { time, from, one, door, site, mover } = setUp()
    await from.create(one)
    const moving = mover.load('one')
    await door.reached
    const loaded = (await site.load('one')) as SessionRecord
    expect(await site.replace('one', loaded.version, { ...one, key: 'two', version: 'second' }, 'regenerated')).toEqual({
      status: 'replaced',
    })
    door.open()
    expect(await moving).toEqual({ gone: 'regenerated' })
    time.advance(2 * MINUTE)
    expect(await site.load('one')).toBeNull()
    expect((await site.listByUser('ann')).map(({ key }) => key)).toEqual(['two'])
  })

  it('a process that slept through a logout and its tombstones ends what it has put there', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const { time, from, to, one, door, site, mover } = setUp()
    await from.create(one)
    const moving = mover.load('one')
    await door.reached
    await site.delete('one', 'destroyed')
    time.advance(2 * MINUTE)
    vi.setSystemTime(Date.now() + 2 * MINUTE)
    // Nobody knows any more that it has ended.
    expect([await from.load('one'), await to.load('one')]).toEqual([null, null])
    door.open()
    for (const found of [await moving, await site.load('one')]) expect(found).toEqual({ gone: 'revoked' })
  })

  it('a copy that a killed move has left in the old store does not outlive a new id', async () => {
    const { time, from, to, one, site } = setUp()
    await from.create(one)
    await to.create(one)
    expect(await site.replace('one', 'first', { ...one, key: 'two', version: 'second' }, 'regenerated')).toEqual({ status: 'replaced' })
    time.advance(2 * MINUTE)
    expect(await site.load('one')).toBeNull()
  })
})

/** The same store as another object. */
const bound: ProxyHandler<IndexedSessionStore> = {
  get: (target, name) => {
    const value = Reflect.get(target, name)
    return typeof value === 'function' ? value.bind(target) : value
  },
}

describe('migratingStore', () => {
  it('keeps the order of the logins, whichever is used first', async () => {
    const time = clock()
    const pair = { from: new MemoryStore({ now: time.now }), to: new MemoryStore({ now: time.now }) }
    for (const key of ['a', 'b', 'c']) await pair.from.create(record({ key, version: key, userKey: 'ann', userId: 'ann' }, time.now()))
    const store = migratingStore(pair)
    await store.load('b')
    expect((await store.listByUser('ann')).map(({ key }) => key)).toEqual(['a', 'b', 'c'])
    expect(await pair.from.listByUser('ann')).toEqual([])
  })

  it('asks the old store no more for what is in the new one', async () => {
    const from = new MemoryStore()
    const to = new MemoryStore()
    const store = migratingStore({ from, to })
    await from.create(record({ key: 'one', version: 'v' }, Date.now()))
    await store.load('one')
    const asked = vi.spyOn(from, 'load')
    await store.load('one')
    await store.save(record({ key: 'one', version: 'w' }, Date.now()), 'v')
    expect(asked).not.toHaveBeenCalled()
  })

  it('ends nothing where both are one place by two clients', async () => {
    const place = new MemoryStore()
    const one = record({ key: 'one', version: 'v', userKey: 'ann', userId: 'ann' }, Date.now())
    await place.create(one)
    const store = migratingStore({ from: new Proxy(place, bound), to: new Proxy(place, bound) })
    for (const use of [() => store.listByUser('ann'), () => store.create({ ...one, key: 'two', version: 'w' })]) {
      await expect(use()).rejects.toThrow('the same store')
    }
    expect(await place.listByUser('ann')).toMatchObject([{ key: 'one' }])
  })

  it('looks once whether both are one place', async () => {
    const from = new MemoryStore()
    const to = new MemoryStore()
    for (const key of ['a', 'b']) await from.create(record({ key, version: key }, Date.now()))
    const store = migratingStore({ from, to })
    const probed = vi.spyOn(to, 'delete')
    for (const key of ['a', 'b', 'a']) expect(await store.load(key)).toMatchObject({ key })
    expect(probed).toHaveBeenCalledTimes(1)
  })

  it('refuses what is no such store', () => {
    const store = new MemoryStore()
    for (const wrong of [
      {},
      { from: store },
      { from: store, to: {} },
      { from: store, to: store },
      { from: store, to: new MemoryStore(), x: 1 },
    ]) {
      expect(() => migratingStore(wrong as never)).toThrow(TypeError)
    }
  })
})

describe('an end that fails in the new store', () => {
  const notApplied = () => new SessionStoreError('answer within 1000 ms', { outcome: 'not-applied' })

  it.each<[string, boolean, 'unknown' | 'not-applied']>([
    ['once the old one has carried it out: unknown', true, 'unknown'],
    ['where the old one had nothing to end: as the new one says', false, 'not-applied'],
  ])('%s', async (_name, lies, outcome) => {
    const from = new MemoryStore()
    const to = new MemoryStore()
    const store = migratingStore({ from, to })
    const ann = record({ key: 'a', userId: 'ann', userKey: 'ann' })
    if (lies) await from.create(ann)
    const deletion = vi.spyOn(to, 'delete').mockRejectedValueOnce(notApplied())
    await expect(store.delete('a', 'destroyed')).rejects.toMatchObject({ outcome })
    deletion.mockRestore()
    if (lies) await from.create(record({ key: 'b', userId: 'ann', userKey: 'ann' }))
    vi.spyOn(to, 'deleteByUser').mockRejectedValueOnce(notApplied())
    await expect(store.deleteByUser('ann')).rejects.toMatchObject({ outcome })
  })
})
