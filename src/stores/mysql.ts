import { type Duration, mustBeFunction, mustBeKnown, mustBeName } from '../core/options.ts'
import type { Gone, GoneReason, SessionRecord } from '../core/record.ts'
import { type IndexedSessionStore, limitFor, type ReplaceResult, type SaveResult, type SessionPage, type UserLimit } from '../core/store.ts'
import { Cleanup } from './common/cleanup.ts'
import { Limit } from './common/limit.ts'
import { foundIn, recordOf } from './common/row.ts'
import { errnoOf, inTime, MysqlClient, type MysqlPool, NO_SUCH_TABLE, OUT_OF_RANGE, type Send, type Written } from './mysql/client.ts'
import { ANSWER, Clock, hadVersion, type MysqlRow, mysqlSql } from './mysql/sql.ts'

export type { MysqlConnection, MysqlPool, MysqlQuery } from './mysql/client.ts'

export interface MysqlStoreOptions {
  /** The table, also `database.table`. Default `holdfast_sessions`. */
  table?: string | undefined
  /** How often what has ended is removed; `false`: never, the app calls `deleteExpired` itself. Default `'5m'`. */
  cleanupInterval?: Duration | false | undefined
  /** The clock, in ms since the epoch. Default: the server's; for tests. */
  now?: (() => number) | undefined
}

const CLEANUP_LIMIT_MS = 60_000
const CLEANUP_BATCH = 500
const ATTEMPTS = 10

/**
 * Sessions in MySQL 8 or MariaDB (10.6 or later), one statement an operation. It is as durable as the server: with
 * `innodb_flush_log_at_trx_commit = 1`, the default, what was acknowledged survives a crash. Its table is made at the first use.
 *
 * @example
 * const sessions = createSessions({ keys, store: new MysqlStore(createPool({ uri })) })
 */
export class MysqlStore implements IndexedSessionStore {
  readonly #client: MysqlClient
  readonly #now: (() => number) | undefined
  readonly #sql: ReturnType<typeof mysqlSql>
  readonly #cleanup: Cleanup
  #migrated: Promise<void> | undefined

  /** `pool`: of `mysql2/promise`; one of `mysql2` itself is used by its `promise()`. */
  constructor(pool: MysqlPool | { promise(): MysqlPool }, options: MysqlStoreOptions = {}) {
    mustBeKnown('MysqlStore', options, ['table', 'cleanupInterval', 'now'])
    const { table = 'holdfast_sessions', cleanupInterval = '5m', now } = options
    mustBeFunction('now', now)
    this.#client = new MysqlClient(pool)
    this.#now = now
    this.#sql = mysqlSql(quoted(table))
    this.#cleanup = new Cleanup(cleanupInterval, limit => this.deleteExpired(limit, CLEANUP_LIMIT_MS))
  }

  /** Makes the table unless it is there. Any number of processes may call it at once; the first call of any other method does. */
  migrate(timeoutMs?: number): Promise<void> {
    this.#migrated ??= within(timeoutMs, limit => this.#migrate(limit)).catch((error: unknown) => {
      this.#migrated = undefined
      throw error
    })
    return this.#migrated
  }

  async load(key: string, timeoutMs?: number): Promise<SessionRecord | Gone | null> {
    const [row] = await this.#ready(timeoutMs, limit => this.#find([key], limit))
    return foundIn(row)
  }

  create(record: SessionRecord, timeoutMs?: number, users?: UserLimit): Promise<boolean | 'full'> {
    return this.#ready(timeoutMs, async limit => {
      const build = (left?: Limit) => this.#sql.create(record, this.#clock(), left)
      const written = await this.#begin(build, record, users, limit)
      if (written === 'full') return hadVersion((await this.#find([record.key], limit))[0], record.version) || 'full'
      return Number(written.insertId) !== ANSWER
    })
  }

  save(record: SessionRecord, expectedVersion: string, timeoutMs?: number): Promise<SaveResult> {
    return this.#settled<SaveResult>(timeoutMs, async limit => {
      const { affectedRows } = await this.#write(left => this.#sql.save(record, expectedVersion, this.#clock(), left), limit)
      if (affectedRows > 0) return { status: 'saved' }
      const [found] = await this.#find([record.key], limit)
      if (found?.gone !== null) return { status: 'missing' }
      if (hadVersion(found, record.version)) return { status: 'saved' }
      return found.version === expectedVersion ? undefined : { status: 'conflict', current: recordOf(found) }
    })
  }

  replace(
    oldKey: string,
    expectedVersion: string,
    record: SessionRecord,
    reason: GoneReason,
    timeoutMs?: number,
    users?: UserLimit,
  ): Promise<ReplaceResult> {
    const build = (left?: Limit) => this.#sql.replace(oldKey, expectedVersion, record, reason, this.#clock(), left)
    return this.#settled<ReplaceResult>(timeoutMs, async limit => {
      const written = await this.#begin(build, record, users, limit).catch(isRefused)
      if (written) return { status: written === 'full' ? 'full' : 'replaced' }
      const rows = await this.#find([oldKey, record.key], limit)
      const [found, other] = [oldKey, record.key].map(key => rows.find(row => row.key === key))
      if (found?.gone !== null) return { status: hadVersion(other, record.version) ? 'replaced' : 'missing' }
      if (found.version !== expectedVersion) return { status: 'conflict', current: recordOf(found) }
      return other && { status: 'denied' }
    })
  }

  touch(key: string, times: { touchedAt: number; expiresAt: number }, timeoutMs?: number): Promise<boolean> {
    return this.#ready(timeoutMs, async limit => {
      const { insertId } = await this.#write(left => this.#sql.touch(key, times, this.#clock(), left), limit)
      return Number(insertId) > ANSWER
    })
  }

  delete(key: string, reason: GoneReason, timeoutMs?: number): Promise<boolean> {
    return this.#ready(timeoutMs, async limit => {
      const { insertId } = await this.#write(left => this.#sql.delete(key, reason, this.#clock(), left), limit)
      return Number(insertId) > ANSWER
    })
  }

  listByUser(userKey: string, timeoutMs?: number): Promise<SessionRecord[]> {
    return this.#ready(timeoutMs, async limit => {
      const rows = await this.#client.rows<MysqlRow>(left => this.#sql.listByUser(userKey, this.#clock(), left), limit)
      return rows.map(recordOf)
    })
  }

  deleteByUser(userKey: string, options: { except?: string; reason?: GoneReason } = {}, timeoutMs?: number): Promise<number> {
    const { except = '', reason = 'revoked' } = options
    return this.#ready(timeoutMs, async limit => {
      const build = (left?: Limit) => this.#sql.deleteByUser(userKey, except, reason, this.#clock(), left)
      return (await this.#write(build, limit)).affectedRows
    })
  }

  list(options: { cursor?: string; limit?: number } = {}, timeoutMs?: number): Promise<SessionPage> {
    const { cursor = '', limit: count = 100 } = options
    return this.#ready(timeoutMs, async limit => {
      const rows = await this.#client.rows<MysqlRow>(left => this.#sql.list(cursor, count, this.#clock(), left), limit)
      return { records: rows.map(recordOf), cursor: rows.length < count ? null : (rows.at(-1)?.key ?? null) }
    })
  }

  deleteExpired(limit: number, timeoutMs?: number): Promise<number> {
    return this.#ready(timeoutMs, async time => {
      for (let removed = 0; ; ) {
        const batch = Math.min(CLEANUP_BATCH, limit - removed)
        const rows = await this.#client.rows<{ key: string }>(left => this.#sql.expired(batch, this.#clock(), left), time)
        if (rows.length === 0) return removed
        const keys = rows.map(({ key }) => key)
        removed += (await this.#client.write(left => this.#sql.deleteExpired(keys, this.#clock(), left), time)).affectedRows
        if (rows.length < batch || removed >= limit) return removed
      }
    })
  }

  async findEnded(keys: readonly string[], timeoutMs?: number): Promise<string[]> {
    if (keys.length === 0) return []
    return this.#ready(timeoutMs, async limit => {
      const rows = await this.#client.rows<{ key: string }>(left => this.#sql.findLive(keys, this.#clock(), left), limit)
      const live = new Set(rows.map(({ key }) => key))
      return keys.filter(key => !live.has(key))
    })
  }

  /** Stops cleaning up. The pool is the caller's. */
  async close(): Promise<void> {
    this.#cleanup.stop()
  }

  async #migrate(limit?: Limit): Promise<void> {
    const check = () => this.#client.rows<{ autocommit: string }>(() => this.#sql.check, limit)
    const [row] = await check().catch(async error => {
      if (errnoOf(error) !== NO_SUCH_TABLE) throw error
      await this.#client.write(() => this.#sql.migrate, limit)
      return check()
    })
    if (row?.autocommit !== '1') throw new Error('MysqlStore needs connections with autocommit on')
  }

  #clock(): Clock {
    return new Clock(this.#now?.())
  }

  #find(keys: string[], limit?: Limit): Promise<MysqlRow[]> {
    return this.#client.rows(left => this.#sql.find(keys, this.#clock(), left), limit)
  }

  #write(build: (limit?: Limit) => string, limit?: Limit): Promise<Written> {
    this.#cleanup.start()
    return this.#client.write(build, limit)
  }

  /** Inserts a record by this statement, and keeps to the limit in the same step, where there is one. */
  async #begin(
    build: (left?: Limit) => string,
    record: SessionRecord,
    users: UserLimit | undefined,
    limit?: Limit,
  ): Promise<Written | 'full'> {
    const own = limitFor(record, users)
    if (!own) return this.#write(build, limit)
    this.#cleanup.start()
    return this.#client.together<Written | 'full'>(async send => {
      await send(this.#sql.queue(own.userKey, this.#clock(), limit))
      const written = await send<Written>(build(limit))
      // What was refused has changed nothing, and there is nobody to count.
      const stands = Number(written.insertId) === ANSWER || (await this.#fits(send, own, record.key, limit))
      return { answer: stands ? written : 'full', stands }
    }, limit)
  }

  /** Whether the session that was just inserted may stay; the oldest end, if that is the way. */
  async #fits(send: Send, { userKey, max, deny }: UserLimit & { userKey: string }, key: string, limit?: Limit): Promise<boolean> {
    const others = await send<Array<{ key: string }>>(this.#sql.others(userKey, key, !deny, this.#clock(), limit))
    const surplus = others.slice(0, Math.max(0, others.length + 1 - max))
    if (deny || surplus.length === 0) return surplus.length === 0
    const keys = surplus.map(one => one.key)
    await send(this.#sql.evict(keys, this.#clock(), limit))
    return true
  }

  #ready<T>(timeoutMs: number | undefined, act: (limit?: Limit) => Promise<T>): Promise<T> {
    return within(timeoutMs, async limit => {
      await inTime(this.migrate(timeoutMs), limit)
      return act(limit)
    })
  }

  /** Acts until there is an answer. There is none when the record became what the first statement had looked for before the second. */
  #settled<T>(timeoutMs: number | undefined, act: (limit?: Limit) => Promise<T | undefined>): Promise<T> {
    return this.#ready(timeoutMs, async limit => {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const answer = await act(limit)
        if (answer !== undefined) return answer
      }
      throw new Error('the record has changed between each two statements')
    })
  }
}

async function within<T>(timeoutMs: number | undefined, act: (limit?: Limit) => Promise<T>): Promise<T> {
  const limit = timeoutMs === undefined ? undefined : new Limit(timeoutMs)
  try {
    return await act(limit)
  } finally {
    limit?.clear()
  }
}

/** Something was not as expected: the statement has failed as a whole. */
function isRefused(error: unknown): false {
  if (errnoOf(error) === OUT_OF_RANGE) return false
  throw error
}

/** A table's name for SQL, also `database.table`. */
function quoted(table: string): string {
  mustBeName('table', table)
  const parts = table.split('.')
  if (parts.length > 2 || parts.includes('')) throw new TypeError('table must be a name or database.name')
  return parts.map(part => `\`${part}\``).join('.')
}
