// What happens when the time is up, when connections break, and when the server does.
import type { IndexedSessionStore } from 'holdfast'
import type { RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { SessionRecord } from '../../src/core/record.ts'
import { until } from '../servers/process.ts'
import { startProxy } from '../servers/proxy.ts'
import { next, record, startTown, type Town, times, userKey, waiting, whileLocked } from './mysql-support.ts'

const LIMIT_MS = 500
/** Long enough for all of them to wait at once. */
const LOCKED_MS = 2000
/** Far more than the limit, far less than the server's own patience of 50 s. */
const IN_TIME_MS = 10_000

let town: Town
beforeAll(async () => {
  town = await startTown()
})
afterAll(() => town?.end())

type Call = (store: IndexedSessionStore, at: SessionRecord, limit?: number) => Promise<unknown>
const writes: Record<string, Call> = {
  create: (store, at, limit) => store.create(next(at), limit),
  save: (store, at, limit) => store.save(next(at), at.version, limit),
  replace: (store, at, limit) => store.replace(at.key, at.version, record(), 'rotated', limit),
  touch: (store, at, limit) => store.touch(at.key, { touchedAt: at.touchedAt + 5, expiresAt: at.expiresAt + 5 }, limit),
  delete: (store, at, limit) => store.delete(at.key, 'destroyed', limit),
  deleteByUser: (store, at, limit) => store.deleteByUser(at.userKey ?? '', {}, limit),
}

for (const [server, changed] of [
  ['a server that stops at the limit (MariaDB)', undefined],
  ['one that does not (MySQL)', (sql: string) => sql.replace(/\/\*M!.*?\*\//, '')],
] as const) {
  test(`H17: with ${server}, a write that waits for a lock until its time is up is not carried out later`, async () => {
    const calls = Object.entries(writes)
    const { store, table } = town.open({}, { changed, connectionLimit: calls.length })
    // An expired record is what a create would overwrite.
    const made = calls.map(([name]) => record({ userKey: userKey(), ...(name === 'create' && { expiresAt: Date.now() - 1 }) }))
    await Promise.all(made.map(one => store.create(one)))
    const dumped = async () => (await town.admin.query<RowDataPacket[]>(`SELECT * FROM \`${table}\` ORDER BY \`key\``))[0]
    const before = await dumped()
    await whileLocked(town, `SELECT 1 FROM \`${table}\` FOR UPDATE`, async holder => {
      const late = Promise.allSettled(calls.map(([, call], n) => call(store, made[n] as SessionRecord, LOCKED_MS)))
      await waiting(town.admin, calls.length)
      const answers = (await late).map((one, n) => [calls[n]?.[0], one.status === 'rejected' ? one.reason.outcome : one])
      expect(answers).toEqual(calls.map(([name]) => [name, changed ? 'unknown' : 'not-applied']))
      // The pool has connections for the next ones.
      expect(await Promise.all(calls.map(() => store.load('other', IN_TIME_MS)))).toEqual(calls.map(() => null))
      await waiting(town.admin, changed ? calls.length : 0)
      await holder.query('COMMIT')
    })
    await until('the server is done', async () => {
      const [rows] = await town.admin.query<RowDataPacket[]>("SELECT 1 FROM information_schema.processlist WHERE info LIKE '%X''%'")
      return rows.length <= 1
    })
    expect(await dumped()).toEqual(before)
    // And the same calls, now that nothing is in their way:
    expect(await Promise.all(calls.map(([, call], n) => call(store, made[n] as SessionRecord)))).toEqual([
      true,
      { status: 'saved' },
      { status: 'replaced' },
      true,
      true,
      1,
    ])
  })
}

test('H17: the wait for a connection is limited too, and one that comes too late goes back unused', async () => {
  const { store, pool, sent } = town.open({}, { connectionLimit: 1 })
  await store.migrate()
  const taken = await pool.getConnection()
  const made = record()
  const before = sent.length
  await expect(store.create(made, LIMIT_MS)).rejects.toMatchObject({ code: 'HOLDFAST_STORE', outcome: 'not-applied' })
  taken.release()
  expect(await store.load(made.key)).toBe(null)
  expect(sent.slice(before)).toHaveLength(1)
})

test('H17: a connection on which the time was up is closed, and never used again', async () => {
  const proxy = await startProxy(town.server.port)
  onTestFinished(() => proxy.stop())
  const { store, pool } = town.open({}, { uri: town.server.url.replace(`:${town.server.port}`, `:${proxy.port}`), connectionLimit: 1 })
  const made = record()
  await store.create(made)
  const held = await pool.getConnection()
  held.release()
  proxy.hold()
  await expect(store.touch(made.key, { touchedAt: made.touchedAt + 1, expiresAt: made.expiresAt }, LIMIT_MS)).rejects.toMatchObject({
    outcome: 'unknown',
  })
  expect((held as unknown as { connection: { stream: { destroyed: boolean } } }).connection.stream.destroyed).toBe(true)
  proxy.release()
  expect(await store.load(made.key, IN_TIME_MS)).not.toBe(null)
  const other = await pool.getConnection()
  expect(other.threadId).not.toBe(held.threadId)
  other.release()
})

test('H2: the answer to each write is lost on the way: tried again, it has happened once', async () => {
  const proxy = await startProxy(town.server.port)
  onTestFinished(() => proxy.stop())
  const { store, table } = town.open({}, { uri: town.server.url.replace(`:${town.server.port}`, `:${proxy.port}`) })
  await store.migrate()
  const cut = async <T>(call: () => Promise<T>): Promise<T> => {
    const done = proxy.cutNextAnswer(request => request.includes(table))
    await expect(call()).rejects.toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST' })
    await done
    return call()
  }
  const first = record()
  expect(await cut(() => store.create(first))).toBe(true)
  const second = next(first)
  expect(await cut(() => store.save(second, first.version))).toEqual({ status: 'saved' })
  const fresh = record()
  expect(await cut(() => store.replace(first.key, second.version, fresh, 'rotated'))).toEqual({ status: 'replaced' })
  expect([await store.load(first.key), await store.load(fresh.key)]).toEqual([{ gone: 'rotated' }, fresh])
  expect(await cut(() => store.delete(fresh.key, 'destroyed'))).toBe(false)
  expect(await store.load(fresh.key)).toEqual({ gone: 'destroyed' })
})

test('what is written on a connection that came back inside a transaction is not lost with it', async () => {
  const { store, pool } = town.open({}, { connectionLimit: 1 })
  await store.migrate()
  const careless = await pool.getConnection()
  await careless.beginTransaction()
  careless.release()
  const made = record()
  expect(await store.create(made)).toBe(true)
  // Whatever becomes of the connection:
  const again = await pool.getConnection()
  await again.rollback()
  again.release()
  expect(await store.load(made.key)).toEqual(made)
})

test('what was revoked elsewhere is not seen alive by a connection that came back inside a transaction', async () => {
  const { store, pool, table } = town.open({}, { connectionLimit: 1 })
  const { store: other } = town.open({ table })
  const made = record({ userKey: userKey() })
  await store.create(made)
  const careless = await pool.getConnection()
  await careless.beginTransaction()
  await careless.query(`SELECT * FROM ${table}`)
  careless.release()
  await other.deleteByUser(made.userKey ?? '')
  expect(await store.load(made.key)).toEqual({ gone: 'revoked' })
})

test('without autocommit nothing would be written for good: it is refused', async () => {
  const { store } = town.open({}, { session: 'SET autocommit = 0' })
  await expect(store.load('any')).rejects.toThrow('MysqlStore needs connections with autocommit on')
})

test('a connection to a server that takes no writes any more does not stay in the pool', async () => {
  const { store, pool } = town.open(
    {},
    { connectionLimit: 1, changed: sql => sql.replace(/INSERT INTO .*/s, "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290") },
  )
  await store.load('any')
  const before = await pool.getConnection()
  before.release()
  const error = await store.create(record()).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ errno: 1290 })
  // Errors are logged, and this would be all that the session holds.
  expect(error).not.toHaveProperty('sql')
  const after = await pool.getConnection()
  after.release()
  expect(after.threadId).not.toBe(before.threadId)
})

test('a server that is killed in the middle of load and started again has all that was acknowledged', async () => {
  const { store } = town.open({}, { connectionLimit: 20 })
  await store.migrate()
  let killed = false
  const acknowledged: Array<{ at: string; is: SessionRecord | 'gone' }> = []
  const client = async () => {
    while (!killed) {
      const first = record({ userKey: userKey() })
      const entry = { at: first.key, is: first as SessionRecord | 'gone' }
      try {
        await store.create(first)
        acknowledged.push(entry)
        const second = next(first)
        // From here on it may be either, until there is an answer.
        acknowledged.splice(acknowledged.indexOf(entry), 1)
        await store.save(second, first.version)
        acknowledged.push(entry)
        entry.is = second
        if (Math.random() < 0.5) continue
        acknowledged.splice(acknowledged.indexOf(entry), 1)
        await store.delete(first.key, 'destroyed')
        acknowledged.push(entry)
        entry.is = 'gone'
      } catch {
        if (!killed) throw new Error('it failed before it was killed')
      }
    }
  }
  const load = Promise.all(times(20, client))
  await until('there is something to lose', () => acknowledged.length > 300)
  const dying = town.server.kill()
  killed = true
  await dying
  await load
  await town.server.start()
  const found = await Promise.all(acknowledged.map(({ at }) => store.load(at)))
  const expected = acknowledged.map(({ is }) => (is === 'gone' ? { gone: 'destroyed' } : is))
  expect(found).toEqual(expected)
  expect(acknowledged.length).toBeGreaterThan(300)
})
