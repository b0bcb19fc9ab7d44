import { setTimeout as sleep } from 'node:timers/promises'
import { Limit } from '../common/limit.ts'
import { type Statement, TERMINATE } from './sql.ts'

export interface PostgresResult {
  rows: unknown[]
  rowCount: number | null
}

/** What the store uses of a connection of `pg`. */
export interface PostgresClient {
  query(query: { name?: string; text: string; values: unknown[] }): Promise<PostgresResult>
  release(destroy?: boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/** What the store uses of a `Pool` of `pg`. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
  readonly totalCount: number
}

/** Serialization failure, deadlock: nothing was done, and the next attempt may well succeed. */
const TRANSIENT = ['40001', '40P01']
/** A prepared statement is not there, or is there already: a pooler between gives each transaction another connection. */
const POOLED = ['26000', '42P05']
const ATTEMPTS = 6
const BACKOFF_MS = 10
const TERMINATE_LIMIT_MS = 5000

/** Sends a statement on the connection that one has. */
export type Send = (statement: Statement, values: unknown[]) => Promise<PostgresResult>

/** Runs statements on the caller's pool: in time, and again if they failed by bad luck only. */
export class PostgresConnections {
  readonly #pool: PostgresPool
  #prepares = true

  constructor(pool: PostgresPool) {
    if (typeof pool?.connect !== 'function' || typeof pool.totalCount !== 'number') {
      throw new TypeError('PostgresStore needs a Pool of pg: new PostgresStore(new Pool({ connectionString }))')
    }
    this.#pool = pool
  }

  /** `values` are made when a connection is there. */
  run(statement: Statement, values: () => unknown[], limit: Limit | undefined): Promise<PostgresResult> {
    return this.#patiently(send => send(statement, values()), limit)
  }

  /** Several statements, of which others see all or nothing; nothing, too, where `act` says that they shall not stand. */
  together<T>(begin: () => Statement, act: (send: Send) => Promise<{ answer: T; stands: boolean }>, limit: Limit | undefined): Promise<T> {
    return this.#patiently(async send => {
      await send(begin(), [])
      const { answer, stands } = await act(send)
      await send({ text: stands ? 'COMMIT' : 'ROLLBACK' }, [])
      return answer
    }, limit)
  }

  async #patiently<T>(act: (send: Send) => Promise<T>, limit: Limit | undefined): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(act, limit)
      } catch (error) {
        if (attempt === ATTEMPTS) throw error
        if (has(error, POOLED)) this.#prepares = false
        else if (has(error, TRANSIENT)) await inTime(sleep(Math.random() * BACKOFF_MS * 2 ** attempt), limit)
        else throw error
      }
    }
  }

  /** A connection that nobody else has meanwhile, so that it can be ended. */
  async #once<T>(act: (send: Send) => Promise<T>, limit: Limit | undefined): Promise<T> {
    const client = await this.#connect(limit)
    const sent = performance.now()
    let last = ''
    const send: Send = ({ name, text }, values) => {
      last = text
      return inTime(client.query(this.#prepares && name !== undefined ? { text, values, name } : { text, values }), limit)
    }
    try {
      const result = await act(send)
      giveBack(client)
      return result
    } catch (error) {
      // Whatever it is that came between, nobody shall find the rest of it on a connection from the pool.
      client.release(true)
      if (limit?.passed && last !== TERMINATE.text) this.#terminate(client, sent)
      throw error
    }
  }

  /** One outside of a transaction: what somebody has left open may be rolled back, an acknowledged login with it. */
  async #connect(limit: Limit | undefined): Promise<PostgresClient> {
    for (;;) {
      const client = await this.#take(limit)
      const status = (client as { getTransactionStatus?: () => unknown }).getTransactionStatus?.()
      if (status !== 'T' && status !== 'E') return client
      client.release(true)
    }
  }

  async #take(limit: Limit | undefined): Promise<PostgresClient> {
    const connected = checkOut(this.#pool)
    try {
      return await inTime(connected, limit)
    } catch (error) {
      connected.then(giveBack, ignore)
      throw limit?.passed ? limit.error('not-applied') : error
    }
  }

  /** A statement that waits for a lock does not notice that its client has gone: it would be carried out when the lock is free. */
  #terminate(client: PostgresClient, sent: number): void {
    const { processID } = client as { processID?: unknown }
    if (typeof processID !== 'number') return
    const limit = new Limit(TERMINATE_LIMIT_MS)
    this.#once(send => send(TERMINATE, [processID, performance.now() - sent]), limit)
      .catch(ignore)
      .finally(() => limit.clear())
  }
}

/**
 * A connection whose errors are heard: it tells its statement that it breaks, and tells it here as well; unheard, that would end the process.
 * By a callback: a server that ends a connection as soon as it is made may say both at once, and a promise tells the first too late.
 */
export function checkOut(pool: PostgresPool): Promise<PostgresClient> {
  return new Promise((resolve, reject) => {
    let heard = false
    const hear = (client: PostgresClient) => {
      if (!heard) client.on('error', ignore)
      heard = true
      resolve(client)
    }
    const connect = pool.connect as (
      told: (error: unknown, client?: PostgresClient) => void,
    ) => Promise<PostgresClient | undefined> | undefined
    const answer = connect.call(pool, (error, client) => (client ? hear(client) : reject(error)))
    // A pool around another may know promises only, or both.
    answer?.then(client => client && hear(client), reject)
  })
}

/** To the pool, which hears its errors from now on. */
export function giveBack(client: PostgresClient): void {
  client.removeListener('error', ignore)
  client.release()
}

export function inTime<T>(work: Promise<T>, limit: Limit | undefined): Promise<T> {
  return limit ? limit.race(work) : work
}

function has(error: unknown, codes: readonly string[]): boolean {
  return codes.includes((error as { code?: string } | undefined)?.code ?? '')
}

function ignore(): void {}
