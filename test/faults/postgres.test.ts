// PostgreSQL goes away and comes back, loses its connections, and has none left to give.
import type { SessionRecord } from 'holdfast'
import { PostgresStore } from 'holdfast/stores/postgres'
import { Client, Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { recordMaker } from '../../src/testing/records.ts'
import { startPostgres } from '../servers/postgres.ts'
import { until } from '../servers/process.ts'
import type { RestartableServer } from '../servers/server.ts'
import { full } from '../support/full.ts'
import { type FaultOptions, underFault } from './fault.ts'
import { build } from './site.ts'
import { mostUntil, stuckPool, tableOf, targetOn, withSmallPool } from './stores.ts'

vi.setConfig({ testTimeout: 300_000 })

/** Connections of programs, without those that the server has for itself, and without the one that asks. */
const PROGRAMS = `FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`

let server: RestartableServer
beforeAll(async () => {
  build()
  server = await startPostgres()
}, 300_000)
afterAll(() => server?.stop())

const target = () => targetOn(server, 'PostgresStore with pg')
const play = (options: Omit<FaultOptions, 'store' | 'target' | 'promised'> & { target?: FaultOptions['target'] }) =>
  underFault({ store: 'PostgreSQL', target: target(), promised: true, ...options })

/** A connection of nobody's pool. */
async function connect(): Promise<Client> {
  const client = new Client({ connectionString: server.url })
  client.on('error', () => {})
  await client.connect()
  return client
}

async function count(client: Client, sql: string): Promise<number> {
  const { rows } = await client.query(`SELECT count(*)::int AS n ${sql}`)
  return rows[0].n
}

test('pg_terminate_backend of all connections, again and again', async () => {
  const rounds = full ? 25 : 6
  await play({
    fault: 'pg_terminate_backend of all connections, again and again',
    operations: full ? 150 : 50,
    async inject({ load }) {
      const admin = await connect()
      let ended = 0
      for (let round = 0; round < rounds; round++) {
        ended += (await admin.query(`SELECT pg_terminate_backend(pid) ${PROGRAMS}`)).rowCount ?? 0
        await load.moreAcknowledged(8)
      }
      await admin.end()
      expect(ended).toBeGreaterThanOrEqual(rounds)
      return `${ended} connections ended in ${rounds} rounds`
    },
  })
})

describe.runIf(full)('PostgreSQL ends and starts again', () => {
  const ends = {
    'fast restart (SIGINT)': () => server.shutDown('SIGINT'),
    'immediate restart (SIGQUIT)': () => server.shutDown('SIGQUIT'),
    'SIGKILL of all its processes, and crash recovery': () => server.kill(),
  }
  test.each(Object.entries(ends))('%s', async (fault, end) => {
    await play({
      fault,
      async inject({ load }) {
        await end()
        await load.moreFailed(20)
        await server.start()
      },
    })
  })

  test('SIGKILL of one of its processes: it ends the others and recovers, five times', async () => {
    await play({
      fault: 'SIGKILL of one backend: all are ended, and crash recovery, five times',
      async inject({ load }) {
        for (let round = 0; round < 5; round++) {
          const admin = await connect()
          const broken = new Promise(resolve => admin.once('error', resolve))
          const { rows } = await admin.query(`SELECT pid ${PROGRAMS} LIMIT 1`)
          process.kill(rows[0].pid, 'SIGKILL')
          // It had nothing to do with it, and is ended with all others.
          await broken
          await load.moreAcknowledged(20)
        }
        return 'each time the connection of a bystander was ended, too'
      },
    })
  })
})

describe.runIf(full)('a pool of two connections, and a stranger who holds the rows', () => {
  test('requests fail in time, connections stay few, and all goes on when the rows are free', async () => {
    const small = withSmallPool(target())
    let most = 0
    await play({
      ...stuckPool(small),
      async inject({ load }) {
        const [admin, stranger] = [await connect(), await connect()]
        await stranger.query('BEGIN')
        const { rowCount } = await stranger.query(`SELECT FROM ${tableOf(small)} FOR UPDATE`)
        most = await mostUntil(load.moreFailed(60), () => count(admin, PROGRAMS))
        await stranger.end()
        await admin.end()
        expect(rowCount).toBeGreaterThan(0)
        return `${rowCount} rows were locked; the server saw at most ${most} connections`
      },
    })
    // Three processes with two each, one of which may be on its way out; and the stranger.
    expect(most).toBeLessThanOrEqual(3 * 2 * 2 + 1)
  })

  test('nobody waits in the queue for longer than its call: 500 calls at once', async () => {
    const { record, next } = recordMaker(() => Date.now())
    const pool = new Pool({ connectionString: server.url, max: 2 })
    pool.on('error', () => {})
    const store = new PostgresStore(pool, { table: 'queue', cleanupInterval: false })
    const made = record()
    await store.create(made)
    const stranger = await connect()
    await stranger.query('BEGIN; SELECT FROM queue FOR UPDATE')
    const calls = Array.from({ length: 500 }, () => store.save(next(made), made.version, 500).catch((error: Error) => error))
    await until('they wait', () => pool.waitingCount > 490)
    for (const answer of await Promise.all(calls)) expect(answer).toBeInstanceOf(Error)
    // The rows are still locked.
    await until('the queue is empty', () => pool.waitingCount === 0)
    expect(pool.totalCount).toBeLessThanOrEqual(2)
    // What was under way is ended at the server, too.
    await until('nobody waits for the rows', async () => (await count(stranger, `${PROGRAMS} AND wait_event_type = 'Lock'`)) === 0)
    await stranger.end()
    expect((await store.load(made.key)) as SessionRecord).toEqual(made)
    expect(await store.save(next(made), made.version)).toEqual({ status: 'saved' })
    await store.close()
    await pool.end()
  })
})
