import { setTimeout as pause } from 'node:timers/promises'
import { SessionStoreError } from '../core/errors.ts'
import { type Duration, mustBeFunction, mustBeKnown, mustBeName } from '../core/options.ts'
import { type Gone, type GoneReason, type SessionRecord, tombstoneMs } from '../core/record.ts'
import {
  CLEANUP_GRACE_MS,
  type IndexedSessionStore,
  limitFor,
  type ReplaceResult,
  type SaveResult,
  type SessionPage,
  type UserLimit,
} from '../core/store.ts'
import { Cleanup } from './common/cleanup.ts'
import { foundIn, recordOf } from './common/row.ts'
import { columnsOf, hadVersion, isLive, type Parameters, type Row, statements } from './sqlite/sql.ts'

/** What better-sqlite3, `libsql` and `node:sqlite` have in common, and how each says how it is. */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement
  exec(sql: string): unknown
  readonly open?: unknown
  readonly inTransaction?: boolean
  readonly isTransaction?: boolean
}

export interface SqliteStatement {
  all(parameters: Parameters): unknown[]
  setReadBigInts?(enabled: boolean): void
}

export interface SqliteStoreOptions {
  /** The table's name; SQLite does not tell capitals from small letters in it. Default `holdfast_sessions`. */
  table?: string | undefined
  /** How often what has ended is removed; `false`: never, the app calls `deleteExpired`. Default 5 minutes. */
  cleanupInterval?: Duration | false | undefined
  /** The clock, in ms since the epoch. Default: the store's own; for tests. */
  now?: (() => number) | undefined
}

const WRONG_HANDLE = 'SqliteStore: database must be a handle of better-sqlite3, libsql or node:sqlite (Node 22.16 or newer)'
const SQLITE_BUSY = 5
const DEFAULT_TIMEOUT_MS = 5000
const MAX_PAUSE_MS = 20
/** What is removed in one go: each statement blocks this process, and the others' writes. */
const BATCH = 100

/**
 * Sessions in a table of a SQLite database, for one or several processes on one machine. The handle comes from better-sqlite3,
 * `libsql` or `node:sqlite` (Node 22.16 or newer), best one of the store's own: while the app is in a transaction every call waits.
 * `migrate()`, which the first call runs, switches to WAL and to `synchronous = FULL`: what was acknowledged survives a power cut.
 *
 * @example
 * const store = new SqliteStore(new Database('sessions.db'))
 */
export class SqliteStore implements IndexedSessionStore {
  readonly #database: SqliteDatabase
  readonly #sql: ReturnType<typeof statements>
  readonly #prepared = new Map<string, SqliteStatement>()
  readonly #cleanup: Cleanup
  readonly #now: () => number
  #migrated: Promise<null> | undefined
  /** Whether SQLite itself would wait for locks on this handle, and block the process (better-sqlite3: for 5 s, unless told otherwise). */
  #blocks = true

  constructor(database: SqliteDatabase, options: SqliteStoreOptions = {}) {
    mustBeHandle(database)
    mustBeKnown('SqliteStore', options, ['table', 'cleanupInterval', 'now'])
    const { table = 'holdfast_sessions', cleanupInterval = '5m', now = () => Date.now() } = options
    mustBeName('table', table)
    mustBeFunction('now', now)
    this.#database = database
    this.#sql = statements(table)
    this.#cleanup = new Cleanup(cleanupInterval, limit => this.deleteExpired(limit))
    this.#now = now
  }

  /** Makes the table unless it is there, and the settings durable. Pragmas that the app sets after it stay as they are. */
  async migrate(timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<void> {
    this.#migrated ??= this.#patiently(performance.now() + timeoutMs, () => this.#setUp())
    try {
      await this.#migrated
    } catch (error) {
      this.#migrated = undefined
      throw error
    }
  }

  load(key: string, timeoutMs?: number): Promise<SessionRecord | Gone | null> {
    return this.#run(timeoutMs, now => foundIn(this.#find(key, now)))
  }

  create(record: SessionRecord, timeoutMs?: number, limit?: UserLimit): Promise<boolean | 'full'> {
    return this.#write(timeoutMs, now => {
      const begun = this.#within(limit, record, now, () => this.#all(this.#sql.create, { ...columnsOf(record), now }).length > 0)
      return begun || hadVersion(this.#find(record.key, now), record.version)
    })
  }

  save(record: SessionRecord, expectedVersion: string, timeoutMs?: number): Promise<SaveResult> {
    const { user_key: _, ...columns } = columnsOf(record)
    return this.#write(timeoutMs, now => {
      if (this.#all(this.#sql.save, { ...columns, expected: expectedVersion, now }).length > 0) return { status: 'saved' }
      const found = this.#find(record.key, now)
      if (!isLive(found)) return { status: 'missing' }
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
    limit?: UserLimit,
  ): Promise<ReplaceResult> {
    return this.#write(timeoutMs, now => {
      const tombstone = { old_key: oldKey, expected: expectedVersion, reason, until: now + tombstoneMs(reason) }
      const replace = () => this.#all(this.#sql.replace, { ...columnsOf(record), ...tombstone, now }).length > 0
      const begun = this.#within(limit, record, now, replace)
      if (begun) return { status: begun === 'full' ? 'full' : 'replaced' }
      const found = this.#find(oldKey, now)
      const taken = this.#find(record.key, now)
      if (!isLive(found)) return { status: hadVersion(taken, record.version) ? 'replaced' : 'missing' }
      if (found.version !== expectedVersion) return { status: 'conflict', current: recordOf(found) }
      return taken && { status: 'denied' }
    })
  }

  touch(key: string, { touchedAt, expiresAt }: { touchedAt: number; expiresAt: number }, timeoutMs?: number): Promise<boolean> {
    const times = { touched_at: touchedAt, expires_at: expiresAt }
    return this.#write(timeoutMs, now => this.#all(this.#sql.touch, { key, ...times, now }).length > 0)
  }

  delete(key: string, reason: GoneReason, timeoutMs?: number): Promise<boolean> {
    return this.#write(timeoutMs, now => {
      const [buried] = this.#all<{ lived: unknown }>(this.#sql.delete, { key, reason, until: now + tombstoneMs(reason), now })
      return Number(buried?.lived) === 1
    })
  }

  listByUser(userKey: string, timeoutMs?: number): Promise<SessionRecord[]> {
    return this.#run(timeoutMs, now => this.#all<Row>(this.#sql.listByUser, { user_key: userKey, now }).map(recordOf))
  }

  deleteByUser(userKey: string, options: { except?: string; reason?: GoneReason } = {}, timeoutMs?: number): Promise<number> {
    const { except = '', reason = 'revoked' } = options
    return this.#write(timeoutMs, now => {
      return this.#all(this.#sql.deleteByUser, { user_key: userKey, except, reason, until: now + tombstoneMs(reason), now }).length
    })
  }

  list({ cursor = '0', limit = 100 }: { cursor?: string; limit?: number } = {}, timeoutMs?: number): Promise<SessionPage> {
    return this.#run(timeoutMs, now => {
      const rows = this.#all<Row>(this.#sql.list, { seq: Number(cursor), limit, now })
      const last = rows.length < limit ? undefined : rows.at(-1)
      return { records: rows.map(recordOf), cursor: last ? String(last.seq) : null }
    })
  }

  async deleteExpired(limit: number, timeoutMs?: number): Promise<number> {
    for (let removed = 0; ; await pause(0)) {
      const batch = Math.max(0, Math.min(BATCH, limit - removed))
      const remove = (now: number) => this.#all(this.#sql.deleteExpired, { before: now - CLEANUP_GRACE_MS, limit: batch }).length
      const count = await this.#run(timeoutMs, now => this.#inTransaction(() => remove(now)))
      removed += count
      if (count < batch || removed >= limit) return removed
    }
  }

  async findEnded(keys: readonly string[], timeoutMs?: number): Promise<string[]> {
    const find = (now: number) => this.#all<{ key: string }>(this.#sql.findLive, { keys: JSON.stringify(keys), now })
    const live = new Set((await this.#run(timeoutMs, find)).map(({ key }) => key))
    return keys.filter(key => !live.has(key))
  }

  /** Stops the clean-up. The handle stays open: it is the caller's. */
  async close(): Promise<void> {
    this.#cleanup.stop()
    this.#prepared.clear()
  }

  /** Inserts, and then sees whether there are too many. False: it was not inserted, and nothing has changed. In a transaction. */
  #within(limit: UserLimit | undefined, record: SessionRecord, now: number, insert: () => boolean): boolean | 'full' {
    const inserted = insert()
    const own = limitFor(record, limit)
    if (!own || !inserted) return inserted
    const others = { user_key: own.userKey, key: record.key, now }
    const surplus = Number(this.#all<{ count: unknown }>(this.#sql.others, others)[0]?.count) + 1 - own.max
    if (surplus <= 0) return true
    if (!own.deny) {
      this.#all(this.#sql.evict, { ...others, reason: 'evicted', until: now + tombstoneMs('evicted'), count: surplus })
      return true
    }
    this.#database.exec(this.#sql.rollback)
    this.#database.exec(this.#sql.begin)
    return 'full'
  }

  #write<T>(timeoutMs: number | undefined, work: (now: number) => T | undefined): Promise<T> {
    this.#cleanup.start()
    return this.#run(timeoutMs, now => this.#inTransaction(() => work(now)))
  }

  /**
   * Of all that happens in it others see nothing, or all. It begins as a writer, so that the lock of another process is met there and
   * nowhere else: libsql leaves a statement that has met one unfinished, which holds the writes after it back, and takes them with it.
   */
  #inTransaction<T>(work: () => T): T {
    this.#database.exec(this.#sql.begin)
    try {
      const result = work()
      this.#database.exec(this.#sql.commit)
      return result
    } catch (error) {
      // What has failed so that SQLite has rolled it back itself is over already.
      if (this.#database.inTransaction ?? this.#database.isTransaction) this.#database.exec(this.#sql.rollback)
      throw error
    }
  }

  async #run<T>(timeoutMs: number = DEFAULT_TIMEOUT_MS, work: (now: number) => T | undefined): Promise<T> {
    const end = performance.now() + timeoutMs
    await this.migrate(timeoutMs)
    return this.#patiently(end, () => work(this.#now()))
  }

  /** Waits for locks by a timer, so that other requests go on meanwhile. Once the time is up nothing is carried out any more. */
  async #patiently<T>(end: number, work: () => T | undefined): Promise<T> {
    let cause: unknown
    for (let attempt = 0; performance.now() <= end; attempt++) {
      if (this.#database.open === false) throw new Error('the SQLite handle is not open') // libsql would end the process
      if (this.#database.inTransaction ?? this.#database.isTransaction) {
        cause = new Error('the handle is in a transaction of the app: give SqliteStore a handle of its own')
      } else {
        try {
          const result = this.#atOnce(work)
          if (result !== undefined) return result
        } catch (error) {
          if (!isBusy(error)) throw error
          cause = error
        }
      }
      await pause(1 + Math.random() * Math.min(2 ** attempt, MAX_PAUSE_MS))
    }
    throw new SessionStoreError('get its turn at the SQLite database in time', { cause, outcome: 'not-applied' })
  }

  /** Without SQLite's own waiting, which is off for this moment only: the app's statements keep it. */
  #atOnce<T>(work: () => T): T {
    if (!this.#blocks) return work()
    const timeout = this.#pragma('busy_timeout')
    this.#database.exec('PRAGMA busy_timeout = 0')
    try {
      return work()
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${timeout}`)
      this.#blocks = timeout !== '0'
    }
  }

  #setUp(): null {
    // Another journal than the default was somebody's choice. So was no synchronous writing at all, or more of it than FULL; but NORMAL
    // is what better-sqlite3 itself turns FULL into, once it has read that the journal is a WAL.
    if (this.#pragma('journal_mode') === 'delete') this.#pragma('journal_mode = WAL')
    if (/^[12]$/.test(this.#pragma('synchronous'))) this.#database.exec('PRAGMA synchronous = FULL')
    for (const sql of this.#sql.schema) this.#database.exec(sql)
    return null
  }

  #pragma(text: string): string {
    return String(Object.values(this.#prepare(`PRAGMA ${text}`).all({})[0] as object)[0])
  }

  #find(key: string, now: number): Row | undefined {
    return this.#all<Row>(this.#sql.find, { key, now })[0]
  }

  /** `all` for one row too: the drivers' `get` stops at the row, and never learns that the commit after it has failed. */
  #all<T = unknown>(sql: string, parameters: Parameters): T[] {
    const statement = this.#prepared.get(sql) ?? this.#prepare(sql)
    this.#prepared.set(sql, statement)
    return statement.all(parameters) as T[]
  }

  #prepare(sql: string): SqliteStatement {
    const statement = this.#database.prepare(sql)
    if (typeof statement.all !== 'function') throw new TypeError(WRONG_HANDLE) // a promise, from libsql/promise
    statement.setReadBigInts?.(true) // numbers from 2^53 on are an error otherwise
    return statement
  }
}

function mustBeHandle(database: unknown): void {
  const handle = (typeof database === 'object' && database) || {}
  const has = (name: string) => typeof (handle as Record<string, unknown>)[name] === 'function'
  if (!has('prepare') || !has('exec') || !('inTransaction' in handle || 'isTransaction' in handle)) throw new TypeError(WRONG_HANDLE)
}

/** Somebody else holds a lock; or the app is in the middle of reading rows from this handle. */
function isBusy(error: unknown): boolean {
  const { code, errcode, message } = error as Record<string, unknown>
  const busy = String(code).startsWith('SQLITE_BUSY') || (Number(errcode) & 0xff) === SQLITE_BUSY
  return busy || /database is locked|busy executing a query/.test(String(message))
}
