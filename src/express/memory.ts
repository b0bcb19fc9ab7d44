import { AgingMap } from '../core/aging-map.ts'
import { SessionStoreFullError } from '../core/errors.ts'
import type { Data } from '../core/json.ts'

/** A session as it is kept: its data and its cookie as JSON text, apart, since a touch concerns the cookie only. */
export interface Kept {
  text: string
  cookieText: string
  /** What its text says: parsed when it is written, which is seldom. Frozen, since many requests have it. */
  cookie: object
  /** In ms since the epoch. */
  expiresAt: number
}

/** Keys by which apps remember who somebody is. */
const IDENTITY = ['user', 'userId', 'uid', 'passport'] as const
const SWEEP_MS = 1000

/** What a MemoryStore holds, without its callbacks. */
export class Memory {
  readonly #kept = new Map<string, Kept>()
  /** Which of them nobody has logged in to, as far as can be seen. */
  readonly #anonymous = new AgingMap<true>()
  readonly #max: number
  /** When it was last looked through for what has expired, in ms since the epoch. */
  #swept = Number.NEGATIVE_INFINITY

  constructor(max: number) {
    this.#max = max
  }

  get(id: string): Kept | undefined {
    const kept = this.#kept.get(id)
    if (!kept || kept.expiresAt > Date.now()) return kept
    this.delete(id)
    return undefined
  }

  /** `text` is that of `data`. */
  set(id: string, text: string, data: Data, cookie: object): void {
    if (!this.#kept.has(id)) this.#makeRoom()
    // The last one written is the last one in the list.
    this.delete(id)
    const kept: Kept = { text, cookieText: '', cookie, expiresAt: 0 }
    putCookie(kept, cookie)
    this.#kept.set(id, kept)
    if (!IDENTITY.some(key => Boolean(data[key]))) this.#anonymous.set(id, true)
  }

  touch(id: string, cookie: object): void {
    const kept = this.get(id)
    if (kept) putCookie(kept, cookie)
  }

  delete(id: string): void {
    this.#kept.delete(id)
    this.#anonymous.delete(id)
  }

  clear(): void {
    this.#kept.clear()
    this.#anonymous.clear()
  }

  /** What lives. */
  *entries(): Iterable<[id: string, kept: Kept]> {
    for (const id of [...this.#kept.keys()]) {
      const kept = this.get(id)
      if (kept) yield [id, kept]
    }
  }

  #makeRoom(): void {
    if (this.#kept.size < this.#max) return
    this.#sweep()
    if (this.#kept.size < this.#max) return
    const oldest = this.#anonymous.dropOldest()
    if (oldest !== undefined) {
      this.#kept.delete(oldest)
      return
    }
    throw new SessionStoreFullError(this.#max)
  }

  /** Not at each new session: a full store would look through all of them each time. */
  #sweep(): void {
    const now = Date.now()
    if (Math.abs(now - this.#swept) < SWEEP_MS) return
    this.#swept = now
    for (const id of [...this.#kept.keys()]) this.get(id)
  }
}

function putCookie(kept: Kept, cookie: object): void {
  const text = JSON.stringify(cookie)
  if (text === kept.cookieText) return
  kept.cookieText = text
  kept.cookie = Object.freeze(JSON.parse(text) as object)
  kept.expiresAt = endOf(kept.cookie)
}

function endOf(cookie: object): number {
  const { expires } = cookie as { expires?: Date | string | null }
  if (!expires) return Number.POSITIVE_INFINITY
  const end = new Date(expires).getTime()
  return Number.isNaN(end) ? Number.POSITIVE_INFINITY : end
}
