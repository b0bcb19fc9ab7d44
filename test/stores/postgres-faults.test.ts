// What breaks between a program and its database, and what must not come of it.
import type { SessionRecord, SessionStoreError } from 'holdfast'
import { Client, type PoolClient } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { beginFor } from '../../src/stores/postgres/sql.ts'
import { until } from '../servers/process.ts'
import { startProxy, type TcpProxy } from '../servers/proxy.ts'
import { login, next, record, startTown, type Town, userKey, waiting, whileLocked } from './postgres-support.ts'

const LIMIT = 1000

// The machine may be busy.
vi.setConfig({ testTimeout: 60_000 })

let town: Town
let proxy: TcpProxy
beforeAll(async () => {
  town = await startTown()
  proxy = await startProxy(town.server.port)
})
afterEach(() => town.close())
afterAll(async () => {
  await proxy?.stop()
  await town?.end()
})

const throughProxy = () => ({ connectionString: town.server.url.replace(String(town.server.port), String(proxy.port)) })

/** The error, and how long it took. */
async function failure(call: () => Promise<unknown>): Promise<{ error: SessionStoreError & { code: string }; ms: number }> {
  const start = performance.now()
  const error = await call().then(
    answer => expect.fail(`it answered ${JSON.stringify(answer)}`),
    (reason: unknown) => reason as SessionStoreError & { code: string },
  )
  return { error, ms: performance.now() - start }
}

describe('H2: an answer is lost on the way', () => {
  test('the same call once more has the same outcome, and it has happened once', async () => {
    const { store } = town.open({}, throughProxy())
    const user = userKey()
    const first = record({ userKey: user })
    const second = next(first)
    const moved = record({ userKey: user })
    await store.migrate()
    const lost = async <T>(statement: string, call: () => Promise<T>): Promise<T> => {
      const cut = proxy.cutNextAnswer(request => request.includes(statement))
      await expect(call()).rejects.toThrow()
      await cut
      return call()
    }
    expect(await lost('holdfast_create', () => store.create(first))).toBe(true)
    expect(await lost('holdfast_save', () => store.save(second, first.version))).toEqual({ status: 'saved' })
    expect(await store.load(first.key)).toEqual(second)
    const at = { touchedAt: second.touchedAt + 5, expiresAt: second.expiresAt + 5 }
    expect(await lost('holdfast_touch', () => store.touch(first.key, at))).toBe(true)
    expect(await store.load(first.key)).toEqual({ ...second, ...at })
    expect(await lost('holdfast_replace', () => store.replace(first.key, second.version, moved, 'rotated'))).toEqual({ status: 'replaced' })
    expect(await store.listByUser(user)).toEqual([moved])
    // That it lived is told to the first, who did not hear it.
    expect(await lost('holdfast_delete', () => store.delete(moved.key, 'destroyed'))).toBe(false)
    expect(await store.load(moved.key)).toEqual({ gone: 'destroyed' })
  })

  test('200 increments by compare-and-set from 4 clients, 40 answers lost: exactly 200', async () => {
    const table = town.table()
    const first = record({ data: '0' })
    await town.open({ table }).store.create(first)
    let cuts = 0
    const cutOften = async () => {
      while (cuts < 40) {
        await proxy.cutNextAnswer(request => request.includes('holdfast_save'))
        cuts++
      }
    }
    const cutting = cutOften()
    const until = async <T>(call: () => Promise<T>): Promise<T> => call().catch(() => until(call))
    const count = async (): Promise<void> => {
      const { store } = town.open({ table }, throughProxy())
      for (let n = 0; n < 50; n++) {
        let current = (await until(() => store.load(first.key))) as SessionRecord
        for (let done = false; !done; ) {
          const mine = next(current, { data: String(Number(current.data) + 1) })
          const result = await until(() => store.save(mine, current.version))
          if (result.status === 'conflict') current = result.current
          done = result.status === 'saved'
        }
      }
    }
    await Promise.all([count(), count(), count(), count()])
    await cutting
    expect(((await town.open({ table }).store.load(first.key)) as SessionRecord).data).toBe('200')
    expect(cuts).toBe(40)
  })
})

describe('H10: a host that vanishes in the middle of a login', () => {
  test('is ended by the server, and the next login of that user gets in', async () => {
    const table = town.table()
    const { store, queries } = town.open({ table })
    const user = userKey()
    const limit = { max: 1, deny: true }
    await store.migrate()
    const gone = new Client({ connectionString: town.server.url })
    const ended = new Promise<Error & { code?: string }>(resolve => gone.on('error', resolve))
    await gone.connect()
    await gone.query(beginFor(`"${table}"`, user, LIMIT).text)
    // It says nothing more, and its connection stays open.
    const fresh = login(user)
    expect(await store.create(fresh, 30 * LIMIT, limit)).toBe(true)
    expect((await ended).code).toBe('25P03')
    expect(await store.listByUser(user)).toEqual([fresh])
    const idle = () => Number(/idle_in_transaction_session_timeout = (\d+);/.exec(queries.map(({ text }) => text).join('\n'))?.[1])
    expect(idle()).toBeGreaterThan(20 * LIMIT)
    expect(idle()).toBeLessThanOrEqual(27 * LIMIT)
    queries.length = 0
    await store.create(login(userKey()), undefined, limit)
    expect(idle()).toBe(10_000)
  })

  test("the app's own setting is as it was afterwards", async () => {
    const { store, pool } = town.open({}, { max: 1, options: '-c idle_in_transaction_session_timeout=7000' })
    expect(await store.create(login(userKey()), 60_000, { max: 1, deny: false })).toBe(true)
    expect((await pool.query('SHOW idle_in_transaction_session_timeout')).rows).toEqual([{ idle_in_transaction_session_timeout: '7s' }])
  })

  test('whose time is all but up does not stay for ever', () => {
    const { text } = beginFor('"any"', 'ann', 0)
    expect(text).toContain('SET LOCAL lock_timeout = 1;')
    expect(text).toContain('SET LOCAL idle_in_transaction_session_timeout = 1;')
  })
})

describe('H17: a time limit', () => {
  test('goes along with the statement: one that waits for a row gives up at the server, and writes nothing later', async () => {
    const table = town.table()
    const { store, pool, queries } = town.open({ table }, { max: 4 })
    const [a, b, c, d] = [record(), record(), record(), record()]
    for (const one of [a, b, c, d]) await store.create(one)
    await whileLocked(town, `SELECT FROM ${table} FOR UPDATE`, [], async free => {
      queries.length = 0
      const calls = [
        failure(() => store.save(next(a), a.version, 3 * LIMIT)),
        failure(() => store.touch(b.key, { touchedAt: Date.now() + 1, expiresAt: Date.now() + 1 }, 3 * LIMIT)),
        failure(() => store.delete(c.key, 'destroyed', 3 * LIMIT)),
        failure(() => store.replace(d.key, d.version, record(), 'rotated', 3 * LIMIT)),
      ]
      await waiting(town.admin, 4)
      for (const { error, ms } of await Promise.all(calls)) {
        // The server has said so, in the same round trip.
        expect(error.code).toBe('55P03')
        expect(ms).toBeLessThan(3 * LIMIT)
      }
      expect([queries.length, pool.totalCount]).toEqual([4, 0])
      await waiting(town.admin, 0)
      await free()
    })
    for (const one of [a, b, c, d]) expect(await store.load(one.key)).toEqual(one)
    expect((await store.list()).records).toHaveLength(4)
  })

  test("is forgotten with the statement; without one the server's own setting counts", async () => {
    const table = town.table()
    const { store, pool } = town.open({ table }, { max: 1, options: '-c lock_timeout=200' })
    const first = record()
    await store.create(first, 60_000)
    expect(await store.touch(first.key, { touchedAt: Date.now() + 1, expiresAt: Date.now() + 1 }, 60_000)).toBe(true)
    expect((await pool.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '200ms' }])
    await whileLocked(town, `SELECT FROM ${table} FOR UPDATE`, [], async () => {
      expect((await failure(() => store.delete(first.key, 'destroyed'))).error.code).toBe('55P03')
    })
  })

  test('of a create that waits for another gives up as well', async () => {
    const { store } = town.open({ table: 'town_create' })
    const made = record()
    await store.migrate()
    const insert = `INSERT INTO town_create (key, expires_at) VALUES ($1, 0)`
    await whileLocked(town, insert, [made.key], async () => {
      expect((await failure(() => store.create(made, LIMIT))).error.code).toBe('55P03')
      // Its connection ends without a COMMIT: there is nothing.
    })
    expect(await store.load(made.key)).toBeNull()
  })

  test('ends the connection at the server too, where the statement has not even begun', async () => {
    const table = town.table()
    await town.open({ table }).store.migrate()
    // Any role may end its own connections.
    await town.admin.query(`CREATE ROLE guest LOGIN; GRANT ALL ON ${table} TO guest`)
    const { store, pool } = town.open(
      { table },
      { max: 2, user: 'guest', connectionString: undefined, port: town.server.port, host: '127.0.0.1', database: 'postgres' },
    )
    const first = record()
    await store.create(first)
    await whileLocked(town, `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`, [], async free => {
      const { error, ms } = await failure(() => store.save(next(first), first.version, LIMIT))
      expect([error.code, error.outcome]).toEqual(['HOLDFAST_STORE', 'unknown'])
      expect(ms).toBeLessThan(3 * LIMIT)
      // While the table is locked still.
      await waiting(town.admin, 0)
      const { error: onRead } = await failure(() => store.load(first.key, LIMIT))
      expect(onRead.outcome).toBe('unknown')
      await waiting(town.admin, 0)
      await until('the pool is at rest', () => pool.idleCount === pool.totalCount)
      await free()
    })
    expect(await store.load(first.key)).toEqual(first)
  })

  test('holds while the table is made, and one call that gives up takes no other along', async () => {
    const { store } = town.open({ table: 'town_locked' })
    const lock = `SELECT pg_advisory_xact_lock(hashtextextended('holdfast "town_locked"', 0))`
    const made = record()
    const created = await whileLocked(town, lock, [], async free => {
      const short = failure(() => store.create(record(), LIMIT))
      const long = store.create(made, 30_000)
      expect((await short).error.outcome).toBe('not-applied')
      // The one has gone, the other has begun anew.
      await waiting(town.admin, 1)
      await free()
      return long
    })
    expect(created).toBe(true)
    expect((await store.list()).records).toEqual([made])
  })

  test('includes the wait for a connection; one that comes late is given back unused', async () => {
    const { store, pool, queries } = town.open({}, { max: 1 })
    await store.migrate()
    const client = await pool.connect()
    queries.length = 0
    const { error } = await failure(() => store.create(record(), LIMIT))
    expect(error.outcome).toBe('not-applied')
    client.release()
    await until('the connection is back', () => pool.idleCount === 1 && pool.waitingCount === 0)
    expect(queries).toEqual([])
    expect(await store.load('none', 30_000)).toBeNull()
  })

  test('when the server does not answer, connections are given up, and the first call after it is back works', async () => {
    const { store, pool } = town.open({}, { ...throughProxy(), max: 3 })
    const first = record()
    await store.create(first)
    proxy.hold()
    const calls = [1, 2, 3, 4].map(() => failure(() => store.load(first.key, LIMIT)))
    for (const { ms } of await Promise.all(calls)) expect(ms).toBeLessThan(3 * LIMIT)
    proxy.release()
    expect(await store.load(first.key, 30_000)).toEqual(first)
    await until('the pool is at rest', () => pool.idleCount === pool.totalCount)
  })
})

test('a connection that is ended as soon as it is made costs the call, and not the process', async () => {
  const { store, pool } = town.open({}, throughProxy())
  await store.migrate()
  const first = record()
  await store.create(first)
  const own = `FROM pg_stat_activity WHERE backend_type = 'client backend' AND state = 'idle' AND pid <> pg_backend_pid()`
  const count = async () => Number((await town.admin.query(`SELECT count(*) ${own}`)).rows[0].count)
  proxy.cut()
  await until('the pool has none left, and the server neither', async () => pool.totalCount === 0 && (await count()) === 0)
  proxy.hold('answers')
  const loading = store.load(first.key)
  await until('the server has one', async () => (await count()) === 1)
  await town.admin.query(`SELECT pg_terminate_backend(pid) ${own}`)
  await until('the server has none', async () => (await count()) === 0)
  // That it is ready and that it is ended come at once.
  proxy.release()
  await expect(loading).rejects.toThrow()
  expect(await store.load(first.key)).toEqual(first)
})

test('the server is killed under load and started again: no acknowledged write is lost', async () => {
  const { store } = town.open()
  const user = userKey()
  await store.migrate()
  /** The versions that may be there: the one that was acknowledged, or the one under way. */
  const possible = new Map<string, string[]>()
  const ended = new Set<string>()
  let acknowledged = 0
  let killed = false
  const work = async (): Promise<void> => {
    for (;;) {
      const first = record({ userKey: user })
      await store.create(first)
      let current = first
      possible.set(first.key, [first.version])
      for (let n = 0; n < 5; n++) {
        acknowledged++
        const following = next(current)
        possible.set(first.key, [current.version, following.version])
        await store.save(following, current.version)
        possible.set(first.key, [following.version])
        current = following
      }
      const moved = record({ userKey: user })
      possible.set(moved.key, [moved.version])
      possible.delete(first.key)
      try {
        await store.replace(first.key, current.version, moved, 'rotated')
        ended.add(first.key)
      } catch (error) {
        possible.delete(moved.key)
        throw error
      }
    }
  }
  const working = Array.from({ length: 8 }, () => work().catch(error => (killed ? undefined : Promise.reject(error))))
  await until('200 writes are acknowledged', () => acknowledged >= 200)
  killed = true
  await town.server.kill()
  await Promise.all(working)
  await town.server.start()

  const found = new Map((await store.listByUser(user)).map(({ key, version }) => [key, version]))
  for (const [key, versions] of possible) expect(versions).toContain(found.get(key))
  for (const key of ended) expect(await store.load(key)).toEqual({ gone: 'rotated' })
  expect(ended.size).toBeGreaterThan(0)
})

test('a pooler that gives each transaction another connection: the statements work unprepared', async () => {
  const { store, pool, queries } = town.open({}, { max: 3 })
  const three = <T>(make: (n: number) => T) => [make(0), make(1), make(2)]
  const made = three(() => record())
  const everywhere = async (act: (client: PoolClient) => Promise<unknown>) => {
    const clients = await Promise.all(three(() => pool.connect()))
    await Promise.all(clients.map(act))
    for (const client of clients) client.release()
  }
  await store.migrate()
  await everywhere(client => client.query('SELECT 1'))
  expect(await Promise.all(made.map(one => store.create(one)))).toEqual(three(() => true))
  expect(queries.at(-1)?.name).toMatch(/^holdfast_create_/)
  // What a statement was prepared on is not what it is executed on; for all of them at once.
  await everywhere(client => client.query('DEALLOCATE ALL'))
  expect(await Promise.all(made.map(one => store.create(next(one))))).toEqual(three(() => false))
  expect(queries.at(-1)?.name).toBeUndefined()
  expect(await store.load(made[0]?.key ?? '')).toEqual(made[0])
})

test('an error of the server is passed on as it is, and its connection goes', async () => {
  const { store, pool } = town.open({ table: 'nowhere.sessions' })
  expect((await failure(() => store.load('none'))).error).toMatchObject({ code: '3F000', message: expect.stringContaining('nowhere') })
  expect(pool.totalCount).toBe(0)
})

test('a connection that the app has given back in the middle of a transaction is not used', async () => {
  const table = town.table()
  const { store, pool } = town.open({ table }, { max: 1 })
  const { store: seen } = town.open({ table })
  await store.migrate()
  const abandon = async () => {
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release()
  }
  const made = record()
  await abandon()
  expect(await store.create(made)).toBe(true)
  expect(await seen.load(made.key)).toEqual(made)
  await abandon()
  expect(await store.delete(made.key, 'destroyed')).toBe(true)
  // What others see, whose connections have nothing to do with it.
  await abandon()
  expect(await store.load(made.key)).toEqual({ gone: 'destroyed' })
  expect(await seen.load(made.key)).toEqual({ gone: 'destroyed' })
})
