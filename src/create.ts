import type { IncomingMessage } from 'node:http'
import { DEFAULT_STORE_TIMEOUT_MS } from './backends/ask.ts'
import { CookieBackend, type CookieFormat } from './backends/cookie.ts'
import { type EndedIds, LegacyBackend, type LegacyPort } from './backends/legacy.ts'
import { nativeFormat } from './backends/native-format.ts'
import { StoreBackend } from './backends/store.ts'
import { MAX_COOKIE_AGE_MS } from './cookie/attributes.ts'
import { checkCookieSize } from './cookie/limits.ts'
import { type CookieOptions, CookieTransport } from './cookie/transport.ts'
import type { SessionBackend, TokenCodec } from './core/backend.ts'
import type { ManagerConfig } from './core/config.ts'
import { describeEvent, EventHub, type EventSink, type SessionEvent, type SessionEventName } from './core/events.ts'
import type { LifetimePolicy } from './core/lifetime.ts'
import { SessionManager } from './core/manager.ts'
import type { ConflictPolicy } from './core/merge.ts'
import { COOKIE_MODE } from './core/notices.ts'
import { type Duration, durationMs, mustBeFunction, mustBeKnown, mustBeOneOf, mustHaveMethods } from './core/options.ts'
import type { DefaultData } from './core/session-data.ts'
import { isSessionStore, type SessionStore } from './core/store.ts'
import type { TokenTransport } from './core/transport.ts'
import { Warnings } from './core/warnings.ts'
import { type KeysOption, keyringOf } from './crypto/keyring.ts'
import { SealedCodec } from './crypto/sealed.ts'
import { createRefs, keyOf, newId } from './crypto/session-id.ts'
import { SignedCodec } from './crypto/signed.ts'

/** Where records live. The one place where the three differ. */
export type Place =
  | { in: 'cookie'; format: CookieFormat }
  | { in: 'store'; store: SessionStore; newId?: ((request: unknown) => string) | undefined }
  | { in: 'peer-store'; port: LegacyPort; ended: EndedIds }

/** How tokens are protected: not at all where the framework's own cookies do it. */
export type Protection = 'none' | 'signed' | 'sealed'

export interface ManagerParts {
  place: Place
  protection: Protection
  /** Asked for when a token is signed, verified, sealed or opened, never earlier. */
  keys: KeysOption
  keysMissing: string
  /** Keeps two sites on one store, and two cookies of one site, apart. */
  scope: string
  policy: LifetimePolicy
  /** Absent where the token does not travel in a cookie. */
  cookieName?: string | undefined
  emit: EventSink
  reissue: ManagerConfig['reissue']
  conflict?: ConflictPolicy | undefined
  guard?: readonly string[] | undefined
  onGone?: ManagerConfig['onGone'] | undefined
  /** In ms. */
  storeTimeout?: number | undefined
  valid?: ManagerConfig['valid']
  beforeSave?: ManagerConfig['beforeSave']
  inHook?: ManagerConfig['inHook']
  now?: (() => number) | undefined
}

const GUARD = ['user', 'userId', 'uid', 'passport', 'roles', 'permissions', 'mfa'] as const

/** The composition root: options -> keyring -> codec -> backend -> manager. Native mode and drop-ins end here alike. */
export function composeManager(parts: ManagerParts): SessionManager {
  const { place, cookieName, conflict = 'merge', guard = GUARD, onGone = 'ignore', now = () => Date.now() } = parts
  return new SessionManager({
    backend: backendOf(place, parts.scope, parts.storeTimeout ?? DEFAULT_STORE_TIMEOUT_MS),
    codec: codecOf(parts, now),
    policy: parts.policy,
    conflict,
    guard,
    onGone,
    reissue: parts.reissue,
    valid: parts.valid,
    beforeSave: parts.beforeSave,
    inHook: parts.inHook,
    checkToken: cookieName === undefined ? undefined : (token, data) => checkCookieSize(cookieName, token, data),
    emit: parts.emit,
    now,
  })
}

function backendOf(place: Place, scope: string, timeoutMs: number): SessionBackend {
  switch (place.in) {
    case 'cookie':
      return new CookieBackend(place.format)
    case 'peer-store':
      return new LegacyBackend(place.port, place.ended, timeoutMs)
    case 'store':
      return new StoreBackend(place.store, { newId: place.newId ?? newId, keyOf: id => keyOf(scope, id), timeoutMs })
  }
}

function codecOf({ protection, keys, keysMissing, scope, policy }: ManagerParts, now: () => number): TokenCodec | null {
  if (protection === 'none') return null
  const keyring = keyringOf(keys, keysMissing)
  if (protection === 'signed') return new SignedCodec(keyring, scope)
  return new SealedCodec(keyring, { scope, longestLifeMs: policy.absoluteMs ?? MAX_COOKIE_AGE_MS, now })
}

/** Warnings that Node prints, with their codes. */
export function processWarnings(): Warnings {
  return new Warnings(
    (code, message) => process.emitWarning(message, { type: 'HoldfastWarning', code }),
    () => Date.now(),
  )
}

export interface CreateSessionsOptions {
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
  /** Two requests changed the same path: the later one wins (`merge`, the default), it fails with 409 (`error`), or a function decides. */
  conflict?: ConflictPolicy | undefined
  /** Top-level keys that are never merged across two requests. Default user, userId, uid, passport, roles, permissions, mfa. */
  guard?: readonly string[] | undefined
  /** A request's session was ended by another one: the response goes out without it (`ignore`, the default) or fails with 409 (`error`). */
  onGone?: 'ignore' | 'error' | undefined
  /** How long the store may take for one call; then the request fails with a `SessionStoreError`. Default 5 seconds. */
  storeTimeout?: Duration | undefined
  /** Keeps two apps on one store apart. Default: the cookie's name. */
  scope?: string | undefined
  /** The clock, in ms since the epoch. Default `Date.now`; for tests. */
  now?: (() => number) | undefined
}

/** Marks managers, the same in each copy of this package. */
const SESSIONS = Symbol.for('holdfast.sessions')

/** Whether it is a manager that `createSessions` has made, of whichever copy of this package. */
export function isSessions(value: unknown): value is Sessions<object> {
  return typeof value === 'object' && value !== null && SESSIONS in value
}

/** The sessions of a site. Hand them to an adapter; ask them directly where there is no handler. */
export class Sessions<D extends object = DefaultData> {
  /** For adapters. */
  readonly manager: SessionManager
  /** For adapters. */
  readonly transport: TokenTransport
  readonly #hub: EventHub

  /** @internal */
  constructor(manager: SessionManager, transport: TokenTransport, hub: EventHub) {
    this.manager = manager
    this.transport = transport
    this.#hub = hub
    Object.defineProperty(this, SESSIONS, { value: true })
    Object.freeze(this)
  }

  /** The data of a request's session, or null if it has none: for a WebSocket upgrade. It never creates, changes or sets anything. */
  async load(request: Pick<IncomingMessage, 'headers'>): Promise<D | null> {
    const token = this.transport.read(name => {
      const value = request.headers[name.toLowerCase()]
      return Array.isArray(value) ? value.join(', ') : value
    })
    const session = token ? await this.manager.find(token, request) : null
    return session ? (session.take() as D) : null
  }

  on(name: SessionEventName, listener: (event: SessionEvent) => void): this {
    this.#hub.on(name, listener)
    return this
  }

  off(name: SessionEventName, listener: (event: SessionEvent) => void): this {
    this.#hub.off(name, listener)
    return this
  }

  /** Lets go of the store. */
  close(): Promise<void> {
    return this.manager.close()
  }
}

/**
 * Sessions that are secure by default: an encrypted cookie (or a store that sees no id), `__Host-`, Secure, HttpOnly,
 * SameSite=Lax, idle and absolute timeouts. What cannot work is a `TypeError` here, not a surprise later.
 *
 * @example
 * export const sessions = createSessions({ keys: [secret], store: new MemoryStore() })
 */
export function createSessions<D extends object = DefaultData>(options: CreateSessionsOptions): Sessions<D> {
  const { keys, store, conflict, guard, onGone } = options
  check(options)
  const transport = options.transport ?? new CookieTransport(options.cookie)
  const scope = options.scope ?? transport.cookieName ?? 'session'
  const hub = new EventHub(error => process.emitWarning(error instanceof Error ? error : String(error)))
  const refOf = createRefs()
  const manager = composeManager({
    place: store ? { in: 'store', store } : { in: 'cookie', format: nativeFormat },
    protection: store ? 'signed' : 'sealed',
    keys,
    keysMissing: 'keys: the function returned no key',
    scope,
    policy: policyOf(options),
    cookieName: transport.cookieName,
    emit: (name, occurrence, request) => hub.emit(name, describeEvent(occurrence, { request: sourceOf(request) }, refOf)),
    reissue: 'when-new',
    conflict,
    guard,
    onGone,
    storeTimeout: options.storeTimeout === undefined ? undefined : durationMs('storeTimeout', options.storeTimeout),
    now: options.now,
  })
  if (!store) processWarnings().warn(COOKIE_MODE.code, COOKIE_MODE.text)
  return new Sessions<D>(manager, transport, hub)
}

/** What a listener knows: the framework's own context or request, not the adapter's part in it. */
function sourceOf(request: unknown): unknown {
  return (request as { source?: unknown } | null | undefined)?.source ?? request
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
  'scope',
  'now',
] as const satisfies ReadonlyArray<keyof CreateSessionsOptions>

/** Refuses what cannot work, naming the option. */
function check(options: CreateSessionsOptions): void {
  mustBeKnown('createSessions', options, OPTIONS)
  const { keys, store, conflict, guard, onGone, transport, scope } = options
  if (typeof keys !== 'function' && !(Array.isArray(keys) && keys.length > 0)) {
    throw new TypeError('createSessions: keys is required, a list of secrets of at least 32 octets, newest first')
  }
  if (store !== undefined && !isSessionStore(store)) {
    throw new TypeError('createSessions: store must be a Holdfast store, with load, create, save, replace, touch and delete')
  }
  if (transport && options.cookie) throw new TypeError('createSessions: cookie and transport exclude each other')
  if (transport) mustHaveMethods('transport', transport, ['read', 'write', 'clear'])
  if (typeof conflict !== 'function') mustBeOneOf('conflict', conflict, ['merge', 'error'])
  mustBeOneOf('onGone', onGone, ['ignore', 'error'])
  if (guard !== undefined && !(Array.isArray(guard) && guard.every(key => typeof key === 'string'))) {
    throw new TypeError('guard must be a list of top-level keys')
  }
  if (scope !== undefined && (typeof scope !== 'string' || scope === '')) throw new TypeError('scope must be a text')
  mustBeFunction('now', options.now)
}

function policyOf({ idleTimeout = '30m', absoluteTimeout = '12h', touchInterval }: CreateSessionsOptions): LifetimePolicy {
  const idleMs = durationMs('idleTimeout', idleTimeout)
  const absoluteMs = durationMs('absoluteTimeout', absoluteTimeout)
  if (absoluteMs < idleMs) throw new TypeError('absoluteTimeout is shorter than idleTimeout')
  if (absoluteMs > MAX_COOKIE_AGE_MS) throw new TypeError('absoluteTimeout is over 400 days, longer than browsers keep a cookie')
  const touch = touchInterval === undefined ? idleMs / 20 : durationMs('touchInterval', touchInterval)
  if (touch > idleMs / 2) throw new TypeError('touchInterval must be at most half of idleTimeout: a session in use would end')
  return { idleMs, absoluteMs, touch }
}
