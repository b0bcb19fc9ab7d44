import { SessionStoreError } from '../core/errors.ts'
import { type Duration, mustBeFunction, mustBeKnown, mustBeName } from '../core/options.ts'
import { type Gone, type GoneReason, type SessionRecord, tombstoneMs } from '../core/record.ts'
import {
  type EndingsListener,
  type IndexedSessionStore,
  limitFor,
  type ReplaceResult,
  type SaveResult,
  type SessionPage,
  type Unwatch,
  type UserLimit,
} from '../core/store.ts'
import { Cleanup } from './common/cleanup.ts'
import { Limit } from './common/limit.ts'
import { foundIn, recordOf, type SessionRow, valuesOf } from './common/row.ts'
import { Subscription } from './common/subscription.ts'
import { inTime, PostgresConnections, type PostgresPool, type PostgresResult, type Send } from './postgres/connections.ts'
import { listen } from './postgres/push.ts'
import { beginFor, postgresSql, type Statement } from './postgres/sql.ts'

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
  readonly #table: string
  readonly #sql: ReturnType<typeof postgresSql>
  readonly #cleanup: Cleanup
  readonly #endings: Subscription
  #migrated = false
  #migrating: Promise<void> | undefined

  constructor(pool: PostgresPool, options: PostgresStoreOptions = {}) {
    mustBeKnown('PostgresStore', options, ['table', 'cleanupInterval', 'now'])
    const { table = 'holdfast_sessions', cleanupInterval = '5m', now } = options
    mustBeFunction('now', now)
    this.#connections = new PostgresConnections(pool)
    this.#now = now
    this.#table = quoted(table)
    this.#sql = postgresSql(this.#table)
    this.#cleanup = new Cleanup(cleanupInterval, limit => this.deleteExpired(limit, CLEANUP_LIMIT_MS))
    this.#endings = new Subscription(line => listen(pool, line))
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

  create(record: SessionRecord, timeoutMs?: number, users?: UserLimit): Promise<boolean | 'full'> {
    return within(timeoutMs, async limit => {
      const rows = await this.#begin(this.#sql.create, valuesOf(record), record, users, ([row]) => row !== undefined, limit)
      if (rows === 'full') return 'full'
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

  replace(
    oldKey: string,
    expectedVersion: string,
    record: SessionRecord,
    reason: GoneReason,
    timeoutMs?: number,
    users?: UserLimit,
  ): Promise<ReplaceResult> {
    const values = [...valuesOf(record), expectedVersion, oldKey, reason, tombstoneMs(reason)]
    return within(timeoutMs, async limit => {
      const rows = await this.#begin(this.#sql.replace, values, record, users, ([row]) => (row as Answer)?.done === true, limit)
      if (rows === 'full') return { status: 'full' }
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
        if (ended > 0) limit?.begun()
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

  /** By a connection of the pool, which it keeps meanwhile. Null where the pool has no other. */
  watch(listener: EndingsListener): Promise<Unwatch | null> {
    return this.#endings.watch(listener)
  }

  async findEnded(keys: readonly string[], timeoutMs?: number): Promise<string[]> {
    const { rows } = await within(timeoutMs, limit => this.#read(this.#sql.findEnded, [keys], limit))
    return (rows as Array<{ key: string }>).map(({ key }) => key)
  }

  /** Stops cleaning up and listening. The pool is the caller's. */
  async close(): Promise<void> {
    this.#cleanup.stop()
    await this.#endings.close()
  }

  /** Inserts a record by this statement, and keeps to the limit in the same step, where there is one. */
  async #begin(
    statement: Statement,
    values: unknown[],
    record: SessionRecord,
    users: UserLimit | undefined,
    done: (rows: unknown[]) => boolean,
    limit: Limit | undefined,
  ): Promise<unknown[] | 'full'> {
    const own = limitFor(record, users)
    if (!own) return (await this.#write(statement, values, limit)).rows
    this.#cleanup.start()
    await this.#ready(limit)
    const begin = () => beginFor(this.#table, own.userKey, this.#patience(limit))
    return this.#connections.together<unknown[] | 'full'>(
      begin,
      async send => {
        const { rows } = await send(statement, this.#values(values, limit))
        const stands = !done(rows) || (await this.#fits(send, own, record.key, limit))
        return { answer: stands ? rows : 'full', stands }
      },
      limit,
    )
  }

  /** Whether the session that was just inserted may stay; the oldest end, if that is the way. */
  async #fits(
    send: Send,
    { userKey, max, deny }: UserLimit & { userKey: string },
    key: string,
    limit: Limit | undefined,
  ): Promise<boolean> {
    if (deny) {
      const { rows } = await send(this.#sql.others, [this.#time(), userKey, key])
      return (rows[0] as { others: number }).others < max
    }
    for (;;) {
      const { rows } = await send(this.#sql.evict, this.#values([userKey, key, max, tombstoneMs('evicted')], limit))
      const { ended, seen } = rows[0] as { ended: number; seen: number }
      // One that ended otherwise, while the statement waited for it, may have got a new id: then there is one more to count.
      if (ended >= seen) return true
    }
  }

  /** Whether it is this very write that lies there already: looked at anew, for it may be younger than the last statement. */
  async #own({ key, version }: SessionRecord, limit: Limit | undefined): Promise<boolean> {
    const { rows } = await this.#read(this.#sql.own, [key, version], limit)
    return rows.length > 0
  }

  #write(statement: Statement, values: unknown[], limit: Limit | undefined): Promise<PostgresResult> {
    this.#cleanup.start()
    return this.#ask(statement, () => this.#values(values, limit), limit)
  }

  #values(values: unknown[], limit: Limit | undefined): unknown[] {
    return [this.#time(), this.#patience(limit), ...values]
  }

  #patience(limit: Limit | undefined): number | null {
    return limit ? Math.ceil(limit.left * LOCK_SHARE) : null
  }

  #read(statement: Statement, values: unknown[], limit: Limit | undefined): Promise<PostgresResult> {
    return this.#ask(statement, () => [this.#time(), ...values], limit)
  }

  async #ask(statement: Statement, values: () => unknown[], limit: Limit | undefined): Promise<PostgresResult> {
    await this.#ready(limit)
    return this.#connections.run(statement, values, limit)
  }

  async #ready(limit: Limit | undefined): Promise<void> {
    while (!this.#migrated) await this.#migrateWithOthers(limit)
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
