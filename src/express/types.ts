import type { IncomingMessage } from 'node:http'
import type { RegenerateOptions } from '../core/login.ts'
import type { Duration } from '../core/options.ts'
import type { Policies } from '../core/policies.ts'
import type { AnyData, SessionData as Augmented, DefaultData } from '../core/session-data.ts'
import type { SessionStore } from '../core/store.ts'
import type { Secret } from '../crypto/cookie-signature.ts'
import type { DeviceOption } from '../native/devices.ts'
import type { NativeSessionOf } from '../request/native.ts'
import type { Cookie, CookieOptions } from './cookie.ts'
import type { Store } from './store.ts'

/**
 * What your sessions hold, and `cookie`. Augment `holdfast`'s interface of this name, or this one, which has its keys too.
 *
 * @example
 * declare module 'holdfast' {
 *   interface SessionData { userId?: string }
 * }
 */
export interface SessionData extends Augmented {
  cookie: Cookie
}

/** The keys of `SessionData` once it is augmented, any key before. */
export type ExpressData = [Exclude<keyof SessionData, 'cookie'>] extends [never] ? AnyData : Omit<SessionData, 'cookie'>

/** A session as an express-session store gets and gives it: data, and `cookie`. */
export type SessionWire = AnyData & { cookie: Cookie | AnyData }

/** A request that may have a session: a real one, or an object that stands for one. */
// biome-ignore lint/suspicious/noExplicitAny: apps hand in requests of any framework, and objects of their own
export type Bearer = any

/** A callback. Loose, as express-session's: apps and stores look into an error that has no type. */
// biome-ignore lint/suspicious/noExplicitAny: `error => error.message` compiles with express-session's types
export type Done<T = any> = (error?: any, value?: T) => void

/** An express-session store (`connect-*`). Recognised by its methods, which are looked up at each call. */
export interface ExpressStore {
  get(id: string, done: Done): unknown
  set(id: string, session: never, done?: Done): unknown
  destroy(id: string, done?: Done): unknown
  touch?(id: string, session: never, done?: Done): unknown
  all?(done: Done): unknown
  length?(done: Done): unknown
  clear?(done?: Done): unknown
  generate?(req: Bearer): void
  regenerate?(req: Bearer, done: Done): unknown
  load?(id: string, done: Done): unknown
  createSession?(req: Bearer, stored: SessionWire): unknown
  on?(name: string, listener: (value?: unknown) => void): unknown
}

/** express-session's options, and Holdfast's own below. */
export interface SessionOptions extends Policies {
  /** Signs the cookie; of several the first signs, all verify. May be missing until `req.secret` is there. */
  secret?: Secret | readonly Secret[] | undefined
  /** The cookie's name. Default `connect.sid`. */
  name?: string | undefined
  /** Older spelling of `name`. */
  key?: string | undefined
  /** The cookie's attributes, or a function of the request that makes them. */
  cookie?: CookieOptions | ((req: Bearer) => CookieOptions) | undefined
  /** A new id. Default 192 random bits (an express-session store) or 256 (Holdfast's). */
  genid?: ((req: Bearer) => string) | undefined
  /** Believe X-Forwarded-Proto: yes, no, or as Express's `trust proxy` says (default). */
  proxy?: boolean | undefined
  /** Write a session at each request, changed or not. Default true; no effect with a Holdfast store, which writes what has changed. */
  resave?: boolean | undefined
  /** Send the cookie with each answer, so that its life begins anew. Default false. */
  rolling?: boolean | undefined
  /** Store a session that nothing was put into. Default true. */
  saveUninitialized?: boolean | undefined
  /** Where sessions live: an express-session store, or one of Holdfast's. Default a `MemoryStore`. */
  store?: ExpressStore | SessionStore | undefined
  /** What `req.session = null` and `delete req.session` do: leave what is stored as it is (`keep`, the default), or end it (`destroy`). */
  unset?: 'keep' | 'destroy' | undefined
  /** Holdfast's: the name on the request. Default `session`. */
  property?: string | undefined
  /** Holdfast's: true for requests that shall have no session: no store call and no cookie. */
  skip?: ((req: Bearer) => boolean) | undefined
  /** Holdfast's: true for requests that are no use of their session, such as a poll: they neither lengthen its life nor renew its cookie. */
  passive?: ((req: Bearer) => boolean) | undefined
  /** Holdfast's: refuse at setup what no browser would store, as `createSessions` does. Default false: it is reported once. */
  strict?: boolean | undefined
  /** Response headers say why a session was saved and a cookie set, or why not. Refused unless NODE_ENV is `development`. */
  explain?: boolean | undefined
  /** Holdfast's: how long the store may take for one call, in ms or as `'5s'`. Default 5 seconds. */
  storeTimeout?: Duration | undefined
  /** Holdfast's: a session that is only read gets a longer life at most once in this time. Default: each time (an express-session store without `idleTimeout`), else a twentieth of the life. */
  touchInterval?: Duration | undefined
  /** Holdfast's: a session ends after this time without use, in ms or as `'30m'`, beside `cookie.maxAge`. Default none. */
  idleTimeout?: Duration | undefined
  /** Holdfast's: a session ends after this time in any case, in ms or as `'12h'`, however often it is used. Default none. */
  absoluteTimeout?: Duration | undefined
  /** Holdfast's: how long a user may stay signed in by `login(session, userId, { remember: true })`, in ms or as `'30d'`. Default 30 days. */
  rememberTimeout?: Duration | undefined
  /** Holdfast's, with a Holdfast store: whose session it is, by its data; a text of 1 to 255 octets, or nothing for nobody's. */
  user?: ((data: AnyData) => string | null | undefined) | undefined
  /** Holdfast's, with a Holdfast store: what is kept of the device at each login, for `list`. Default false. */
  device?: DeviceOption | undefined
}

/** What a session has beside your data. */
export interface ExpressSessionMembers {
  /** The id, the secret that the browser holds. Never log it. */
  readonly id: string
  readonly req: Bearer
  cookie: Cookie
  /** Ends the session, and puts a new and empty one with a new id into its place on the request. With `keep` (Holdfast's) it goes on under a new id. */
  regenerate(): Promise<void>
  regenerate(callback: Done): this
  regenerate(options: RegenerateOptions): Promise<void>
  regenerate(options: RegenerateOptions, callback: Done): this
  /** Ends the session now, in the store and in the browser; `req.session` is gone. */
  destroy(): Promise<void>
  destroy(callback: Done): this
  /** Takes what is stored now; fails if there is nothing. */
  reload(): Promise<void>
  reload(callback: Done): this
  /** Writes the session now, changed or not. */
  save(): Promise<void>
  save(callback: Done): this
  /** Gives the cookie its whole life again. */
  touch(): this
  resetMaxAge(): this
}

/** `req.session`: your data, and express-session's members. */
export type ExpressSession<D extends object = ExpressData> = ExpressSessionMembers &
  Partial<D> & {
    /** Holdfast's: runs a synchronous function on the latest data until it lands. */
    update(change: (draft: D) => void): Promise<void>
  }

/** Native mode's methods that the data do not hide, and the data. */
export type NativeExpressSession<D extends object = DefaultData> = NativeSessionOf<D>

/** What the drop-in puts on a request: for node:http and connect, and for handlers that say themselves what a session holds. */
export interface SessionRequest<D extends object = ExpressData> extends IncomingMessage {
  /** Gone after it was set to null or destroyed. */
  get session(): ExpressSession<D>
  /** Null does what the option `unset` says. */
  set session(value: ExpressSession<D> | null | undefined)
  sessionID: string
  sessionStore: Store
}
