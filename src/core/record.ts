/** Why a session is no more. A tombstone keeps it for a while, so that requests in flight can be told. */
export type GoneReason = 'destroyed' | 'regenerated' | 'rotated' | 'revoked' | 'evicted' | 'expired'

/** The life of a session. Times in ms since the epoch, spans in ms. */
export interface Life {
  createdAt: number
  /** When the user proved who they are; absent for anonymous sessions. */
  authenticatedAt?: number
  /** The last request that counted as use. */
  touchedAt: number
  /** How long it lives without use. */
  idleMs: number
  /** When it ends without further use. */
  expiresAt: number
  /** When it ends in any case (OWASP: absolute timeout). */
  absoluteExpiresAt?: number
  /** This session's own life instead of the configured one; null: until the browser closes. */
  maxAge?: number | null
}

/** A small JSON object beside the data: where the login came from, the device list. Opaque to stores. */
export type Meta = Record<string, unknown>

/** What a store keeps. It never sees an id. */
export interface SessionRecord extends Life {
  /** `<partition>.<hash>`, or the hash alone where the id has no partition; the hash is base64url SHA-256 of scope, NUL and id. */
  key: string
  /** Three characters, the same for all sessions of a user: stores that shard keep a user's sessions together by it. Or empty. */
  partition: string
  /** JSON text of the user's data, always an object. */
  data: string
  /** 96 random bits as 16 characters of base64url, new for each write, compared for equality only. */
  version: string
  /** Whom it belongs to: base64url SHA-256 of scope and user id. Its first three characters are the partition. */
  userKey?: string
  /** The app's own name for the user: 1 to 255 octets. */
  userId?: string
  meta?: Meta
}

/** What `load` answers when a tombstone lies where the session was. */
export interface Gone {
  gone: GoneReason
  /** Its id was renewed, the new one has been used since, and the time is over in which the old one may still come: somebody has kept a copy. */
  reused?: boolean
}

export function isGone(value: object): value is Gone {
  return 'gone' in value
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/** How long a tombstone lies: as long as requests may be in flight; a day where the user shall be told why. */
export function tombstoneMs(reason: GoneReason): number {
  return reason === 'evicted' ? DAY_MS : MINUTE_MS
}

/** The partition of a key: what stores that shard keep together. */
export function partitionOfKey(key: string): string {
  return key[3] === '.' ? key.slice(0, 3) : ''
}

/** The partition of all sessions of a user. */
export function partitionOfUser(userKey: string): string {
  return userKey.slice(0, 3)
}

/** How many of a record's earlier versions are kept, so that a write whose answer was lost is known again. */
export const RECENT_VERSIONS = 32

/** The life in a record, and nothing else of it. */
export function lifeOf(record: SessionRecord): Life {
  const { createdAt, authenticatedAt, touchedAt, idleMs, expiresAt, absoluteExpiresAt, maxAge } = record
  const life: Life = { createdAt, touchedAt, idleMs, expiresAt }
  if (authenticatedAt !== undefined) life.authenticatedAt = authenticatedAt
  if (absoluteExpiresAt !== undefined) life.absoluteExpiresAt = absoluteExpiresAt
  if (maxAge !== undefined) life.maxAge = maxAge
  return life
}
