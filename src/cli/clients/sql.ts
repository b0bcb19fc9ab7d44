import { resolve } from 'node:path'
import { type MysqlPool, MysqlStore } from '../../stores/mysql.ts'
import { type PostgresPool, PostgresStore } from '../../stores/postgres.ts'
import { type SqliteDatabase, SqliteStore } from '../../stores/sqlite.ts'
import { CommandError, type Io } from '../command.ts'
import { firstPackage, sitePackage } from '../packages.ts'
import type { StorePart } from '../store-url.ts'
import type { OpenStore } from './open.ts'

/** A row by the names of its columns. */
type Row = Record<string, unknown>

/** What a migration asks of a database: rows of a statement whose values stand apart from it. */
export interface SqlConnection<C = unknown> {
  client: C
  query(sql: string, values: readonly unknown[]): Promise<Row[]>
  end(): Promise<void>
}

type PgPool = PostgresPool & {
  on(event: 'error', listener: () => void): unknown
  query(sql: string, values: unknown[]): Promise<{ rows: Row[] }>
  end(): Promise<void>
}

export function connectPostgres(url: string, io: Io): SqlConnection<PgPool> {
  const { module } = firstPackage<{ Pool: new (options: object) => PgPool }>(['pg'], 'postgres://', io)
  const client = new module.Pool({ connectionString: url, connectionTimeoutMillis: 10_000 })
  // A connection that breaks while nobody uses it is replaced; one in use tells its caller.
  client.on('error', () => undefined)
  return {
    client,
    query: async (sql, values) => (await client.query(sql, [...values])).rows,
    end: () => client.end(),
  }
}

type Mysql2Pool = MysqlPool & { query(options: object, values: unknown[]): Promise<[Row[]]>; end(): Promise<void> }

export function connectMysql(url: string, io: Io): SqlConnection<Mysql2Pool> {
  const { module } = firstPackage<{ createPool(options: object): Mysql2Pool }>(['mysql2/promise'], 'mysql://', io)
  const client = module.createPool({ uri: url })
  return {
    client,
    query: async (sql, values) => (await client.query({ sql }, [...values]))[0],
    end: () => client.end(),
  }
}

type Handle = SqliteDatabase & { close(): void }
type Opener = new (path: string, options?: object) => Handle
type BuiltIn = { DatabaseSync: Opener }

const SQLITE = ['better-sqlite3', 'libsql'] as const

/** By better-sqlite3 or libsql where the site has one, else by Node itself (22.16 or newer). */
export function connectSqlite(path: string, io: Io): SqlConnection<Handle> {
  const Opened = sqliteOpener(io)
  const client = new Opened(resolve(io.cwd, path))
  return {
    client,
    query: async (sql, values) => client.prepare(sql).all(values as never) as Row[],
    end: async () => client.close(),
  }
}

function sqliteOpener(io: Io): Opener {
  for (const name of SQLITE) {
    const found = sitePackage<Opener & { default?: Opener }>(name, io)
    if (found) return found
  }
  const builtIn = process.getBuiltinModule?.('node:sqlite' as never) as BuiltIn | undefined
  if (builtIn) return builtIn.DatabaseSync
  throw new CommandError('sqlite: needs a client, which this site does not have: npm install better-sqlite3 (or libsql, or Node 22.16)')
}

export async function openPostgres(url: string, { table }: StorePart, io: Io): Promise<OpenStore> {
  const { client, end } = connectPostgres(url, io)
  return { store: new PostgresStore(client, { table, cleanupInterval: false }), end }
}

export async function openMysql(url: string, { table }: StorePart, io: Io): Promise<OpenStore> {
  const { client, end } = connectMysql(url, io)
  return { store: new MysqlStore(client, { table, cleanupInterval: false }), end }
}

export async function openSqlite(path: string, { table }: StorePart, io: Io): Promise<OpenStore> {
  const { client, end } = connectSqlite(path, io)
  return { store: new SqliteStore(client, { table, cleanupInterval: false }), end }
}
