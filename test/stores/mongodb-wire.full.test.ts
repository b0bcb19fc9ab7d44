// What becomes of MongoStore's commands when the wire fails.
import { MongoStore } from 'holdfast/stores/mongodb'
import type { MongoClient, MongoClientOptions } from 'mongodb'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../servers/process.ts'
import { startProxy, type TcpProxy } from '../servers/proxy.ts'
import { describeWithDocumentDB, engineOf, newKey, nextOf, record, sentBy } from './mongodb-support.ts'

/** The name of the command that a message of the wire holds. */
const commandOf = (request: Buffer) => request.toString('latin1', 26, request.indexOf(0, 26))

describeWithDocumentDB('MongoStore on a wire that fails', ground => {
  let proxy: TcpProxy
  const clients: MongoClient[] = []
  const through = (options: MongoClientOptions): MongoClient => {
    const client = ground.client({ ...options, port: proxy.port })
    clients.push(client)
    return client
  }
  afterEach(async () => {
    // First, because a client that finds no server takes its time to close.
    await Promise.all(clients.splice(0).map(client => client.close()))
    await proxy?.stop()
  })

  describe.each([
    { retryWrites: true, how: 'the driver sends it again' },
    { retryWrites: false, how: 'the caller calls again' },
  ])('H2: a lost answer, and $how', ({ retryWrites }) => {
    const userKey = newKey()
    const [first, moved] = [record({ userKey }), record({ userKey })]
    const second = nextOf(first)
    const saved = { status: 'saved' }
    for (const { name, work, cut, answer, left } of [
      { name: 'create', work: (store: MongoStore) => store.create(first), cut: ['findAndModify', 'insert'], answer: true, left: first },
      { name: 'save', work: (store: MongoStore) => store.save(second, first.version), cut: ['findAndModify'], answer: saved, left: second },
      { name: 'touch', work: (store: MongoStore) => store.touch(first.key, first), cut: ['findAndModify'], answer: true, left: first },
      {
        name: 'replace',
        work: (store: MongoStore) => store.replace(first.key, first.version, moved, 'rotated'),
        cut: ['findAndModify', 'insert', 'findAndModify', 'update'],
        answer: { status: 'replaced' },
        left: { gone: 'rotated' },
      },
      {
        name: 'delete',
        work: (store: MongoStore) => store.delete(first.key, 'destroyed'),
        cut: ['findAndModify'],
        // Who calls again finds the tombstone.
        answer: retryWrites,
        left: { gone: 'destroyed' },
      },
    ]) {
      it(`${name}: whichever of its commands was cut off, it is done once`, async () => {
        proxy = await startProxy(ground.server.port)
        const client = through({ retryWrites })
        for (let cutAt = 0; cutAt < cut.length; cutAt++) {
          const collection = ground.collection(client)
          const store = new MongoStore(collection)
          if (name === 'create') await store.migrate()
          else await store.create(first)
          let seen = 0
          const done = proxy.cutNextAnswer(
            request => commandOf(request) === cut[cutAt] && cut.slice(0, cutAt + 1).filter(one => one === cut[cutAt]).length === ++seen,
          )
          // A user's first session takes one command more, before it has a number.
          if (name === 'create') await new MongoStore(ground.collection()).create(first)
          let result: unknown = await work(store).catch(error => error)
          await done
          if (result instanceof Error) {
            expect(retryWrites).toBe(false)
            result = await work(store)
          }
          expect([cutAt, result, await store.load(first.key)]).toEqual([cutAt, answer, left])
          if (name === 'replace') expect(await store.load(moved.key)).toEqual(moved)
          expect((await store.listByUser(userKey)).length).toBe(name === 'delete' ? 0 : 1)
        }
      })
    }
  })

  it('H17: what waits for a connection when its time is over is never sent', async () => {
    proxy = await startProxy(ground.server.port)
    const client = through({ maxPoolSize: 1 })
    const store = new MongoStore(ground.collection(client))
    const [first, late] = [record(), record({ userKey: newKey() })]
    await store.create(first)
    proxy.hold('answers')
    const slow = store.load(first.key)
    const work = [
      () => store.create(late, 200),
      () => store.save(nextOf(first), first.version, 200),
      () => store.touch(first.key, first, 200),
      () => store.replace(first.key, first.version, late, 'rotated', 200),
      () => store.delete(first.key, 'destroyed', 200),
      () => store.load(first.key, 200),
      () => store.listByUser('user', 200),
      () => store.deleteByUser('user', {}, 200),
      () => store.list({}, 200),
      () => store.deleteExpired(5, 200),
    ]
    const results = await Promise.allSettled(work.map(one => one()))
    expect(results.map(({ status }) => status)).toEqual(work.map(() => 'rejected'))
    const { names } = await sentBy(client, async () => {
      proxy.release()
      expect(await slow).toEqual(first)
      expect([await store.load(first.key), await store.load(late.key)]).toEqual([first, null])
    })
    expect(names).toEqual([])
  })

  it('H17: a connection whose answer did not come in time is closed, and the next request works', async () => {
    proxy = await startProxy(ground.server.port)
    const client = through({ maxPoolSize: 1 })
    const closed: string[] = []
    client.on('connectionClosed', ({ reason }) => closed.push(reason))
    const store = new MongoStore(ground.collection(client))
    const [first, second] = [record(), record()]
    for (const made of [first, second]) await store.create(made)
    proxy.hold('answers')
    await expect(store.load(first.key, 200)).rejects.toThrow(/time/i)
    await expect(store.touch(first.key, first, 200)).rejects.toThrow(/time/i)
    proxy.release()
    expect(await store.load(second.key)).toEqual(second)
    expect(closed.length).toBeGreaterThanOrEqual(1)
  })

  it('H17: the database gives up in time, too: nothing is carried out later', async context => {
    if (!ground.server.enginePort) return context.skip('only the engine can be held up from outside')
    const client = ground.client({ monitorCommands: true })
    const collection = ground.collection(client)
    const store = new MongoStore(collection)
    const [first, late] = [record(), record()]
    await store.create(first)
    const engine = await engineOf(ground)
    const { rows } = await engine.query('select collection_id from documentdb_api_catalog.collections where collection_name = $1', [
      collection.collectionName,
    ])
    await engine.query(`begin; lock table documentdb_data.documents_${rows[0].collection_id}`)
    const { commands } = await sentBy(client, () =>
      Promise.allSettled([store.create(late, 300), store.delete(first.key, 'destroyed', 300)]).then(results =>
        expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']),
      ),
    )
    for (const { maxTimeMS } of commands) expect(maxTimeMS > 0 && maxTimeMS <= 300).toBe(true)
    const waiting = "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock'"
    await until('nobody waits any more', async () => (await engine.query(waiting)).rows[0].n === 0)
    await engine.query('rollback')
    await engine.end()
    expect([await store.load(first.key), await store.load(late.key)]).toEqual([first, null])
  })
})
