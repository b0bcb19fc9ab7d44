import { mustBeFunction, mustBeKnown } from '../core/options.ts'
import type { Gone, GoneReason, SessionRecord } from '../core/record.ts'
import {
  CLEANUP_GRACE_MS,
  type EndingsListener,
  type IndexedSessionStore,
  limitFor,
  type ReplaceResult,
  type SaveResult,
  type SessionPage,
  type Unwatch,
  type UserLimit,
} from '../core/store.ts'
import { touched } from './common/life.ts'
import { isDone, remember } from './common/recent.ts'
import { clone, type Held, isLive, Shelf } from './memory/shelf.ts'

export interface MemoryStoreOptions {
  /** How many sessions and tombstones it holds. Default 100,000. */
  maxSessions?: number | undefined
  /** The clock, in ms since the epoch. Default `Date.now`; for tests. */
  now?: (() => number) | undefined
}

/**
 * Sessions in this process's memory: for development, tests, and sites of one process that may forget on restart.
 * Bounded: when it is full, what has expired or ended goes first, then anonymous sessions by age; the session of a logged-in user
 * (a record with a `userKey`) is never evicted, a new one is refused instead (`SessionStoreFullError`, 503). It has no timer.
 *
 * @example
 * const sessions = createSessions({ keys, store: new MemoryStore({ maxSessions: 10_000 }) })
 */
export class MemoryStore implements IndexedSessionStore {
  readonly #shelf: Shelf
  readonly #now: () => number

  constructor(options: MemoryStoreOptions = {}) {
    mustBeKnown('MemoryStore', options, ['maxSessions', 'now'])
    const { maxSessions = 100_000, now = () => Date.now() } = options
    if (!Number.isInteger(maxSessions) || maxSessions < 1) throw new TypeError('maxSessions must be a whole number, 1 or more')
    mustBeFunction('now', now)
    this.#shelf = new Shelf(maxSessions, now)
    this.#now = now
  }

  async load(key: string): Promise<SessionRecord | Gone | null> {
    const found = this.#shelf.find(key)
    if (!found) return null
    return isLive(found) ? clone(found.record) : { gone: found.gone }
  }

  async create(record: SessionRecord, _timeoutMs?: number, limit?: UserLimit): Promise<boolean | 'full'> {
    const found = this.#shelf.find(record.key)
    if (found) return isLive(found) && hasBeen(found, record.version)
    const surplus = this.#surplus(record, limit)
    if (!surplus) return 'full'
    // Before any room is made: where there is none, nobody has been evicted.
    if (surplus.length === 0) this.#shelf.makeRoom()
    this.#shelf.insert(record)
    this.#evict(surplus)
    return true
  }

  async save(record: SessionRecord, expectedVersion: string): Promise<SaveResult> {
    const held = this.#shelf.findLive(record.key)
    if (!held) return { status: 'missing' }
    if (hasBeen(held, record.version)) return { status: 'saved' }
    const { version } = held.record
    if (version !== expectedVersion) return { status: 'conflict', current: clone(held.record) }
    this.#shelf.update(held, record, remember(held.recent, version))
    return { status: 'saved' }
  }

  async replace(
    oldKey: string,
    expectedVersion: string,
    record: SessionRecord,
    reason: GoneReason,
    _timeoutMs?: number,
    limit?: UserLimit,
  ): Promise<ReplaceResult> {
    const old = this.#shelf.findLive(oldKey)
    if (!old) {
      const there = this.#shelf.findLive(record.key)
      return { status: there && hasBeen(there, record.version) ? 'replaced' : 'missing' }
    }
    if (old.record.version !== expectedVersion) return { status: 'conflict', current: clone(old.record) }
    if (this.#shelf.find(record.key)) return { status: 'denied' }
    const surplus = this.#surplus(record, limit, oldKey)
    if (!surplus) return { status: 'full' }
    this.#shelf.forget(oldKey)
    this.#shelf.insert(record)
    this.#evict(surplus)
    this.#shelf.bury(oldKey, reason)
    return { status: 'replaced' }
  }

  async touch(key: string, times: { touchedAt: number; expiresAt: number }): Promise<boolean> {
    const held = this.#shelf.findLive(key)
    if (!held) return false
    this.#shelf.update(held, { ...held.record, ...touched(held.record, times) }, held.recent)
    return true
  }

  async delete(key: string, reason: GoneReason): Promise<boolean> {
    const found = this.#shelf.find(key)
    if (found && !isLive(found)) return false
    this.#shelf.bury(key, reason)
    return found !== undefined
  }

  async listByUser(userKey: string): Promise<SessionRecord[]> {
    return this.#shelf.ofUser(userKey).map(({ record }) => clone(record))
  }

  async deleteByUser(userKey: string, options: { except?: string; reason?: GoneReason } = {}): Promise<number> {
    const { except, reason = 'revoked' } = options
    const ending = this.#shelf.ofUser(userKey).filter(({ record }) => record.key !== except)
    for (const { record } of ending) this.#shelf.bury(record.key, reason)
    return ending.length
  }

  async list({ cursor = '0', limit = 100 }: { cursor?: string; limit?: number } = {}): Promise<SessionPage> {
    const page = this.#shelf.after(Number(cursor), limit)
    const last = page.length < limit ? undefined : page.at(-1)
    return { records: page.map(({ record }) => clone(record)), cursor: last ? String(last.place) : null }
  }

  async deleteExpired(limit: number): Promise<number> {
    return this.#shelf.forgetEnded(this.#now() - CLEANUP_GRACE_MS, limit)
  }

  /** Tells at once. */
  watch(listener: EndingsListener): Promise<Unwatch> {
    return this.#shelf.endings.watch(listener)
  }

  /** Forgets everything. */
  async close(): Promise<void> {
    this.#shelf.clear()
  }

  /** Which of a user's sessions are too many once this one has begun, oldest first; undefined: it may not begin. */
  #surplus(record: SessionRecord, limit: UserLimit | undefined, oldKey?: string): Held[] | undefined {
    const own = limitFor(record, limit)
    if (!own) return []
    const others = this.#shelf.ofUser(own.userKey).filter(({ record: { key, userId } }) => key !== oldKey && userId !== undefined)
    const surplus = others.slice(0, Math.max(0, others.length + 1 - own.max))
    return own.deny && surplus.length > 0 ? undefined : surplus
  }

  #evict(surplus: readonly Held[]): void {
    for (const { record } of surplus) this.#shelf.bury(record.key, 'evicted')
  }

  /** How many sessions and tombstones it holds now. */
  get size(): number {
    return this.#shelf.size
  }
}

/** Whether a write with this version has been done. */
function hasBeen({ record, recent }: Held, version: string): boolean {
  return isDone(version, record.version, recent)
}
