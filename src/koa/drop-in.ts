import { AsyncLocalStorage } from 'node:async_hooks'
import type { Context } from 'koa'
import type { EndedIds } from '../backends/legacy.ts'
import { SessionKeysError } from '../core/errors.ts'
import type { Data } from '../core/json.ts'
import type { LifetimePolicy } from '../core/lifetime.ts'
import type { SessionManager } from '../core/manager.ts'
import { noting } from '../core/noting.ts'
import { durationMs } from '../core/options.ts'
import { isSessionStore } from '../core/store.ts'
import type { Warnings } from '../core/warnings.ts'
import { composeManager, keysOf, type LegacyReaders, type Place } from '../create.ts'
import type { KeyInput } from '../crypto/keyring.ts'
import { newId } from '../crypto/session-id.ts'
import { type KnownUsers, NO_INDEX, userBy, usersOf } from '../native/beside.ts'
import { rememberOf } from '../native/options.ts'
import { People } from '../native/people.ts'
import { skips } from '../request/skip.ts'
import { DropInRequest } from './drop-in-request.ts'
import { emitOnApp } from './events.ts'
import { policyOf, resolve } from './options.ts'
import { type Koas, OwnCookies } from './own-cookies.ts'
import type { Plan } from './plan.ts'
import { koaReaders } from './readers.ts'
import type { KoaRequestSession } from './request-session.ts'
import { koaSessionPort } from './store.ts'
import type { CreateSessionOptions, SessionOptions } from './types.ts'
import { koaFormat } from './wire.ts'

/** What outlives a change of options. */
export interface DropInShared {
  ended: EndedIds
  warnings: Warnings
  refOf: (id: string) => string
  /** As it was when `session()` was called. */
  koas: Koas | undefined
}

/** Options that say which session it is. */
const NO_KEYS = 'encrypt needs app.keys: set app.keys = [secret, …], newest first, before the first request'

const IDENTITY = ['key', 'store', 'ContextStore', 'externalKey', 'encrypt', 'path', 'domain'] as const

/** The peer's options, translated for the engine. */
export class DropInPlan implements Plan {
  readonly manager: SessionManager
  readonly options: SessionOptions
  readonly policy: LifetimePolicy
  readonly warnings: Warnings
  readonly vary: string | undefined
  readonly cookieNames: readonly string[]
  /** The id travels by the app's own means. */
  readonly external: boolean
  /** What takes over cookies that are not encrypted. */
  readonly readers: LegacyReaders | undefined
  /** The request whose `beforeSave` runs. */
  readonly hook = new AsyncLocalStorage<unknown>()
  /** Whether a session can say whose it is: not in a cookie that anybody can write. */
  readonly knowsUsers: boolean
  /** Whose sessions the store holds. */
  readonly people: People
  /** The short way to a cookie, where nothing stands between us and Koa's. */
  readonly ownCookies: OwnCookies
  readonly #keysOf: () => readonly KeyInput[] | undefined

  constructor(options: SessionOptions, app: { keys?: unknown }, shared: DropInShared) {
    this.options = options
    this.warnings = shared.warnings
    this.policy = policyOf(options)
    const stored = Boolean(options.store || options.ContextStore)
    this.external = stored && options.externalKey !== undefined
    this.vary = this.external ? undefined : 'Cookie'
    this.readers = options.encrypt && !stored ? koaReaders(options, this.policy) : undefined
    this.cookieNames = this.external ? [] : [options.key, `${options.key}.sig`, ...(this.readers?.cookieNames ?? [])]
    this.knowsUsers = stored || options.signed || options.encrypt === true
    const { ContextStore, store, key, storeTimeout } = options
    const known = usersOf(ContextStore ? undefined : store, { scope: key, storeTimeout, device: options.device, warnings: shared.warnings })
    this.ownCookies = new OwnCookies(app, shared.koas, options)
    this.#keysOf = () => sealingKeys(app.keys)
    this.manager = this.#manager(shared, stored, known)
    this.people = new People(known?.users, this.manager, NO_INDEX)
  }

  get autoCommit(): boolean {
    return this.options.autoCommit
  }

  get attends(): boolean {
    return this.options.skip !== undefined || this.explains
  }

  get explains(): boolean {
    return this.options.explain === true
  }

  skip(ctx: Context): boolean {
    return skips(this.options.skip?.(ctx))
  }

  sameAs(other: Plan): boolean {
    return other instanceof DropInPlan && IDENTITY.every(name => other.options[name] === this.options[name])
  }

  begin(ctx: Context): KoaRequestSession {
    return new DropInRequest(ctx, this)
  }

  #manager(shared: DropInShared, stored: boolean, known: KnownUsers | undefined): SessionManager {
    const { options } = this
    const { valid, onStoreError, passive, user } = options
    const ctxOf = (request: unknown) => (request as DropInRequest).ctx
    const emit = emitOnApp(shared.refOf)
    const sealed = options.encrypt && !stored
    return composeManager({
      place: this.#place(shared, stored, known),
      protection: sealed ? 'sealed' : 'none',
      keys: sealed ? keysOf(this.#keysOf, NO_KEYS, emit, ring => this.readers?.accept(ring)) : undefined,
      revokedOrigins: this.readers?.revokedOrigins,
      // As the peers do, which look at the first.
      ambiguous: 'first',
      scope: options.key,
      policy: this.policy,
      cookieName: stored ? undefined : options.key,
      emit: options.explain ? noting(emit) : emit,
      reissue: 'on-save',
      ownLife: 'by-app',
      storeTimeout: options.storeTimeout === undefined ? undefined : durationMs('storeTimeout', options.storeTimeout),
      loginFacts: known?.loginFacts,
      rememberTimeout: rememberOf(options),
      userOf: userBy<Data>(user),
      conflict: options.conflict,
      guard: options.guard,
      onGone: options.onGone,
      onStoreError: typeof onStoreError === 'function' ? (error, request) => onStoreError(error, ctxOf(request)) : onStoreError,
      maxSessionsPerUser: options.maxSessionsPerUser,
      onSessionLimit: options.onSessionLimit,
      maxRecordBytes: options.maxRecordBytes,
      passive: passive && (request => passive(ctxOf(request))),
      valid: valid && ((request, wire) => valid(ctxOf(request), wire as object)),
      beforeSave: request => (request as DropInRequest).beforeSave(),
      inHook: request => this.hook.getStore() === request,
    })
  }

  #place({ ended }: DropInShared, stored: boolean, known: KnownUsers | undefined): Place {
    const { genid, prefix = '', store, ContextStore } = this.options
    if (!stored) return { in: 'cookie', format: koaFormat }
    if (ContextStore || !isSessionStore(store)) return { in: 'peer-store', port: koaSessionPort, ended }
    const idFor = (request: unknown, partition?: string) => (genid ? (request as DropInRequest).newId() : prefix + newId(partition))
    return { in: 'store', store, newId: idFor, epochs: known?.epochs }
  }
}

function sealingKeys(keys: unknown): readonly KeyInput[] | undefined {
  if (keys === undefined || Array.isArray(keys)) return keys as KeyInput[] | undefined
  throw new SessionKeysError('encrypt needs the secrets themselves: set app.keys to a list of secrets, not to a Keygrip')
}

/**
 * The plan of an options object that the app may change at any time: made anew when one of its values is another one than
 * before. Getters are asked for each request.
 */
export function livePlan(source: CreateSessionOptions, app: { keys?: unknown }, shared: DropInShared): () => DropInPlan {
  const options = source as Record<string, unknown>
  const names: string[] = []
  const values: unknown[] = []
  let plan: DropInPlan | undefined
  // Compared in place, in the order of a loop over the object, which an engine knows by heart: as a rule nothing has changed.
  const unchanged = () => {
    let count = 0
    for (const name in options) {
      if (names[count] !== name || values[count] !== options[name]) return false
      count++
    }
    return count === names.length
  }
  return () => {
    if (plan && unchanged()) return plan
    const seen = { ...options }
    names.length = 0
    for (const name in options) values[names.push(name) - 1] = Object.hasOwn(seen, name) ? seen[name] : options[name]
    plan = new DropInPlan(resolve(seen as CreateSessionOptions), app, shared)
    return plan
  }
}
