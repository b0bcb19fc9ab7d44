import { DEFAULT_STORE_TIMEOUT_MS } from './backends/ask.ts'
import { CookieBackend, type CookieFormat } from './backends/cookie.ts'
import { type EndedIds, LegacyBackend, type LegacyPort } from './backends/legacy.ts'
import { DEFAULT_MAX_RECORD_BYTES } from './backends/record-limits.ts'
import { StoreBackend } from './backends/store.ts'
import { timers } from './backends/timers.ts'
import { MAX_COOKIE_AGE_MS } from './cookie/attributes.ts'
import { checkCookieSize } from './cookie/limits.ts'
import type { SessionBackend, TokenCodec } from './core/backend.ts'
import type { ManagerConfig } from './core/config.ts'
import type { EventSink } from './core/events.ts'
import type { LifetimePolicy } from './core/lifetime.ts'
import { SessionManager } from './core/manager.ts'
import type { Policies } from './core/policies.ts'
import type { SessionStore } from './core/store.ts'
import { Warnings } from './core/warnings.ts'
import { type KeysOption, keyringOf } from './crypto/keyring.ts'
import { SealedCodec } from './crypto/sealed.ts'
import { keyOf, newId, userKeyOf } from './crypto/session-id.ts'
import { SignedCodec } from './crypto/signed.ts'

/** Where records live. The one place where the three differ. */
export type Place =
  | { in: 'cookie'; format: CookieFormat }
  | { in: 'store'; store: SessionStore; newId?: ((request: unknown, partition?: string) => string) | undefined }
  | { in: 'peer-store'; port: LegacyPort; ended: EndedIds }

/** How tokens are protected: not at all where the framework's own cookies do it. */
export type Protection = 'none' | 'signed' | 'sealed'

export interface ManagerParts extends Policies {
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
  onCreate?: ManagerConfig['onCreate']
  userOf?: ManagerConfig['userOf']
  /** In ms. */
  anonymousTimeout?: number | undefined
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
  const { cookieName, conflict = 'merge', guard = GUARD, onGone = 'ignore', onStoreError = 'fail', now = () => Date.now() } = parts
  const timeoutMs = parts.storeTimeout ?? DEFAULT_STORE_TIMEOUT_MS
  return new SessionManager({
    backend: backendOf(parts, timeoutMs),
    codec: codecOf(parts, now),
    policy: parts.policy,
    conflict,
    guard,
    onGone,
    onStoreError,
    onCreate: parts.onCreate,
    userOf: parts.userOf,
    anonymousMs: parts.anonymousTimeout,
    queueMs: timeoutMs,
    timers,
    reissue: parts.reissue,
    valid: parts.valid,
    beforeSave: parts.beforeSave,
    inHook: parts.inHook,
    checkToken: cookieName === undefined ? undefined : (token, data) => checkCookieSize(cookieName, token, data),
    emit: parts.emit,
    now,
  })
}

function backendOf({ place, scope, maxRecordBytes = DEFAULT_MAX_RECORD_BYTES }: ManagerParts, timeoutMs: number): SessionBackend {
  switch (place.in) {
    case 'cookie':
      return new CookieBackend(place.format)
    case 'peer-store':
      return new LegacyBackend(place.port, place.ended, timeoutMs)
    case 'store':
      return new StoreBackend(place.store, {
        newId: place.newId ?? ((_request, partition) => newId(partition)),
        keyOf: id => keyOf(scope, id),
        userKeyOf: userId => userKeyOf(scope, userId),
        timeoutMs,
        maxRecordBytes,
      })
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
