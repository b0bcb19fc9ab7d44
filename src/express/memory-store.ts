import { SessionStoreFullError } from '../core/errors.ts'
import { Store } from './store.ts'
import type { Done, SessionWire } from './types.ts'

interface Kept {
  text: string
  /** Its cookie, where the session was touched since: the text is as large as the session. */
  cookie?: string | undefined
  /** In ms since the epoch. */
  expiresAt: number
  /** Somebody has logged in to it, as far as can be seen. */
  known: boolean
}

/** Keys by which apps remember who somebody is. */
const IDENTITY = ['user', 'userId', 'uid', 'passport'] as const
const DEFAULT_MAX_SESSIONS = 100_000
const SWEEP_MS = 1000

interface MemoryStoreOptions {
  /** How many sessions it holds. Default 100,000. */
  maxSessions?: number | undefined
  /** Named only because each EventEmitter has it: packages that ask for express-session's module accept this one. No effect. */
  captureRejections?: boolean | undefined
}

/**
 * express-session's store in this process: what the drop-in uses where no store is given. For development and tests: it is empty
 * after a restart, and no other process sees it. Bounded: where it is full it lets go of what has expired, then of the oldest session
 * that nobody has logged in to; it refuses a new one rather than lose a login.
 */
export class MemoryStore extends Store {
  readonly #kept = new Map<string, Kept>()
  readonly #max: number
  /** When it was last looked through for what has expired, in ms since the epoch. */
  #swept = Number.NEGATIVE_INFINITY

  constructor({ maxSessions = DEFAULT_MAX_SESSIONS }: MemoryStoreOptions = {}) {
    super()
    this.#max = maxSessions
  }

  get(id: string, done: Done): void {
    this.#answer(done, () => {
      const kept = this.#living(id)
      return kept && sessionOf(kept)
    })
  }

  set(id: string, session: SessionWire, done?: Done): void {
    this.#answer(done, () => {
      if (!this.#kept.has(id)) this.#makeRoom()
      this.#kept.delete(id)
      this.#kept.set(id, {
        text: JSON.stringify(session),
        expiresAt: endOf(session),
        known: IDENTITY.some(key => Boolean((session as Record<string, unknown>)[key])),
      })
    })
  }

  override touch(id: string, session: SessionWire, done?: Done): void {
    this.#answer(done, () => {
      const kept = this.#living(id)
      if (!kept) return
      kept.cookie = JSON.stringify(session.cookie)
      kept.expiresAt = endOf(session)
    })
  }

  destroy(id: string, done?: Done): void {
    this.#answer(done, () => void this.#kept.delete(id))
  }

  override all(done: Done): void {
    this.#answer(done, () => {
      const living = [...this.#kept.keys()].map(id => [id, this.#living(id)] as const)
      return Object.fromEntries(living.flatMap(([id, kept]) => (kept ? [[id, sessionOf(kept)]] : [])))
    })
  }

  override length(done: Done<number>): void {
    this.#answer(done, () => [...this.#kept.keys()].filter(id => this.#living(id)).length)
  }

  override clear(done?: Done): void {
    this.#answer(done, () => this.#kept.clear())
  }

  #living(id: string): Kept | undefined {
    const kept = this.#kept.get(id)
    if (kept && kept.expiresAt <= Date.now()) this.#kept.delete(id)
    return this.#kept.get(id)
  }

  #makeRoom(): void {
    if (this.#kept.size < this.#max) return
    this.#sweep()
    if (this.#kept.size < this.#max) return
    for (const [id, { known }] of this.#kept) {
      if (known) continue
      this.#kept.delete(id)
      return
    }
    throw new SessionStoreFullError(this.#max)
  }

  /** Not at each new session: a full store would look through all of them each time. */
  #sweep(): void {
    const now = Date.now()
    if (Math.abs(now - this.#swept) < SWEEP_MS) return
    this.#swept = now
    for (const id of [...this.#kept.keys()]) this.#living(id)
  }

  /** After the current turn, as a database would. */
  #answer<T>(done: Done<T> | undefined, work: () => T): void {
    let value: T
    try {
      value = work()
    } catch (error) {
      if (done) setImmediate(done, error)
      return
    }
    if (done) setImmediate(done, null, value)
  }
}

function sessionOf({ text, cookie }: Kept): SessionWire {
  const session = JSON.parse(text)
  if (cookie !== undefined) session.cookie = JSON.parse(cookie)
  return session
}

function endOf({ cookie }: SessionWire): number {
  const { expires } = cookie as { expires?: Date | string | null }
  const end = expires ? new Date(expires).getTime() : Number.NaN
  return Number.isNaN(end) ? Number.POSITIVE_INFINITY : end
}
