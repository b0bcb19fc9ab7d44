import type { SessionBackend, TokenCodec } from './backend.ts'
import type { SessionStoreError } from './errors.ts'
import type { EventSink } from './events.ts'
import type { Data } from './json.ts'
import type { LifetimePolicy } from './lifetime.ts'
import type { IdpLinks, Renewal } from './login.ts'
import type { LoginFacts } from './login-facts.ts'
import type { MaybePromise } from './maybe.ts'
import type { ConflictPolicy } from './merge.ts'
import type { Session } from './session.ts'

/** What the adapter does to the browser's token. */
export interface CommitResult {
  /** `dropped`: nothing was written, because the browser could not have been given the token (see `tokenless`). */
  action: 'none' | 'set' | 'clear' | 'dropped'
  /** With `clear`: the record could not be ended yet. The browser forgets its token all the same, and then the request fails. */
  failure?: unknown
  /** The new token text, with `set`. */
  token?: string
  /** When the browser may forget it, in ms since the epoch; absent: when it closes. */
  expiresAt?: number
}

export interface CommitIntent {
  /** Write even if nothing changed. */
  force?: boolean | undefined
  /** Give the session a new id; the old one is dead at once. Of a session that was ended: its end makes place for another one. */
  regenerate?: boolean | undefined
  /** With `regenerate`: what else changes with the id. */
  renewal?: Renewal | undefined
  /**
   * The response can carry no token any more. `error`: what needs one fails before anything is stored; `drop`: it is not
   * stored, since no browser could come back for it. What is stored under a known id is saved as always.
   */
  tokenless?: 'error' | 'drop' | undefined
}

export type OnStoreError = 'fail' | 'anonymous' | ((error: SessionStoreError, request: unknown) => 'fail' | 'anonymous')

/** Time, handed in: the engine has no timer of its own. */
export interface Timers {
  /** Calls `fire` after `ms`, unless it is called off by what this gives. */
  after(ms: number, fire: () => void): () => void
  /** A moment or none, by chance, before an attempt that follows a collision: so that those who collided do not go on in step. */
  pause(): Promise<void>
  /** A longer moment for whoever has won by a write of `tookMs`, after so many losses: those who lost are at it again at once, and shall not lose for ever. */
  rest(tookMs: number, losses: number): Promise<void>
}

export interface ManagerConfig {
  backend: SessionBackend
  /** Absent where the adapter's own transport has signed the token already. */
  codec: TokenCodec | null
  policy: LifetimePolicy
  conflict: ConflictPolicy
  /** Top-level keys that are never merged across two requests. */
  guard: readonly string[]
  /** `ignore`: a response goes out although its session was ended meanwhile; `error`: it fails with 409. */
  onGone: 'ignore' | 'error'
  /** Whose session it is, by its data; absent where nobody asks. */
  userOf?: ((data: Data) => string | undefined) | undefined
  /** The store cannot be asked: fail the request, or go on with a session that is never stored. */
  onStoreError: OnStoreError
  /** Asked before a session is stored for the first time; false: it is not. */
  onCreate?: ((request: unknown) => unknown) | undefined
  /** The longest life without use, in ms, of a session that nobody has logged in to. */
  anonymousMs?: number | undefined
  /** The longest life of a session whose user wants to stay signed in, in ms. */
  rememberMs: number
  /** How long an update may wait for others on the same session, in ms. */
  queueMs: number
  timers: Timers
  /** Two good tokens came under one name: the request gets a session that is never stored (the default), or the first of the two. */
  ambiguous?: 'detach' | 'first' | undefined
  /** Whether each save hands the token out again (the peers do), or only a new one. */
  reissue: 'on-save' | 'when-new'
  /** Who gives a session a life of its own: a login alone, for its user and nobody after them, or the app, as the peers' `maxAge`. */
  ownLife: 'by-login' | 'by-app'
  valid?: ((request: unknown, wire: unknown) => unknown) | undefined
  /** Whether a request is no use of its session. The answer must come at once. */
  passive?: ((request: unknown) => unknown) | undefined
  /** Which sessions hang on one at an identity provider; absent where nobody keeps that. */
  idpLinks?: IdpLinks | undefined
  /** What is kept of a login that comes with this request; absent where nothing is. */
  loginFacts?: ((request: unknown) => MaybePromise<LoginFacts>) | undefined
  /** False says that there is no hook for this request. */
  beforeSave?: ((request: unknown, session: Session) => unknown) | undefined
  /** Whether this call comes out of the request's own `beforeSave`. */
  inHook?: ((request: unknown) => boolean) | undefined
  /** Refuses a token that no browser would keep. */
  checkToken?: ((token: string, data: Data) => void) | undefined
  emit: EventSink
  now: () => number
}
