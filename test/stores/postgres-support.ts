// What the tests of PostgresStore share: pools, and looks at the server from outside.
import { PostgresStore, type PostgresStoreOptions } from 'holdfast/stores/postgres'
import { Client, Pool, type PoolConfig, type QueryConfig } from 'pg'
import { recordMaker } from '../../src/testing/records.ts'
import { startPostgres } from '../servers/postgres.ts'
import { until } from '../servers/process.ts'
import type { TestServer } from '../servers/server.ts'

export const { record, login, next, userKey, key } = recordMaker(() => Date.now())

export interface Town {
  server: TestServer
  /** A connection of nobody's pool. */
  admin: Client
  /** A pool, and a store on it. */
  open(options?: PostgresStoreOptions, pool?: PoolConfig): Opened
  /** Closes what was opened. */
  close(): Promise<void>
  /** A table's name that nobody has. */
  table(): string
  end(): Promise<void>
}

interface Opened {
  store: PostgresStore
  pool: Pool
  /** What the store has asked for, in order. */
  queries: QueryConfig[]
}

export async function startTown(): Promise<Town> {
  const server = await startPostgres()
  const admin = new Client({ connectionString: server.url })
  admin.on('error', () => {})
  await admin.connect()
  const opened: Opened[] = []
  let tables = 0
  const close = async () => {
    await Promise.all(opened.splice(0).map(({ store, pool }) => store.close().then(() => pool.end())))
  }
  return {
    server,
    admin,
    open(options = {}, config = {}) {
      const pool = new Pool({ connectionString: server.url, ...config })
      pool.on('error', () => {})
      const queries: QueryConfig[] = []
      pool.on('connect', client => {
        const query = client.query.bind(client) as (...args: unknown[]) => unknown
        client.query = ((...args: [QueryConfig]) => {
          queries.push(args[0])
          return query(...args)
        }) as typeof client.query
      })
      const made = { store: new PostgresStore(pool, { table: `town_${++tables}`, ...options }), pool, queries }
      opened.push(made)
      return made
    },
    close,
    table: () => `town_${++tables}`,
    async end() {
      await close()
      await admin.end()
      await server.stop()
    },
  }
}

/** Until this many statements wait for a lock: then all of them are in the middle of what they do. */
export async function waiting(admin: Client, count: number): Promise<void> {
  await until(`${count} statements wait for a lock`, async () => {
    const { rows } = await admin.query(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)
    return rows[0].n === count
  })
}

/** Does this while another connection holds what `lock` locks. */
export async function whileLocked<T>(
  town: Town,
  lock: string,
  values: unknown[],
  act: (free: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const holder = new Client({ connectionString: town.server.url })
  await holder.connect()
  try {
    await holder.query('BEGIN')
    await holder.query(lock, values)
    return await act(async () => {
      await holder.query('COMMIT')
    })
  } finally {
    await holder.end()
  }
}
