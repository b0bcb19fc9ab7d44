import { type GoneReason, RECENT_VERSIONS, type SessionRecord, tombstoneMs } from '../../core/record.ts'
import { CLEANUP_GRACE_MS } from '../../core/store.ts'
import type { Limit } from '../common/limit.ts'
import { RECORD_COLUMNS, type SessionRow, valuesOf } from '../common/row.ts'

type Value = string | number | null
/** `ends_at`: when a row ends, whatever it is. `gone_until`: the same, but of tombstones only. */
type Column = (typeof RECORD_COLUMNS)[number] | 'recent' | 'gone' | 'gone_until' | 'ends_at'
type Cells = Record<Column, Value | { sql: string }>

export type MysqlRow = SessionRow & { recent: string }

/**
 * A write answers by its insert id: by `ANSWER` or one more where a row was there, else by the number that the sequence gave.
 * The count of affected rows would depend on the connection's flags.
 */
export const ANSWER = 2 ** 52

/** The server's own clock in UTC: no time zone, and no hour that comes twice. */
const SERVER_NOW = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"
/** The server gives up a little before the caller does: then the connection is still good, and nothing was done. */
const LIMIT_SHARE = 0.9
/** Too large for its type, whatever the SQL mode: such a statement fails as a whole. `seq` is 1 or more. */
const TOO_LARGE = '18446744073709551615'
const FAIL = `${TOO_LARGE} + seq`
/** 0, but known only when a row is there: what is constant may be worked out before. */
const NOTHING = '(seq < 0)'
/** How long a key, a version or a user's id may be: the longest by far is a user's id. */
const SHORT_OCTETS = 255
/** In `recent`, before each version; no version has one. */
const SEPARATOR = literal(',')

const NAMES = [...RECORD_COLUMNS, 'recent', 'gone', 'gone_until', 'ends_at'] as const
const names = (columns: readonly string[]) => columns.map(column => `\`${column}\``).join(', ')
/**
 * Texts as octets: what the connection's character set cannot say would come as a question mark. MariaDB adds whether the connection is inside
 * a transaction, and may see the past.
 */
const SELECTED = `${names([...RECORD_COLUMNS, 'gone', 'recent']).replace('`data`', 'CAST(`data` AS BINARY) AS `data`')}
  /*M!100100 , @@in_transaction AS in_transaction */`
const BURIED = "`user_key` = NULL, `user_id` = NULL, `version` = NULL, `data` = NULL, `meta` = NULL, `recent` = X''"

/**
 * What MysqlStore says to its server: SQL that MySQL and MariaDB both understand, in any SQL mode and with any character set.
 * Values are part of the text, as numbers and as X'…': neither can end early, and a statement needs no preparation on each connection.
 *
 * Assignments in UPDATE and ON DUPLICATE KEY UPDATE see what those to their left have done (in one of MariaDB's modes they do not):
 * so a column that decides is assigned after all that it decides on, and by a condition on itself alone.
 */
export function mysqlSql(table: string) {
  return {
    /** Asks whether the table is there, and whether each statement is a transaction of its own. */
    check: `SELECT @@autocommit AS autocommit, EXISTS (SELECT 1 FROM ${table}) AS used`,

    create(record: SessionRecord, clock: Clock, limit?: Limit): string {
      const cells = cellsOf(record)
      const there = `ends_at >= ${clock.now}`
      const done = `IF(${there}, gone IS NULL AND (version = ${literal(record.version)} OR ${had(record.version)}), 1)`
      const kept = (column: string) => `\`${column}\` = IF(${there}, \`${column}\`, VALUES(\`${column}\`))`
      return `${within(limit)} INSERT INTO ${table} (${names(NAMES)}) VALUES (${row(cells)})
        ON DUPLICATE KEY UPDATE seq = ${answer(done, `IF(${there}, seq, VALUES(seq))`, limit)}, ${NAMES.slice(1).map(kept).join(', ')}`
    },

    save(record: SessionRecord, expectedVersion: string, clock: Clock, limit?: Limit): string {
      const { key, user_key: _, recent: _recent, gone: _gone, gone_until: _until, ...cells } = cellsOf(record)
      const recent = `SUBSTRING_INDEX(CONCAT(${SEPARATOR}, version, recent), ${SEPARATOR}, ${RECENT_VERSIONS + 1})`
      const set = Object.entries(cells).map(([column, value]) => `\`${column}\` = ${literal(value)}`)
      return `${within(limit)} UPDATE ${table} SET recent = ${unlessLate(recent, limit)}, ${set.join(', ')}
        WHERE \`key\` = ${literal(key)} AND ends_at >= ${clock.now} AND version = ${literal(expectedVersion)}
          AND version <> ${literal(record.version)} AND ${had(record.version)} = 0`
    },

    /**
     * The row of the old key comes first. If it is as expected it becomes a tombstone, and says the password without which the new row is
     * not inserted; if there was none, or the new key is taken, all fails. (INSERT … SELECT would lock the table's sequence meanwhile.)
     */
    replace(oldKey: string, expectedVersion: string, record: SessionRecord, reason: GoneReason, clock: Clock, limit?: Limit): string {
      const password = ANSWER + Math.floor(Math.random() * ANSWER)
      const key = `IF(LAST_INSERT_ID() = ${password}, ${literal(record.key)}, ${TOO_LARGE} + (LAST_INSERT_ID() <> ${password}))`
      const expected = `gone IS NULL AND ends_at >= ${clock.now} AND version = ${literal(expectedVersion)}`
      const buried = `IF((${expected}) AND LAST_INSERT_ID(${password} + ${NOTHING}) > 0, VALUES(gone), ${FAIL})`
      const fresh = `IF(ends_at >= ${clock.now}, ${FAIL}, NULL)`
      const rest = ['seq', ...NAMES.filter(column => column !== 'key' && column !== 'gone')]
      return `${within(limit)} INSERT INTO ${table} (${names(NAMES)})
        VALUES (${row(tombstone(oldKey, reason, clock))}), (${row({ ...cellsOf(record), key: { sql: key } })})
        ON DUPLICATE KEY UPDATE gone = ${unlessLate(`IF(VALUES(gone) IS NULL, ${fresh}, ${buried})`, limit)},
          ${rest.map(column => `\`${column}\` = VALUES(\`${column}\`)`).join(', ')}`
    },

    touch(key: string, times: { touchedAt: number; expiresAt: number }, clock: Clock, limit?: Limit): string {
      const [touchedAt, expiresAt] = [literal(times.touchedAt), literal(times.expiresAt)]
      const end = `LEAST(${expiresAt}, ${touchedAt} + idle_ms, COALESCE(absolute_expires_at, ${expiresAt}))`
      const later = (column: string) => `IF(${touchedAt} >= touched_at, GREATEST(${column}, ${end}), ${column})`
      return `${within(limit)} UPDATE ${table} SET expires_at = ${answer('1', later('expires_at'), limit)}, ends_at = ${later('ends_at')},
          touched_at = GREATEST(touched_at, ${touchedAt})
        WHERE \`key\` = ${literal(key)} AND gone IS NULL AND ends_at >= ${clock.now}`
    },

    delete(key: string, reason: GoneReason, clock: Clock, limit?: Limit): string {
      const lived = `gone IS NULL AND ends_at >= ${clock.now}`
      const first = (column: string) => `IF(gone_until >= ${clock.now}, ${column}, VALUES(${column}))`
      return `${within(limit)} INSERT INTO ${table} (${names(NAMES)}) VALUES (${row(tombstone(key, reason, clock))})
        ON DUPLICATE KEY UPDATE gone = ${answer(lived, first('gone'), limit)}, ${BURIED},
          ends_at = ${first('ends_at')}, gone_until = ${first('gone_until')}`
    },

    find: (keys: readonly string[], clock: Clock, limit?: Limit) =>
      `${within(limit)} SELECT ${SELECTED} FROM ${table} WHERE \`key\` IN (${keys.map(literal).join(', ')}) AND ends_at >= ${clock.now}`,

    findLive: (keys: readonly string[], clock: Clock, limit?: Limit) =>
      `${within(limit)} SELECT \`key\` FROM ${table}
        WHERE \`key\` IN (${keys.map(literal).join(', ')}) AND gone IS NULL AND ends_at >= ${clock.now}`,

    listByUser: (userKey: string, clock: Clock, limit?: Limit) =>
      `${within(limit)} SELECT ${SELECTED} FROM ${table} WHERE user_key = ${literal(userKey)} AND ends_at >= ${clock.now} ORDER BY seq`,

    deleteByUser(userKey: string, except: string, reason: GoneReason, clock: Clock, limit?: Limit): string {
      const { gone, ends_at: until } = tombstone('', reason, clock)
      return `${within(limit)} UPDATE ${table} SET gone = ${unlessLate(literal(gone), limit)}, ${BURIED}, ends_at = ${literal(until)},
          gone_until = ${literal(until)}
        WHERE user_key = ${literal(userKey)} AND \`key\` <> ${literal(except)} AND ends_at >= ${clock.now}`
    },

    /** Of those who begin sessions of one user at once, one is let through at a time. No key of a session holds a colon. */
    queue(userKey: string, clock: Clock, limit?: Limit): string {
      const cells = tombstone(`user:${userKey}`, 'evicted', clock)
      return `${within(limit)} INSERT INTO ${table} (${names(NAMES)}) VALUES (${row(cells)})
        ON DUPLICATE KEY UPDATE ends_at = ${unlessLate('VALUES(ends_at)', limit)}, gone_until = VALUES(gone_until)`
    },

    /** Oldest first. To end some of them they must be locked: what is read without may have got a new id by then. */
    others: (userKey: string, key: string, locked: boolean, clock: Clock, limit?: Limit) =>
      `${within(limit)} SELECT \`key\` FROM ${table} WHERE user_key = ${literal(userKey)} AND user_id IS NOT NULL
        AND \`key\` <> ${literal(key)} AND ends_at >= ${clock.now} ORDER BY seq ${locked ? 'FOR UPDATE' : ''}`,

    evict(keys: readonly string[], clock: Clock, limit?: Limit): string {
      const { gone, ends_at: until } = tombstone('', 'evicted', clock)
      return `${within(limit)} UPDATE ${table} SET gone = ${literal(gone)}, ${BURIED}, ends_at = ${literal(until)}, gone_until = ${literal(until)}
        WHERE \`key\` IN (${keys.map(literal).join(', ')})`
    },

    list: (cursor: string, count: number, clock: Clock, limit?: Limit) =>
      `${within(limit)} SELECT ${SELECTED} FROM ${table} FORCE INDEX (PRIMARY)
        WHERE \`key\` > ${literal(cursor)} AND gone IS NULL AND ends_at >= ${clock.now} ORDER BY \`key\` LIMIT ${literal(count)}`,

    /** Keys first, by a read that locks nothing: so the statement after it locks those rows, and no gaps between them. */
    expired: (count: number, clock: Clock, limit?: Limit) =>
      `${within(limit)} SELECT \`key\` FROM ${table} WHERE ${over(clock)} ORDER BY ends_in LIMIT ${literal(count)}`,

    deleteExpired: (keys: readonly string[], clock: Clock, limit?: Limit) =>
      `${within(limit)} DELETE FROM ${table} WHERE \`key\` IN (${keys.map(literal).join(', ')}) AND ${over(clock)}`,

    // "ends_in" is the slot of ten minutes in which a row ends: it changes seldom, so that most writes touch no index; clean-up waits as
    // long anyway. No column is so short that a server that is not strict would cut what is put there.
    migrate: `
      CREATE TABLE IF NOT EXISTS ${table} (
        \`key\` VARBINARY(${SHORT_OCTETS}) NOT NULL PRIMARY KEY,
        user_key VARBINARY(${SHORT_OCTETS}),
        user_id VARBINARY(${SHORT_OCTETS}),
        version VARBINARY(${SHORT_OCTETS}),
        recent VARBINARY(${(SHORT_OCTETS + 1) * RECENT_VERSIONS}) NOT NULL,
        data LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
        created_at DOUBLE,
        authenticated_at DOUBLE,
        touched_at DOUBLE,
        idle_ms DOUBLE,
        expires_at DOUBLE,
        absolute_expires_at DOUBLE,
        max_age DOUBLE,
        meta LONGBLOB,
        gone VARBINARY(${SHORT_OCTETS}),
        gone_until DOUBLE,
        ends_at DOUBLE NOT NULL,
        ends_in BIGINT GENERATED ALWAYS AS (FLOOR(ends_at / ${CLEANUP_GRACE_MS})) STORED,
        seq BIGINT NOT NULL AUTO_INCREMENT,
        KEY (seq),
        KEY (user_key, seq),
        KEY (ends_in)
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
  }
}

/** What time it is, as SQL. */
export class Clock {
  readonly now: string

  /** `now`: by a clock that was given; else it is the server's. */
  constructor(now?: number) {
    this.now = now === undefined ? SERVER_NOW : literal(now)
  }
}

/** Whether a live record has this version, or had it a while ago: then that write has been done. */
export function hadVersion(found: MysqlRow | undefined, version: string): boolean {
  return found?.gone === null && (found.version === version || `${found.recent},`.includes(`,${version},`))
}

function cellsOf(record: SessionRecord): Cells {
  const values = valuesOf(record)
  for (const [n, column] of RECORD_COLUMNS.entries()) if (column !== 'data' && column !== 'meta') mustFit(values[n])
  const cells = Object.fromEntries(RECORD_COLUMNS.map((column, n) => [column, values[n]])) as Omit<Cells, 'recent'>
  const ends_at = Math.min(record.expiresAt, record.absoluteExpiresAt ?? record.expiresAt)
  return { ...cells, recent: '', gone: null, gone_until: null, ends_at }
}

function tombstone(key: string, reason: GoneReason, clock: Clock): Cells {
  mustFit(key)
  const until = { sql: `${clock.now} + ${tombstoneMs(reason)}` }
  const nothing = Object.fromEntries(RECORD_COLUMNS.map(column => [column, null])) as Omit<Cells, 'recent'>
  return { ...nothing, key, recent: '', gone: reason, gone_until: until, ends_at: until }
}

/** A server that is not strict would cut it, and one could become another. */
function mustFit(value: unknown): void {
  if (typeof value === 'string' && Buffer.byteLength(value) > SHORT_OCTETS) {
    throw new RangeError(`a key, a version and a user's id may have ${SHORT_OCTETS} octets`)
  }
}

function row(cells: Cells): string {
  return NAMES.map(column => literal(cells[column])).join(', ')
}

function literal(value: Value | { sql: string }): string {
  if (value === null) return 'NULL'
  if (typeof value === 'string') return `X'${Buffer.from(value).toString('hex')}'`
  if (typeof value === 'object') return value.sql
  if (Number.isFinite(value)) return String(value)
  throw new TypeError('a number must be finite')
}

function had(version: string): string {
  return `LOCATE(${literal(`,${version},`)}, CONCAT(recent, ${SEPARATOR}))`
}

function over(clock: Clock): string {
  const cut = `${clock.now} - ${CLEANUP_GRACE_MS}`
  return `ends_in <= FLOOR((${cut}) / ${CLEANUP_GRACE_MS}) AND ends_at < ${cut}`
}

/** The limit is sent along: MariaDB reads what is a comment to MySQL. */
function within(limit: Limit | undefined): string {
  return limit ? `/*M!100100 SET STATEMENT max_statement_time = ${((limit.left * LIMIT_SHARE) / 1000).toFixed(3)} FOR */` : ''
}

/** For the first value that is assigned. Where the server does not stop at the limit, a statement that got its lock too late fails there. */
function unlessLate(value: string, limit: Limit | undefined): string {
  return limit ? `IF(TIMESTAMPDIFF(MICROSECOND, NOW(6), SYSDATE(6)) > ${limit.left * 1000}, ${FAIL}, ${value})` : value
}

/** Likewise; on the way to its value the statement gets its answer, 0 or 1. */
function answer(done: string, value: string, limit: Limit | undefined): string {
  return unlessLate(`IF(LAST_INSERT_ID(${ANSWER} + (${done}) + ${NOTHING}) > 0, ${value}, NULL)`, limit)
}
