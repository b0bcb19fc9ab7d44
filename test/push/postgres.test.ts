// How PostgresStore hears of ends: what is said and when, what it costs, and what it leaves behind.
import { PostgresStore } from 'holdfast/stores/postgres'
import { Client, Pool, type PoolConfig } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { recordMaker } from '../../src/testing/records.ts'
import { startPostgres } from '../servers/postgres.ts'
import { until } from '../servers/process.ts'
import type { TestServer } from '../servers/server.ts'
import { Hearing } from './hearing.ts'

const { record, key, userKey } = recordMaker(() => Date.now())

let server: TestServer
/** Looks past the store. */
let eye: Client
beforeAll(async () => {
  server = await startPostgres()
  eye = new Client({ connectionString: server.url })
  await eye.connect()
})
afterAll(async () => {
  await eye?.end()
  await server?.stop()
})

// What a test has closed the server may not have noticed yet.
beforeEach(() => until('nobody listens', async () => (await listening()) === 0))

let tables = 0
const newTable = () => `push_${tables++}`

function open(table = newTable(), config: PoolConfig = {}): { store: PostgresStore; pool: Pool } {
  const pool = new Pool({ connectionString: server.url, ...config })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  const store = new PostgresStore(pool, { table, cleanupInterval: false })
  onTestFinished(() => store.close())
  return { store, pool }
}

/** Connections that listen: they hold the lock that says so. */
async function listening(): Promise<number> {
  const { rows } = await eye.query("SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted")
  return rows[0].n
}

async function connections(): Promise<number> {
  const { rows } = await eye.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'client backend'")
  return rows[0].n
}

describe('what another client has ended', () => {
  it('is told: a session by its key, those of a user by theirs', async () => {
    const table = newTable()
    const [{ store: here }, { store: other }] = [open(table), open(table)]
    const hearing = new Hearing()
    expect(await here.watch(hearing.listener)).toBeTypeOf('function')
    const user = userKey()
    const [lives, deleted, replaced, ...hers] = [record(), record(), record(), record({ userKey: user }), record({ userKey: user })]
    for (const one of [lives, deleted, replaced, ...hers]) await other.create(one)
    await other.delete(deleted.key, 'revoked')
    await other.replace(replaced.key, replaced.version, record(), 'regenerated')
    expect(await other.deleteByUser(user)).toBe(2)
    await until('it is told', () => hearing.userKeys.length === 1)
    expect([hearing.keys, hearing.userKeys]).toEqual([[deleted.key, replaced.key], [user]])
  })

  it('is told when it can be seen, and not before', async () => {
    const table = newTable()
    const { store } = open(table)
    const hearing = new Hearing()
    const made = record()
    await store.create(made)
    await store.watch(hearing.listener)
    const transaction = new Client({ connectionString: server.url })
    await transaction.connect()
    onTestFinished(() => transaction.end())
    await transaction.query('BEGIN')
    const inside = new PostgresStore({ connect: async () => ({ ...wrap(transaction) }), totalCount: 1 }, { table, cleanupInterval: false })
    await inside.delete(made.key, 'revoked')
    const later = record()
    await store.delete(later.key, 'revoked')
    await until('the later one is told', () => hearing.keys.includes(later.key))
    expect(hearing.keys).toEqual([later.key])
    await transaction.query('COMMIT')
    await until('it is told', () => hearing.keys.includes(made.key))
    expect(await store.load(made.key)).toEqual({ gone: 'revoked' })
  })

  it('is not said where nobody listens: no commit waits for the lock of notifications', async () => {
    const table = newTable()
    const { store } = open(table)
    const ear = new Client({ connectionString: server.url })
    await ear.connect()
    onTestFinished(() => ear.end())
    const heard: (string | undefined)[] = []
    ear.on('notification', ({ payload }) => heard.push(payload))
    // It listens, but has not said so by the lock.
    await ear.query('LISTEN holdfast_ended')
    expect(await listening()).toBe(0)
    await store.delete(key(), 'revoked')
    await eye.query("SELECT pg_notify('holdfast_ended', 'the end')")
    await until('what came after is heard', () => heard.includes('the end'))
    expect(heard).toEqual(['the end'])
  })

  it('and is not committed yet when somebody begins to listen, is waited for: it can be seen then', async () => {
    const table = newTable()
    const { store } = open(table)
    const made = record()
    await store.create(made)
    const transaction = new Client({ connectionString: server.url })
    await transaction.connect()
    onTestFinished(() => transaction.end())
    await transaction.query('BEGIN')
    const inside = new PostgresStore({ connect: async () => ({ ...wrap(transaction) }), totalCount: 1 }, { table, cleanupInterval: false })
    // Nobody listens: it says nothing.
    await inside.delete(made.key, 'revoked')
    const hearing = new Hearing()
    let begun = false
    const beginning = store.watch(hearing.listener).then(() => {
      begun = true
    })
    await until('it waits for that transaction', async () => {
      const { rows } = await eye.query("SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
      return rows[0].n === 1
    })
    expect(begun).toBe(false)
    await transaction.query('COMMIT')
    await beginning
    expect([hearing.keys, await store.load(made.key)]).toEqual([[], { gone: 'revoked' }])
  })
})

/** A connection whose transaction is somebody else's: for statements in the middle of one. */
function wrap(client: Client) {
  return {
    query: (query: object) => client.query(query as never) as never,
    release: () => {},
    on: () => {},
    removeListener: () => {},
  }
}

describe('the connection that listens', () => {
  it('is one for all, of the pool, and goes a while after the last has gone', async () => {
    const { store } = open()
    await store.load(key())
    const before = await connections()
    const unwatchings = await Promise.all([new Hearing(), new Hearing()].map(({ listener }) => store.watch(listener)))
    expect(await listening()).toBe(1)
    expect((await connections()) - before).toBeLessThanOrEqual(1)
    for (const unwatch of unwatchings) await unwatch?.()
    await until('it has gone', async () => (await listening()) === 0, 10_000)
    expect(await connections()).toBeLessThanOrEqual(before)
  })

  it('goes at once by close(), so that the pool can end', async () => {
    const pool = new Pool({ connectionString: server.url })
    const store = new PostgresStore(pool, { table: newTable(), cleanupInterval: false })
    const hearing = new Hearing()
    await store.watch(hearing.listener)
    await store.close()
    await pool.end()
    await until('it has gone', async () => (await listening()) === 0)
    expect([hearing.lost, await store.watch(hearing.listener)]).toEqual([0, null])
  })

  it('is not had where the pool has no other, which goes on answering', async () => {
    const { store, pool } = open(newTable(), { max: 1 })
    expect(await store.watch(new Hearing().listener)).toBeNull()
    const made = record()
    await store.create(made)
    expect(await store.findEnded([made.key, 'none'])).toEqual(['none'])
    expect(pool.totalCount).toBe(1)
  })

  it('is not had where the pool is busy for long, and leaves nothing behind', async () => {
    const { store, pool } = open(newTable(), { max: 2 })
    const held = [await pool.connect(), await pool.connect()]
    await expect(store.watch(new Hearing().listener)).rejects.toThrow()
    for (const client of held) client.release()
    const made = record()
    await Promise.all([store.create(made), store.load(made.key)])
    expect([pool.waitingCount, await listening()]).toEqual([0, 0])
  }, 20_000)

  it('is told once when it is lost, and another one can be had', async () => {
    const { store } = open()
    const hearing = new Hearing()
    await store.watch(hearing.listener)
    const { rows } = await eye.query(
      "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted",
    )
    expect(rows).toHaveLength(1)
    await until('it is told', () => hearing.lost > 0)
    const again = new Hearing()
    await store.watch(again.listener)
    const at = key()
    await store.delete(at, 'revoked')
    await until('it is heard', () => again.keys.includes(at))
    expect([hearing.lost, hearing.keys]).toEqual([1, []])
  })

  it('is not had where a pooler gives each statement another connection: its own message does not come back', async () => {
    const { pool } = open()
    // What such a pooler does: nothing of a connection outlives a statement.
    const pooled = {
      totalCount: 0,
      options: { max: 10 },
      async connect() {
        const client = await pool.connect()
        return Object.assign(Object.create(client), {
          query: async (query: { text: string; values: unknown[] }) => {
            const other = new Client({ connectionString: server.url })
            await other.connect()
            return other.query(query.text, query.values).finally(() => other.end())
          },
          release: () => client.release(true),
        })
      },
    }
    const store = new PostgresStore(pooled as never, { table: newTable(), cleanupInterval: false })
    expect(await store.watch(new Hearing().listener)).toBeNull()
    expect(await listening()).toBe(0)
  }, 20_000)
})
