import { type Gone, type GoneReason, type SessionRecord, tombstoneMs } from '../core/record.ts'
import { limitFor, type UserLimit } from '../core/store.ts'

interface Live {
  record: SessionRecord
  /** All versions that it had before. */
  earlier: string[]
}
interface Buried extends Gone {
  until: number
}
type Entry = Live | Buried

/** The contract in its plainest form. Each command answers as a store must. */
export class Model {
  readonly #now: () => number
  /** What was inserted last is the last. */
  readonly #entries: Map<string, Entry>

  constructor(now: () => number, entries: Iterable<[string, Entry]> = []) {
    this.#now = now
    this.#entries = new Map(entries)
  }

  copy(): Model {
    return new Model(this.#now, this.#entries)
  }

  live(key: string): SessionRecord | undefined {
    return this.#live(key)?.record
  }

  /** The version that a live record had before. */
  before(key: string): string | undefined {
    return this.#live(key)?.earlier.at(-1)
  }

  /** When what is there ends. */
  endOf(key: string): number | undefined {
    const found = this.#entry(key)
    return found && endOf(found)
  }

  load(key: string): unknown {
    const found = this.#entry(key)
    if (!found) return null
    return 'gone' in found ? { gone: found.gone } : found.record
  }

  create(record: SessionRecord, limit?: UserLimit): unknown {
    const found = this.#entry(record.key)
    if (found) return knows(found, record.version)
    return this.#insert(record, limit) ? true : 'full'
  }

  save(record: SessionRecord, expected: string): unknown {
    const found = this.#live(record.key)
    if (!found) return { status: 'missing' }
    if (knows(found, record.version)) return { status: 'saved' }
    if (found.record.version !== expected) return { status: 'conflict', current: found.record }
    const { userKey: _, ...rest } = record
    const { userKey } = found.record
    const saved = userKey === undefined ? rest : { ...rest, userKey }
    this.#entries.set(record.key, { record: saved, earlier: [...found.earlier, expected] })
    return { status: 'saved' }
  }

  replace(oldKey: string, expected: string, record: SessionRecord, reason: GoneReason, limit?: UserLimit): unknown {
    const found = this.#live(oldKey)
    const inTheWay = this.#entry(record.key)
    if (!found) return { status: inTheWay && knows(inTheWay, record.version) ? 'replaced' : 'missing' }
    if (found.record.version !== expected) return { status: 'conflict', current: found.record }
    if (inTheWay) return { status: 'denied' }
    if (!this.#insert(record, limit, oldKey)) return { status: 'full' }
    this.#bury(oldKey, reason)
    return { status: 'replaced' }
  }

  touch(key: string, { touchedAt, expiresAt }: { touchedAt: number; expiresAt: number }): unknown {
    const found = this.#live(key)
    if (!found) return false
    const { record, earlier } = found
    let end = record.expiresAt
    if (touchedAt >= record.touchedAt) {
      end = Math.max(end, Math.min(expiresAt, touchedAt + record.idleMs, record.absoluteExpiresAt ?? expiresAt))
    }
    const touched = { ...record, touchedAt: Math.max(touchedAt, record.touchedAt), expiresAt: end }
    this.#entries.set(key, { record: touched, earlier })
    return true
  }

  delete(key: string, reason: GoneReason): unknown {
    const found = this.#entry(key)
    if (found && 'gone' in found) return false
    this.#bury(key, reason)
    return found !== undefined
  }

  /** The oldest first. */
  listByUser(userKey: string): SessionRecord[] {
    return this.list().filter(record => record.userKey === userKey)
  }

  deleteByUser(userKey: string, { except, reason = 'revoked' }: { except?: string; reason?: GoneReason }): unknown {
    const ending = this.listByUser(userKey).filter(({ key }) => key !== except)
    for (const { key } of ending) this.#bury(key, reason)
    return ending.length
  }

  /** In no order. */
  list(): SessionRecord[] {
    return [...this.#entries.keys()].flatMap(key => this.live(key) ?? [])
  }

  /** False: the limit refuses it. */
  #insert(record: SessionRecord, limit: UserLimit | undefined, oldKey?: string): boolean {
    const own = limitFor(record, limit)
    const others = own ? this.listByUser(own.userKey).filter(({ key, userId }) => key !== oldKey && userId !== undefined) : []
    const surplus = own ? others.slice(0, Math.max(0, others.length + 1 - own.max)) : []
    if (own?.deny && surplus.length > 0) return false
    for (const { key } of surplus) this.#bury(key, 'evicted')
    this.#entries.delete(record.key)
    this.#entries.set(record.key, { record, earlier: [] })
    return true
  }

  #entry(key: string): Entry | undefined {
    const found = this.#entries.get(key)
    return found && endOf(found) >= this.#now() ? found : undefined
  }

  #live(key: string): Live | undefined {
    const found = this.#entry(key)
    return found && 'record' in found ? found : undefined
  }

  #bury(key: string, gone: GoneReason): void {
    this.#entries.set(key, { gone, until: this.#now() + tombstoneMs(gone) })
  }
}

function knows(entry: Entry, version: string): boolean {
  return 'record' in entry && (entry.record.version === version || entry.earlier.includes(version))
}

function endOf(entry: Entry): number {
  return 'gone' in entry ? entry.until : Math.min(entry.record.expiresAt, entry.record.absoluteExpiresAt ?? entry.record.expiresAt)
}
