// What MongoStore sends, by the driver's own account, and by whose clock and in whose types it works.
import { MongoStore } from 'holdfast/stores/mongodb'
import { BSON, type Document } from 'mongodb'
import { expect, it, vi } from 'vitest'
import { until } from '../servers/process.ts'
import { DATABASE } from './clients/mongodb.mjs'
import { describeWithDocumentDB, engineOf, hooked, newKey, nextOf, record, sentBy } from './mongodb-support.ts'

describeWithDocumentDB('MongoStore: what it sends', ground => {
  const watched = async () => {
    const client = ground.client({ monitorCommands: true })
    const store = new MongoStore(ground.collection(client))
    await store.migrate()
    await store.load('none')
    return { store, sent: (work: () => Promise<unknown>) => sentBy(client, work) }
  }

  it('one command for each of load, create, save, touch and delete; a conflict is one, too', async () => {
    const { store, sent } = await watched()
    const names = async (work: () => Promise<unknown>) => (await sent(work)).names
    const first = record()
    const second = nextOf(first)
    expect(await names(() => store.create(first))).toEqual(['insert'])
    expect(await names(() => store.load(first.key))).toEqual(['find'])
    expect(await names(() => store.save(second, first.version))).toEqual(['findAndModify'])
    expect(await names(() => store.save(nextOf(first), first.version))).toEqual(['findAndModify'])
    expect(await names(() => store.touch(first.key, first))).toEqual(['findAndModify'])
    expect(await names(() => store.delete(first.key, 'destroyed'))).toEqual(['findAndModify'])
    expect(await names(() => store.load(first.key))).toEqual(['find'])
    // What is not there: once more, to put a tombstone there.
    expect(await names(() => store.delete(newKey(), 'destroyed'))).toEqual(['findAndModify', 'insert', 'findAndModify'])
  })

  it('a create of a user asks for a number first; a replace takes three; a user is one index away', async () => {
    const { store, sent } = await watched()
    const userKey = newKey()
    const [first, second] = [record({ userKey }), record({ userKey })]
    await store.create(first)
    const names = async (work: () => Promise<unknown>) => (await sent(work)).names
    expect(await names(() => store.create(second))).toEqual(['findAndModify', 'insert'])
    expect(await names(() => store.replace(first.key, first.version, record(), 'rotated'))).toEqual(['insert', 'findAndModify', 'update'])
    expect(await names(() => store.listByUser(userKey))).toEqual(['find'])
    expect(await names(() => store.list())).toEqual(['find'])
    expect(await names(() => store.deleteByUser(userKey))).toEqual(['find', 'update'])
    // What time it is, and what has ended by then.
    expect(await names(() => store.deleteExpired(10))).toEqual(['find', 'find'])
  })

  it('a clean-up finds what has ended by its index, however many live', async () => {
    const collection = ground.collection()
    const client = ground.client({ monitorCommands: true })
    const store = new MongoStore(client.db(DATABASE).collection(collection.collectionName))
    const first = record()
    await store.create(first)
    const like = await collection.findOne({ _id: first.key })
    const long = new Date(Date.now() - 3 * 3_600_000)
    await collection.insertMany(Array.from({ length: 5000 }, () => ({ ...like, _id: newKey() })))
    await collection.insertMany(Array.from({ length: 5 }, () => ({ ...like, _id: newKey(), expiresAt: long.getTime(), endsAt: long })))
    const { commands, names } = await sentBy(client, async () => expect(await store.deleteExpired(100)).toBe(5))
    expect(names).toEqual(['find', 'find', 'delete'])
    if (ground.server.enginePort === undefined) return
    const { find, filter, projection, limit } = commands[1] as Document
    const engine = await engineOf(ground)
    const asked = Buffer.from(BSON.serialize({ find, filter, projection, limit })).toString('hex')
    const sql = `EXPLAIN SELECT document FROM documentdb_api_catalog.bson_aggregation_find('${DATABASE}', 'BSONHEX${asked}'::documentdb_core.bson)`
    const plan = (await engine.query(sql)).rows.map(row => row['QUERY PLAN']).join('\n')
    await engine.end()
    expect(plan).toMatch(/Index Scan.*holdfast_end/)
    expect(plan).not.toMatch(/Sort|Seq Scan/)
  })

  it('data come back with a conflict, and not with a save', async () => {
    const { store, sent } = await watched()
    const first = record({ data: JSON.stringify({ text: 'x'.repeat(10_000) }) })
    await store.create(first)
    const [saved] = (await sent(() => store.save(nextOf(first), first.version))).replies
    const [conflict] = (await sent(() => store.save(nextOf(first), first.version))).replies
    expect([saved?.value.data, conflict?.value.data]).toEqual([undefined, '{"n":2}'])
  })

  it('H13: reads go to the primary, and writes wait for the majority and its journal, whatever the collection says', async () => {
    const client = ground.client({
      monitorCommands: true,
      readPreference: 'secondary',
      readConcernLevel: 'available',
      writeConcern: { w: 0 },
    })
    const userKey = newKey()
    const [first, second] = [record({ userKey }), record({ userKey })]
    const store = new MongoStore(ground.collection(client))
    const { commands } = await sentBy(client, async () => {
      await store.create(first)
      await store.save(nextOf(first), first.version)
      await store.touch(first.key, first)
      await store.create(second)
      await store.replace(second.key, second.version, record({ userKey }), 'rotated')
      await store.replace(second.key, second.version, record({ userKey }), 'rotated')
      await store.listByUser(userKey)
      await store.list()
      await store.delete(first.key, 'destroyed')
      await store.deleteByUser(userKey)
      await store.load(first.key)
      await store.deleteExpired(10)
    })
    const reads = commands.filter(({ find }) => find)
    const writes = commands.filter(({ find }) => !find)
    expect([...new Set(writes.map(command => Object.keys(command)[0]))].sort()).toEqual([
      'createIndexes',
      'delete',
      'findAndModify',
      'insert',
      'update',
    ])
    for (const { writeConcern } of writes) expect(writeConcern).toEqual({ w: 'majority', j: true })
    for (const { readConcern } of reads) expect(readConcern).toEqual({ level: 'local' })
    for (const { $readPreference } of commands) expect($readPreference).toBe(undefined)
  })

  it('answers in the types of the contract, whatever the client is told of numbers', async () => {
    for (const options of [{ promoteValues: false }, { promoteLongs: false }, { useBigInt64: true }, { raw: true }]) {
      const store = new MongoStore(ground.collection(ground.client(options)))
      const made = record({ userKey: newKey(), maxAge: 5 })
      expect(await store.create(made)).toBe(true)
      expect(await store.load(made.key)).toEqual(made)
      expect(await store.save(nextOf(made), 'another')).toEqual({ status: 'conflict', current: made })
      expect(await store.listByUser(made.userKey ?? '')).toEqual([made])
    }
  })

  it('H14: no text is an expression', async () => {
    const store = new MongoStore(ground.collection())
    for (const text of ['$admin', '$$ROOT', '$$REMOVE', '$data']) {
      const old = record({ userId: text, version: text, meta: { [text]: text, 'a.b': [{ $set: text }] } })
      const saved = { ...old, version: `${text}2` }
      const moved = { ...saved, key: text, partition: '' }
      expect(await store.create(old)).toBe(true)
      expect(await store.save(saved, old.version)).toEqual({ status: 'saved' })
      expect(await store.load(old.key)).toEqual(saved)
      expect(await store.save({ ...old }, 'another')).toEqual({ status: 'saved' })
      expect(await store.replace(old.key, saved.version, moved, 'rotated')).toEqual({ status: 'replaced' })
      expect(await store.load(moved.key)).toEqual(moved)
    }
  })

  it('H2: what a record had been before is not written again, even over the version that is there', async () => {
    const store = new MongoStore(ground.collection())
    const first = record()
    const second = nextOf(first)
    await store.create(first)
    await store.save(second, first.version)
    expect(await store.save({ ...first }, second.version)).toEqual({ status: 'saved' })
    expect(await store.load(first.key)).toEqual(second)
  })

  it("H11: an older request's touch lengthens no life", async () => {
    const store = new MongoStore(ground.collection())
    const made = record({ expiresAt: Date.now() + 60_000 })
    await store.create(made)
    expect(await store.touch(made.key, { touchedAt: made.touchedAt - 1, expiresAt: made.expiresAt + 60_000 })).toBe(true)
    expect(await store.load(made.key)).toEqual(made)
    expect(await store.touch(made.key, { touchedAt: made.touchedAt, expiresAt: made.expiresAt + 60_000 })).toBe(true)
    expect(await store.load(made.key)).toEqual({ ...made, expiresAt: made.expiresAt + 60_000 })
  })

  it('H11: only the clock of the database counts', async () => {
    const store = new MongoStore(ground.collection())
    const now = Date.now()
    const lasting = () => record({ userKey: newKey(), expiresAt: now + 600_000 }, now)
    const ended = record({ expiresAt: now - 1000 }, now)
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      for (const hours of [1, -1]) {
        vi.setSystemTime(now + hours * 3_600_000)
        const [made, other] = [lasting(), lasting()]
        await store.create(made)
        await store.create({ ...ended, key: newKey() })
        expect(await store.deleteExpired(100)).toBe(0)
        expect(await store.touch(made.key, made)).toBe(true)
        expect([await store.load(made.key), await store.listByUser(made.userKey ?? '')]).toEqual([made, [made]])
        await store.create({ ...ended })
        expect(await store.load(ended.key)).toBe(null)
        expect(await store.delete(other.key, 'destroyed')).toBe(false)
        expect([await store.load(other.key), await store.create(other)]).toEqual([{ gone: 'destroyed' }, false])
        expect(await store.deleteByUser(made.userKey ?? '')).toBe(1)
        expect(await store.load(made.key)).toEqual({ gone: 'revoked' })
      }
    } finally {
      vi.useRealTimers()
    }
  })

  it('takes times that JavaScript writes as 32 bits, and those that it has no date for', async () => {
    let time = 1000
    // Without the index: by the database's clock, all of this ended long ago.
    const collection = { ...hooked(ground.collection(), {}), createIndexes: async () => {} }
    const store = new MongoStore(collection, { now: () => time })
    const userKey = newKey()
    const [small, large] = [
      record({ userKey, idleMs: 5, expiresAt: 1005 }, time),
      record({ userKey, expiresAt: Number.MAX_SAFE_INTEGER }, time),
    ]
    const next = { ...record({ userKey }, time), expiresAt: 2000 }
    for (const made of [small, large]) expect(await store.create(made)).toBe(true)
    expect(await store.touch(small.key, { touchedAt: 1001, expiresAt: 1006 })).toBe(true)
    expect(await store.replace(large.key, large.version, next, 'rotated')).toEqual({ status: 'replaced' })
    expect(await store.listByUser(userKey)).toEqual([{ ...small, touchedAt: 1001, expiresAt: 1006 }, next])
    expect(await store.deleteExpired(5)).toBe(0)
    time = 700_000
    expect(await store.deleteExpired(5)).toBe(3)
  })

  it('creates its indexes once, from several processes at once', async () => {
    const collection = ground.collection()
    await Promise.all(Array.from({ length: 4 }, () => new MongoStore(collection).load('none')))
    await new MongoStore(collection).migrate()
    const indexes = await collection.indexes()
    expect(indexes.map(({ name }) => name).sort()).toEqual(['_id_', 'holdfast_end', 'holdfast_user'])
    expect(indexes.find(({ name }) => name === 'holdfast_end')?.expireAfterSeconds).toBe(600)
  })

  it('an index that cannot be created is an error of that operation only: the next one tries again', async () => {
    const collection = ground.collection()
    const working = hooked(collection, {})
    let broken = true
    const createIndexes = (...args: Parameters<typeof working.createIndexes>) =>
      broken ? Promise.reject(new Error('no')) : working.createIndexes(...args)
    const store = new MongoStore({ ...working, createIndexes })
    await expect(store.load('none')).rejects.toThrow('no')
    broken = false
    expect(await store.load('none')).toBe(null)
  })

  it('the database removes by itself what ended over ten minutes ago, and nothing else', async context => {
    if (!ground.server.enginePort) return context.skip('only the engine can be told to do it now')
    const collection = ground.collection()
    const store = new MongoStore(collection)
    const now = Date.now()
    const minutes = (count: number) => now + count * 60_000
    const userKey = newKey()
    const kept = [record({ userKey }), record({ expiresAt: minutes(-9) }), record({ absoluteExpiresAt: minutes(-9) })]
    const removed = [record({ expiresAt: minutes(-11) }), record({ absoluteExpiresAt: minutes(-11) })]
    for (const made of [...kept, ...removed]) await store.create(made)
    await store.delete('tombstone', 'destroyed')
    const engine = await engineOf(ground)
    await until('the expired are removed', async () => {
      await engine.query('call documentdb_api_internal.delete_expired_rows()')
      return (await collection.countDocuments({ _id: { $in: removed.map(({ key }) => key) } })) === 0
    })
    await engine.end()
    const left = (await collection.find().toArray()).map(({ _id }) => _id)
    expect(left.sort()).toEqual([...kept.map(({ key }) => key), 'tombstone', `user:${userKey}`].sort())
  })

  it('removes it itself if told to, and stops when closed', async () => {
    const time = Date.UTC(2030, 0, 1)
    let passed = 0
    const collection = ground.collection()
    const store = new MongoStore(collection, { cleanupInterval: 20, now: () => time + passed })
    await store.create(record({}, time))
    passed = 2 * 3_600_000
    await until('the expired is removed', async () => (await collection.countDocuments()) === 0)
    await store.close()
  })

  it('refuses what is no collection, and options that it does not have', () => {
    const needs = /needs a collection of the mongodb driver/
    for (const wrong of [undefined, null, {}, 'sessions', ground.client()]) expect(() => new MongoStore(wrong as never)).toThrow(needs)
    const collection = ground.collection()
    expect(() => new MongoStore(collection, { ttl: 1 } as never)).toThrow('there is no option "ttl"')
    expect(() => new MongoStore(collection, { now: 5 } as never)).toThrow('now must be a function')
    expect(() => new MongoStore(collection, { cleanupInterval: '5 years' })).toThrow('cleanupInterval')
  })
})
