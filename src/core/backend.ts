import type { Content, Data } from './json.ts'
import type { MaybePromise } from './maybe.ts'
import type { Gone, GoneReason, Life, SessionRecord } from './record.ts'

/** A session as its backend found or left it. */
export interface Loaded {
  /** What the token stands for: an id in a store, the whole content in a cookie. */
  readonly value: string
  /** What is kept, to compare with: text with text, an object structurally. Never handed to a handler. */
  readonly base: Content
  readonly life: Life
  /** For compare-and-set; absent where the place has none. */
  readonly version?: string
  /** The store's record, where there is one: it lives, by the store's own clock. */
  readonly record?: SessionRecord
  /** Whom it belongs to, where the place keeps that. */
  readonly userId?: string | undefined
  /** The stored value as its writer wrote it, for the `valid` hook. */
  readonly wire?: unknown
  /** The data, shared with nobody: the handler's to change. */
  take(): Data
}

/** Nothing (of use) lies there. `value` is what the place answered; `malformed` says that it was not readable. */
export interface Absent {
  readonly absent: true
  readonly value?: unknown
  readonly malformed?: boolean
}

export function isAbsent(found: object): found is Absent {
  return 'absent' in found
}

/** What is to be written. */
export interface Draft {
  /** The session's id so far; absent in cookie mode. */
  readonly id: string | undefined
  readonly data: Data
  /** JSON text of `data`. Made on first call and kept, so that it is made at most once. */
  readonly text: () => string
  readonly life: Life
  /** Whom it shall belong to. Never another one than before under the same id. */
  readonly userId?: string | undefined
  /** Whether the data differ from what was loaded (a forced write says false, as koa-session does). */
  readonly changed: boolean
}

/** What a token stands for, loaded or not. */
export interface Held {
  readonly value: string
}

/** A session's end that could not be carried out, and goes on being tried. */
export interface Pending {
  failure: unknown
}

export type WriteResult = { status: 'written'; loaded: Loaded } | { status: 'conflict'; current: Loaded } | { status: 'missing' }

/** Where the record lives. `request` is the adapter's own and handed through to hooks and to a peer's store. */
export interface SessionBackend {
  /** True where a load needs I/O: the adapter then awaits it before the handler runs. */
  readonly eager: boolean
  /** Whether a token's value is an id; else it is the whole content, and each write needs a new token. */
  readonly keyed: boolean
  /** The id of a session that has not been written yet; undefined in cookie mode. */
  newId(request: unknown): string | undefined
  load(value: string, request: unknown): MaybePromise<Loaded | Gone | Absent>
  create(draft: Draft, request: unknown): MaybePromise<WriteResult>
  save(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult>
  /** A new id for the same session, the old one dead at once. `loaded` is null for a session that was never written. */
  replace(loaded: Loaded | null, draft: Draft, reason: GoneReason, request: unknown): MaybePromise<WriteResult>
  touch(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult>
  /** `Gone`: it was to make place for another one (`regenerated`), and had been ended before. */
  delete(held: Held | null, id: string | undefined, reason: GoneReason, request: unknown): MaybePromise<Pending | Gone | undefined>
  close(): Promise<void>
}

/** Token text <-> value. `decode` answers null for anything that this codec's keys did not write. */
export interface TokenCodec {
  /** Throws where there is no key to write with: to be asked before a record is made that needs a token. */
  ready(): void
  encode(value: string, origin: string | undefined): string
  decode(token: string): Decoded | null
}

export interface Decoded {
  value: string
  /** The key under which this token's line of re-issues began. */
  origin: string
  /** Written under a key that is not the newest: to be issued again. */
  stale: boolean
}
