import { SessionStoreError } from '../core/errors.ts'
import { type Duration, mustBeFunction, mustBeKnown, mustBeName } from '../core/options.ts'
import { type Gone, type GoneReason, type SessionRecord, tombstoneMs } from '../core/record.ts'
import type { IndexedSessionStore, ReplaceResult, SaveResult, SessionPage } from '../core/store.ts'
import { Cleanup } from './common/cleanup.ts'
import { Limit } from './common/limit.ts'
import { foundIn, recordOf, type SessionRow, valuesOf } from './common/row.ts'
import { inTime, PostgresConnections, type PostgresPool, type PostgresResult } from './postgres/connections.ts'
import { postgresSql, type Statement } from './postgres/sql.ts'

export type { PostgresClient, PostgresPool } from './postgres/connections.ts'

export interface PostgresStoreOptions {
  /** The table, also `schema.table`. Default `holdfast_sessions`. */
  table?: string | undefined
  /** How often what has ended is removed; `false`: never, the app calls `deleteExpired` itself. Default `'5m'`. */
  cleanupInterval?: Duration | false | undefined
  /** The clock, in ms since the epoch. Default: the server's; for tests. */
  now?: (() => number) | undefined
}

/** The answer of a statement that has done what was asked, or else gives the row that was in the way. */
type Answer = (SessionRow & { done: boolean }) | undefined

const CLEANUP_LIMIT_MS = 60_000
/** The server gives up waiting for a lock a little before the caller does: then the caller is told why. */
const LOCK_SHARE = 0.9

/**
 * Sessions in PostgreSQL (12 or later), one statement an operation. It is as durable as the server: with `fsync` and
 * `synchronous_commit` on, PostgreSQL's defaults, what was acknowledged survives a crash. Its table is made at the first use.
 *
 * @example
 * const sessions = createSessions({ keys, store: new PostgresStore(new Pool({ connectionString })) })
 */
export class PostgresStore implements IndexedSessionStore {
  readonly #connections: PostgresConnections
  readonly #now: (() => number) | undefined
  readonly #sql: ReturnType<typeof postgresSql>
  readonly #cleanup: Cleanup
  #migrated = false
  #migrating: Promise<void> | undefined

  constructor(pool: PostgresPool, options: PostgresStoreOptions = {}) {
    mustBeKnown('PostgresStore', options, ['table', 'cleanupInterval', 'now'])
    const { table = 'holdfast_sessions', cleanupInterval = '5m', now } = options
    mustBeFunction('now', now)
    this.#connections = new PostgresConnections(pool)
    this.#now = now
    this.#sql = postgresSql(quoted(table))
    this.#cleanup = new Cleanup(cleanupInterval, limit => this.deleteExpired(limit, CLEANUP_LIMIT_MS))
  }

  /** Makes the table unless it is there; the first use does, too. Any number of processes may call it at once. */
  async migrate(timeoutMs?: number): Promise<void> {
    await within(timeoutMs, limit => this.#connections.run(this.#sql.migrate, () => [], limit))
    this.#migrated = true
  }

  async load(key: string, timeoutMs?: number): Promise<SessionRecord | Gone | null> {
    const { rows } = await within(timeoutMs, limit => this.#read(this.#sql.load, [key], limit))
    return foundIn(rows[0] as SessionRow | undefined)
  }

  create(record: SessionRecord, timeoutMs?: number): Promise<boolean> {
    return within(timeoutMs, async limit => {
      const { rows } = await this.#write(this.#sql.create, valuesOf(record), limit)
      return rows.length > 0 || this.#own(record, limit)
    })
  }

  async save(record: SessionRecord, expectedVersion: string, timeoutMs?: number): Promise<SaveResult> {
    const [key, , ...values] = valuesOf(record)
    const { rows } = await within(timeoutMs, limit => this.#write(this.#sql.save, [key, ...values, expectedVersion], limit))
    const answer = rows[0] as Answer
    if (!answer) return { status: 'missing' }
    return answer.done ? { status: 'saved' } : { status: 'conflict', current: recordOf(answer) }
  }

  replace(oldKey: string, expectedVersion: string, record: SessionRecord, reason: GoneReason, timeoutMs?: number): Promise<ReplaceResult> {
    const values = [...valuesOf(record), expectedVersion, oldKey, reason, tombstoneMs(reason)]
    return within(timeoutMs, async limit => {
      const { rows } = await this.#write(this.#sql.replace, values, limit)
      const answer = rows[0] as Answer
      if (answer?.done || (!answer && (await this.#own(record, limit)))) return { status: 'replaced' }
      if (!answer) return { status: 'missing' }
      return answer.version === expectedVersion ? { status: 'denied' } : { status: 'conflict', current: recordOf(answer) }
    })
  }

  async touch(key: string, { touchedAt, expiresAt }: { touchedAt: number; expiresAt: number }, timeoutMs?: number): Promise<boolean> {
    const { rowCount } = await within(timeoutMs, limit => this.#write(this.#sql.touch, [key, touchedAt, expiresAt], limit))
    return rowCount === 1
  }

  async delete(key: string, reason: GoneReason, timeoutMs?: number): Promise<boolean> {
    const { rows } = await within(timeoutMs, limit => this.#write(this.#sql.delete, [key, reason, tombstoneMs(reason)], limit))
    return (rows[0] as Answer)?.done === true
  }

  async listByUser(userKey: string, timeoutMs?: number): Promise<SessionRecord[]> {
    const { rows } = await within(timeoutMs, limit => this.#read(this.#sql.listByUser, [userKey], limit))
    return (rows as SessionRow[]).map(recordOf)
  }

  deleteByUser(userKey: string, options: { except?: string; reason?: GoneReason } = {}, timeoutMs?: number): Promise<number> {
    const { except = '', reason = 'revoked' } = options
    return within(timeoutMs, async limit => {
      for (let sum = 0; ; ) {
        const { rows } = await this.#write(this.#sql.deleteByUser, [userKey, except, reason, tombstoneMs(reason)], limit)
        const { ended, seen } = rows[0] as { ended: number; seen: number }
        sum += ended
        // What was there when the statement began, and ended while it waited, may have been replaced by what it does not see.
        if (ended >= seen) return sum
      }
    })
  }

  async list({ cursor = '', limit: count = 100 }: { cursor?: string; limit?: number } = {}, timeoutMs?: number): Promise<SessionPage> {
    const { rows } = await within(timeoutMs, limit => this.#read(this.#sql.list, [cursor, count], limit))
    const records = (rows as SessionRow[]).map(recordOf)
    return { records, cursor: records.length < count ? null : (records.at(-1)?.key ?? null) }
  }

  async deleteExpired(count: number, timeoutMs?: number): Promise<number> {
    const { rowCount } = await within(timeoutMs, limit => this.#read(this.#sql.deleteExpired, [count], limit))
    return rowCount ?? 0
  }

  /** Stops cleaning up. The pool is the caller's. */
  async close(): Promise<void> {
    this.#cleanup.stop()
  }

  /** Whether it is this very write that lies there already: looked at anew, for it may be younger than the last statement. */
  async #own({ key, version }: SessionRecord, limit: Limit | undefined): Promise<boolean> {
    const { rows } = await this.#read(this.#sql.own, [key, version], limit)
    return rows.length > 0
  }

  #write(statement: Statement, values: unknown[], limit: Limit | undefined): Promise<PostgresResult> {
    this.#cleanup.start()
    return this.#ask(statement, () => [this.#time(), limit ? Math.ceil(limit.left * LOCK_SHARE) : null, ...values], limit)
  }

  #read(statement: Statement, values: unknown[], limit: Limit | undefined): Promise<PostgresResult> {
    return this.#ask(statement, () => [this.#time(), ...values], limit)
  }

  async #ask(statement: Statement, values: () => unknown[], limit: Limit | undefined): Promise<PostgresResult> {
    while (!this.#migrated) await this.#migrateWithOthers(limit)
    return this.#connections.run(statement, values, limit)
  }

  /** One attempt for all calls that wait for it. Where only its own caller's time was up, the others go on. */
  async #migrateWithOthers(limit: Limit | undefined): Promise<void> {
    const mine = !this.#migrating
    this.#migrating ??= this.migrate(limit?.left).finally(() => {
      this.#migrating = undefined
    })
    try {
      await inTime(this.#migrating, limit)
    } catch (error) {
      if (!(error instanceof SessionStoreError)) throw error
      if (limit && (mine || limit.passed)) throw limit.error('not-applied')
    }
  }

  /** NULL: the server's. */
  #time(): number | null {
    return this.#now?.() ?? null
  }
}

async function within<T>(timeoutMs: number | undefined, act: (limit: Limit | undefined) => Promise<T>): Promise<T> {
  if (timeoutMs === undefined) return act(undefined)
  const limit = new Limit(timeoutMs)
  try {
    return await act(limit)
  } finally {
    limit.clear()
  }
}

/** A table's name for SQL, also `schema.table`. */
function quoted(table: string): string {
  mustBeName('table', table)
  const parts = table.split('.')
  // PostgreSQL would cut a longer name, and two tables could become one.
  if (parts.length > 2 || parts.some(part => part === '' || part.length > 63)) {
    throw new TypeError('table must be a name or schema.name, of 1 to 63 characters each')
  }
  return parts.map(part => `"${part}"`).join('.')
}
