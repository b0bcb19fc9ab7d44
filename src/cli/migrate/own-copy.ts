import type { SessionRecord } from '../../core/record.ts'
import { ownKeyOf } from '../../crypto/session-id.ts'

/**
 * A record as a copy of it is written: its version follows from where it comes from and what it is a copy of. So a second pass knows its
 * own copies among what the site has written, and among those of another source; and a write whose answer was lost is known again.
 */
export function asCopy(record: SessionRecord, origin: string): SessionRecord {
  return { ...record, version: copyVersion(record, origin) }
}

/** Whether a record in the target is a copy from this source that nobody has written on since. */
export function isOwnCopy(record: SessionRecord, origin: string): boolean {
  return record.version === copyVersion(record, origin)
}

/** Times of a use move on without a write, and whom it belongs to stays as the target has it. */
function copyVersion(record: SessionRecord, origin: string): string {
  const { key, data, createdAt, authenticatedAt, idleMs, absoluteExpiresAt, maxAge, meta } = record
  const content = [
    key,
    data,
    createdAt,
    authenticatedAt ?? '',
    idleMs,
    absoluteExpiresAt ?? '',
    maxAge === undefined ? '' : maxAge,
    meta ?? '',
  ]
  return ownKeyOf('copied', origin, JSON.stringify(content, sorted)).slice(0, 16)
}

/** A store may keep its own way with the order of `meta`. */
function sorted(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
