import type { Gone, GoneReason, SessionRecord } from './record.ts'

export type SaveResult = { status: 'saved' } | { status: 'conflict'; current: SessionRecord } | { status: 'missing' }
export type ReplaceResult =
  | { status: 'replaced' }
  | { status: 'conflict'; current: SessionRecord }
  | { status: 'missing' }
  | { status: 'denied' }

/**
 * The contract of every Holdfast store. Stores do I/O and no policy. Absent, expired and malformed records are answers,
 * not errors; an error is for a system fault only. Each method is atomic.
 */
export interface SessionStore {
  /** The live record; `{ gone }` while a tombstone lies there; null for anything else. Expiry is read before any touch. */
  load(key: string): Promise<SessionRecord | Gone | null>
  /** Inserts. False if the key exists or a tombstone lies there; true if what exists carries this record's own version. */
  create(record: SessionRecord): Promise<boolean>
  /** Overwrites the record whose version is `expectedVersion`. Never inserts. */
  save(record: SessionRecord, expectedVersion: string): Promise<SaveResult>
  /** In one step: ends the record of `oldKey` (tombstone) and inserts `record`. */
  replace(oldKey: string, expectedVersion: string, record: SessionRecord, reason: GoneReason): Promise<ReplaceResult>
  /** Moves `touchedAt` and `expiresAt` forward, never back. False if there is no live record. Data and version stay. */
  touch(key: string, times: { touchedAt: number; expiresAt: number }): Promise<boolean>
  /** Ends the record and leaves a tombstone, also where there was none. True if there was a live record. */
  delete(key: string, reason: GoneReason): Promise<boolean>
  close(): Promise<void>
}

const METHODS = ['load', 'create', 'save', 'replace', 'touch', 'delete'] as const

/** Recognises a Holdfast store by its methods, never by `instanceof`. */
export function isSessionStore(value: unknown): value is SessionStore {
  return (
    typeof value === 'object' && value !== null && METHODS.every(name => typeof (value as Record<string, unknown>)[name] === 'function')
  )
}
