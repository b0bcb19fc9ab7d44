import { MAX_COOKIE_AGE_MS } from '../cookie/attributes.ts'
import type { CookieOptions } from '../cookie/transport.ts'
import type { LifetimePolicy } from '../core/lifetime.ts'
import { type Duration, durationMs, mustBeFunction, mustBeKnown, mustHaveMethods } from '../core/options.ts'
import { checkPolicies, type Policies } from '../core/policies.ts'
import type { DefaultData } from '../core/session-data.ts'
import { isIndexedSessionStore, isSessionStore, type SessionStore } from '../core/store.ts'
import type { TokenTransport } from '../core/transport.ts'
import type { KeysOption } from '../crypto/keyring.ts'

export interface CreateSessionsOptions<D extends object = DefaultData> extends Policies {
  /** Secrets of at least 32 octets, newest first: the newest writes, all read. `{ secret, revoked: true }` ends what a leaked key signed. */
  keys: KeysOption
  /** Where records live. Absent: in the cookie, encrypted. */
  store?: SessionStore | undefined
  /** The cookie's name and attributes. */
  cookie?: CookieOptions | undefined
  /** Another way than a cookie, such as `headerTransport('x-session-token')`. */
  transport?: TokenTransport | undefined
  /** A session ends after this time without use (OWASP: idle timeout). Default 30 minutes. */
  idleTimeout?: Duration | undefined
  /** A session ends after this time in any case (OWASP: absolute timeout). Default 12 hours. */
  absoluteTimeout?: Duration | undefined
  /** A session that is only read gets a longer life at most once in this time. Default a twentieth of `idleTimeout`. */
  touchInterval?: Duration | undefined
  /** How long the store may take for one call; then the request fails with a `SessionStoreError`. Default 5 seconds. */
  storeTimeout?: Duration | undefined
  /**
   * Whose session it is, by its data: a text of 1 to 255 octets, or nothing for nobody's. With it `list` and `revokeAll` know a
   * user's sessions, and a session that changes hands gets a new id by itself. Needs a store that keeps an index, as Holdfast's do.
   */
  user?: ((data: D) => string | null | undefined) | undefined
  /** Asked before a session is stored for the first time, with the framework's context or request; false: it is not stored. */
  onCreate?: ((request: never) => unknown) | undefined
  /** A session that nobody has logged in to (no `user`, nothing in `guard`) ends after this time without use. Default 2 hours. */
  anonymousTimeout?: Duration | undefined
  /** Keeps two apps on one store apart. Default: the cookie's name. */
  scope?: string | undefined
  /** The clock, in ms since the epoch. Default `Date.now`; for tests. */
  now?: (() => number) | undefined
}

const OPTIONS = [
  'keys',
  'store',
  'cookie',
  'transport',
  'idleTimeout',
  'absoluteTimeout',
  'touchInterval',
  'conflict',
  'guard',
  'onGone',
  'storeTimeout',
  'onStoreError',
  'user',
  'onCreate',
  'anonymousTimeout',
  'maxRecordBytes',
  'scope',
  'now',
] as const satisfies ReadonlyArray<keyof CreateSessionsOptions>

/** Refuses what cannot work, naming the option. */
export function check<D extends object>(options: CreateSessionsOptions<D>): void {
  mustBeKnown('createSessions', options, OPTIONS)
  const { keys, store, user, transport, scope } = options
  if (typeof keys !== 'function' && !(Array.isArray(keys) && keys.length > 0)) {
    throw new TypeError('createSessions: keys is required, a list of secrets of at least 32 octets, newest first')
  }
  if (store !== undefined && !isSessionStore(store)) {
    throw new TypeError('createSessions: store must be a Holdfast store, with load, create, save, replace, touch and delete')
  }
  if (transport && options.cookie) throw new TypeError('createSessions: cookie and transport exclude each other')
  if (transport) mustHaveMethods('transport', transport, ['read', 'write', 'clear'])
  checkPolicies(options)
  mustBeFunction('user', user)
  mustBeFunction('onCreate', options.onCreate)
  if (user && !isIndexedSessionStore(store)) {
    throw new TypeError('createSessions: user needs a store that keeps an index (listByUser, deleteByUser, list, deleteExpired)')
  }
  if (scope !== undefined && (typeof scope !== 'string' || scope === '')) throw new TypeError('scope must be a text')
  mustBeFunction('now', options.now)
}

/** Its lifetimes, in ms. */
export function policyOf({ idleTimeout = '30m', absoluteTimeout = '12h', touchInterval }: CreateSessionsOptions<never>): LifetimePolicy {
  const idleMs = durationMs('idleTimeout', idleTimeout)
  const absoluteMs = durationMs('absoluteTimeout', absoluteTimeout)
  if (absoluteMs < idleMs) throw new TypeError('absoluteTimeout is shorter than idleTimeout')
  if (absoluteMs > MAX_COOKIE_AGE_MS) throw new TypeError('absoluteTimeout is over 400 days, longer than browsers keep a cookie')
  const touch = touchInterval === undefined ? idleMs / 20 : durationMs('touchInterval', touchInterval)
  if (touch > idleMs / 2) throw new TypeError('touchInterval must be at most half of idleTimeout: a session in use would end')
  return { idleMs, absoluteMs, touch }
}
