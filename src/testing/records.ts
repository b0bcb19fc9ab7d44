import assert from 'node:assert/strict'
import { partitionOfKey, partitionOfUser, type SessionRecord } from '../core/record.ts'
import type { IndexedSessionStore } from '../core/store.ts'

const SECOND = 1000
export const MINUTE = 60 * SECOND
export const DAY = 24 * 60 * MINUTE

export const SMALL_LETTERS = 'abcdefghijklmnopqrstuvwxyz'
const BASE64URL = `ABCDEFGHIJKLMNOPQRSTUVWXYZ${SMALL_LETTERS}0123456789-_`

export function randomText(length: number, alphabet: string = BASE64URL): string {
  return Array.from({ length }, () => alphabet[Math.floor(Math.random() * alphabet.length)]).join('')
}

/** Records as the engine makes them: keys, versions and partitions have their real shapes. */
export interface RecordMaker {
  partition(): string
  key(partition?: string): string
  userKey(partition?: string): string
  /** A new session of ten minutes, in the partition of its user or one of its own. */
  record(part?: Partial<SessionRecord>): SessionRecord
  /** A session that somebody has logged in to, of the user of this key. */
  login(userKey: string, part?: Partial<SessionRecord>): SessionRecord
  /** The same session, written anew: another version and other data. */
  next(record: SessionRecord, part?: Partial<SessionRecord>): SessionRecord
}

export function recordMaker(now: () => number): RecordMaker {
  let count = 0
  const partition = () => randomText(3)
  const key = (of: string = partition()) => (of === '' ? randomText(43) : `${of}.${randomText(43)}`)
  const record = (part: Partial<SessionRecord> = {}): SessionRecord => {
    const at = part.key ?? key(part.userKey === undefined ? undefined : partitionOfUser(part.userKey))
    const time = now()
    return {
      key: at,
      partition: partitionOfKey(at),
      data: `{"n":${++count}}`,
      version: randomText(16),
      createdAt: time,
      touchedAt: time,
      idleMs: 10 * MINUTE,
      expiresAt: time + 10 * MINUTE,
      ...part,
    }
  }
  return {
    partition,
    key,
    record,
    userKey: (of = partition()) => of + randomText(43 - of.length),
    login: (userKey, part = {}) => record({ userKey, userId: `user of ${userKey}`, ...part }),
    next: ({ key: same, userKey }, part = {}) => record({ key: same, ...(userKey !== undefined && { userKey }), ...part }),
  }
}

export async function createAll(store: IndexedSessionStore, records: readonly SessionRecord[]): Promise<void> {
  for (const record of records) assert.equal(await store.create(record), true)
}

/** Neither there nor ever to be there: nothing, or a tombstone. */
export async function isDead(store: IndexedSessionStore, key: string): Promise<boolean> {
  const found = await store.load(key)
  return found === null || 'gone' in found
}

/** Records in an order that does not depend on the store's. */
export function sorted(records: readonly SessionRecord[]): SessionRecord[] {
  return [...records].sort((a, b) => (a.key < b.key ? -1 : 1))
}
