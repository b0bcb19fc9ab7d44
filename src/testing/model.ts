import { type Gone, type GoneReason, type SessionRecord, tombstoneMs } from '../core/record.ts'

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

  create(record: SessionRecord): unknown {
    const found = this.#entry(record.key)
    if (found) return knows(found, record.version)
    this.#entries.set(record.key, { record, earlier: [] })
    return true
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

  replace(oldKey: string, expected: string, record: SessionRecord, reason: GoneReason): unknown {
    const found = this.#live(oldKey)
    const inTheWay = this.#entry(record.key)
    if (!found) return { status: inTheWay && knows(inTheWay, record.version) ? 'replaced' : 'missing' }
    if (found.record.version !== expected) return { status: 'conflict', current: found.record }
    if (inTheWay) return { status: 'denied' }
    this.#bury(oldKey, reason)
    this.#entries.set(record.key, { record, earlier: [] })
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

  /** In no order. */
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
