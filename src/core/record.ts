/** Why a session is no more. A tombstone keeps it for a minute, so that requests in flight can be told. */
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

/** What a store keeps. It never sees an id: `key` is base64url SHA-256 of scope, NUL and id. */
export interface SessionRecord extends Life {
  key: string
  /** A short tag, the same for all sessions of a user: stores that shard keep a user's sessions together by it. */
  partition: string
  /** JSON text of the user's data, always an object. */
  data: string
  /** 96 random bits as text, new for each write, compared for equality only. */
  version: string
  userKey?: string
  userId?: string
  /** A small JSON object of the adapter or the device list, opaque to core and stores. */
  meta?: Record<string, unknown>
}

/** What `load` answers when a tombstone lies where the session was. */
export interface Gone {
  gone: GoneReason
}

export function isGone(value: object): value is Gone {
  return 'gone' in value
}

/** The life in a record, and nothing else of it. */
export function lifeOf(record: SessionRecord): Life {
  const { createdAt, authenticatedAt, touchedAt, idleMs, expiresAt, absoluteExpiresAt, maxAge } = record
  const life: Life = { createdAt, touchedAt, idleMs, expiresAt }
  if (authenticatedAt !== undefined) life.authenticatedAt = authenticatedAt
  if (absoluteExpiresAt !== undefined) life.absoluteExpiresAt = absoluteExpiresAt
  if (maxAge !== undefined) life.maxAge = maxAge
  return life
}
