import type { Gone, GoneReason, SessionRecord } from './record.ts'

/**
 * How many live sessions a user may have, the one that is about to begin among them. Where there would be more, the oldest end, each
 * with a tombstone `evicted`; with `deny` none does, and the new one is refused. What counts is a user's sessions, records with a
 * `userKey` and a `userId`: those without a `userId` are no sessions, and neither count nor end. What has expired does not count.
 */
export interface UserLimit {
  max: number
  deny: boolean
}

export type SaveResult = { status: 'saved' } | { status: 'conflict'; current: SessionRecord } | { status: 'missing' }
export type ReplaceResult =
  | { status: 'replaced' }
  | { status: 'conflict'; current: SessionRecord }
  | { status: 'missing' }
  | { status: 'denied' }
  | { status: 'full' }

/**
 * The contract of every Holdfast store. Stores do I/O and no policy. Absent, expired and malformed records are answers,
 * not errors; an error is for a system fault only. Each method is atomic, and may be called again with the same arguments
 * when its answer was lost: a write that finds its own version, there or among the last few, has been done. Times are whole ms.
 *
 * What lives is decided by the store's own clock. `timeoutMs` says how long the caller waits: a store that can gives up
 * then, and sees to it that nothing is carried out later.
 */
export interface SessionStore {
  /** The live record; `{ gone }` while a tombstone lies there; null for anything else. Expiry is read before any touch. */
  load(key: string, timeoutMs?: number): Promise<SessionRecord | Gone | null>
  /**
   * Inserts. False if the key exists or a tombstone lies there; true if what exists has, or had lately, this record's own version. With
   * a limit, which only a store with an index is given, inserting and keeping to it is one step. `full`: refused, and nothing is stored.
   */
  create(record: SessionRecord, timeoutMs?: number, limit?: UserLimit): Promise<boolean | 'full'>
  /** Overwrites the record whose version is `expectedVersion`. Never inserts. Whom it belongs to stays, whatever `record` says. */
  save(record: SessionRecord, expectedVersion: string, timeoutMs?: number): Promise<SaveResult>
  /**
   * In one step: ends the record of `oldKey` (tombstone) and inserts `record`, the last in its user's list. `denied`: the new key is
   * taken. A store that needs two steps makes sure that never both live; where it fails, a tombstone may be left at the new key.
   * With a limit as in `create`; the record of `oldKey` makes place and does not count. `full`: refused, and the old record lives on.
   */
  replace(
    oldKey: string,
    expectedVersion: string,
    record: SessionRecord,
    reason: GoneReason,
    timeoutMs?: number,
    limit?: UserLimit,
  ): Promise<ReplaceResult>
  /** Moves `touchedAt` and `expiresAt` forward, never back. False if there is no live record. Data and version stay. */
  touch(key: string, times: { touchedAt: number; expiresAt: number }, timeoutMs?: number): Promise<boolean>
  /** Ends the record and leaves a tombstone, also where there was none. True if there was a live record. */
  delete(key: string, reason: GoneReason, timeoutMs?: number): Promise<boolean>
  close(): Promise<void>
}

/** A page of records, and where the next one begins; null: this was the last. */
export interface SessionPage {
  records: SessionRecord[]
  cursor: string | null
}

/** A store that knows whose sessions it holds. Every store of Holdfast is one. */
export interface IndexedSessionStore extends SessionStore {
  /** A user's live records, oldest first by the store's own sequence. It costs that user's sessions, never a scan. */
  listByUser(userKey: string, timeoutMs?: number): Promise<SessionRecord[]>
  /** Ends a user's live records, `except` the one of that key, each with a tombstone (`revoked` unless told). How many. */
  deleteByUser(userKey: string, options?: { except?: string; reason?: GoneReason }, timeoutMs?: number): Promise<number>
  /** Live records in no particular order, about `limit` (default 100) at a time. What lives throughout is on one page at least. */
  list(options?: { cursor?: string; limit?: number }, timeoutMs?: number): Promise<SessionPage>
  /** Removes up to `limit` records and tombstones that ended over ten minutes ago by the store's own clock. How many. */
  deleteExpired(limit: number, timeoutMs?: number): Promise<number>
}

/** The limit that a record is subject to: a session of a user, and no other record. */
export function limitFor({ userKey, userId }: SessionRecord, limit: UserLimit | undefined): (UserLimit & { userKey: string }) | undefined {
  return limit && userKey !== undefined && userId !== undefined ? { ...limit, userKey } : undefined
}

/** A node's clock that runs ahead must delete nobody's session: clean-up leaves what has just ended. */
export const CLEANUP_GRACE_MS = 600_000

const METHODS = ['load', 'create', 'save', 'replace', 'touch', 'delete'] as const
const INDEX_METHODS = ['listByUser', 'deleteByUser', 'list', 'deleteExpired'] as const

/** Recognises a Holdfast store by its methods, never by `instanceof`. */
export function isSessionStore(value: unknown): value is SessionStore {
  return hasMethods(value, METHODS)
}

export function isIndexedSessionStore(value: unknown): value is IndexedSessionStore {
  return isSessionStore(value) && hasMethods(value, INDEX_METHODS)
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && names.every(name => typeof (value as Record<string, unknown>)[name] === 'function')
}

/** What is told of an end: which sessions, or whose. A hint and never the truth: who is told looks at the records. */
export interface Ended {
  keys?: readonly string[]
  userKey?: string
}

export interface EndingsListener {
  /** By whichever process. The same end may be told more than once, late, or not at all; nothing that calls it waits for it. */
  ended(ended: Ended): void
  /** Nothing is told any more, since the connection has gone. Who still wants to know watches anew. */
  lost(): void
}

/** Ends the telling. */
export type Unwatch = () => Promise<void>

/**
 * What a store may have besides, each method by itself: with either of the two, answers and sockets that stay open learn within a second
 * that another process has ended their session.
 */
export interface WatchableSessionStore extends SessionStore {
  /**
   * Tells of each record that `delete`, `replace` or `deleteByUser` of any process ends from now on, or that gives way to another one.
   * It has begun when the promise is fulfilled. Null: not here, for instance since the server cannot; then `findEnded` is asked instead.
   * `close()` ends it.
   */
  watch?(listener: EndingsListener): Promise<Unwatch | null>
  /** Which of these keys have no live record: for who follows many, in one query. At most 500 of them. */
  findEnded?(keys: readonly string[], timeoutMs?: number): Promise<string[]>
}
