import { type GoneReason, partitionOfKey, RECENT_VERSIONS, type SessionRecord, tombstoneMs } from '../../core/record.ts'

/** A session or a tombstone as it is stored. Data and meta are text: names in them may begin with `$` or hold dots. */
interface SessionDocument {
  _id: string
  version: string
  data: string
  createdAt: number
  authenticatedAt?: number
  touchedAt: number
  idleMs: number
  /** Of a tombstone: until when it lies. */
  expiresAt: number
  absoluteExpiresAt?: number
  maxAge?: number | null
  userKey?: string
  userId?: string
  meta?: string
  /** The store's own sequence among the sessions of a user. */
  seq?: number
  /** Earlier versions, the newest first. */
  recent?: string[]
  /** When it may be removed, but for the grace, by an index: it counts for nothing else. */
  endsAt: Date
  /** It is a tombstone. */
  gone?: GoneReason
  /** It is to take the place of the record of this key, and does not live before that one is a tombstone that names it. */
  pending?: string
  /** The key of the record that takes this one's place, and when that ends; until it is no longer pending. */
  next?: { key: string; until: Date }
}

/** A document as a command answers with it: what was asked for, and whether its end has passed by the store's clock. */
export type FoundDocument = Partial<SessionDocument> & { _id: string; over?: boolean }

/** The last date that JavaScript has. */
const LAST_DATE = 8_640_000_000_000_000

/** An expression of the database's aggregation language. */
export type Expression = object | string | number | boolean

/** A missing operand counts for nothing; where there is no document at all, the result is null, which lies before every number. */
const END = { $min: ['$expiresAt', '$absoluteExpiresAt'] }
const RECENT = { $ifNull: ['$recent', []] }

export const isOver = (now: Expression) => ({ $lt: [END, now] })
export const isNotOver = (now: Expression) => ({ $gte: [END, now] })

/** Neither over, nor a tombstone, nor pending. */
export const isLive = (now: Expression) => ({ $and: [isNotOver(now), { $not: [{ $ifNull: ['$gone', '$pending'] }] }] })

export const hasVersion = (version: string) => ({ $eq: ['$version', { $literal: version }] })
export const hadVersion = (version: string) => ({ $in: [{ $literal: version }, RECENT] })

/** Numbers that JavaScript writes as 32 bits are no dates to the database, unless they are made longer. */
export const dateOf = (ms: Expression) => ({ $toDate: { $toLong: ms } })

/** A stage, the last of each update. A tombstone that names a pending record stays as long as that record may need it. */
export const SET_ENDS_AT = { $set: { endsAt: { $max: [dateOf(END), '$next.until'] } } }

/** What a document becomes under a condition; it stays as it is otherwise. */
export interface Change {
  when: Expression
  /** Objects to be merged into the new document. */
  parts: readonly Expression[]
}

/** The update that does it. */
export const pipelineOf = ({ when, parts }: Change) => [
  { $replaceWith: { $cond: [when, { $mergeObjects: parts }, '$$ROOT'] } },
  SET_ENDS_AT,
]

/** What stays with a key, whatever becomes of its document. */
const KEPT = { _id: '$_id', next: '$next' }

/** The parts of a touch: an older request's says nothing about a life that a newer write has set, and none goes past the absolute end. */
export function touched(times: { touchedAt: number; expiresAt: number }): Expression[] {
  const asked = { $min: [times.expiresAt, { $add: [times.touchedAt, '$idleMs'] }, '$absoluteExpiresAt'] }
  const expiresAt = { $cond: [{ $gte: [times.touchedAt, '$touchedAt'] }, { $max: ['$expiresAt', asked] }, '$expiresAt'] }
  return ['$$ROOT', { touchedAt: { $max: ['$touchedAt', times.touchedAt] }, expiresAt }]
}

/** The parts of a tombstone. `next`: who takes the place. */
export function tombstone(reason: GoneReason, now: Expression, next?: SessionRecord): Expression[] {
  const parts: Expression[] = [{ $literal: { gone: reason } }, { ...KEPT, expiresAt: { $add: [now, tombstoneMs(reason)] } }]
  if (next)
    parts.push({
      next: { key: { $literal: next.key }, until: dateOf(endOf(next)) },
    })
  return parts
}

/** What a new session's document has beside its record. */
export type Beside = Pick<SessionDocument, 'seq' | 'pending'>

/** A new session. */
export function documentOf(record: SessionRecord, beside: Beside): object {
  const user = record.userKey === undefined ? {} : { userKey: record.userKey }
  return { _id: record.key, ...fieldsOf(record), ...user, ...beside, recent: [], endsAt: new Date(Math.min(endOf(record), LAST_DATE)) }
}

/** Its parts, where something is that has ended. */
export function created(record: SessionRecord, beside: Beside): Expression[] {
  return [{ $literal: documentOf(record, beside) }, KEPT]
}

/** The parts of a session that is written anew: whose it is stays. */
export function saved(record: SessionRecord): Expression[] {
  const recent = { $slice: [{ $concatArrays: [['$version'], RECENT] }, RECENT_VERSIONS] }
  return [{ $literal: fieldsOf(record) }, { ...KEPT, userKey: '$userKey', seq: '$seq', recent }]
}

function endOf({ expiresAt, absoluteExpiresAt = expiresAt }: SessionRecord): number {
  return Math.min(expiresAt, absoluteExpiresAt)
}

/** Nothing may be undefined: the driver would write null. `$literal`, where it is used: no text of others is an expression. */
function fieldsOf(record: SessionRecord): object {
  const { version, data, createdAt, authenticatedAt, touchedAt, idleMs, expiresAt, absoluteExpiresAt, maxAge, userId, meta } = record
  return {
    version,
    data,
    createdAt,
    touchedAt,
    idleMs,
    expiresAt,
    ...(authenticatedAt !== undefined && { authenticatedAt }),
    ...(absoluteExpiresAt !== undefined && { absoluteExpiresAt }),
    ...(maxAge !== undefined && { maxAge }),
    ...(userId !== undefined && { userId }),
    ...(meta !== undefined && { meta: JSON.stringify(meta) }),
  }
}

/** What a record is made of, in a projection. */
export const RECORD_FIELDS = {
  version: 1,
  data: 1,
  createdAt: 1,
  authenticatedAt: 1,
  touchedAt: 1,
  idleMs: 1,
  expiresAt: 1,
  absoluteExpiresAt: 1,
  maxAge: 1,
  userKey: 1,
  userId: 1,
  meta: 1,
} as const

/** A live document has all that a record needs. */
export function recordOf(found: FoundDocument): SessionRecord {
  const { _id, version, data, createdAt, touchedAt, idleMs, expiresAt, meta, ...rest } = found as SessionDocument
  const { authenticatedAt, absoluteExpiresAt, maxAge, userKey, userId } = rest
  return {
    key: _id,
    partition: partitionOfKey(_id),
    data,
    version,
    createdAt,
    touchedAt,
    idleMs,
    expiresAt,
    ...(authenticatedAt !== undefined && { authenticatedAt }),
    ...(absoluteExpiresAt !== undefined && { absoluteExpiresAt }),
    ...(maxAge !== undefined && { maxAge }),
    ...(userKey !== undefined && { userKey }),
    ...(userId !== undefined && { userId }),
    ...(meta !== undefined && { meta: JSON.parse(meta) as Record<string, unknown> }),
  }
}
