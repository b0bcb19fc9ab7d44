import type { Gone, SessionRecord } from '../../core/record.ts'
import type { RecentVersions } from '../common/recent.ts'

/** A record that a `replace` has put down, and which lives once the old one's tombstone names it. */
export interface Pending {
  /** Of the old record. */
  key: string
  /** The one version of the old record that the tombstone may follow. */
  name: string
}

/** A record, as a file keeps it. */
export interface Kept {
  record: SessionRecord
  /** Its last versions, newest first. */
  recent: RecentVersions
  /** Its entry in the index of users. */
  entry?: string | undefined
  pending?: Pending | undefined
}

/** A tombstone, as a file keeps it. */
export interface Buried extends Gone {
  until: number
  /** The record that has taken this one's place. */
  successor?: { key: string; version: string }
}

const KEY = /^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,64}$/
const NAME = /^[a-z0-9-]{1,100}$/

/** A key becomes part of a path: it must not be able to say more than a name. */
export function mustBeKey(what: string, key: unknown): asserts key is string {
  if (typeof key !== 'string' || !KEY.test(key))
    throw new TypeError(`${what} must be 1 to 64 letters, digits or _ . - to be the name of a file`)
}

/** Where letters of two cases are one name, keys that differ in case must not be one file. */
export function nameOfKey(key: string): string {
  return key.replace(/[A-Z.]/g, letter => `=${letter.toLowerCase()}`)
}

/** Undefined: no key has that name. */
export function keyOfName(name: string): string | undefined {
  const key = name.replace(/=(.)/g, (_, letter: string) => letter.toUpperCase())
  return KEY.test(key) && nameOfKey(key) === name ? key : undefined
}

/** Names are spread over folders of few names each. FNV-1a: keys may be anything, and need no secret here. */
export function shardOf(key: string): string {
  let hash = 0x811c9dc5
  for (let n = 0; n < key.length; n++) hash = Math.imul(hash ^ key.charCodeAt(n), 0x01000193)
  return ((hash ^ (hash >>> 16)) & 0xff).toString(16).padStart(2, '0')
}

/** A name that nobody has had and nobody will have; those of later come behind. It is no secret. */
export function uniqueName(): string {
  return Date.now().toString(36).padStart(TIME_DIGITS, '0') + crypto.randomUUID().replaceAll('-', '')
}

/** When such a name was made, in ms since the epoch. */
export function timeOf(name: string): number {
  return Number.parseInt(name.slice(0, TIME_DIGITS), 36)
}

const TIME_DIGITS = 9

export function write(entry: Kept | Buried): string {
  return JSON.stringify(entry)
}

/** Null: this is no valid record of that key. A file may have been cut off, or have been written by somebody else. */
export function read(text: string, key: string): Kept | Buried | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (isBuried(value)) return value
  return isKept(value) && value.record.key === key ? value : null
}

function isBuried(value: unknown): value is Buried {
  if (!isObject(value) || typeof value.gone !== 'string' || !isNumber(value.until)) return false
  const successor = value.successor
  return successor === undefined || (isObject(successor) && isKey(successor.key) && isText(successor.version))
}

function isKept(value: unknown): value is Kept {
  if (!isObject(value) || !isRecord(value.record) || !Array.isArray(value.recent) || !value.recent.every(isText)) return false
  const { entry, pending } = value
  return (
    (entry === undefined || isName(entry)) && (pending === undefined || (isObject(pending) && isKey(pending.key) && isName(pending.name)))
  )
}

function isRecord(value: unknown): boolean {
  if (!isObject(value)) return false
  const { userKey, userId, authenticatedAt, absoluteExpiresAt, maxAge, meta } = value
  return (
    [value.key, value.partition, value.data, value.version].every(isText) &&
    [value.createdAt, value.touchedAt, value.idleMs, value.expiresAt].every(isNumber) &&
    (userKey === undefined || isKey(userKey)) &&
    (userId === undefined || isText(userId)) &&
    [authenticatedAt, absoluteExpiresAt, maxAge ?? undefined].every(time => time === undefined || isNumber(time)) &&
    (meta === undefined || isObject(meta))
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function isKey(value: unknown): boolean {
  return isText(value) && KEY.test(value)
}

function isName(value: unknown): boolean {
  return isText(value) && NAME.test(value)
}
