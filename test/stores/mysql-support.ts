// What the tests of MysqlStore share: pools, and looks at the server from outside.
import { MysqlStore, type MysqlStoreOptions } from 'holdfast/stores/mysql'
import { type Connection, createConnection, createPool, type Pool, type PoolOptions, type RowDataPacket } from 'mysql2/promise'
import { onTestFinished } from 'vitest'
import { recordMaker } from '../../src/testing/records.ts'
import { startMariadb } from '../servers/mariadb.ts'
import { until } from '../servers/process.ts'
import type { TestServer } from '../servers/server.ts'

export const { record, login, next, userKey, key } = recordMaker(() => Date.now())
export const times = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n))

export interface Town {
  server: TestServer
  /** A connection of nobody's pool. */
  admin: Connection
  /** A pool, and a store on it. Both end with the test. */
  open(options?: MysqlStoreOptions, settings?: PoolSettings): Opened
  /** A table's name that nobody has. */
  table(): string
  end(): Promise<void>
}

interface PoolSettings extends PoolOptions {
  /** What each connection is told first. */
  session?: string | undefined
  /** What becomes of each statement on its way. */
  changed?: ((sql: string) => string) | undefined
}

interface Opened {
  store: MysqlStore
  pool: Pool
  table: string
  /** What the store has sent, in order. */
  sent: string[]
}

export async function startTown(...options: string[]): Promise<Town> {
  const server = await startMariadb(...options)
  const admin = await createConnection(server.url)
  admin.on('error', () => {})
  let tables = 0
  const newTable = () => `town_${++tables}`
  return {
    server,
    admin,
    open({ table = newTable(), ...rest } = {}, settings = {}) {
      const { pool, sent } = watchedPool(server.url, settings)
      const made = { store: new MysqlStore(pool, { table, ...rest }), pool, table, sent }
      onTestFinished(async () => {
        await made.store.close()
        await pool.end()
      })
      return made
    },
    table: newTable,
    async end() {
      admin.destroy()
      await server.stop()
    },
  }
}

interface Asked {
  sql: string
}

/** A pool that tells what goes through it. */
function watchedPool(uri: string, { session, changed = sql => sql, ...settings }: PoolSettings): { pool: Pool; sent: string[] } {
  const pool = createPool({ uri, ...settings })
  const sent: string[] = []
  const seen = new WeakSet()
  pool.pool.on('connection', connection => {
    if (session) connection.query(session)
  })
  const getConnection = pool.getConnection.bind(pool)
  pool.getConnection = async () => {
    const connection = await getConnection()
    const { connection: core } = connection as unknown as { connection: { query(asked: string | Asked, ...rest: unknown[]): unknown } }
    if (!seen.has(core)) {
      seen.add(core)
      const query = core.query.bind(core)
      core.query = (asked, ...rest) => {
        if (typeof asked === 'string') return query(asked, ...rest)
        sent.push(asked.sql)
        return query({ ...asked, sql: changed(asked.sql) }, ...rest)
      }
    }
    return connection
  }
  return { pool, sent }
}

export async function status(admin: Connection, name: string): Promise<number> {
  const [rows] = await admin.query<RowDataPacket[]>('SHOW GLOBAL STATUS LIKE ?', [name])
  return Number(rows[0]?.Value)
}

/** Until this many statements wait for a lock: then all of them are in the middle of what they do. */
export async function waiting(admin: Connection, count: number): Promise<void> {
  await until(`${count} statements wait for a lock`, async () => (await status(admin, 'Innodb_row_lock_current_waits')) === count)
}

/** Does this while another connection holds the rows that `lock` locks, or what else it does in its transaction. */
export async function whileLocked<T>(town: Town, lock: string, act: (holder: Connection) => Promise<T>): Promise<T> {
  const holder = await createConnection(town.server.url)
  try {
    await holder.query('BEGIN')
    await holder.query(lock)
    return await act(holder)
  } finally {
    holder.destroy()
  }
}

export const lockOf = (table: string, at: string) => `SELECT 1 FROM \`${table}\` WHERE \`key\` = '${at}' FOR UPDATE`
