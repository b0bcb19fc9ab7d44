import { DEFAULT_STORE_TIMEOUT_MS } from './backends/ask.ts'
import { CookieBackend, type CookieFormat } from './backends/cookie.ts'
import type { Epochs } from './backends/epochs.ts'
import { type EndedIds, LegacyBackend, type LegacyPort } from './backends/legacy.ts'
import { OverflowBackend } from './backends/overflow.ts'
import { LegacyReaders, type ReaderOptions, type ReadersConfig } from './backends/readers.ts'
import { DEFAULT_MAX_RECORD_BYTES } from './backends/record-limits.ts'
import { RevocableCookies } from './backends/revocable.ts'
import type { Revocations } from './backends/revocations.ts'
import { ShapedBackend } from './backends/shaped.ts'
import { StoreBackend, type StoreBackendOptions } from './backends/store.ts'
import { timers } from './backends/timers.ts'
import type { UserSessions } from './backends/users.ts'
import { MAX_COOKIE_AGE_MS } from './cookie/attributes.ts'
import { checkChunkedSize, roomFor } from './cookie/chunks.ts'
import { checkCookieSize } from './cookie/limits.ts'
import type { SessionBackend, TokenCodec } from './core/backend.ts'
import type { ManagerConfig } from './core/config.ts'
import type { EventSink } from './core/events.ts'
import type { LifetimePolicy } from './core/lifetime.ts'
import { SessionManager } from './core/manager.ts'
import { type Policies, userLimitOf } from './core/policies.ts'
import type { Shape } from './core/schema.ts'
import type { IndexedSessionStore, SessionStore } from './core/store.ts'
import { Warnings } from './core/warnings.ts'
import { tokenLength } from './crypto/envelope.ts'
import { type KeysOption, keySource } from './crypto/key-source.ts'
import type { Keyring, KeySource } from './crypto/keyring.ts'
import { SealedCodec } from './crypto/sealed.ts'
import { keyOf, newId, userKeyOf } from './crypto/session-id.ts'
import { SignedCodec } from './crypto/signed.ts'
import { createSuccession } from './crypto/succession.ts'

/** Where records live. The one place where the three differ. */
export type Place =
  | {
      in: 'cookie'
      format: CookieFormat
      /** Where the format has a place for what a session is known by. */
      newSid?: (() => string) | undefined
      revocations?: Revocations | undefined
      /** For what is too large for a cookie. It needs revocations. */
      overflow?: { store: IndexedSessionStore; users: UserSessions } | undefined
    }
  | {
      in: 'store'
      store: SessionStore
      newId?: ((request: unknown, partition?: string) => string) | undefined
      epochs?: Epochs | undefined
    }
  | { in: 'peer-store'; port: LegacyPort; ended: EndedIds }

/** How tokens are protected: not at all where the framework's own cookies do it. */
export type Protection = 'none' | 'signed' | 'sealed'

export interface ManagerParts extends Policies {
  place: Place
  protection: Protection
  /** Asked for when a token is signed, verified, sealed or opened, never earlier. Absent without protection. */
  keys?: KeySource | undefined
  /** Ends all sessions that began before this time, in ms since the epoch; asked at each opening. */
  rejectIssuedBefore?: (() => number | undefined) | undefined
  /** Keys of another library's cookies that are revoked: what was taken over from them has ended (encrypted cookies only). */
  revokedOrigins?: ReadonlySet<string> | undefined
  /** The cookie may be several (encrypted cookies only). */
  chunks?: boolean | undefined
  /** Sealed tokens are padded to multiples of this many octets. */
  padTo?: number | undefined
  /** Keeps two sites on one store, and two cookies of one site, apart. */
  scope: string
  policy: LifetimePolicy
  /** Absent where the token does not travel in a cookie. */
  cookieName?: string | undefined
  emit: EventSink
  reissue: ManagerConfig['reissue']
  ownLife: ManagerConfig['ownLife']
  /** Default `detach`. */
  ambiguous?: ManagerConfig['ambiguous'] | undefined
  onCreate?: ManagerConfig['onCreate']
  userOf?: ManagerConfig['userOf']
  /** In ms. */
  anonymousTimeout?: number | undefined
  /** A new id every `everyMs`; absent: never. */
  rotation?: { everyMs: number; graceMs: number } | undefined
  /** In ms. */
  rememberTimeout?: number | undefined
  /** In ms. */
  storeTimeout?: number | undefined
  /** What its data look like; absent where nobody says. */
  shape?: Shape | undefined
  valid?: ManagerConfig['valid']
  beforeSave?: ManagerConfig['beforeSave']
  inHook?: ManagerConfig['inHook']
  passive?: ManagerConfig['passive']
  idpLinks?: ManagerConfig['idpLinks']
  loginFacts?: ManagerConfig['loginFacts']
  now?: (() => number) | undefined
}

/** How long a user stays signed in who has asked for it, where the site says nothing. */
export const DEFAULT_REMEMBER_MS = 30 * 86_400_000

export const GUARD = ['user', 'userId', 'uid', 'passport', 'roles', 'permissions', 'mfa'] as const

/** The composition root: options -> keyring -> codec -> backend -> manager. Native mode and drop-ins end here alike. */
export function composeManager(parts: ManagerParts): SessionManager {
  const { cookieName, conflict = 'merge', guard = GUARD, onGone = 'ignore', onStoreError = 'fail', now = () => Date.now() } = parts
  const timeoutMs = parts.storeTimeout ?? DEFAULT_STORE_TIMEOUT_MS
  return new SessionManager({
    backend: parts.shape ? new ShapedBackend(backendOf(parts, timeoutMs), parts.shape) : backendOf(parts, timeoutMs),
    codec: codecOf(parts, now),
    policy: parts.policy,
    conflict,
    guard,
    onGone,
    onStoreError,
    onCreate: parts.onCreate,
    userOf: parts.userOf,
    anonymousMs: parts.anonymousTimeout,
    rememberMs: parts.rememberTimeout ?? DEFAULT_REMEMBER_MS,
    queueMs: timeoutMs,
    timers,
    reissue: parts.reissue,
    ownLife: parts.ownLife,
    ambiguous: parts.ambiguous,
    valid: parts.valid,
    beforeSave: parts.beforeSave,
    inHook: parts.inHook,
    passive: parts.passive,
    idpLinks: parts.idpLinks,
    loginFacts: parts.loginFacts,
    checkToken:
      cookieName === undefined ? undefined : (token, data) => (parts.chunks ? checkChunkedSize : checkCookieSize)(cookieName, token, data),
    emit: parts.emit,
    now,
  })
}

function backendOf(parts: ManagerParts, timeoutMs: number): SessionBackend {
  const { place, scope, keys, rotation, now = () => Date.now() } = parts
  switch (place.in) {
    case 'cookie':
      return cookiesOf(place, parts, timeoutMs)
    case 'peer-store':
      return new LegacyBackend(place.port, place.ended, timeoutMs)
    case 'store':
      return new StoreBackend(place.store, {
        ...storeOptions(parts, timeoutMs),
        ...(place.newId && { newId: place.newId }),
        epochs: place.epochs,
        limit: userLimitOf(parts),
        rotation: rotation && keys && { ...rotation, now, ...createSuccession(() => keys.ring(), scope) },
      })
  }
}

function storeOptions({ scope, maxRecordBytes = DEFAULT_MAX_RECORD_BYTES }: ManagerParts, timeoutMs: number): StoreBackendOptions {
  return {
    newId: (_request, partition) => newId(partition),
    keyOf: id => keyOf(scope, id),
    userKeyOf: userId => userKeyOf(scope, userId),
    timeoutMs,
    maxRecordBytes,
  }
}

/** What a login, and a cookie of an older version, may add to the text after it was measured. */
const ADDED_CHARACTERS = 128

function cookiesOf(
  { format, newSid, revocations, overflow }: Extract<Place, { in: 'cookie' }>,
  parts: ManagerParts,
  timeoutMs: number,
): SessionBackend {
  const plain = new CookieBackend(format, newSid)
  if (!revocations) return plain
  const cookies = new RevocableCookies(plain, revocations)
  if (!overflow) return cookies
  const { cookieName = '', chunks = false, padTo = 1 } = parts
  const room = roomFor(cookieName, chunks) - ADDED_CHARACTERS
  return new OverflowBackend(cookies, new StoreBackend(overflow.store, { ...storeOptions(parts, timeoutMs), epochs: revocations.epochs }), {
    fits: (draft, request) => tokenLength(plain.sketch(draft, request), padTo) <= room,
    endUser: userId => overflow.users.end(userId),
  })
}

function codecOf(
  { protection, keys, scope, policy, rememberTimeout = 0, padTo, rejectIssuedBefore, revokedOrigins }: ManagerParts,
  now: () => number,
): TokenCodec | null {
  if (protection === 'none' || !keys) return null
  if (protection === 'signed') return new SignedCodec(keys, { scope, rejectIssuedBefore, now })
  const longestLifeMs = Math.max(policy.absoluteMs ?? MAX_COOKIE_AGE_MS, rememberTimeout)
  return new SealedCodec(keys, { scope, longestLifeMs, padTo, rejectIssuedBefore, revokedOrigins, now })
}

/** The keys of a site. What it is told where a function gives none is `missing`. `accept` may refuse a ring, by throwing. */
export function keysOf(keys: KeysOption, missing: string, emit: EventSink, accept?: (ring: Keyring) => void): KeySource {
  const tools = { after: timers.after, failed: (error: unknown) => emit('keys:error', { reason: 'reload', value: error }, null) }
  return keySource(keys, missing, tools, accept)
}

export type { LegacyReaders, ReaderOptions }

/** The readers of a site, if it names any. What cannot work is a `TypeError`. */
export function readersOf(options: readonly ReaderOptions[] | undefined, config: ReadersConfig): LegacyReaders | undefined {
  return options && new LegacyReaders(options, config)
}

/** Warnings that Node prints, with their codes. */
export function processWarnings(): Warnings {
  return new Warnings(
    (code, message) => process.emitWarning(message, { type: 'HoldfastWarning', code }),
    () => Date.now(),
  )
}
