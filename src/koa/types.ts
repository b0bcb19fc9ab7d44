import type { Context } from 'koa'
import type { RegenerateOptions } from '../core/login.ts'
import type { Duration } from '../core/options.ts'
import type { Policies } from '../core/policies.ts'
import type { AnyData, DefaultData, SessionData } from '../core/session-data.ts'
import type { SessionStore } from '../core/store.ts'
import type { ReaderOptions } from '../create.ts'
import type { DeviceOption } from '../native/devices.ts'
import type { NativeSessionOf } from '../request/native.ts'

/** A koa-session store. */
export interface KoaSessionStore {
  /** The session's data, or nothing. `maxAge` in ms, undefined where none is configured. */
  get(key: string, maxAge: number | undefined, options: { rolling: boolean; ctx: Context }): unknown
  /** `maxAge` in ms, ten seconds more than the cookie's. */
  set(key: string, data: AnyData, maxAge: number, options: { rolling: boolean; changed: boolean; ctx: Context }): unknown
  destroy(key: string, options: { ctx: Context }): unknown
}

/** Another way for the id to travel than a cookie. */
export interface ExternalKey {
  get(ctx: Context): string | undefined | null
  set(ctx: Context, key: string): void
  /** Holdfast's: makes the client forget the key, at logout. */
  clear?(ctx: Context): void
}

/** koa-session's options, and Holdfast's own below. */
export interface SessionOptions extends Policies {
  /** The cookie's name. Default `koa.sess`. */
  key: string
  /** Life in ms, or `'session'`: until the browser closes. Default one day (the cookie then has no expiry of its own). */
  maxAge?: number | 'session' | undefined
  /** Save at the end of each request. Default true. */
  autoCommit: boolean
  /** A later cookie of the same name replaces an earlier one in the response. Default true. */
  overwrite: boolean
  /** Scripts cannot read the cookie. Default true. */
  httpOnly: boolean
  /** Sign the cookie with `app.keys`. Default true. */
  signed: boolean
  /** Renew cookie and record at each request. Default false. */
  rolling: boolean
  /** Renew once less than half of `maxAge` is left. Default false. */
  renew: boolean
  /** Send the cookie over https only. Default: as the connection is. */
  secure?: boolean | undefined
  /** `lax`, `strict` or `none`. Default: not set. */
  sameSite?: string | null | undefined
  domain?: string | undefined
  /** Default `/`. */
  path?: string | undefined
  partitioned?: boolean | undefined
  priority?: 'low' | 'medium' | 'high' | undefined
  /** Keep sessions here and only an id in the cookie: a koa-session store, or one of Holdfast's. */
  store?: KoaSessionStore | SessionStore | undefined
  /** A class with the store's three methods, constructed with `ctx` for each request. */
  ContextStore?: (new (ctx: Context) => KoaSessionStore) | undefined
  externalKey?: ExternalKey | undefined
  /** Data -> cookie text. Default base64 of JSON. */
  encode: (data: AnyData) => string
  /** Cookie text -> data. */
  decode: (text: string) => unknown
  /** A new id. Default 128 random bits (a peer's store) or 256 (Holdfast's). */
  genid?: ((ctx: Context) => string) | undefined
  /** Put before a generated id. No effect with `genid`. */
  prefix?: string | undefined
  /** False turns a stored session away. May be asynchronous with a store. */
  valid?: ((ctx: Context, data: AnyData) => unknown) | undefined
  /** Called before each save; may still change the session. May be asynchronous with a store. */
  beforeSave?: ((ctx: Context, session: KoaSession) => unknown) | undefined
  /** Holdfast's: the name on `ctx`. Default `session`. */
  property?: string | undefined
  /** Holdfast's: true for requests that shall have no session: no store call and no cookie. */
  skip?: ((ctx: Context) => boolean) | undefined
  /** Holdfast's: true for requests that are no use of their session, such as a poll: they neither lengthen its life nor renew its cookie. */
  passive?: ((ctx: Context) => boolean) | undefined
  /** Holdfast's: refuse at setup what no browser would store, as `createSessions` does. Default false: it is reported once. */
  strict?: boolean | undefined
  /** Response headers say why a session was saved and a cookie set, or why not. Refused unless NODE_ENV is `development`. */
  explain?: boolean | undefined
  /** Holdfast's: how long the store may take for one call, in ms or as `'5s'`. Default 5 seconds. */
  storeTimeout?: Duration | undefined
  /** Holdfast's: a session ends after this time without use, in ms or as `'30m'`, beside `maxAge`. Default none. */
  idleTimeout?: Duration | undefined
  /** Holdfast's: a session ends after this time in any case, in ms or as `'12h'`, however often it is renewed. Default none. */
  absoluteTimeout?: Duration | undefined
  /** Holdfast's: with `rolling` or `idleTimeout`, a session that is only read is written at most once in this time. Default: each time (`rolling`), a twentieth of `idleTimeout`. */
  touchInterval?: Duration | undefined
  /** Holdfast's: how long a user may stay signed in by `login(session, userId, { remember: true })`, in ms or as `'30d'`. Default 30 days. */
  rememberTimeout?: Duration | undefined
  /** Holdfast's, with a Holdfast store: whose session it is, by its data; a text of 1 to 255 octets, or nothing for nobody's. */
  user?: ((data: AnyData) => string | null | undefined) | undefined
  /** Holdfast's, with a Holdfast store: what is kept of the device at each login, for `list`. Default false. */
  device?: DeviceOption | undefined
  /** Holdfast's: encrypt the cookie with `app.keys` (cookie mode only). Default false. */
  encrypt?: boolean | undefined
  /**
   * Holdfast's, with `encrypt`: signed cookies of koa-session or cookie-session that are taken over until a date, so that turning
   * `encrypt` on is no logout. Default none.
   */
  readers?: readonly ReaderOptions[] | undefined
}

export type CreateSessionOptions = Partial<SessionOptions>

/** What a session has beside your data; data of the same name hide it. */
export interface KoaSessionMembers<D extends object = DefaultData> {
  /** Whether the request came without a session. */
  isNew: boolean
  /** How many keys of yours it has. */
  readonly length: number
  /** Whether it has any. */
  readonly populated: boolean
  /** Its life in ms, or `'session'`. Setting it saves the session. */
  maxAge: number | 'session' | undefined
  /** The id; undefined in cookie mode. */
  readonly externalKey: string | undefined
  /** Writes the session now, changed or not. */
  save(): Promise<void>
  save(callback: (error?: Error) => void): void
  /** Writes the session now if it changed; for `autoCommit: false`. */
  manuallyCommit(): Promise<void>
  /** Gives the session a new id and keeps its data, or (Holdfast's) those of `keep`; the old id is dead when this has finished. */
  regenerate(): Promise<void>
  regenerate(callback: (error?: Error) => void): void
  regenerate(options: RegenerateOptions): Promise<void>
  regenerate(options: RegenerateOptions, callback: (error?: Error) => void): void
  /** The general form of the three above. */
  commit(options?: { save?: boolean; regenerate?: boolean }): Promise<void>
  commit(options: { save?: boolean; regenerate?: boolean }, callback: (error?: Error) => void): void
  commit(callback: (error?: Error) => void): void
  toJSON(): AnyData
  /** Holdfast's: ends the session now, in the store and in the browser. */
  destroy(): Promise<void>
  /** Holdfast's: takes what is stored now. False if the session has been ended meanwhile. */
  reload(): Promise<boolean>
  /** Holdfast's: runs a synchronous function on the latest data until it lands. */
  update(change: (draft: D) => void): Promise<void>
}

/** `ctx.session`: your data, and the members that they do not hide. */
export type KoaSession<D extends object = DefaultData> = (string extends keyof D
  ? KoaSessionMembers<D>
  : Omit<KoaSessionMembers<D>, keyof D>) &
  D

/** What may be assigned to `ctx.session`: null ends the session, an object replaces its data. */
export type SessionAssignment<D extends object = DefaultData> = KoaSession<D> | ({ maxAge?: number | 'session' } & Partial<D>) | null

/** Koa's context with a session of your type: `new Koa<DefaultState, SessionContext<MyData>>()`. */
export interface SessionContext<D extends object = DefaultData> {
  get session(): KoaSession<D>
  set session(value: SessionAssignment<D>)
  readonly sessionOptions: SessionOptions
}

/** Native mode's methods that the data do not hide, and the data. */
export type NativeKoaSession<D extends object = DefaultData> = NativeSessionOf<D>

/** Koa's context in native mode: `new Koa<DefaultState, NativeContext<MyData>>()`. */
export interface NativeContext<D extends object = DefaultData> {
  /** Null after it was set to null. */
  get session(): NativeKoaSession<D>
  /** Null ends the session, an object replaces its data. */
  set session(value: Partial<D> | null)
}

declare module 'koa' {
  // Koa's default context only: an app with a context type of its own says there what its session holds.
  interface DefaultContext {
    /** Null after it was set to null. */
    get session(): KoaSession<[keyof SessionData] extends [never] ? AnyData : SessionData>
    set session(value: SessionAssignment)
    /** This request's own copy of the options: what is written to it changes this request's cookie. */
    readonly sessionOptions: SessionOptions
  }
}
