import { type Gone, type GoneReason, partitionOfKey, type SessionRecord } from '../../core/record.ts'

/** A number as a driver gives it: 64-bit integers come as texts or bigints from some. */
type Numeric = number | string | bigint

/**
 * A row of a table of sessions, as it is read. Numeric columns must keep fractions of a ms (a life of '0.3m' may have some): double,
 * or SQLite's own numbers. A row with `gone` is a tombstone: nothing else of it counts but its key and its end, `expires_at`.
 * A table has two more columns that no record shows: `recent`, the last versions, and `seq`, the store's own sequence.
 */
export interface SessionRow {
  key: string
  user_key: string | null
  user_id: string | null
  version: string
  data: string
  created_at: Numeric
  authenticated_at: Numeric | null
  touched_at: Numeric
  idle_ms: Numeric
  expires_at: Numeric
  absolute_expires_at: Numeric | null
  /** NULL: the record has none; `NULL_MAX_AGE`: it is null, until the browser closes. */
  max_age: Numeric | null
  /** JSON text. */
  meta: string | null
  gone: GoneReason | null
}

/** The columns that a record fills, in the order of `valuesOf`. */
export const RECORD_COLUMNS = [
  'key',
  'user_key',
  'user_id',
  'version',
  'data',
  'created_at',
  'authenticated_at',
  'touched_at',
  'idle_ms',
  'expires_at',
  'absolute_expires_at',
  'max_age',
  'meta',
] as const satisfies ReadonlyArray<keyof SessionRow>

const NULL_MAX_AGE = -1

/** What a record puts into `RECORD_COLUMNS`. */
export function valuesOf(record: SessionRecord): Array<string | number | null> {
  return [
    record.key,
    record.userKey ?? null,
    record.userId ?? null,
    record.version,
    record.data,
    record.createdAt,
    record.authenticatedAt ?? null,
    record.touchedAt,
    record.idleMs,
    record.expiresAt,
    record.absoluteExpiresAt ?? null,
    record.maxAge === null ? NULL_MAX_AGE : (record.maxAge ?? null),
    record.meta === undefined ? null : JSON.stringify(record.meta),
  ]
}

/** What is NULL in a row is absent from its record. */
export function recordOf(row: SessionRow): SessionRecord {
  const record: SessionRecord = {
    key: row.key,
    partition: partitionOfKey(row.key),
    data: row.data,
    version: row.version,
    createdAt: Number(row.created_at),
    touchedAt: Number(row.touched_at),
    idleMs: Number(row.idle_ms),
    expiresAt: Number(row.expires_at),
  }
  if (row.user_key !== null) record.userKey = row.user_key
  if (row.user_id !== null) record.userId = row.user_id
  if (row.authenticated_at !== null) record.authenticatedAt = Number(row.authenticated_at)
  if (row.absolute_expires_at !== null) record.absoluteExpiresAt = Number(row.absolute_expires_at)
  if (row.max_age !== null) record.maxAge = Number(row.max_age) === NULL_MAX_AGE ? null : Number(row.max_age)
  if (row.meta !== null) record.meta = JSON.parse(row.meta) as Record<string, unknown>
  return record
}

/** What `load` answers for a row that has not ended. */
export function foundIn(row: SessionRow | undefined): SessionRecord | Gone | null {
  if (!row) return null
  return row.gone === null ? recordOf(row) : { gone: row.gone }
}
