import type { SqlConnection } from '../clients/sql.ts'
import { UsageError } from '../command.ts'
import { type PeerOptions, recordsOf } from './peers.ts'
import { PAGE, type Source, type StoredSession } from './source.ts'

/** How a database spells names and values. */
interface Dialect {
  quote(name: string): string
  value(place: number): string
  /** A column of times, in a form that `timeOf` reads. */
  time(column: string): string
}

/** A time without a zone is in that of the server's session, in which connect-pg-simple has written it: only the server can tell. */
const postgresTime = (column: string) =>
  `CASE WHEN pg_typeof(${column}) IN ('timestamp'::regtype, 'timestamptz'::regtype) ` +
  `THEN extract(epoch FROM ${column}::text::timestamptz)::text ELSE ${column}::text END`

const POSTGRES: Dialect = { quote: name => `"${name}"`, value: place => `$${place}`, time: postgresTime }
const MYSQL: Dialect = { quote: name => `\`${name}\``, value: () => '?', time: column => column }
const SQLITE: Dialect = { quote: name => `"${name}"`, value: () => '?', time: column => column }

export interface Columns {
  id: string
  data: string
  expires: string
}

export interface SqlSourceOptions extends PeerOptions {
  table: string
  columns: Columns
  dialect: Dialect
}

/** connect-pg-simple, express-mysql-session, connect-sqlite3; koa-session has no store of its own in a database. */
export const SQL_PLACES = {
  postgres: { dialect: POSTGRES, table: 'session', columns: { id: 'sid', data: 'sess', expires: 'expire' } },
  mysql: { dialect: MYSQL, table: 'sessions', columns: { id: 'session_id', data: 'data', expires: 'expires' } },
  sqlite: { dialect: SQLITE, table: 'sessions', columns: { id: 'sid', data: 'sess', expires: 'expired' } },
} as const

const NAME = /^[A-Za-z_][\w$]{0,62}$/

/** `id,data,expires` as an option gives them. */
export function columnsOf(text: string): Columns {
  const names = text.split(',')
  if (names.length !== 3 || !names.every(name => NAME.test(name))) throw new UsageError('--columns must be three names: id,data,expires')
  const [id, data, expires] = names as [string, string, string]
  return { id, data, expires }
}

/** Rows in the order of their ids, a page at a time: what comes or goes meanwhile moves no page. */
export function sqlSource({ query, end }: SqlConnection, { table, columns, dialect, ...options }: SqlSourceOptions): Source {
  const names = table.split('.')
  if (names.length > 2 || !names.every(name => NAME.test(name))) throw new UsageError('#table must be a name, or schema.name')
  const from = names.map(dialect.quote).join('.')
  const id = dialect.quote(columns.id)
  const fields = `${id} AS id, ${dialect.quote(columns.data)} AS content, ${dialect.time(dialect.quote(columns.expires))} AS ends`
  const first = `SELECT ${fields} FROM ${from} ORDER BY ${id} LIMIT ${PAGE}`
  const next = `SELECT ${fields} FROM ${from} WHERE ${id} > ${dialect.value(1)} ORDER BY ${id} LIMIT ${PAGE}`
  return {
    async count() {
      const [row] = await query(`SELECT count(*) AS count FROM ${from}`, [])
      return Number(row?.count)
    },
    async page(cursor) {
      const rows = await query(cursor === undefined ? first : next, cursor === undefined ? [] : [cursor])
      const stored = rows.map((row): StoredSession => ({ id: String(row.id), content: textOf(row.content), endsAt: timeOf(row.ends) }))
      return { ...recordsOf(stored, options), cursor: rows.length < PAGE ? null : String(rows.at(-1)?.id) }
    },
    end,
  }
}

const textOf = (content: unknown) => (content instanceof Uint8Array ? Buffer.from(content).toString('utf8') : content)

/** Numbers below this are seconds: as ms they would be a day in 1970. */
const LEAST_MS = 100_000_000_000

/** Seconds, ms, or a text of a time; a text without a zone is in that of this machine, as the stores write them. */
export function timeOf(value: unknown): number | undefined {
  if (value instanceof Date) return value.getTime()
  const number = typeof value === 'bigint' || (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value)) ? Number(value) : value
  if (typeof number === 'number') return number < LEAST_MS ? number * 1000 : number
  const time = typeof number === 'string' ? Date.parse(number) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}
