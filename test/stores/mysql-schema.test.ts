// The table, what it costs to ask it, and what the store says to misuse.
import { MysqlStore } from 'holdfast/stores/mysql'
import { createPool as createCallbackPool } from 'mysql2'
import { createConnection, createPool, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SessionRecord } from '../../src/core/record.ts'
import { key, next, record, startTown, status, type Town, times, userKey } from './mysql-support.ts'

const MINUTE = 60_000
const OTHERS = 20_000

let town: Town
beforeAll(async () => {
  town = await startTown()
})
afterAll(() => town?.end())

test('ten clients that come at once make one table', async () => {
  const table = town.table()
  const stores = times(10, () => town.open({ table }).store)
  const made = stores.map(() => record())
  expect(await Promise.all(stores.map((store, n) => store.create(made[n] as SessionRecord)))).toEqual(made.map(() => true))
  const [first] = stores
  expect((await first?.list())?.records).toHaveLength(10)
})

test('a client that may not make tables uses one that is there', async () => {
  const { store, table } = town.open()
  await store.migrate()
  await town.admin.query("CREATE USER clerk@'127.0.0.1' IDENTIFIED BY 'pw'")
  await town.admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON holdfast.${table} TO clerk@'127.0.0.1'`)
  const { store: clerk } = town.open({ table }, { uri: town.server.url.replace('root@', 'clerk:pw@') })
  const made = record()
  expect(await clerk.create(made)).toBe(true)
  expect(await store.load(made.key)).toEqual(made)
  const { store: other } = town.open({}, { uri: town.server.url.replace('root@', 'clerk:pw@') })
  await expect(other.load(made.key)).rejects.toMatchObject({ errno: 1142 })
})

test('a failed migration is tried again by the next call; one that was asked for is not repeated', async () => {
  await town.admin.query('CREATE DATABASE IF NOT EXISTS elsewhere')
  await town.admin.query('DROP DATABASE elsewhere')
  const { store, sent } = town.open({ table: 'elsewhere.my-table:1' })
  await expect(store.migrate()).rejects.toMatchObject({ errno: 1049 })
  await town.admin.query('CREATE DATABASE elsewhere')
  await store.migrate()
  const before = sent.length
  const made = record()
  expect(await store.create(made)).toBe(true)
  expect(sent.slice(before)).toHaveLength(1)
  expect((await town.admin.query<RowDataPacket[]>('SELECT `key` FROM elsewhere.`my-table:1`'))[0]).toHaveLength(1)
})

test('each operation is one statement; only a save or replace that does not fit is two', async () => {
  const { store, sent } = town.open()
  await store.migrate()
  const [first, other] = [record({ userKey: userKey() }), record()]
  const second = next(first)
  const fresh = record({ userKey: first.userKey ?? '' })
  const calls: Array<[cost: number, call: () => Promise<unknown>]> = [
    [1, () => store.create(first)],
    [1, () => store.create(first)],
    [1, () => store.create(other)],
    [1, () => store.load(first.key)],
    [1, () => store.touch(first.key, { touchedAt: first.touchedAt, expiresAt: first.expiresAt })],
    [1, () => store.save(second, first.version, 5000)],
    [2, () => store.save(next(first), first.version, 5000)],
    [1, () => store.replace(first.key, second.version, fresh, 'rotated', 5000)],
    [2, () => store.replace(first.key, second.version, fresh, 'rotated', 5000)],
    [2, () => store.replace(other.key, other.version, fresh, 'rotated')],
    [1, () => store.load(first.key)],
    [1, () => store.listByUser(first.userKey ?? '')],
    [1, () => store.list()],
    [1, () => store.deleteByUser(first.userKey ?? '')],
    [1, () => store.delete(other.key, 'destroyed')],
    [1, () => store.delete(other.key, 'destroyed')],
    [1, () => store.deleteExpired(10)],
  ]
  for (const [n, [cost, call]] of calls.entries()) {
    const [before, asked] = [sent.length, await status(town.admin, 'Questions')]
    await call()
    // The server counts this look at its counter as well.
    expect([n, sent.length - before, (await status(town.admin, 'Questions')) - asked - 1]).toEqual([n, cost, cost])
  }
})

test(`what belongs to a user, and what has ended, is found without a look at ${OTHERS} records of others`, async () => {
  const { store, table, sent } = town.open()
  const user = userKey()
  const mine = times(5, () => record({ userKey: user }))
  for (const one of mine) await store.create(one)
  await town.admin.query(`
    INSERT INTO ${table} (\`key\`, user_key, version, recent, data, created_at, touched_at, idle_ms, expires_at, ends_at)
    SELECT MD5(seq), MD5(-seq DIV 3), 'v', '', '{}', 0, 0, 1, 2e12 + seq, 2e12 + seq FROM seq_1_to_${OTHERS}`)
  await town.admin.query(`ANALYZE TABLE ${table}`)
  const expired = record({ expiresAt: Date.now() - 20 * MINUTE })
  await store.create(expired)
  const readsOf = async (call: () => Promise<unknown>) => {
    const before = sent.length
    await call()
    const [plan] = await town.admin.query<RowDataPacket[]>(`EXPLAIN ${sent[before]}`)
    return plan.map(({ key: index, rows }) => ({ index, few: Number(rows) < 20 }))
  }
  expect(await readsOf(() => store.listByUser(user))).toEqual([{ index: 'user_key', few: true }])
  expect(await readsOf(() => store.load(mine[0]?.key ?? ''))).toEqual([{ index: 'PRIMARY', few: true }])
  expect(await readsOf(() => store.deleteExpired(100))).toEqual([{ index: 'ends_in', few: true }])
  expect(await readsOf(() => store.deleteByUser(user))).toEqual([{ index: 'user_key', few: true }])
  expect(await store.load(expired.key)).toBe(null)
  expect(await store.listByUser(user)).toEqual([])
})

test('a new life of an old key is the youngest of its user', async () => {
  let now = Date.now()
  const { store } = town.open({ now: () => now })
  const user = userKey()
  const [one, two] = times(2, () => record({ userKey: user, expiresAt: now + 1 })) as [SessionRecord, SessionRecord]
  const [three, four] = times(2, () => record({ userKey: user })) as [SessionRecord, SessionRecord]
  for (const made of [one, two, three, four]) await store.create(made)
  now += 2
  const created = next(one)
  expect(await store.create(created)).toBe(true)
  expect(await store.listByUser(user)).toEqual([three, four, created])
  const replaced = next(two)
  expect(await store.replace(three.key, three.version, replaced, 'rotated')).toEqual({ status: 'replaced' })
  expect(await store.listByUser(user)).toEqual([four, created, replaced])
})

test('H2: a write whose version the record has, or had, has been done, whatever it expects', async () => {
  const { store } = town.open()
  const first = record()
  await store.create(first)
  const second = next(first)
  await store.save(second, first.version)
  for (const [again, expected] of [
    [next(first, { version: first.version }), second.version],
    [next(first, { version: second.version }), second.version],
  ] as const) {
    expect(await store.save(again, expected)).toEqual({ status: 'saved' })
    expect(await store.load(first.key)).toEqual(second)
  }
})

test('H14: keys and users that a collation would take for one another are different ones', async () => {
  const { store } = town.open()
  const names = ['Bob', 'bob', 'bob ', 'bób', 'bob\0', 'ＢＯＢ', 'bob\t', 'ss', 'ß', "bob'", 'bob\\']
  const made = names.map(name => record({ key: name, userKey: name, userId: name }))
  for (const one of made) expect(await store.create(one)).toBe(true)
  for (const one of made) expect([await store.load(one.key), await store.listByUser(one.key)]).toEqual([one, [one]])
  expect(await store.deleteByUser('bob')).toBe(1)
  expect(await store.delete('Bob', 'destroyed')).toBe(true)
  expect((await store.list()).records).toHaveLength(names.length - 2)
})

test('H14: a name that is too long for its column is refused, also where the server would cut it', async () => {
  const { store } = town.open({}, { session: "SET sql_mode = ''" })
  const long = 'k'.repeat(255)
  expect(await store.create(record({ key: long }))).toBe(true)
  for (const call of [
    () => store.create(record({ key: `${long}1` })),
    () => store.create(record({ version: `${long}1` })),
    () => store.create(record({ userId: 'é'.repeat(128) })),
    () => store.delete(`${long}1`, 'destroyed'),
    () => store.replace(long, 'v', record({ key: `${long}1` }), 'rotated'),
  ]) {
    await expect(call()).rejects.toThrow(RangeError)
  }
  expect(await store.load(`${long}1`)).toBe(null)
  await expect(store.create(record({ expiresAt: Number.NaN }))).rejects.toThrow(TypeError)
})

test('H11: without a clock of its own, the server’s counts, in UTC, whatever its time zone', async () => {
  const { store, table } = town.open({}, { session: "SET time_zone = '-09:30'" })
  const now = Date.now()
  const made = record({ expiresAt: now + 30_000 })
  const over = record({ expiresAt: now - 30_000 })
  const [recent, old] = [record({ expiresAt: now - 9 * MINUTE }), record({ expiresAt: now - 11 * MINUTE })]
  for (const one of [made, over, recent, old]) await store.create(one)
  expect([await store.load(made.key), await store.load(over.key)]).toEqual([made, null])
  await store.delete(made.key, 'destroyed')
  const [[row]] = await town.admin.query<RowDataPacket[]>(`SELECT ends_at FROM ${table} WHERE \`key\` = ?`, [made.key])
  expect(Math.abs(row?.ends_at - now - MINUTE)).toBeLessThan(20_000)
  expect(await store.deleteExpired(100)).toBe(1)
  const [rest] = await town.admin.query<RowDataPacket[]>(`SELECT \`key\` FROM ${table}`)
  expect(rest).toHaveLength(3)
})

test('deleteExpired goes on after a batch, and stops at its limit', async () => {
  const { store, table } = town.open()
  await store.migrate()
  const [{ affectedRows }] = await town.admin.query<ResultSetHeader>(
    `INSERT INTO ${table} (\`key\`, recent, ends_at) SELECT MD5(seq), '', seq FROM seq_1_to_2500`,
  )
  expect(affectedRows).toBe(2500)
  expect(await store.deleteExpired(1200)).toBe(1200)
  expect(await store.deleteExpired(2000)).toBe(1300)
  expect(await store.deleteExpired(2000)).toBe(0)
})

test('misuse is a TypeError that says what was expected', async () => {
  const pool = createPool(town.server.url)
  const callbackPool = createCallbackPool(town.server.url)
  const connection = await createConnection(town.server.url)
  for (const wrong of [undefined, null, {}, connection, 'mysql://']) {
    expect(() => new MysqlStore(wrong as never)).toThrow(
      new TypeError("MysqlStore needs a pool of mysql2: new MysqlStore(createPool({ uri })), createPool from 'mysql2/promise'"),
    )
  }
  for (const table of ['', 'a b', 'a`b', '.', 'a.', '.a', 'a.b.c', 'é']) expect(() => new MysqlStore(pool, { table })).toThrow(TypeError)
  expect(() => new MysqlStore(pool, { prefix: 'a' } as never)).toThrow('there is no option "prefix"')
  expect(() => new MysqlStore(pool, { now: 5 as never })).toThrow('now must be a function')
  expect(() => new MysqlStore(pool, { cleanupInterval: 'soon' })).toThrow(TypeError)
  const table = town.table()
  const made = record({ key: key() })
  expect(await new MysqlStore(callbackPool, { table }).create(made)).toBe(true)
  expect(await new MysqlStore(pool, { table, cleanupInterval: false }).load(made.key)).toEqual(made)
  await Promise.all([pool.end(), callbackPool.promise().end(), connection.end()])
})
