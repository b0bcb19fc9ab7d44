import { SessionStoreFullError } from '../core/errors.ts'
import { expiry } from '../core/lifetime.ts'
import type { Gone, GoneReason, SessionRecord } from '../core/record.ts'
import type { ReplaceResult, SaveResult, SessionStore } from '../core/store.ts'

export interface MemoryStoreOptions {
  /** How many sessions and tombstones it holds. Default 100,000. */
  maxSessions?: number
  /** The clock, in ms since the epoch. Default `Date.now`; for tests. */
  now?: () => number
}

interface Tombstone extends Gone {
  /** When it may be forgotten. */
  until: number
}

const TOMBSTONE_MS = 60_000
/** How many old entries each insertion looks at, so that what has expired goes without a timer. */
const SWEEP_STEP = 4

/**
 * Sessions in this process's memory: for development, tests, and sites of one process that may forget on restart.
 * Bounded: when it is full, what has expired goes first, then anonymous sessions by age; the session of a logged-in user
 * is never evicted, a new one is refused instead (`SessionStoreFullError`, 503). It has no timer.
 *
 * @example
 * const sessions = createSessions({ keys, store: new MemoryStore({ maxSessions: 10_000 }) })
 */
export class MemoryStore implements SessionStore {
  readonly #maxSessions: number
  readonly #now: () => number
  /** Anonymous sessions and tombstones, oldest first; and those that belong to a user. */
  readonly #evictable = new Map<string, SessionRecord | Tombstone>()
  readonly #owned = new Map<string, SessionRecord>()
  #sweep: Iterator<[string, SessionRecord | Tombstone]> | undefined
  #sweepOwned = false

  constructor(options: MemoryStoreOptions = {}) {
    const { maxSessions = 100_000, now = () => Date.now() } = options
    if (!Number.isInteger(maxSessions) || maxSessions < 1) throw new TypeError('maxSessions must be a whole number, 1 or more')
    this.#maxSessions = maxSessions
    this.#now = now
  }

  async load(key: string): Promise<SessionRecord | Gone | null> {
    const found = this.#find(key)
    if (!found) return null
    return 'gone' in found ? { gone: found.gone } : { ...found }
  }

  async create(record: SessionRecord): Promise<boolean> {
    const found = this.#find(record.key)
    if (found) return !('gone' in found) && found.version === record.version
    this.#makeRoom()
    this.#put(record)
    return true
  }

  async save(record: SessionRecord, expectedVersion: string): Promise<SaveResult> {
    const found = this.#live(record.key)
    if (!found) return { status: 'missing' }
    if (found.version === record.version) return { status: 'saved' }
    if (found.version !== expectedVersion) return { status: 'conflict', current: { ...found } }
    this.#put(record)
    return { status: 'saved' }
  }

  async replace(oldKey: string, expectedVersion: string, record: SessionRecord, reason: GoneReason): Promise<ReplaceResult> {
    const found = this.#live(oldKey)
    if (!found) return this.#live(record.key)?.version === record.version ? { status: 'replaced' } : { status: 'missing' }
    if (found.version !== expectedVersion) return { status: 'conflict', current: { ...found } }
    if (this.#find(record.key)) return { status: 'denied' }
    this.#bury(oldKey, reason)
    this.#makeRoom()
    this.#put(record)
    return { status: 'replaced' }
  }

  async touch(key: string, times: { touchedAt: number; expiresAt: number }): Promise<boolean> {
    const found = this.#live(key)
    if (!found) return false
    const touchedAt = Math.max(found.touchedAt, times.touchedAt)
    // An older request's touch says nothing about a life that a newer write has set.
    const expiresAt = times.touchedAt >= found.touchedAt ? Math.max(found.expiresAt, times.expiresAt) : found.expiresAt
    this.#put({ ...found, touchedAt, expiresAt: Math.min(expiresAt, found.absoluteExpiresAt ?? expiresAt) })
    return true
  }

  async delete(key: string, reason: GoneReason): Promise<boolean> {
    const found = this.#find(key)
    const live = found !== undefined && !('gone' in found)
    if (live || !found) this.#bury(key, reason)
    return live
  }

  /** Forgets everything. */
  async close(): Promise<void> {
    this.#evictable.clear()
    this.#owned.clear()
  }

  /** How many sessions and tombstones it holds now. */
  get size(): number {
    return this.#evictable.size + this.#owned.size
  }

  #find(key: string): SessionRecord | Tombstone | undefined {
    const found = this.#evictable.get(key) ?? this.#owned.get(key)
    if (!found || !this.#over(found)) return found
    this.#forget(key)
    return undefined
  }

  #live(key: string): SessionRecord | undefined {
    const found = this.#find(key)
    return found && !('gone' in found) ? found : undefined
  }

  #over(entry: SessionRecord | Tombstone): boolean {
    return 'gone' in entry ? entry.until < this.#now() : expiry(entry, this.#now()) !== null
  }

  #put(record: SessionRecord): void {
    const owned = record.userKey !== undefined
    ;(owned ? this.#evictable : this.#owned).delete(record.key)
    if (owned) this.#owned.set(record.key, { ...record })
    else this.#evictable.set(record.key, { ...record })
  }

  #bury(key: string, gone: GoneReason): void {
    this.#forget(key)
    this.#makeRoom()
    this.#evictable.set(key, { gone, until: this.#now() + TOMBSTONE_MS })
  }

  #forget(key: string): void {
    this.#evictable.delete(key)
    this.#owned.delete(key)
  }

  #makeRoom(): void {
    this.#sweepSome()
    if (this.size < this.#maxSessions) return
    for (const key of this.#evictable.keys()) {
      this.#evictable.delete(key)
      return
    }
    for (const [key, record] of this.#owned) if (this.#over(record)) this.#owned.delete(key)
    if (this.size >= this.#maxSessions) throw new SessionStoreFullError(this.#maxSessions)
  }

  /** Goes round and round over all entries, a few at each insertion. */
  #sweepSome(): void {
    for (let i = 0; i < SWEEP_STEP; i++) {
      this.#sweep ??= (this.#sweepOwned ? this.#owned : this.#evictable)[Symbol.iterator]()
      const next = this.#sweep.next()
      if (next.done) {
        this.#sweep = undefined
        this.#sweepOwned = !this.#sweepOwned
        return
      }
      const [key, entry] = next.value
      if (this.#over(entry)) this.#forget(key)
    }
  }
}
