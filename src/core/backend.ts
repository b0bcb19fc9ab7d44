import type { EndingsSource } from './endings.ts'
import type { NextEpoch } from './epochs.ts'
import type { Content, Data } from './json.ts'
import type { MaybePromise } from './maybe.ts'
import type { Gone, GoneReason, Life, Meta, SessionRecord } from './record.ts'

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
  /** What is kept beside the data, where the place does that. */
  readonly meta?: Meta | undefined
  /** What a session in its cookie is known by: random, and another one after each `regenerate`. */
  readonly sid?: string | undefined
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
  /** Something lies there all the same, and can be ended. */
  readonly endable?: boolean
}

export function isAbsent(found: object): found is Absent {
  return 'absent' in found
}

/** What is to be written. */
export interface Draft {
  /** The session's id so far; absent in cookie mode. */
  readonly id: string | undefined
  /** Asked for only where it is needed: who has not opened a session has not changed it, and its text need not be parsed. */
  readonly data: () => Data
  /** JSON text of the data. Made on first call and kept, so that it is made at most once. */
  readonly text: () => string
  readonly life: Life
  /** Whom it shall belong to. Never another one than before under the same id. */
  readonly userId?: string | undefined
  readonly meta?: Meta | undefined
  /** In cookie mode: what it will be known by. */
  readonly sid?: string | undefined
  /** Whether the data differ from what was loaded (a forced write says false, as koa-session does). */
  readonly changed: boolean
  /** Throws where no browser would keep the token of this value: to be asked before anything else is ended for it. */
  readonly check?: ((value: string) => void) | undefined
}

/** Whether a write says that somebody has proved who they are: a login, or a step-up. */
export function proves({ userId, life }: Draft, loaded: Loaded | null): boolean {
  return userId !== undefined && (userId !== loaded?.userId || life.authenticatedAt !== loaded?.life.authenticatedAt)
}

/** What a token stands for, loaded or not. */
export interface Held {
  readonly value: string
}

/** A session's end that could not be carried out, and goes on being tried. */
export interface Pending {
  failure: unknown
}

/** `revoked`: all that the user had proved before was ended while this login was under way. Nothing of it is left. */
export type WriteResult =
  | { status: 'written'; loaded: Loaded }
  | { status: 'conflict'; current: Loaded }
  | { status: 'missing'; revoked?: boolean }
  /** Its user has as many sessions as they may have, and no more begin. Nothing was written. */
  | { status: 'full' }

/** Where the record lives. `request` is the adapter's own and handed through to hooks and to a peer's store. */
export interface SessionBackend {
  /** True where a load needs I/O: the adapter then awaits it before the handler runs. */
  readonly eager: boolean
  /** Whether a token's value is an id; else it is the whole content, and each write needs a new token. */
  readonly keyed: boolean
  /** Whether a user's new session may end an older one of theirs. */
  readonly evicts?: boolean
  /** False while opening a session has to wait for `prepare`, which does not fail: what it could not get, `load` misses. */
  readonly prepared?: boolean
  prepare?(): MaybePromise<void>
  /** How long after its request began, in ms, a session that nobody has changed may still be written for a longer life. Absent: as long as it takes. */
  readonly touchWithinMs?: number | undefined
  /** The id of a session that has not been written yet; undefined in cookie mode. */
  newId(request: unknown): string | undefined
  load(value: string, request: unknown): MaybePromise<Loaded | Gone | Absent>
  /** What has become of a session that is this user's by its data, while its place does not know that yet. Absent where only a write finds out. */
  verdict?(loaded: Loaded, userId: string): Gone | Absent | undefined
  create(draft: Draft, request: unknown): MaybePromise<WriteResult>
  save(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult>
  /** A new id for the same session, the old one dead at once. `loaded` is null for a session that was never written. */
  replace(loaded: Loaded | null, draft: Draft, reason: GoneReason, request: unknown): MaybePromise<WriteResult>
  /** Whether it is time for a new id at the same privilege; absent where there is no such thing. */
  rotationDue?(loaded: Loaded): boolean
  /** A save under a new id. For a while the old one leads to it. */
  rotate?(loaded: Loaded, draft: Draft): MaybePromise<WriteResult>
  touch(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult>
  /** `Gone`: it was to make place for another one (`regenerated`), and had been ended before. */
  delete(held: Held | null, id: string | undefined, reason: GoneReason, request: unknown): MaybePromise<Pending | Gone | undefined>
  /** How often, in ms, who follows a session must look at it: its id may be renewed, or its end be kept elsewhere. Absent: as seldom as they like. */
  readonly watchMs?: number | undefined
  /** Where it can be heard, or asked for, which records other processes have ended. Absent where nobody knows before they look. */
  readonly endings?: EndingsSource | undefined
  /** An epoch from which on nothing counts that this session's user had proved before. Absent where nobody would know. */
  nextEpoch?(loaded: Loaded): Promise<NextEpoch>
  /** Ends the other sessions of the user whom this one belongs to; how many. Absent where nobody knows them. */
  endOthers?(loaded: Loaded): Promise<number>
  close(): Promise<void>
}

/** Token text <-> value. `decode` answers null for anything that this codec's keys did not write. */
export interface TokenCodec {
  /** False while the keys are still to be loaded: opening a session then has to wait for `prepare`. */
  readonly prepared: boolean
  prepare(): MaybePromise<void>
  close(): void
  /** Throws where there is no key to write with: to be asked before a record is made that needs a token. */
  ready(): void
  /** `line` is that of the token that came; absent, a new one begins. `expiresAt` in ms: when the session in it ends. */
  encode(value: string, line: Lineage | undefined, expiresAt: number): string
  decode(token: string): Decoded | null
}

/** What travels with each re-issue of a token, so that no rotation of keys makes it look younger or cleaner than it is. */
export interface Lineage {
  /** The id of the key under which it began. */
  origin: string
  /** When it began, in ms since the epoch; 0: not known, and older than any time that a site may name. */
  bornAt: number
}

export interface Decoded {
  value: string
  line: Lineage
  /** When what it carries ends, where the token says so, in ms since the epoch. */
  expiresAt?: number
  /** Written under a key that is not the newest: to be issued again. */
  stale: boolean
}

/** A session that another library wrote into its own cookie, to be verified and taken over. */
export interface Takeover {
  open(request: unknown): Decoded | null
}

/** What a request brings: a token, several under one name, or an object that no text of a client can pass for. */
export type Presented = string | readonly string[] | Takeover
