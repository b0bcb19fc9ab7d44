import { RECENT_VERSIONS, type SessionRecord } from '../../core/record.ts'
import { RECORD_COLUMNS, type SessionRow, valuesOf } from '../common/row.ts'

export type Parameters = Record<string, string | number | null>
export type Row = SessionRow & { seq: number | bigint; recent: string }

export function columnsOf(record: SessionRecord): Parameters {
  const values = valuesOf(record)
  return Object.fromEntries(RECORD_COLUMNS.map((name, n) => [name, values[n] ?? null]))
}

export function isLive(row: Row | undefined): row is Row {
  return row?.gone === null
}

/** Whether a live record has this version, or had it a while ago: then that write has been done. */
export function hadVersion(row: Row | undefined, version: string): boolean {
  return isLive(row) && (row.version === version || (JSON.parse(row.recent) as string[]).includes(version))
}

const COLUMNS = RECORD_COLUMNS.join(', ')
const VALUES = RECORD_COLUMNS.map(name => `:${name}`).join(', ')
const SAVED = RECORD_COLUMNS.filter(name => name !== 'key' && name !== 'user_key')
  .map(name => `${name} = :${name}`)
  .join(', ')
const TOMBSTONE = RECORD_COLUMNS.map(name => ({ key: ':old_key', version: ':expected', expires_at: ':until' })[name as string] ?? 'NULL')
/** When a row ends: a record by its idle or its absolute timeout, a tombstone by `expires_at`. */
const END = 'min(expires_at, coalesce(absolute_expires_at, expires_at))'
const THERE = `${END} >= :now`
const LIVE = `gone IS NULL AND ${THERE}`
/** What becomes of a record. A tombstone keeps a version only where something lived. */
const BURIED = `gone = :reason, expires_at = :until, absolute_expires_at = NULL, recent = '[]',
  data = NULL, meta = NULL, user_key = NULL, user_id = NULL`

/**
 * All that a `SqliteStore` says. What writes stands in a transaction that begins as a writer, so that it meets no snapshot that has grown old.
 * OR REPLACE puts a new row, with the next number of the sequence, in the place of one that has ended.
 */
export function statements(table: string) {
  const name = `"${table}"`
  return {
    schema: [
      `CREATE TABLE IF NOT EXISTS ${name} (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, gone TEXT, version TEXT, recent TEXT NOT NULL DEFAULT '[]',
        user_key TEXT, user_id TEXT, created_at INTEGER, authenticated_at INTEGER, touched_at INTEGER, idle_ms INTEGER,
        expires_at INTEGER NOT NULL, absolute_expires_at INTEGER, max_age INTEGER, meta TEXT, data TEXT)`,
      // Tables and indexes share their names; no other store's table has blanks in its.
      `CREATE INDEX IF NOT EXISTS "${table} by user" ON ${name} (user_key) WHERE user_key IS NOT NULL`,
      `CREATE INDEX IF NOT EXISTS "${table} by end" ON ${name} (${END})`,
    ],
    find: `SELECT * FROM ${name} WHERE key = :key AND ${THERE}`,
    create: `INSERT OR REPLACE INTO ${name} (${COLUMNS})
      SELECT ${VALUES} WHERE NOT EXISTS (SELECT 1 FROM ${name} WHERE key = :key AND ${THERE}) RETURNING 1 AS done`,
    save: `UPDATE ${name} SET ${SAVED},
        recent = json_remove(json_insert(recent, '$[#]', version), '$[#-${RECENT_VERSIONS + 1}]')
      WHERE key = :key AND ${LIVE} AND version = :expected
        AND version <> :version AND :version NOT IN (SELECT value FROM json_each(recent)) RETURNING 1 AS done`,
    replace: `WITH allowed AS (SELECT 1 FROM ${name} WHERE key = :old_key AND ${LIVE} AND version = :expected
        AND NOT EXISTS (SELECT 1 FROM ${name} WHERE key = :key AND ${THERE}))
      INSERT OR REPLACE INTO ${name} (${COLUMNS}, gone)
        SELECT ${VALUES}, NULL FROM allowed UNION ALL SELECT ${TOMBSTONE.join(', ')}, :reason FROM allowed RETURNING 1 AS done`,
    touch: `UPDATE ${name} SET touched_at = max(touched_at, :touched_at),
        expires_at = CASE WHEN :touched_at < touched_at THEN expires_at
          ELSE max(expires_at, min(:expires_at, :touched_at + idle_ms, coalesce(absolute_expires_at, :expires_at))) END
      WHERE key = :key AND ${LIVE} RETURNING 1 AS done`,
    delete: `INSERT INTO ${name} (key, gone, expires_at) VALUES (:key, :reason, :until)
      ON CONFLICT (key) DO UPDATE SET version = CASE WHEN ${THERE} THEN version END, ${BURIED}
      WHERE gone IS NULL OR NOT ${THERE} RETURNING version IS NOT NULL AS lived`,
    findLive: `SELECT key FROM ${name} WHERE key IN (SELECT value FROM json_each(:keys)) AND ${LIVE}`,
    listByUser: `SELECT * FROM ${name} WHERE user_key = :user_key AND ${LIVE} ORDER BY seq`,
    deleteByUser: `UPDATE ${name} SET ${BURIED} WHERE user_key = :user_key AND key <> :except AND ${LIVE} RETURNING 1 AS done`,
    begin: 'BEGIN IMMEDIATE',
    commit: 'COMMIT',
    rollback: 'ROLLBACK',
    others: `SELECT count(*) AS count FROM ${name} WHERE user_key = :user_key AND user_id IS NOT NULL AND key <> :key AND ${LIVE}`,
    evict: `UPDATE ${name} SET ${BURIED} WHERE seq IN (
      SELECT seq FROM ${name} WHERE user_key = :user_key AND user_id IS NOT NULL AND key <> :key AND ${LIVE} ORDER BY seq LIMIT :count) RETURNING 1 AS done`,
    list: `SELECT * FROM ${name} WHERE seq > :seq AND ${LIVE} ORDER BY seq LIMIT :limit`,
    deleteExpired: `DELETE FROM ${name} WHERE seq IN (SELECT seq FROM ${name} WHERE ${END} < :before LIMIT :limit) RETURNING 1 AS done`,
  }
}
