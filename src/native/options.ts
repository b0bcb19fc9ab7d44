import type { ReaderOptions } from '../backends/readers.ts'
import { MAX_COOKIE_AGE_MS } from '../cookie/attributes.ts'
import type { CookieOptions } from '../cookie/transport.ts'
import type { LifetimePolicy } from '../core/lifetime.ts'
import { type Duration, durationMs, mustBeFunction, mustBeKnown, mustHaveMethods } from '../core/options.ts'
import { checkPolicies, checkUserLimit, type Policies } from '../core/policies.ts'
import { isStandardSchema, type StandardSchema } from '../core/schema.ts'
import type { DefaultData } from '../core/session-data.ts'
import { type IndexedSessionStore, isIndexedSessionStore, type SessionStore } from '../core/store.ts'
import type { TokenTransport } from '../core/transport.ts'
import { isProvider, type KeysOption } from '../crypto/key-source.ts'
import { checkPolicy, rememberOf, timeoutsOf } from './assurance.ts'
import type { PolicyName } from './audit/levels.ts'
import { checkDevice, type DeviceOption } from './devices.ts'
import { checkEnvironment } from './environment.ts'
import { checkPlaces } from './places.ts'

export { rememberOf }

export interface CreateSessionsOptions<D extends object = DefaultData> extends Policies {
  /** Secrets of at least 32 octets, newest first: the newest writes, all read. `{ secret, revoked: true }` ends what a leaked key signed. */
  keys: KeysOption
  /**
   * For an emergency: ends all sessions that began before this time, however often their cookies were issued again. A function is
   * asked at each opening. Against a leaked key revoke the key: who has it chooses the time.
   */
  rejectIssuedBefore?: Date | number | (() => Date | number | undefined) | undefined
  /** Pads encrypted cookies to a multiple of this many octets, 1 to 1024, so that their length says little. Default 1. */
  padTo?: number | undefined
  /**
   * Signed cookies of koa-session or cookie-session that are taken over until a date, so that a site moves to encrypted ones without
   * a logout. Cookie mode only. Default none.
   */
  readers?: readonly ReaderOptions[] | undefined
  /** Where records live. Absent: in the cookie, encrypted. */
  store?: SessionStore | undefined
  /**
   * In cookie mode: a store that keeps an index, for what has ended before its time. With it a logout, a new id, `revokeAll` and
   * `factorChanged` end each copy of a cookie: here at once, in other processes within about 5 seconds. A process that could not ask
   * it for 30 seconds refuses sessions as `onStoreError` says. Default none.
   */
  revocations?: IndexedSessionStore | undefined
  /** In cookie mode, with `revocations`: a store that keeps an index, for sessions that have become too large for the cookie. Default none. */
  overflow?: IndexedSessionStore | undefined
  /** The cookie's name and attributes. */
  cookie?: CookieOptions | undefined
  /** Another way than a cookie, such as `headerTransport('x-session-token')`. */
  transport?: TokenTransport | undefined
  /** A level of NIST SP 800-63B-4: sets both timeouts to what it allows, and refuses what it does not allow. */
  policy?: PolicyName | undefined
  /** For plain http in development: the cookie is not Secure. Refused unless NODE_ENV is `development`. */
  insecure?: boolean | undefined
  /** Response headers say why a session was saved and a cookie set, or why not. Refused unless NODE_ENV is `development`. */
  explain?: boolean | undefined
  /** A session ends after this time without use (OWASP: idle timeout). Default 30 minutes. */
  idleTimeout?: Duration | undefined
  /** A session ends after this time in any case (OWASP: absolute timeout). Default 12 hours. */
  absoluteTimeout?: Duration | undefined
  /** A session ends after this time in any case if the user asked to stay signed in: `login(userId, { remember: true })`. Default 30 days; with `policy`, at most what its level allows without use. */
  rememberTimeout?: Duration | undefined
  /**
   * Renews the id of a session this often, while it is used. For `grace` (default 30 seconds, at most 50) the old id leads to the new
   * one: requests in flight, and an answer that was lost. Needs a store.
   */
  rotate?: Duration | { every: Duration; grace?: Duration | undefined } | undefined
  /** A session that is only read gets a longer life at most once in this time. Default a twentieth of `idleTimeout`. */
  touchInterval?: Duration | undefined
  /** How long the store may take for one call; then the request fails with a `SessionStoreError`. Default 5 seconds. */
  storeTimeout?: Duration | undefined
  /**
   * Whose session it is, by its data: a text of 1 to 255 octets, or nothing for nobody's. With it `list` and `revokeAll` know a
   * user's sessions, and a session that changes hands gets a new id by itself. Needs a store that keeps an index, as Holdfast's do, or
   * in cookie mode `revocations`.
   */
  user?: ((data: D) => string | null | undefined) | undefined
  /**
   * What is kept of the device at each login, for `list`: a label of its user agent, its address (by default the network alone), and the
   * place that `locate` names. Default: on with a store that keeps an index, with truncated addresses and without places.
   */
  device?: DeviceOption | undefined
  /**
   * What the data look like: a validator of zod, valibot, arktype or any other Standard Schema. Data that do not fit, after `migrate`,
   * are a fresh session and an event. In cookie mode it must be synchronous.
   */
  schema?: StandardSchema<D> | undefined
  /** The version of the data's layout, kept with each session. Default 0. */
  version?: number | undefined
  /** Makes data of an older version such of this one. */
  migrate?: ((data: never, from: number) => unknown) | undefined
  /**
   * Whether a request is no use of its session, by the framework's context or request: one that a page makes by itself, such as a poll.
   * It neither lengthens the session's life nor renews its cookie; what it writes is stored. The answer must come at once.
   */
  passive?: ((request: never) => boolean) | undefined
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
  'rejectIssuedBefore',
  'padTo',
  'readers',
  'store',
  'revocations',
  'overflow',
  'cookie',
  'transport',
  'policy',
  'insecure',
  'explain',
  'idleTimeout',
  'absoluteTimeout',
  'rememberTimeout',
  'touchInterval',
  'rotate',
  'conflict',
  'guard',
  'onGone',
  'storeTimeout',
  'onStoreError',
  'maxSessionsPerUser',
  'onSessionLimit',
  'user',
  'device',
  'passive',
  'onCreate',
  'schema',
  'version',
  'migrate',
  'anonymousTimeout',
  'maxRecordBytes',
  'scope',
  'now',
] as const satisfies ReadonlyArray<keyof CreateSessionsOptions>

/** Refuses what cannot work, naming the option. */
export function check<D extends object>(options: CreateSessionsOptions<D>): void {
  mustBeKnown('createSessions', options, OPTIONS)
  const { keys, store, user, transport, scope } = options
  if (typeof keys !== 'function' && !isProvider(keys) && !(Array.isArray(keys) && keys.length > 0)) {
    throw new TypeError(
      'createSessions: keys is required, a list of secrets of at least 32 octets, newest first, or { load: async () => […] }',
    )
  }
  checkPlaces(options)
  if (transport && options.cookie) throw new TypeError('createSessions: cookie and transport exclude each other')
  if (transport) mustHaveMethods('transport', transport, ['read', 'write', 'clear'])
  if (store && options.cookie?.chunks)
    throw new TypeError('cookie.chunks is for encrypted cookies: with a store the cookie holds an id only')
  checkPolicies(options)
  checkUserLimit(options, store)
  checkEnvironment(options)
  if (transport && options.insecure) throw new TypeError('createSessions: insecure is about the cookie, and there is a transport')
  checkPolicy(options)
  mustBeFunction('user', user)
  mustBeFunction('passive', options.passive)
  mustBeFunction('onCreate', options.onCreate)
  checkShape(options)
  if (user && !isIndexedSessionStore(store ?? options.revocations)) {
    throw new TypeError(
      'createSessions: user needs a store that keeps an index (listByUser, deleteByUser, list, deleteExpired), or in cookie mode revocations',
    )
  }
  checkDevice(options.device, store)
  // A NUL parts the scope from what it is hashed with.
  if (scope !== undefined && (typeof scope !== 'string' || scope === '' || /\p{Cc}/u.test(scope)))
    throw new TypeError('scope must be a text without control characters')
  if (store && options.padTo !== undefined)
    throw new TypeError('createSessions: padTo is about the length of encrypted cookies: with a store there is none')
  mustBeFunction('now', options.now)
  checkLimit(options)
}

/** How far the clock of who names a time may be from this one. */
const CLOCKS_DIFFER_MS = 60_000

/** How long a tombstone lies that leads on: a minute, less what requests take. */
const MOST_GRACE_MS = 50_000

/** When ids are renewed, in ms; undefined: never. */
export function rotationOf({
  rotate,
  store,
}: Pick<CreateSessionsOptions, 'rotate' | 'store'>): { everyMs: number; graceMs: number } | undefined {
  if (rotate === undefined) return undefined
  if (!store) throw new TypeError('rotate needs a store: in cookie mode there is no id to renew')
  if (rotate === null) throw new TypeError('rotate must be a duration or { every, grace }; leave it out, or undefined, for no renewal')
  if (typeof rotate === 'object') mustBeKnown('rotate', rotate, ['every', 'grace'])
  const { every, grace = '30s' } = typeof rotate === 'object' ? rotate : { every: rotate }
  const [everyMs, graceMs] = [durationMs('rotate.every', every), durationMs('rotate.grace', grace)]
  if (graceMs > MOST_GRACE_MS) throw new TypeError('rotate.grace is over 50 seconds')
  if (everyMs < 2 * graceMs) throw new TypeError('rotate.every must be at least twice rotate.grace')
  return { everyMs, graceMs }
}

/** A time to come would end each session as soon as it has begun. */
function checkLimit<D extends object>({ rejectIssuedBefore, now = () => Date.now() }: CreateSessionsOptions<D>): void {
  if (typeof rejectIssuedBefore !== 'function' && Number(rejectIssuedBefore) > now() + CLOCKS_DIFFER_MS)
    throw new TypeError('rejectIssuedBefore is still to come: until then no session would live')
}

function checkShape<D extends object>({ schema, version, migrate }: CreateSessionsOptions<D>): void {
  if (schema !== undefined && !isStandardSchema(schema))
    throw new TypeError("schema must be a Standard Schema (it has '~standard' with version 1)")
  if (version !== undefined && !(Number.isSafeInteger(version) && version >= 0))
    throw new TypeError('version must be a whole number, 0 or more')
  mustBeFunction('migrate', migrate)
  if (migrate && !version) throw new TypeError('migrate needs version: the number of the layout that it leads to, 1 or more')
}

/** `rejectIssuedBefore` as the codecs ask it. */
export function limitOf(option: CreateSessionsOptions<never>['rejectIssuedBefore']): (() => number | undefined) | undefined {
  if (option === undefined) return undefined
  if (typeof option === 'function') {
    return () => {
      const limit = option()
      return limit === undefined ? undefined : Number(limit)
    }
  }
  const limit = Number(option)
  if (Number.isNaN(limit))
    throw new TypeError('rejectIssuedBefore must be a time: a Date, ms since the epoch, or a function that gives one')
  return () => limit
}

type Lifetimes = Pick<CreateSessionsOptions, 'policy' | 'idleTimeout' | 'absoluteTimeout' | 'touchInterval'>

/** Its lifetimes, in ms. */
export function policyOf(options: Lifetimes): LifetimePolicy {
  const { touchInterval } = options
  const { idleMs, absoluteMs } = timeoutsOf(options)
  if (absoluteMs < idleMs) throw new TypeError('absoluteTimeout is shorter than idleTimeout')
  if (absoluteMs > MAX_COOKIE_AGE_MS) throw new TypeError('absoluteTimeout is over 400 days, longer than browsers keep a cookie')
  const touch = touchInterval === undefined ? idleMs / 20 : durationMs('touchInterval', touchInterval)
  if (touch > idleMs / 2) throw new TypeError('touchInterval must be at most half of idleTimeout: a session in use would end')
  return { idleMs, absoluteMs, touch }
}
