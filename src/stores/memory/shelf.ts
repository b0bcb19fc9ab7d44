import { AgingMap } from '../../core/aging-map.ts'
import { EndQueue } from '../../core/end-queue.ts'
import { SessionStoreFullError } from '../../core/errors.ts'
import { copy } from '../../core/json.ts'
import { type Gone, type GoneReason, type SessionRecord, tombstoneMs } from '../../core/record.ts'
import { endOf } from '../common/life.ts'
import type { RecentVersions } from '../common/recent.ts'
import { KeysByUser } from './keys-by-user.ts'
import { MemoryEndings } from './push.ts'

export interface Held {
  readonly record: SessionRecord
  readonly recent: RecentVersions
  /** Which one it was that the shelf took in. */
  readonly place: number
}

interface Tombstone extends Gone {
  /** When it may be forgotten. */
  readonly until: number
}

type Entry = Held | Tombstone

/** How many idle entries the queue of ends may hold in any case. */
const SLACK = 1000

/** What a `MemoryStore` holds: bounded, and in the order in which it came. */
export class Shelf {
  readonly endings = new MemoryEndings()
  readonly #room: number
  readonly #now: () => number
  /** Sessions that belong to nobody, those that belong to a user, and what has ended; oldest first. */
  readonly #anonymous = new AgingMap<Held>()
  readonly #owned = new Map<string, Held>()
  readonly #tombstones = new AgingMap<Tombstone>()
  readonly #users = new KeysByUser()
  /** An entry for each key that is held. A later end leaves it where it is; it is put right when its time comes. */
  readonly #ends: EndQueue
  #places = 0

  constructor(room: number, now: () => number, ends: EndQueue = new EndQueue()) {
    this.#room = room
    this.#now = now
    this.#ends = ends
  }

  get size(): number {
    return this.#anonymous.size + this.#owned.size + this.#tombstones.size
  }

  /** What lives or lies under a key; what is over is nothing. */
  find(key: string): Entry | undefined {
    const found = this.#entry(key)
    if (!found || !this.#isOver(found)) return found
    this.forget(key)
    return undefined
  }

  findLive(key: string): Held | undefined {
    const found = this.find(key)
    return found && isLive(found) ? found : undefined
  }

  /** A user's live sessions, oldest first. */
  ofUser(userKey: string): Held[] {
    return this.#users.of(userKey).flatMap(key => this.findLive(key) ?? [])
  }

  /** Live sessions that came after this place, oldest first. */
  after(place: number, limit: number): Held[] {
    const all: Held[] = []
    for (const map of [this.#anonymous, this.#owned]) {
      // Each map has its sessions by their places: the first of them that come after it will do.
      let count = 0
      for (const held of map.values()) {
        if (held.place <= place || this.#isOver(held)) continue
        if (++count > limit) break
        all.push(held)
      }
    }
    return all.sort((a, b) => a.place - b.place).slice(0, limit)
  }

  /** Room for one more: what has ended goes first, then tombstones, then sessions of nobody by age, and never a user's. */
  makeRoom(): void {
    this.#forgetOver()
    if (this.size < this.#room || (this.#tombstones.dropOldest() ?? this.#anonymous.dropOldest()) !== undefined) return
    throw new SessionStoreFullError(this.#room)
  }

  insert(record: SessionRecord): void {
    const { key, userKey } = record
    if (userKey !== undefined) this.#users.add(userKey, key)
    this.#put(key, { record: clone(record), recent: [], place: ++this.#places })
  }

  /** Puts a later state of a record in its place. Whose it is does not change. */
  update(held: Held, changed: SessionRecord, recent: RecentVersions): void {
    const { userKey: _, ...rest } = clone(changed)
    const { key, userKey } = held.record
    this.#put(key, { record: userKey === undefined ? rest : { ...rest, userKey }, recent, place: held.place }, lastMoment(held))
  }

  /** Leaves a tombstone where there is room for one: it never takes a session's place. */
  bury(key: string, gone: GoneReason): void {
    this.endings.tell(key)
    this.forget(key)
    this.#forgetOver()
    if (this.size >= this.#room && this.#tombstones.dropOldest() === undefined) return
    const until = this.#now() + tombstoneMs(gone)
    this.#tombstones.set(key, { gone, until })
    this.#expect(until, key)
  }

  forget(key: string): void {
    const userKey = this.#owned.get(key)?.record.userKey
    if (userKey !== undefined) this.#users.delete(userKey, key)
    for (const map of [this.#anonymous, this.#owned, this.#tombstones]) map.delete(key)
  }

  /** Forgets up to `limit` entries that ended before this time. How many. */
  forgetEnded(before: number, limit: number): number {
    let count = 0
    while (count < limit) {
      const key = this.#ends.takeBefore(before)
      if (key === undefined) break
      const entry = this.#entry(key)
      if (!entry) continue
      // Not `<`: a time that is no number has passed.
      if (lastMoment(entry) >= before) this.#ends.push(lastMoment(entry), key)
      else {
        this.forget(key)
        count++
      }
    }
    return count
  }

  clear(): void {
    for (const all of [this.#anonymous, this.#owned, this.#tombstones, this.#users, this.#ends, this.endings]) all.clear()
  }

  #entry(key: string): Entry | undefined {
    return this.#anonymous.get(key) ?? this.#owned.get(key) ?? this.#tombstones.get(key)
  }

  #isOver(entry: Entry): boolean {
    return !(lastMoment(entry) >= this.#now())
  }

  #put(key: string, held: Held, expected = Number.POSITIVE_INFINITY): void {
    const map = held.record.userKey === undefined ? this.#anonymous : this.#owned
    map.set(key, held)
    if (lastMoment(held) < expected) this.#expect(lastMoment(held), key)
  }

  #forgetOver(): void {
    this.forgetEnded(this.#now(), Number.POSITIVE_INFINITY)
  }

  /** What ended early, or was to end at several times, leaves entries behind: now and then the queue is made anew. */
  #expect(end: number, key: string): void {
    this.#ends.push(end, key)
    if (this.#ends.size <= 2 * this.size + SLACK) return
    this.#ends.clear()
    for (const map of [this.#anonymous, this.#owned, this.#tombstones]) {
      for (const [held, entry] of map) this.#ends.push(lastMoment(entry), held)
    }
  }
}

export function isLive(entry: Entry): entry is Held {
  return 'record' in entry
}

function lastMoment(entry: Entry): number {
  return isLive(entry) ? endOf(entry.record) : entry.until
}

/** Callers and store share nothing. */
export function clone(record: SessionRecord): SessionRecord {
  return record.meta ? { ...record, meta: copy(record.meta) } : { ...record }
}
