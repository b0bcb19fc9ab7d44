import { setTimeout as pause } from 'node:timers/promises'
import type { Limit } from '../common/limit.ts'

/** What is used of a connection of `mysql2/promise`. */
export interface MysqlConnection {
  query(options: MysqlQuery, values: unknown[]): Promise<[unknown, ...unknown[]]>
  release(): void
  destroy(): void
}

/** How the store asks: rows come as objects of texts, whatever the app has told its pool. */
export interface MysqlQuery {
  sql: string
  rowsAsArray: boolean
  nestTables: boolean
  typeCast: (field: { buffer(): Buffer | null }) => string | null
}

/** What is used of a pool of `mysql2/promise`. */
export interface MysqlPool {
  getConnection(): Promise<MysqlConnection>
}

/** What the server says to a write. */
export interface Written {
  affectedRows: number
  insertId: number | string
  serverStatus: number
}

export const NO_SUCH_TABLE = 1146
export const OUT_OF_RANGE = 1690
/** MariaDB: `max_statement_time`. The statement was rolled back. */
const STATEMENT_TIMEOUT = 1969
/** Deadlock, lock wait timeout, and a record that has changed: nothing was done, and the next attempt may well succeed. */
const TRANSIENT = new Set([1213, 1205, 1020])
/** Settings of a transaction that are refused because one is under way. */
const INSIDE_TRANSACTION = 1568
/** The server takes no writes any more: after a failover the connection would lead there for ever. */
const READ_ONLY = new Set([1290, 1792, 1836])
const IN_TRANSACTION = 1
const ATTEMPTS = 10
const BACKOFF_MS = 5
const MAX_BACKOFF_MS = 100

/** Sends a statement on the connection that one has. */
export type Send = <T>(sql: string) => Promise<T>

/** Statements, each on a connection that nobody else has meanwhile: so the end of a limit can end the connection. */
export class MysqlClient {
  readonly #pool: MysqlPool

  constructor(pool: unknown) {
    this.#pool = poolFrom(pool)
  }

  async rows<T>(build: (limit?: Limit) => string, limit?: Limit): Promise<T[]> {
    return (await this.#patiently(build, limit)) as T[]
  }

  async write(build: (limit?: Limit) => string, limit?: Limit): Promise<Written> {
    return (await this.#patiently(build, limit)) as Written
  }

  /**
   * Several statements on one connection, of which others see all or nothing; nothing, too, where `act` says that they shall not stand.
   * Each statement sees what is committed by then, whatever the app's own transactions do.
   */
  async together<T>(act: (send: Send) => Promise<{ answer: T; stands: boolean }>, limit?: Limit): Promise<T> {
    return this.#again(
      () =>
        this.#using(async send => {
          await send('SET TRANSACTION ISOLATION LEVEL READ COMMITTED')
          await send('START TRANSACTION')
          try {
            const { answer, stands } = await act(send)
            await send(stands ? 'COMMIT' : 'ROLLBACK')
            return answer
          } catch (error) {
            // The server may have ended the statement only. Where it does not answer, the connection goes, and the transaction with it.
            if (errnoOf(error) > 0) await send('ROLLBACK')
            throw error
          }
        }, limit),
      limit,
    )
  }

  #patiently(build: (limit?: Limit) => string, limit?: Limit): Promise<unknown> {
    return this.#again(() => this.#once(build, limit), limit)
  }

  /** Once, and again if it was only bad luck. */
  async #again<T>(act: () => Promise<T>, limit?: Limit): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await act()
      } catch (error) {
        if (attempt === ATTEMPTS || !isTransient(error)) throw error
        await inTime(pause(Math.random() * Math.min(BACKOFF_MS * 2 ** attempt, MAX_BACKOFF_MS)), limit)
      }
    }
  }

  #once(build: (limit?: Limit) => string, limit?: Limit): Promise<unknown> {
    return this.#using(async send => {
      const result = await send(build(limit))
      if (isAbandoned(result)) throw new AbandonedTransaction()
      return result
    }, limit)
  }

  async #using<T>(act: (send: Send) => Promise<T>, limit?: Limit): Promise<T> {
    const connection = await this.#connection(limit)
    let good = false
    try {
      const answer = await act(async <R>(sql: string) => {
        const query = { sql, rowsAsArray: false, nestTables: false, typeCast: text }
        const [result] = await inTime(connection.query(query, []), limit)
        return result as R
      })
      good = true
      return answer
    } catch (error) {
      // mysql2 adds the statement, and whoever logs the error would log what the session holds.
      delete (error as { sql?: unknown }).sql
      const errno = errnoOf(error)
      if (errno === INSIDE_TRANSACTION) throw new AbandonedTransaction()
      // The server itself has answered: nothing is on its way any more.
      good = errno > 0 && !READ_ONLY.has(errno) && (error as { fatal?: unknown }).fatal !== true
      throw errno === STATEMENT_TIMEOUT && limit ? limit.error('not-applied') : error
    } finally {
      if (good) connection.release()
      else drop(connection)
    }
  }

  async #connection(limit?: Limit): Promise<MysqlConnection> {
    const connected = this.#pool.getConnection()
    try {
      return await inTime(connected, limit)
    } catch (error) {
      connected.then(late => late.release(), ignore)
      throw limit?.passed ? limit.error('not-applied') : error
    }
  }
}

/** Somebody gave the connection back inside a transaction: what is written there may be undone, and what is read there be long past. */
class AbandonedTransaction extends Error {
  constructor() {
    super('MysqlStore got a connection that is inside a transaction: end each before its connection goes back to the pool')
  }
}

export function inTime<T>(work: Promise<T>, limit: Limit | undefined): Promise<T> {
  return limit ? limit.race(work) : work
}

export function errnoOf(error: unknown): number {
  const errno = (error as { errno?: unknown } | undefined)?.errno
  return typeof errno === 'number' ? errno : 0
}

/** What is read says so by MariaDB only. */
function isAbandoned(result: unknown): boolean {
  if (Array.isArray(result)) return result[0]?.in_transaction === '1'
  return ((result as Written).serverStatus & IN_TRANSACTION) !== 0
}

function isTransient(error: unknown): boolean {
  return TRANSIENT.has(errnoOf(error)) || error instanceof AbandonedTransaction
}

/** It leaves the pool. mysql2 ends its own side only, and would wait for a server that waits for a lock. */
function drop(connection: MysqlConnection): void {
  connection.destroy()
  const { connection: core } = connection as { connection?: { stream?: { destroy?(): void } } }
  core?.stream?.destroy?.()
}

function text(field: { buffer(): Buffer | null }): string | null {
  return field.buffer()?.toString() ?? null
}

function poolFrom(given: unknown): MysqlPool {
  const pool = given as Partial<MysqlPool & { promise(): MysqlPool }> | null | undefined
  if (typeof pool?.getConnection !== 'function') {
    throw new TypeError("MysqlStore needs a pool of mysql2: new MysqlStore(createPool({ uri })), createPool from 'mysql2/promise'")
  }
  return typeof pool.promise === 'function' ? pool.promise() : (pool as MysqlPool)
}

function ignore(): void {}
