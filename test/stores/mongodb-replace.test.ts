// A replace takes several commands where there are no transactions: whatever happens between them, one of the two records lives.
import type { SessionRecord } from 'holdfast'
import { MongoStore } from 'holdfast/stores/mongodb'
import { expect, it } from 'vitest'
import { crashing, describeWithDocumentDB, newKey, record, stopping } from './mongodb-support.ts'

/** The commands of a replace that succeeds, in their order. */
const SEQUENCE = 0
const INSERT = 1
const BURY = 2
const FINISH = 3

const MINUTE = 60_000

interface Pair {
  old: SessionRecord
  fresh: SessionRecord
}

/** Whoever comes by first: what they are answered where the replace has happened, and where it has not. */
const COMERS: Array<{
  name: string
  come: (store: MongoStore, pair: Pair) => Promise<unknown>
  done: unknown
  undone: unknown
  ends?: true
}> = [
  { name: 'load', come: (store, { fresh }) => store.load(fresh.key).then(found => found !== null), done: true, undone: false },
  {
    name: 'load of the old',
    come: (store, { old }) => store.load(old.key).then(found => found && 'gone' in found),
    done: true,
    undone: false,
  },
  { name: 'touch', come: (store, { fresh }) => store.touch(fresh.key, fresh), done: true, undone: false },
  {
    name: 'save',
    come: (store, { fresh }) => store.save({ ...fresh }, fresh.version),
    done: { status: 'saved' },
    undone: { status: 'missing' },
  },
  {
    name: 'save of the old',
    come: (store, { old }) => store.save({ ...old }, old.version),
    done: { status: 'missing' },
    undone: { status: 'saved' },
  },
  { name: 'listByUser', come: (store, { fresh }) => store.listByUser(fresh.userKey ?? '').then(list => list.length), done: 1, undone: 1 },
  { name: 'delete', come: (store, { fresh }) => store.delete(fresh.key, 'destroyed'), done: true, undone: false, ends: true },
  { name: 'deleteByUser', come: (store, { fresh }) => store.deleteByUser(fresh.userKey ?? ''), done: 1, undone: 1, ends: true },
  {
    name: 'replace of the new',
    come: (store, { fresh }) => store.replace(fresh.key, fresh.version, record(), 'rotated'),
    done: { status: 'replaced' },
    undone: { status: 'missing' },
    ends: true,
  },
  {
    name: 'the same replace again',
    come: (store, { old, fresh }) => store.replace(old.key, old.version, { ...fresh }, 'rotated'),
    done: { status: 'replaced' },
    undone: { status: 'replaced' },
    ends: true,
  },
]

describeWithDocumentDB('H3: replace without a transaction', ground => {
  const pair = (): Pair => {
    const userKey = newKey()
    return { old: record({ userKey }), fresh: record({ userKey, data: '{"n":2}' }) }
  }

  for (const { at, when, done } of [
    { at: SEQUENCE, when: 'before', done: false },
    { at: SEQUENCE, when: 'after', done: false },
    { at: INSERT, when: 'before', done: false },
    { at: INSERT, when: 'after', done: false },
    { at: BURY, when: 'before', done: false },
    { at: BURY, when: 'after', done: true },
    { at: FINISH, when: 'before', done: true },
    { at: FINISH, when: 'between', done: true },
    { at: FINISH, when: 'after', done: true },
  ] as const) {
    it(`a crash ${when} command ${at + 1} leaves the ${done ? 'new' : 'old'} record alive, whoever comes by`, async () => {
      const collection = ground.collection()
      const store = new MongoStore(collection)
      await store.migrate()
      await Promise.all(
        COMERS.map(async ({ name, come, done: ifDone, undone, ends }) => {
          const { old, fresh } = pair()
          await store.create(old)
          const replaced = crashing(collection, at, when).replace(old.key, old.version, fresh, 'rotated')
          // Once it has happened, what fails later is not the caller's.
          if (at === FINISH) expect(await replaced, name).toEqual({ status: 'replaced' })
          else await expect(replaced, name).rejects.toThrow('the process has ended')

          expect(await come(store, { old, fresh }), name).toEqual(done ? ifDone : undone)
          if (ends) {
            const alive = [await store.load(old.key), await store.load(fresh.key)].filter(found => found !== null && !('gone' in found))
            expect(alive.length, name).toBeLessThanOrEqual(1)
            return
          }
          expect([await store.load(old.key), await store.load(fresh.key)], name).toEqual(done ? [{ gone: 'rotated' }, fresh] : [old, null])
          expect(await store.listByUser(fresh.userKey ?? ''), name).toEqual([done ? fresh : old])
          expect((await store.list()).records.filter(({ userKey }) => userKey === fresh.userKey).length, name).toBe(1)
          if (done) expect(await collection.countDocuments({ _id: fresh.key, pending: old.key }), name).toBe(0)
        }),
      )
    })
  }

  it('a pending record whose replace has failed is removed by whoever comes by', async () => {
    const collection = ground.collection()
    const store = new MongoStore(collection)
    for (const end of ['delete', 'replace'] as const) {
      const { old, fresh } = pair()
      await store.create(old)
      await expect(crashing(collection, BURY, 'before').replace(old.key, old.version, fresh, 'rotated')).rejects.toThrow()
      expect(await collection.countDocuments({ _id: fresh.key })).toBe(1)
      if (end === 'delete') await store.delete(old.key, 'destroyed')
      else await store.replace(old.key, old.version, record(), 'rotated')
      expect(await store.load(fresh.key)).toBe(null)
      expect(await collection.countDocuments({ _id: fresh.key })).toBe(0)
    }
  })

  it('what was left pending is not forgotten with the tombstone', async () => {
    let time = Date.UTC(2030, 0, 1)
    const now = () => time
    for (const reborn of [false, true]) {
      const collection = ground.collection()
      const store = new MongoStore(collection, { now })
      const [old, fresh] = [record({}, time), record({}, time)]
      await store.create(old)
      await expect(crashing(collection, BURY - 1, 'after', now).replace(old.key, old.version, fresh, 'rotated')).rejects.toThrow()
      time += 30 * MINUTE
      expect(await store.deleteExpired(100)).toBe(0)
      if (reborn) expect(await store.create(record({ key: old.key }, time))).toBe(true)
      expect(await store.load(fresh.key)).toEqual(fresh)
      // Then it is an ordinary one.
      if (!reborn) expect(await store.deleteExpired(100)).toBe(1)
      time += 31 * MINUTE
      expect(await store.load(fresh.key)).toBe(null)
    }
  })

  /** Stops a replace before a command of its own, lets others do their work, and lets it go on. */
  const meanwhile = async (at: number, others: (store: MongoStore, pair: Pair) => Promise<unknown>) => {
    const collection = ground.collection()
    const store = new MongoStore(collection)
    const { old, fresh } = pair()
    await store.create(old)
    const slow = stopping(collection, at)
    const replaced = slow.store.replace(old.key, old.version, fresh, 'rotated')
    await slow.reached
    const found = await others(store, { old, fresh })
    slow.goOn()
    const result = await replaced
    return { found, result, old, fresh, left: [await store.load(old.key), await store.load(fresh.key)], collection }
  }

  it('before the old record is buried, the new one is nothing to anybody', async () => {
    const { found, result, old, fresh, left } = await meanwhile(BURY, async (store, { old, fresh }) => [
      await store.load(fresh.key),
      await store.touch(fresh.key, fresh),
      await store.save(record({ key: fresh.key }), fresh.version),
      await store.create({ ...fresh }),
      await store.listByUser(fresh.userKey ?? ''),
      (await store.list()).records,
      await store.load(old.key),
    ])
    expect(found).toEqual([null, false, { status: 'missing' }, false, [old], [old], old])
    expect([result, left]).toEqual([{ status: 'replaced' }, [{ gone: 'rotated' }, fresh]])
  })

  it('once it is buried, the new one lives for everybody', async () => {
    const { found, result, fresh, left } = await meanwhile(FINISH, async (store, { old, fresh }) => [
      await store.create({ ...fresh }),
      await store.listByUser(fresh.userKey ?? ''),
      (await store.list()).records,
      await store.load(old.key),
    ])
    expect(found).toEqual([true, [fresh], [fresh], { gone: 'rotated' }])
    expect([result, left]).toEqual([{ status: 'replaced' }, [{ gone: 'rotated' }, fresh]])
  })

  it('loses no save that comes between', async () => {
    const { result, old, fresh, left, collection } = await meanwhile(BURY, (store, { old }) =>
      store.save({ ...old, version: 'v2' }, old.version),
    )
    const current = { ...old, version: 'v2' }
    expect([result, left]).toEqual([{ status: 'conflict', current }, [current, null]])
    expect(await collection.countDocuments({ _id: fresh.key })).toBe(0)
  })

  it('gives way to a delete, and to another replace, that come between', async () => {
    const deleted = await meanwhile(BURY, (store, { old }) => store.delete(old.key, 'destroyed'))
    expect([deleted.found, deleted.result, deleted.left]).toEqual([true, { status: 'missing' }, [{ gone: 'destroyed' }, null]])
    const other = record()
    const replaced = await meanwhile(BURY, (store, { old }) => store.replace(old.key, old.version, other, 'regenerated'))
    expect([replaced.found, replaced.result, replaced.left]).toEqual([
      { status: 'replaced' },
      { status: 'missing' },
      [{ gone: 'regenerated' }, null],
    ])
  })

  it('never undoes a delete of the new record', async () => {
    // A login that was given up: the engine deletes what may still come.
    const early = await meanwhile(BURY, (store, { fresh }) => store.delete(fresh.key, 'destroyed'))
    expect([early.found, early.left]).toEqual([false, [{ gone: 'rotated' }, { gone: 'destroyed' }]])
    const late = await meanwhile(FINISH, (store, { fresh }) => store.delete(fresh.key, 'destroyed'))
    expect([late.found, late.left]).toEqual([true, [{ gone: 'rotated' }, { gone: 'destroyed' }]])
    const before = await meanwhile(INSERT, (store, { fresh }) => store.delete(fresh.key, 'destroyed'))
    expect([before.result, before.left]).toEqual([{ status: 'denied' }, [before.old, { gone: 'destroyed' }]])
  })

  it('H7: does not carry a session past a deleteByUser, wherever it is met', async () => {
    for (const at of [SEQUENCE, INSERT, BURY, FINISH]) {
      const { found, left } = await meanwhile(at, (store, { old }) => store.deleteByUser(old.userKey ?? ''))
      expect([at, found, left.some(one => one !== null && !('gone' in one))]).toEqual([at, 1, false])
    }
    // Nor does one that comes after the sessions were listed, and before they are ended.
    const collection = ground.collection()
    const store = new MongoStore(collection)
    const { old, fresh } = pair()
    await store.create(old)
    const slow = stopping(collection, 1)
    const count = slow.store.deleteByUser(old.userKey ?? '')
    await slow.reached
    expect(await store.replace(old.key, old.version, fresh, 'rotated')).toEqual({ status: 'replaced' })
    slow.goOn()
    expect([await count, await store.load(fresh.key)]).toEqual([1, { gone: 'revoked' }])
  })

  it('of the session that a deleteByUser spares goes on', async () => {
    const spared = await meanwhile(BURY, (store, { old }) => store.deleteByUser(old.userKey ?? '', { except: old.key }))
    expect([spared.found, spared.result, spared.left]).toEqual([0, { status: 'replaced' }, [{ gone: 'rotated' }, spared.fresh]])
  })
})
