import { EndQueue } from '../core/end-queue.ts'
import { SessionStoreFullError } from '../core/errors.ts'
import { copy } from '../core/json.ts'
import { expiry } from '../core/lifetime.ts'
import type { Gone, GoneReason, SessionRecord } from '../core/record.ts'
import type { ReplaceResult, SaveResult, SessionStore } from '../core/store.ts'

export interface MemoryStoreOptions {
  /** How many sessions and tombstones it holds. Default 100,000. */
  maxSessions?: number | undefined
  /** The clock, in ms since the epoch. Default `Date.now`; for tests. */
  now?: (() => number) | undefined
}

interface Tombstone extends Gone {
  /** When it may be forgotten. */
  until: number
}

const TOMBSTONE_MS = 60_000
/** How many idle entries the queue of ends may hold in any case. */
const SLACK = 1000
/**
 * Sessions in this process's memory: for development, tests, and sites of one process that may forget on restart.
 * Bounded: when it is full, what has expired or ended goes first, then anonymous sessions by age; the session of a logged-in user
 * (a record with a `userKey`) is never evicted, a new one is refused instead (`SessionStoreFullError`, 503). It has no timer.
 *
 * @example
 * const sessions = createSessions({ keys, store: new MemoryStore({ maxSessions: 10_000 }) })
 */
export class MemoryStore implements SessionStore {
  readonly #maxSessions: number
  readonly #now: () => number
  /** Sessions that belong to nobody, those that belong to a user, and what has ended; oldest first. */
  readonly #anonymous = new Map<string, SessionRecord>()
  readonly #owned = new Map<string, SessionRecord>()
  readonly #tombstones = new Map<string, Tombstone>()
  readonly #maps: ReadonlyArray<Map<string, SessionRecord | Tombstone>> = [
    this.#anonymous as Map<string, SessionRecord | Tombstone>,
    this.#owned as Map<string, SessionRecord | Tombstone>,
    this.#tombstones as Map<string, SessionRecord | Tombstone>,
  ]
  /** One entry for each key that is held. A touch leaves it where it is; it is put right when its time comes. */
  readonly #ends = new EndQueue()

  constructor(options: MemoryStoreOptions = {}) {
    const { maxSessions = 100_000, now = () => Date.now() } = options
    if (!Number.isInteger(maxSessions) || maxSessions < 1) throw new TypeError('maxSessions must be a whole number, 1 or more')
    this.#maxSessions = maxSessions
    this.#now = now
  }

  async load(key: string): Promise<SessionRecord | Gone | null> {
    const found = this.#find(key)
    if (!found) return null
    return 'gone' in found ? { gone: found.gone } : clone(found)
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
    if (found.version !== expectedVersion) return { status: 'conflict', current: clone(found) }
    this.#put(record)
    return { status: 'saved' }
  }

  async replace(oldKey: string, expectedVersion: string, record: SessionRecord, reason: GoneReason): Promise<ReplaceResult> {
    const found = this.#live(oldKey)
    if (!found) return this.#live(record.key)?.version === record.version ? { status: 'replaced' } : { status: 'missing' }
    if (found.version !== expectedVersion) return { status: 'conflict', current: clone(found) }
    if (this.#find(record.key)) return { status: 'denied' }
    this.#forget(oldKey)
    this.#put(record)
    this.#bury(oldKey, reason)
    return { status: 'replaced' }
  }

  async touch(key: string, times: { touchedAt: number; expiresAt: number }): Promise<boolean> {
    const found = this.#live(key)
    if (!found) return false
    const touchedAt = Math.max(found.touchedAt, times.touchedAt)
    // An older request's touch says nothing about a life that a newer write has set.
    const asked = times.touchedAt >= found.touchedAt ? Math.min(times.expiresAt, times.touchedAt + found.idleMs) : found.expiresAt
    const expiresAt = Math.max(found.expiresAt, Math.min(asked, found.absoluteExpiresAt ?? asked))
    this.#put({ ...found, touchedAt, expiresAt })
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
    for (const map of this.#maps) map.clear()
    this.#ends.clear()
  }

  /** How many sessions and tombstones it holds now. */
  get size(): number {
    return this.#anonymous.size + this.#owned.size + this.#tombstones.size
  }

  #find(key: string): SessionRecord | Tombstone | undefined {
    const found = this.#entry(key)
    if (!found || !this.#over(found)) return found
    this.#forget(key)
    return undefined
  }

  #entry(key: string): SessionRecord | Tombstone | undefined {
    return this.#anonymous.get(key) ?? this.#owned.get(key) ?? this.#tombstones.get(key)
  }

  #live(key: string): SessionRecord | undefined {
    const found = this.#find(key)
    return found && !('gone' in found) ? found : undefined
  }

  #over(entry: SessionRecord | Tombstone): boolean {
    return 'gone' in entry ? entry.until < this.#now() : expiry(entry, this.#now()) !== null
  }

  #put(record: SessionRecord): void {
    const before = this.#find(record.key)
    const [map, other] = record.userKey === undefined ? [this.#anonymous, this.#owned] : [this.#owned, this.#anonymous]
    other.delete(record.key)
    map.set(record.key, clone(record))
    if (!before || endOf(record) < endOf(before)) this.#ends.push(endOf(record), record.key)
  }

  /** Leaves a tombstone where there is room for one: it never takes a session's place. */
  #bury(key: string, gone: GoneReason): void {
    this.#forget(key)
    this.#sweep()
    if (this.size >= this.#maxSessions && !dropOldest(this.#tombstones)) return
    const until = this.#now() + TOMBSTONE_MS
    this.#tombstones.set(key, { gone, until })
    this.#ends.push(until, key)
  }

  #forget(key: string): void {
    for (const map of this.#maps) map.delete(key)
  }

  /** Room for one more: what has ended goes first, then tombstones, then sessions of nobody by age, and never a user's. */
  #makeRoom(): void {
    this.#sweep()
    if (this.size < this.#maxSessions || dropOldest(this.#tombstones) || dropOldest(this.#anonymous)) return
    throw new SessionStoreFullError(this.#maxSessions)
  }

  /** Forgets what has ended. Each entry of the queue is looked at once for each time that its end was moved. */
  #sweep(): void {
    const now = this.#now()
    for (let key = this.#ends.takeBefore(now); key !== undefined; key = this.#ends.takeBefore(now)) {
      const entry = this.#entry(key)
      if (!entry) continue
      if (this.#over(entry)) this.#forget(key)
      else this.#ends.push(endOf(entry), key)
    }
    // Sessions that were deleted early leave their entries behind: now and then the queue is made anew.
    if (this.#ends.size <= 2 * this.size + SLACK) return
    this.#ends.clear()
    for (const map of this.#maps) for (const [key, entry] of map) this.#ends.push(endOf(entry), key)
  }
}

function dropOldest(map: Map<string, unknown>): boolean {
  const [oldest] = map.keys()
  return oldest !== undefined && map.delete(oldest)
}

function endOf(entry: SessionRecord | Tombstone): number {
  return 'gone' in entry ? entry.until : Math.min(entry.expiresAt, entry.absoluteExpiresAt ?? entry.expiresAt)
}

/** Callers and store share nothing. */
function clone(record: SessionRecord): SessionRecord {
  return record.meta ? { ...record, meta: copy(record.meta) } : { ...record }
}
