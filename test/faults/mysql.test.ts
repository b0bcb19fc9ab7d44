// MariaDB goes away and comes back, loses its connections, and has none left to give.
import { MysqlStore } from 'holdfast/stores/mysql'
import { type Connection, createConnection, createPool, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { recordMaker } from '../../src/testing/records.ts'
import { startMariadb } from '../servers/mariadb.ts'
import { until } from '../servers/process.ts'
import type { RestartableServer } from '../servers/server.ts'
import { full } from '../support/full.ts'
import { type FaultOptions, underFault } from './fault.ts'
import { build } from './site.ts'
import { mostUntil, stuckPool, tableOf, targetOn, withSmallPool } from './stores.ts'

vi.setConfig({ testTimeout: 300_000 })

/** Connections of programs, without the one that asks. */
const PROGRAMS = `FROM information_schema.processlist WHERE user = 'root' AND id <> connection_id()`

let server: RestartableServer
beforeAll(async () => {
  if (!full) return
  build()
  server = await startMariadb()
}, 300_000)
afterAll(() => server?.stop())

const target = (client = 'mysql2/promise') => targetOn(server, `MysqlStore with ${client}`)
const play = (options: Omit<FaultOptions, 'store' | 'target' | 'promised'> & { target?: FaultOptions['target'] }) =>
  underFault({ store: 'MariaDB', target: target(), promised: true, ...options })

/** For 500 calls at once. */
const LIMIT_MS = 1500

/** A connection of nobody's pool. */
async function connect(): Promise<Connection> {
  const connection = await createConnection(server.url)
  connection.on('error', () => {})
  return connection
}

async function ids(connection: Connection): Promise<number[]> {
  const [rows] = await connection.query<RowDataPacket[]>(`SELECT id ${PROGRAMS}`)
  return rows.map(row => Number(row.id))
}

describe.runIf(full)('MariaDB ends and starts again', () => {
  const ends = {
    'restart (SIGTERM)': () => server.shutDown(),
    'SIGKILL, and recovery by InnoDB': () => server.kill(),
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
})

describe.runIf(full)('MariaDB ends connections and statements', () => {
  test.each(['mysql2/promise', 'mysql2'])('KILL of all connections and of all statements, again and again: %s', async client => {
    const rounds = 25
    await play({
      fault: `KILL CONNECTION and KILL QUERY of all, again and again (${client})`,
      target: target(client),
      async inject({ load }) {
        const admin = await connect()
        let ended = 0
        for (let round = 0; round < rounds; round++) {
          for (const id of await ids(admin)) {
            // It may have ended by itself.
            const done = await admin.query(`KILL ${round % 2 ? 'QUERY' : 'CONNECTION'} ${id}`).catch(() => false)
            if (done && round % 2 === 0) ended++
          }
          await load.moreAcknowledged(8)
        }
        await admin.end()
        expect(ended).toBeGreaterThanOrEqual(rounds / 2)
        return `${ended} connections ended in ${rounds} rounds`
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
        const [rows] = await stranger.query<RowDataPacket[]>(`SELECT 1 FROM \`${tableOf(small)}\` FOR UPDATE`)
        most = await mostUntil(load.moreFailed(60), async () => (await ids(admin)).length)
        stranger.destroy()
        await admin.end()
        expect(rows.length).toBeGreaterThan(0)
        return `${rows.length} rows were locked; the server saw at most ${most} connections`
      },
    })
    // Three processes with two each, one of which may be on its way out; and the stranger.
    expect(most).toBeLessThanOrEqual(3 * 2 * 2 + 1)
  })

  test('nobody waits in the queue for longer than its call: 500 calls at once', async () => {
    const { record, next } = recordMaker(() => Date.now())
    const pool = createPool({ uri: server.url, connectionLimit: 2 })
    let [waiting, opened] = [0, 0]
    pool.on('enqueue', () => void waiting++)
    pool.on('connection', () => void opened++)
    const queue = (pool.pool as unknown as { _connectionQueue: { length: number } })._connectionQueue
    const store = new MysqlStore(pool, { table: 'queue', cleanupInterval: false })
    const made = record()
    await store.create(made)
    const stranger = await connect()
    await stranger.query('BEGIN')
    await stranger.query('SELECT 1 FROM queue FOR UPDATE')
    const calls = Array.from({ length: 500 }, () => store.save(next(made), made.version, LIMIT_MS).catch((error: Error) => error))
    await until('they wait', () => waiting > 490)
    // The time of all of them is up in one moment: none is given a connection of those that follow.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LIMIT_MS)
    for (const answer of await Promise.all(calls)) expect(answer).toBeInstanceOf(Error)
    // The rows are still locked.
    await until('the queue is empty', () => queue.length === 0)
    const [rows] = await stranger.query<RowDataPacket[]>(`SELECT id ${PROGRAMS}`)
    expect(rows.length).toBeLessThanOrEqual(2)
    expect(opened).toBeLessThanOrEqual(4)
    stranger.destroy()
    expect(await store.load(made.key)).toEqual(made)
    expect(await store.save(next(made), made.version)).toEqual({ status: 'saved' })
    await store.close()
    await pool.end()
  })
})
