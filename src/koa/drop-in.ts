import type { Context } from 'koa'
import type { EndedIds } from '../backends/legacy.ts'
import { SessionKeysError } from '../core/errors.ts'
import { describeEvent, type EventSink } from '../core/events.ts'
import type { LifetimePolicy } from '../core/lifetime.ts'
import type { SessionManager } from '../core/manager.ts'
import { chain, type MaybePromise } from '../core/maybe.ts'
import type { Session } from '../core/session.ts'
import { isSessionStore } from '../core/store.ts'
import type { Warnings } from '../core/warnings.ts'
import { composeManager, type Place } from '../create.ts'
import type { KeyInput } from '../crypto/keyring.ts'
import { newId, newUuid } from '../crypto/session-id.ts'
import { clearCookie, readCookie, refusesSecure, reportSecure, writeCookie } from './cookies.ts'
import { KoaSessionHolder } from './facade.ts'
import { keepThroughErrors } from './headers.ts'
import { resolve } from './options.ts'
import type { Plan } from './plan.ts'
import { RequestSession } from './request-session.ts'
import { koaSessionPort } from './store.ts'
import type { CreateSessionOptions, KoaSession, SessionOptions } from './types.ts'
import { DEFAULT_LIFE_MS, koaFormat } from './wire.ts'

/** What outlives a change of options. */
export interface DropInShared {
  ended: EndedIds
  warnings: Warnings
  refOf: (id: string) => string
}

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
  readonly #keysOf: () => readonly KeyInput[] | undefined

  constructor(options: SessionOptions, app: { keys?: unknown }, shared: DropInShared) {
    this.options = options
    this.warnings = shared.warnings
    this.policy = policyOf(options)
    const stored = Boolean(options.store || options.ContextStore)
    this.external = stored && options.externalKey !== undefined
    this.vary = this.external ? undefined : 'Cookie'
    this.cookieNames = this.external ? [] : [options.key, `${options.key}.sig`]
    this.#keysOf = () => sealingKeys(app.keys)
    this.manager = this.#manager(shared, stored)
  }

  get autoCommit(): boolean {
    return this.options.autoCommit
  }

  skip(ctx: Context): boolean {
    return this.options.skip?.(ctx) === true
  }

  begin(ctx: Context): RequestSession {
    return new DropInRequest(ctx, this)
  }

  #manager(shared: DropInShared, stored: boolean): SessionManager {
    const { options } = this
    const { valid } = options
    return composeManager({
      place: this.#place(shared, stored),
      protection: options.encrypt && !stored ? 'sealed' : 'none',
      keys: this.#keysOf,
      keysMissing: 'encrypt needs app.keys: set app.keys = [secret, …], newest first, before the first request',
      scope: options.key,
      policy: this.policy,
      cookieName: stored ? undefined : options.key,
      emit: emitOnApp(shared),
      reissue: 'on-save',
      storeTimeout: options.storeTimeout,
      valid: valid && ((request, wire) => valid((request as DropInRequest).ctx, wire as object)),
      beforeSave: request => (request as DropInRequest).beforeSave(),
    })
  }

  #place({ ended }: DropInShared, stored: boolean): Place {
    const { genid, prefix = '', store, ContextStore } = this.options
    if (!stored) return { in: 'cookie', format: koaFormat }
    if (ContextStore || !isSessionStore(store)) return { in: 'peer-store', port: koaSessionPort, ended }
    return { in: 'store', store, newId: request => (genid ? (request as DropInRequest).newId() : prefix + newId()) }
  }
}

/** koa-session's lifetimes: `maxAge` from the last save; `rolling` and `renew` save more often. */
function policyOf({ rolling, renew }: SessionOptions): LifetimePolicy {
  return { idleMs: DEFAULT_LIFE_MS, absoluteMs: null, touch: rolling ? 'always' : renew ? 'half-life' : 'never' }
}

/** koa-session's events go to the app, after the current turn. A listener that throws changes no outcome. */
function emitOnApp({ refOf, warnings }: DropInShared): EventSink {
  return (name, occurrence, request) => {
    const { ctx } = request as DropInRequest
    setImmediate(() => {
      try {
        ctx.app.emit(name, describeEvent(occurrence, { ctx }, refOf))
      } catch (error) {
        warnings.warn('HOLDFAST_LISTENER', `a listener of "${name}" threw: ${error instanceof Error ? error.message : 'not an error'}`)
      }
    })
  }
}

function sealingKeys(keys: unknown): readonly KeyInput[] | undefined {
  if (keys === undefined || Array.isArray(keys)) return keys as KeyInput[] | undefined
  throw new SessionKeysError('encrypt needs the secrets themselves: set app.keys to a list of secrets, not to a Keygrip')
}

/** One request with koa-session's options. */
export class DropInRequest extends RequestSession {
  readonly plan: DropInPlan
  /** The peer's store for this request; what `ContextStore` makes is made for it alone. */
  readonly store: unknown
  #options: SessionOptions | undefined
  #maxAge: number | 'session' | undefined

  constructor(ctx: Context, plan: DropInPlan) {
    super(ctx)
    const { ContextStore, store, maxAge } = plan.options
    this.plan = plan
    this.store = ContextStore ? new ContextStore(ctx) : store
    this.#maxAge = maxAge
  }

  /** The options in force for this request. */
  get settings(): SessionOptions {
    return this.#options ?? this.plan.options
  }

  /** `ctx.sessionOptions`: this request's own copy, made when it is asked for. */
  get sessionOptions(): SessionOptions {
    this.#options ??= { ...this.plan.options, maxAge: this.#maxAge }
    return this.#options
  }

  /** The session's life, as koa-session spells it. It lives in the copy of the options once there is one. */
  get maxAge(): number | 'session' | undefined {
    return this.#options ? this.#options.maxAge : this.#maxAge
  }

  set maxAge(value: number | 'session' | undefined) {
    this.#maxAge = value
    if (this.#options) this.#options.maxAge = value
  }

  get expiresAt(): number | undefined {
    const expiresAt = this.session?.life?.expiresAt
    return expiresAt === undefined || Number.isFinite(expiresAt) ? expiresAt : undefined
  }

  newId(): string {
    const { genid, prefix = '' } = this.settings
    if (!genid) return prefix + newUuid()
    const id = genid(this.ctx)
    if (typeof id !== 'string' || id === '') throw new TypeError('genid must return a non-empty string')
    return id
  }

  /** Also where the error that follows makes Koa remove all headers. */
  forgetCookie(): void {
    keepThroughErrors(this.ctx, this.plan.cookieNames, () => this.clearToken())
  }

  /** The site's hook, which may still change the session and its life; false where there is none. */
  beforeSave(): unknown {
    const { beforeSave } = this.settings
    if (!beforeSave) return false
    const answer = beforeSave(this.ctx, this.get() as unknown as KoaSession) as MaybePromise<unknown>
    return chain(answer, () => {
      if (this.session) this.prepare(this.session)
    })
  }

  protected override met({ loaded, maxAge }: Session): void {
    if (maxAge !== undefined) this.maxAge = maxAge === null ? 'session' : maxAge
    if (typeof loaded?.wire === 'object') this.#acceptMembers(loaded.wire as Record<string, unknown>)
  }

  /** koa-session never stores its own members, but goes by them where somebody else did. */
  #acceptMembers(wire: Record<string, unknown>): void {
    if ('isNew' in wire) this.isNew = wire.isNew as boolean
    if ('_requireSave' in wire) this.requireSave = Boolean(wire._requireSave)
    if (!('maxAge' in wire)) return
    this.maxAge = wire.maxAge as number
    this.requireSave = true
  }

  protected override prepare(session: Session): void {
    const { maxAge } = this
    session.maxAge = maxAge === 'session' ? null : maxAge || undefined
    if (this.#options) session.policy = policyOf(this.#options)
  }

  protected readToken(): string | undefined {
    if (!this.plan.external) return readCookie(this)
    const id: unknown = this.settings.externalKey?.get(this.ctx)
    if (id === undefined || id === null || typeof id === 'string') return id || undefined
    throw new TypeError('externalKey.get must return a string or nothing, and at once')
  }

  protected writeToken(token: string): void {
    if (this.plan.external) this.settings.externalKey?.set(this.ctx, token)
    else writeCookie(this, token)
  }

  protected clearToken(): void {
    if (this.plan.external) this.settings.externalKey?.clear?.(this.ctx)
    else clearCookie(this)
  }

  protected override refusesToken(): boolean {
    return !this.plan.external && refusesSecure(this)
  }

  protected override reportRefusal(): void {
    reportSecure(this)
  }

  protected hold(source: object, session: Session): KoaSessionHolder {
    const holder = KoaSessionHolder.from(this, source)
    session.hold(holder, data => {
      for (const key of Object.keys(holder)) delete (holder as unknown as Record<string, unknown>)[key]
      Object.defineProperties(holder, Object.getOwnPropertyDescriptors(data))
    })
    return holder
  }
}

/**
 * The plan of an options object that the app may change at any time: made anew when one of its values is another one than
 * before. Getters are asked for each request.
 */
export function livePlan(source: CreateSessionOptions, app: { keys?: unknown }, shared: DropInShared): () => DropInPlan {
  let seen: Record<string, unknown> = {}
  let plan: DropInPlan | undefined
  return () => {
    const now: Record<string, unknown> = { ...source }
    if (!plan || !sameValues(seen, now)) {
      seen = now
      plan = new DropInPlan(resolve(now), app, shared)
    }
    return plan
  }
}

function sameValues(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const keys = Object.keys(b)
  return keys.length === Object.keys(a).length && keys.every(key => Object.is(a[key], b[key]) && key in a)
}
