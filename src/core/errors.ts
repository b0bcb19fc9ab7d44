import type { GoneReason } from './record.ts'
import { escapeText } from './text.ts'

/** The base of all errors that Holdfast throws on purpose. Misuse that a developer must mend is a plain `TypeError`. */
export class SessionError extends Error {
  /** Stable, for programs. Texts may change, codes do not. */
  readonly code: string
  /** Read by Koa and Express: the HTTP status of the answer. */
  readonly status: number = 500
  /** Read by Koa and Express: the message is for developers, not for visitors. */
  readonly expose: boolean = false

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** A key is needed to sign, verify or seal, and there is none. */
export class SessionKeysError extends SessionError {
  constructor(message: string, options?: ErrorOptions) {
    super('HOLDFAST_KEYS', message, options)
  }
}

/** The session was read before its middleware could load it (stores need I/O; cookie mode does not). */
export class SessionNotOpenError extends SessionError {
  constructor(message: string) {
    super('HOLDFAST_NOT_OPEN', message)
  }
}

/** A hook returned a promise where only a synchronous answer can be used. Nothing is accepted on the strength of a promise. */
export class SessionAsyncHookError extends SessionError {
  constructor(hook: string) {
    super(
      'HOLDFAST_ASYNC_HOOK',
      `the hook "${hook}" returned a promise where only an immediate answer can be used: make it synchronous (valid and beforeSave may be asynchronous with a store)`,
    )
  }
}

/** The session must reach the browser by a cookie, but the headers have left. Nothing was stored. */
export class SessionHeadersSentError extends SessionError {
  constructor(
    message = 'the session changed after the response headers were sent, so its cookie cannot be set: call `await session.save()` before the first write',
  ) {
    super('HOLDFAST_HEADERS_SENT', message)
  }
}

/** A top-level key of the session, and the octets of its JSON. */
export interface KeySize {
  key: string
  octets: number
}

function listed(sizes: readonly KeySize[]): string {
  return sizes.map(({ key, octets }) => `${escapeText(key)} (${octets})`).join(', ')
}

/** The cookie would be larger than a browser keeps. */
export class SessionCookieTooLargeError extends SessionError {
  /** Octets of name and value together. */
  readonly size: number
  /** Octets that a browser must keep (RFC 6265bis, section 5.6). */
  readonly limit: number
  /** The session's largest keys, largest first, with the octets of their JSON. */
  readonly largestKeys: readonly KeySize[]

  constructor(size: number, limit: number, largestKeys: readonly KeySize[]) {
    super(
      'HOLDFAST_COOKIE_TOO_LARGE',
      `the session cookie would have ${size} octets, browsers keep ${limit}: store less, or use a store; largest keys in octets: ${listed(largestKeys)}`,
    )
    this.size = size
    this.limit = limit
    this.largestKeys = largestKeys
  }
}

/** The session's data cannot be written as JSON, or are not what the option `schema` takes. Nothing was stored. */
export class SessionDataError extends SessionError {
  constructor(message: string, options?: ErrorOptions) {
    super('HOLDFAST_DATA', message, options)
  }
}

/** What became of a write that failed: `not-applied`, or `unknown` when the store may still carry it out. */
export type StoreOutcome = 'not-applied' | 'unknown'

/** The store failed. `cause` is the store's own error. */
export class SessionStoreError extends SessionError {
  readonly outcome: StoreOutcome
  override readonly status: number

  constructor(operation: string, options: ErrorOptions & { outcome?: StoreOutcome }) {
    super('HOLDFAST_STORE', `the session store failed to ${operation}`, options)
    this.outcome = options.outcome ?? 'unknown'
    this.status = statusOf(options.cause)
  }
}

/** The store is full of logged-in users and refuses to evict one. */
export class SessionStoreFullError extends SessionError {
  override readonly status = 503

  constructor(limit: number) {
    super('HOLDFAST_STORE_FULL', `the memory store holds ${limit} sessions of logged-in users: raise maxSessions or use a database`)
  }
}

/** The session's data are larger than `maxRecordBytes`. Nothing was stored. */
export class SessionTooLargeError extends SessionError {
  /** Octets of the data as JSON. */
  readonly size: number
  /** `maxRecordBytes`. */
  readonly limit: number
  /** The session's largest keys, largest first, with the octets of their JSON. */
  readonly largestKeys: readonly KeySize[]

  constructor(size: number, limit: number, largestKeys: readonly KeySize[]) {
    super(
      'HOLDFAST_TOO_LARGE',
      `the session would have ${size} octets, maxRecordBytes is ${limit}: store less; largest keys in octets: ${listed(largestKeys)}`,
    )
    this.size = size
    this.limit = limit
    this.largestKeys = largestKeys
  }
}

/** Too many updates of one session wait for each other. Nothing was stored; the client may try again. */
export class SessionBusyError extends SessionError {
  override readonly status = 503
  /** Read by Koa. */
  readonly headers = { 'Retry-After': '1' }

  constructor(message: string) {
    super('HOLDFAST_BUSY', message)
  }
}

/** The user has to prove who they are (again): nobody is logged in, or it was too long ago. */
export class SessionNotFreshError extends SessionError {
  override readonly status = 401
  override readonly expose = true
  /** `anonymous`: nobody is logged in; `stale`: it was longer ago than this handler accepts. */
  readonly reason: 'anonymous' | 'stale'
  /** Read by Koa and Express. A 401 names what is asked for (RFC 9110, 15.5.2); the parameters are those of RFC 9470. */
  readonly headers: Readonly<Record<string, string>>

  constructor(withinMs: number, reason: 'anonymous' | 'stale') {
    super('HOLDFAST_NOT_FRESH', reason === 'anonymous' ? 'sign in to go on' : 'sign in again to go on')
    this.reason = reason
    this.headers = { 'WWW-Authenticate': `Session error="insufficient_user_authentication", max_age=${Math.floor(withinMs / 1000)}` }
  }
}

/** Another request changed the same thing, and the policy (`conflict`) says that this one gives way. Nothing was stored. */
export class SessionConflictError extends SessionError {
  override readonly status = 409

  constructor(message: string) {
    super('HOLDFAST_CONFLICT', message)
  }
}

/** The session was ended by another request; what this one changed is dropped. */
export class SessionGoneError extends SessionError {
  override readonly status = 409

  constructor() {
    super('HOLDFAST_GONE', 'the session was ended by another request')
  }
}

/** How a session ended: by a timeout, by somebody's will (`GoneReason`), in a way that nobody knows (`gone`), or, for all that could be found out (`unknown`). */
export type SessionEnd = GoneReason | 'idle' | 'absolute' | 'gone' | 'unknown'

/** The session of an answer or a socket that stays open has ended: why `signalOf` and `sessions.watch` have aborted their signal. */
export class SessionEndedError extends SessionError {
  override readonly status = 409
  readonly reason: SessionEnd

  constructor(reason: SessionEnd, options?: ErrorOptions) {
    super('HOLDFAST_ENDED', `the session has ended (${reason})`, options)
    this.reason = reason
  }
}

/** The user was logged out everywhere while this login was under way: what it rests on may be an old password. Nothing was stored. */
export class SessionRevokedError extends SessionError {
  override readonly status = 409

  constructor() {
    super(
      'HOLDFAST_REVOKED',
      'the user was logged out everywhere after this login began: let them sign in again. Where the same request has called revokeAll(), give login() the ticket of a beginLogin() that came after it',
    )
  }
}

/**
 * The user has as many sessions as `maxSessionsPerUser` allows, and `onSessionLimit` is `deny`. Nothing was stored; the visitor keeps
 * the session that they had. 403: who they are is known, and the same request may succeed once they have signed out elsewhere.
 */
export class SessionLimitError extends SessionError {
  override readonly status = 403
  override readonly expose = true

  constructor() {
    super('HOLDFAST_SESSION_LIMIT', 'signed in on too many devices: sign out on another one first')
  }
}

/** The site lets this request begin no session (`onCreate`), and it asked for one by a login or a new id. Nothing was stored. */
export class SessionRefusedError extends SessionError {
  override readonly status = 403
  override readonly expose = true

  constructor() {
    super('HOLDFAST_REFUSED', 'this request may not begin a session')
  }
}

/** A page of another site has made this request, or nothing shows that it was the site's own. */
export class SessionCsrfError extends SessionError {
  override readonly status = 403
  override readonly expose = true
  readonly reason: 'fetch-site' | 'origin' | 'token'

  constructor(reason: SessionCsrfError['reason']) {
    super('HOLDFAST_CSRF', 'this request does not seem to come from the site itself')
    this.reason = reason
  }
}

function statusOf(cause: unknown): number {
  const status = (cause as { status?: unknown } | null | undefined)?.status
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500
}
