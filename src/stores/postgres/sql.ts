import { RECENT_VERSIONS } from '../../core/record.ts'
import { CLEANUP_GRACE_MS } from '../../core/store.ts'
import { RECORD_COLUMNS } from '../common/row.ts'
import { told } from './push-sql.ts'

type Column = (typeof RECORD_COLUMNS)[number]

const COLUMNS = RECORD_COLUMNS.join(', ')
const TEXTS: ReadonlyArray<Column> = ['key', 'user_key', 'user_id', 'version', 'data', 'meta']
/** Numbers are read as text: pg would let the app's own parsers see them, and its binary format gets them wrong. */
const read = (column: Column) => (TEXTS.includes(column) ? column : `${column}::text`)
const READ = RECORD_COLUMNS.map(read).join(', ')
/** A save leaves the user as it is. */
const SAVED_COLUMNS = RECORD_COLUMNS.filter(column => column !== 'user_key')

export interface Statement {
  /** Under it a connection keeps what it has parsed and planned, which takes longer than what is then to be done. */
  name?: string
  text: string
}

/** The server gives the number of a connection that has ended to another: that one is younger than the statement. */
export const TERMINATE: Statement = {
  text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid = $1 AND backend_start < clock_timestamp() - $2 * interval '1 millisecond'`,
}

/** So long a process without a limit of its own may say nothing between two statements of one step. */
const LONGEST_SILENCE_MS = 10_000

/**
 * Begins what shall be one step although it is several statements: one at a time for each user of a table. The lock is a statement of its
 * own, and the isolation one in which each statement sees what is committed by then: so what comes after it sees all that was done under it.
 * Where a host vanishes in the middle, the server ends the transaction, and does not wait for TCP to tell it, which takes hours.
 * A name in hex can say no more than a name.
 */
export function beginFor(table: string, userKey: string, patience: number | null): Statement {
  const name = Buffer.from(`${table} ${userKey}`).toString('hex')
  // 0 would be for ever.
  const ms = patience === null ? null : Math.max(1, patience)
  const wait = ms === null ? '' : `SET LOCAL lock_timeout = ${ms}; `
  const idle = `SET LOCAL idle_in_transaction_session_timeout = ${ms ?? LONGEST_SILENCE_MS};`
  return { text: `BEGIN ISOLATION LEVEL READ COMMITTED; ${wait}${idle} SELECT pg_advisory_xact_lock(hashtextextended('${name}', 0))` }
}

/** Parameters: $1 is the time, $2 how long to wait for a lock, then come a record's columns and what else the operation needs. */
const param = (columns: readonly Column[]) => (column: Column) => `$${columns.indexOf(column) + 3}`
const beside = (columns: readonly Column[], n: number) => `$${columns.length + 3 + n}`

/** NULL: the server's own clock counts. */
const NOW = 'COALESCE($1::float8, floor(extract(epoch FROM clock_timestamp()) * 1000)::float8)'
/** Takes effect before the lock is asked for, and is forgotten with the transaction. NULL: the server's own setting. */
const PATIENCE = "set_config('lock_timeout', COALESCE($2::text, current_setting('lock_timeout')), true) IS NOT NULL"

const end = (row: string) => `LEAST(${row}.expires_at, ${row}.absolute_expires_at)`
const bury = (reason: string, until: string) =>
  `user_key = NULL, user_id = NULL, version = '', data = '', meta = NULL, absolute_expires_at = NULL, gone = ${reason}, expires_at = ${until}`

/** A record's columns, without the data where the caller has them. */
const columnsUnless = (known: string) =>
  RECORD_COLUMNS.map(column => (column === 'data' ? `CASE WHEN ${known} THEN '' ELSE data END AS data` : read(column))).join(', ')

/**
 * What PostgresStore says to its server. READ COMMITTED, the usual isolation: a statement sees what was committed when it began, but
 * what it locks it sees as it is by then. So all is decided on locked rows (UPDATE, ON CONFLICT DO UPDATE, FOR UPDATE), and answered
 * from them. Under a stricter isolation a statement that has waited fails instead (40001), and is tried again.
 */
export function postgresSql(table: string) {
  const saved = param(SAVED_COLUMNS)
  const version = saved('version')
  const known = `(version = ${version} OR ${version} = ANY (recent))`
  const fits = `old.version = ${beside(SAVED_COLUMNS, 0)} AND old.version <> ${version} AND ${version} <> ALL (old.recent)`
  const [expected, oldKey, reason, life] = [0, 1, 2, 3].map(n => beside(RECORD_COLUMNS, n)) as [string, string, string, string]

  /** Inserts, or overwrites what has ended. */
  const put = (from: string) => `
      INSERT INTO ${table} AS old (${COLUMNS}) SELECT ${RECORD_COLUMNS.map(param(RECORD_COLUMNS)).join(', ')} ${from}
      ON CONFLICT (key) DO UPDATE SET ${[...RECORD_COLUMNS, 'recent', 'gone', 'seq'].map(column => `${column} = EXCLUDED.${column}`).join(', ')}
      WHERE ${end('old')} < ${NOW}
      RETURNING true AS done`

  const texts = {
    load: `SELECT ${READ}, gone FROM ${table} AS it WHERE key = $2 AND ${end('it')} >= ${NOW}`,

    create: put(`WHERE ${PATIENCE}`),

    // What does not fit is written as it is: so the answer is the row that was locked.
    save: `
      UPDATE ${table} AS old SET
        ${SAVED_COLUMNS.map(column => `${column} = CASE WHEN ${fits} THEN ${saved(column)} ELSE old.${column} END`).join(', ')},
        recent = CASE WHEN ${fits} THEN (array_prepend(old.version, old.recent))[1:${RECENT_VERSIONS}] ELSE old.recent END
      WHERE key = ${saved('key')} AND gone IS NULL AND ${end('old')} >= ${NOW} AND ${PATIENCE}
      RETURNING ${known} AS done, ${columnsUnless(known)}`,

    replace: `
      WITH found AS MATERIALIZED (
        SELECT ${COLUMNS} FROM ${table} WHERE key = ${oldKey} AND gone IS NULL AND ${PATIENCE} FOR UPDATE
      ),
      live AS MATERIALIZED (SELECT * FROM found WHERE ${end('found')} >= ${NOW}),
      fits AS (SELECT FROM live WHERE version = ${expected}),
      put AS (${put('FROM fits')}),
      buried AS (UPDATE ${table} AS it SET ${bury(reason, `${NOW} + ${life}`)} FROM put WHERE it.key = ${oldKey})
      SELECT EXISTS (SELECT FROM put) AS done, (SELECT ${told('key', oldKey)} FROM put) AS told,
        ${columnsUnless(`version = ${expected}`)} FROM live`,

    /** Whether a record lives that has this version, or had it lately. */
    own: `SELECT FROM ${table} AS it WHERE key = $2 AND gone IS NULL AND ${end('it')} >= ${NOW} AND (version = $3 OR $3 = ANY (recent))`,

    touch: `
      UPDATE ${table} AS it SET touched_at = GREATEST(touched_at, $4),
        expires_at = CASE WHEN $4 < touched_at THEN expires_at ELSE GREATEST(expires_at, LEAST($5, $4 + idle_ms, absolute_expires_at)) END
      WHERE key = $3 AND gone IS NULL AND ${end('it')} >= ${NOW} AND ${PATIENCE}`,

    // The answer knows only what has become of the row: so a tombstone notes in "recent" what it has ended.
    delete: `
      INSERT INTO ${table} AS old (key, gone, expires_at) SELECT $3, $4, ${NOW} + $5 WHERE ${PATIENCE}
      ON CONFLICT (key) DO UPDATE SET ${bury('EXCLUDED.gone', 'EXCLUDED.expires_at')},
        recent = CASE WHEN old.gone IS NULL AND ${end('old')} >= ${NOW} THEN ARRAY[old.version] ELSE '{}' END
      WHERE old.gone IS NULL OR ${end('old')} < ${NOW}
      RETURNING cardinality(recent) > 0 AS done, ${told('key', 'old.key')} AS told`,

    listByUser: `SELECT ${READ} FROM ${table} AS it WHERE user_key = $2 AND ${end('it')} >= ${NOW} ORDER BY seq`,

    // "seen": how many there were when it began. Locked in the order of keys, so that two of these never wait for each other.
    deleteByUser: `
      WITH clock AS MATERIALIZED (SELECT ${NOW} AS now),
      seen AS (SELECT key FROM ${table} AS it, clock WHERE user_key = $3 AND key <> $4 AND ${end('it')} >= now),
      locked AS MATERIALIZED (
        SELECT key FROM ${table} AS it, clock
        WHERE user_key = $3 AND key <> $4 AND ${end('it')} >= now AND ${PATIENCE} ORDER BY key FOR UPDATE OF it
      ),
      ended AS (UPDATE ${table} AS it SET ${bury('$5', `${NOW} + $6`)} FROM locked WHERE it.key = locked.key RETURNING it.key)
      SELECT (SELECT count(*) FROM ended)::int AS ended, (SELECT count(*) FROM seen)::int AS seen,
        (SELECT ${told('user', '$3')} WHERE EXISTS (SELECT FROM ended)) AS told`,

    findEnded: `
      SELECT key FROM unnest($2::text[]) AS asked (key)
      WHERE NOT EXISTS (SELECT FROM ${table} AS it WHERE it.key = asked.key AND gone IS NULL AND ${end('it')} >= ${NOW})`,

    others: `SELECT count(*)::int AS others FROM ${table} AS it
      WHERE user_key = $2 AND user_id IS NOT NULL AND key <> $3 AND ${end('it')} >= ${NOW}`,

    // "seen": how many were too many when it began.
    evict: `
      WITH clock AS MATERIALIZED (SELECT ${NOW} AS now),
      others AS MATERIALIZED (
        SELECT key, seq FROM ${table} AS it, clock WHERE user_key = $3 AND user_id IS NOT NULL AND key <> $4 AND ${end('it')} >= now
      ),
      surplus AS MATERIALIZED (
        SELECT key FROM others ORDER BY seq LIMIT GREATEST(0, (SELECT count(*) FROM others) + 1 - $5::int)
      ),
      locked AS MATERIALIZED (
        SELECT key FROM ${table} AS it, clock
        WHERE key IN (SELECT key FROM surplus) AND user_key = $3 AND ${end('it')} >= now AND ${PATIENCE} ORDER BY key FOR UPDATE OF it
      ),
      ended AS (UPDATE ${table} AS it SET ${bury("'evicted'", `${NOW} + $6`)} FROM locked WHERE it.key = locked.key RETURNING it.key)
      SELECT (SELECT count(*) FROM ended)::int AS ended, (SELECT count(*) FROM surplus)::int AS seen,
        (SELECT ${told('user', '$3')} WHERE EXISTS (SELECT FROM ended)) AS told`,

    list: `SELECT ${READ} FROM ${table} AS it WHERE key > $2 AND gone IS NULL AND ${end('it')} >= ${NOW} ORDER BY key LIMIT $3`,

    deleteExpired: `
      WITH cut AS MATERIALIZED (SELECT ${NOW} - ${CLEANUP_GRACE_MS} AS at)
      DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM ${table} AS it
        WHERE ends_in <= floor((SELECT at FROM cut) / ${CLEANUP_GRACE_MS}) AND ${end('it')} < (SELECT at FROM cut)
        ORDER BY ends_in LIMIT $2 FOR UPDATE SKIP LOCKED
      ))`,

    // It asks first, so that a role that may not make tables can use one that is there. "ends_in" is the slot of ten minutes in which a
    // row ends: it seldom changes, so most writes touch no index (HOT), and clean-up leaves the last ten minutes alone anyway.
    migrate: `
      DO $$ BEGIN
        IF to_regclass('${table}') IS NULL THEN
          PERFORM pg_advisory_xact_lock(hashtextextended('holdfast ${table}', 0));
          CREATE TABLE ${table} (
            key text COLLATE "C" PRIMARY KEY,
            user_key text COLLATE "C",
            user_id text,
            version text NOT NULL DEFAULT '',
            recent text[] NOT NULL DEFAULT '{}',
            data text NOT NULL DEFAULT '',
            created_at float8 NOT NULL DEFAULT 0,
            authenticated_at float8,
            touched_at float8 NOT NULL DEFAULT 0,
            idle_ms float8 NOT NULL DEFAULT 0,
            expires_at float8 NOT NULL,
            absolute_expires_at float8,
            max_age float8,
            meta text,
            gone text,
            seq bigint GENERATED BY DEFAULT AS IDENTITY,
            ends_in float8 GENERATED ALWAYS AS (floor(LEAST(expires_at, absolute_expires_at) / ${CLEANUP_GRACE_MS})) STORED
          ) WITH (fillfactor = 80);
          CREATE INDEX ON ${table} (user_key, seq) WHERE user_key IS NOT NULL;
          CREATE INDEX ON ${table} (ends_in);
        END IF;
      EXCEPTION WHEN duplicate_table THEN
        -- Another process had the lock first, and has made it all.
        NULL;
      END $$`,
  }
  const named = Object.entries(texts).map(([name, text]) => [name, { name: `holdfast_${name}_${hash(text)}`, text }])
  return Object.fromEntries(named) as Record<keyof typeof texts, Statement>
}

/** Behind a pooler a name may meet what another program has prepared under it: that must be the same text. */
function hash(text: string): string {
  let [a, b] = [0x811c9dc5, 0x01234567]
  for (let n = 0; n < text.length; n++) {
    a = Math.imul(a ^ text.charCodeAt(n), 0x01000193)
    b = Math.imul(b ^ text.charCodeAt(n), 0x85ebca6b) ^ (b >>> 13)
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36)
}
