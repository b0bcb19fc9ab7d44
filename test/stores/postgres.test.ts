import { type PostgresPool, PostgresStore } from 'holdfast/stores/postgres'
import { testSessionStore } from 'holdfast/testing'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, test, vi } from 'vitest'
import { until } from '../servers/process.ts'
import { open } from './clients/postgres.mjs'
import type { Opened } from './opened.ts'
import { key, next, record, startTown, type Town, userKey, whileLocked } from './postgres-support.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

// The machine may be busy.
vi.setConfig({ testTimeout: 60_000 })

let town: Town
const opened: Opened[] = []
beforeAll(async () => {
  town = await startTown()
})
afterEach(() => {
  vi.restoreAllMocks()
  return town.close()
})
afterAll(async () => {
  await Promise.all(opened.map(({ end }) => end()))
  await town?.end()
})

describe('PostgresStore with pg', () => {
  testSessionStore({
    describe,
    it,
    create: async ({ space, now }) => {
      const made = await open({ url: town.server.url, space, now })
      opened.push(made)
      return made.store
    },
  })
})

test('each operation is one statement, with and without a limit, and a conflict is one as well', async () => {
  for (const limit of [undefined, 30_000]) {
    const { store, queries } = town.open()
    const user = userKey()
    const [first, second] = [record({ userKey: user }), record({ userKey: user })]
    const at = { touchedAt: first.touchedAt + 1, expiresAt: first.expiresAt + 1 }
    await store.migrate(limit)
    const cost = async (call: Promise<unknown>) => {
      queries.length = 0
      await call
      return queries.length
    }
    expect(await cost(store.create(first, limit))).toBe(1)
    expect(await cost(store.load(first.key, limit))).toBe(1)
    expect(await cost(store.load('none', limit))).toBe(1)
    expect(await cost(store.touch(first.key, at, limit))).toBe(1)
    const saved = next(first)
    expect(await cost(store.save(saved, first.version, limit))).toBe(1)
    expect(await cost(store.save(next(first), first.version, limit))).toBe(1)
    expect(await cost(store.save(record(), '', limit))).toBe(1)
    expect(await cost(store.replace(first.key, first.version, second, 'rotated', limit))).toBe(1)
    expect(await cost(store.replace(first.key, saved.version, second, 'rotated', limit))).toBe(1)
    expect(await cost(store.listByUser(user, limit))).toBe(1)
    expect(await cost(store.delete(first.key, 'destroyed', limit))).toBe(1)
    expect(await cost(store.deleteByUser(user, {}, limit))).toBe(1)
    expect(await cost(store.list({}, limit))).toBe(1)
    expect(await cost(store.deleteExpired(10, limit))).toBe(1)
    // What finds itself refused looks again whether it was there already.
    expect(await cost(store.create(first, limit))).toBe(2)
    expect(await cost(store.replace(first.key, '', record(), 'rotated', limit))).toBe(2)
  }
})

test('a save that is done does not send its data back', async () => {
  const { store, pool } = town.open({}, { max: 1 })
  const first = record({ data: JSON.stringify('x'.repeat(300_000)) })
  await store.create(first)
  const client = await pool.connect()
  const socket = (client as unknown as { connection: { stream: { bytesRead: number } } }).connection.stream
  client.release()
  const before = socket.bytesRead
  const second = next(first, { data: first.data })
  expect(await store.save(second, first.version)).toEqual({ status: 'saved' })
  expect(await store.replace(first.key, second.version, record({ data: first.data }), 'rotated')).toEqual({ status: 'replaced' })
  expect(socket.bytesRead - before).toBeLessThan(5000)
})

describe('the table', () => {
  test('is made by ten clients at once', async () => {
    for (const table of ['town_ten', 'public.town_ten_more']) {
      const many = Array.from({ length: 10 }, () => town.open({ table }, { max: 2 }).store)
      const made = many.map(() => record())
      expect(await Promise.all(many.map((store, n) => store.create(made[n] ?? record())))).toEqual(made.map(() => true))
      await Promise.all(many.map(store => store.migrate()))
    }
    const indexes = `SELECT count(*)::int AS n FROM pg_indexes WHERE tablename LIKE 'town_ten%'`
    expect((await town.admin.query(indexes)).rows).toEqual([{ n: 6 }])
  })

  test('is used by a role that may not make one', async () => {
    const { store } = town.open({ table: 'town_made' })
    await store.migrate()
    await town.admin.query(`
      CREATE ROLE app LOGIN;
      REVOKE CREATE ON SCHEMA public FROM PUBLIC;
      GRANT SELECT, INSERT, UPDATE, DELETE ON town_made TO app`)
    const connectionString = town.server.url.replace('//holdfast@', '//app@')
    const guest = town.open({ table: 'town_made' }, { connectionString })
    const first = record()
    expect(await guest.store.create(first)).toBe(true)
    expect(await store.load(first.key)).toEqual(first)
    const refused = town.open({ table: 'town_unmade' }, { connectionString })
    await expect(refused.store.load('none')).rejects.toMatchObject({ code: '42501' })
    // Once it is there, it works.
    await town.open({ table: 'town_unmade' }).store.migrate()
    await town.admin.query('GRANT ALL ON town_unmade TO app')
    expect(await refused.store.load('none')).toBeNull()
  })

  test('is never scanned: every statement goes by an index, among 20,000 rows of others', async () => {
    const table = town.table()
    const { store, queries } = town.open({ table })
    await store.migrate()
    await town.admin.query(
      `INSERT INTO ${table} (key, user_key, version, data, expires_at)
      SELECT 'k' || n, 'u' || n / 2, 'v', '{}', extract(epoch FROM clock_timestamp()) * 1000 + 600000 + n FROM generate_series(1, 20000) AS n`,
    )
    const mine = record({ userKey: userKey() })
    const spare = record()
    await store.create(mine)
    for (const analyzed of [false, true]) {
      if (analyzed) await town.admin.query(`ANALYZE ${table}`)
      queries.length = 0
      expect(await store.listByUser(mine.userKey ?? '')).toEqual([mine])
      await store.deleteByUser('nobody')
      await store.load(mine.key)
      await store.create(mine)
      await store.save(next(mine), 'another')
      await store.touch(mine.key, { touchedAt: 0, expiresAt: 0 })
      await store.replace(mine.key, 'another', spare, 'rotated')
      await store.delete('none', 'destroyed')
      await store.deleteExpired(1000)
      await store.list({ limit: 10 })
      for (const { name, text, values } of queries) {
        await town.admin.query('BEGIN')
        const plan = await town.admin.query({ text: `EXPLAIN ${text}`, values: values ?? [] })
        await town.admin.query('ROLLBACK')
        expect(`${name}: ${JSON.stringify(plan.rows)}`).not.toContain('Seq Scan')
      }
      expect(queries).toHaveLength(11)
    }
  })

  test('a save or a touch within ten minutes changes no index (HOT)', async () => {
    const table = town.table()
    const { store } = town.open({ table })
    const slot = Math.ceil((Date.now() + HOUR) / (10 * MINUTE)) * 10 * MINUTE
    let current = record({ userKey: userKey(), expiresAt: slot, idleMs: 2 * HOUR })
    await store.create(current)
    for (let n = 1; n <= 20; n++) {
      const following = next(current, { expiresAt: slot + 10 * n, idleMs: 2 * HOUR })
      await store.save(following, current.version)
      await store.touch(current.key, { touchedAt: Date.now() + n, expiresAt: slot + 10 * n + 5 })
      current = following
    }
    // A connection that ends has told what it counted.
    await town.close()
    const counted = async () => {
      const { rows } = await town.admin.query('SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = $1', [table])
      return rows[0] as { n_tup_upd: string; n_tup_hot_upd: string }
    }
    await until('40 updates are counted', async () => (await counted()).n_tup_upd === '40')
    // Now and then a page is full.
    expect(Number((await counted()).n_tup_hot_upd)).toBeGreaterThanOrEqual(36)
  })
})

describe("H11: the server's clock decides", () => {
  /** By the node's clock it is another time than at the server. */
  const nodeRuns = (ms: number) => {
    const real = Date.now
    vi.spyOn(Date, 'now').mockImplementation(() => real() + ms)
  }

  test('a node that is an hour ahead ends nobody, one that is an hour behind revives nobody', async () => {
    const { store } = town.open()
    const living = record({ expiresAt: Date.now() + MINUTE })
    const ended = record({ absoluteExpiresAt: Date.now() - MINUTE })
    await store.create(living)
    await store.create(ended)
    for (const ms of [HOUR, -HOUR]) {
      nodeRuns(ms)
      expect(await store.load(living.key)).toEqual(living)
      expect(await store.load(ended.key)).toBeNull()
      expect(await store.deleteExpired(100)).toBe(0)
      expect(await store.touch(ended.key, { touchedAt: Date.now(), expiresAt: Date.now() + MINUTE })).toBe(false)
      expect(await store.save(next(ended), ended.version)).toEqual({ status: 'missing' })
      vi.restoreAllMocks()
    }
    const { rows } = await town.admin.query('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now')
    expect(Math.abs(Number(rows[0].now) - Date.now())).toBeLessThan(MINUTE)
  })

  test('clean-up takes no time from the node, and passes over what others have locked', async () => {
    const table = town.table()
    const { store } = town.open({ table })
    const made = Array.from({ length: 5 }, () => record({ expiresAt: Date.now() - 11 * MINUTE }))
    const fresh = record({ expiresAt: Date.now() - 9 * MINUTE })
    for (const one of [...made, fresh]) await store.create(one)
    nodeRuns(HOUR)
    await whileLocked(town, `SELECT FROM ${table} WHERE key = $1 FOR UPDATE`, [made[0]?.key], async free => {
      expect(await store.deleteExpired(100, 30_000)).toBe(4)
      await free()
    })
    expect(await store.deleteExpired(100)).toBe(1)
    expect((await town.admin.query(`SELECT key FROM ${table}`)).rows).toEqual([{ key: fresh.key }])
  })
})

describe('H14: names that are almost the same', () => {
  test('users', async () => {
    const { store } = town.open()
    const users = ['Bob', 'bob', 'bob ', 'bób', ' bob', "bob'; --", 'bo_', 'bo%', 'b\\o'.repeat(80)]
    for (const user of users) {
      const theirs = record({ key: key('abc'), userKey: user, userId: user })
      await store.create(theirs)
      expect(await store.listByUser(user)).toEqual([theirs])
    }
    for (const user of users) {
      expect(await store.deleteByUser(user)).toBe(1)
      expect(await store.listByUser(user)).toEqual([])
    }
  })

  test('tables', async () => {
    await town.admin.query('CREATE SCHEMA other')
    const tables = ['names', 'Names', 'NAMES', 'na-mes', 'na:mes', 'other.names', 'x'.repeat(63), 'select', '1']
    const key = record().key
    for (const table of tables) {
      const { store } = town.open({ table })
      expect(await store.load(key)).toBeNull()
      expect(await store.create(record({ key, data: `"${table}"` }))).toBe(true)
    }
    for (const table of tables) expect(await town.open({ table }).store.load(key)).toMatchObject({ data: `"${table}"` })
  })

  test('that could say more than a name are refused', () => {
    const { pool } = town.open()
    for (const table of ['', 'a"b', 'a b', "a'", 'a;b', 'ä', '$$', 'a.b.c', '.a', 'a.', 'x'.repeat(64), 'x'.repeat(65)]) {
      expect(() => new PostgresStore(pool, { table }), table).toThrow(/^table must be /)
    }
  })
})

test('misuse is a TypeError that says what was expected', () => {
  const { pool } = town.open()
  const client = new Client()
  for (const wrong of [undefined, null, {}, 'postgres://', client]) {
    const make = () => new PostgresStore(wrong as unknown as PostgresPool)
    expect(make).toThrow(new TypeError('PostgresStore needs a Pool of pg: new PostgresStore(new Pool({ connectionString }))'))
  }
  const make = (options: object) => () => new PostgresStore(pool, options)
  expect(make({ tabel: 'x' })).toThrow(/there is no option "tabel"; there are table, cleanupInterval, now/)
  expect(make({ now: 1 })).toThrow(/^now must be a function/)
  expect(make({ cleanupInterval: 'often' })).toThrow(/^cleanupInterval must be/)
})
