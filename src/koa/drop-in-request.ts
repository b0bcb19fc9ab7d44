import type { Context } from 'koa'
import type { Presented } from '../core/backend.ts'
import type { CommitIntent } from '../core/config.ts'
import { assume } from '../core/json.ts'
import type { LifetimePolicy } from '../core/lifetime.ts'
import type { Renewal } from '../core/login.ts'
import { chain, type MaybePromise } from '../core/maybe.ts'
import type { Session } from '../core/session.ts'
import { newUuid } from '../crypto/session-id.ts'
import { clearCookie, readCookie, refusesSecure, reportSecure, writeCookie } from './cookies.ts'
import type { DropInPlan } from './drop-in.ts'
import { KoaSessionHolder } from './facade.ts'
import { headersOn, keepThroughErrors } from './headers.ts'
import { policyOf } from './options.ts'
import { KoaRequestSession } from './request-session.ts'
import type { KoaSession, SessionOptions } from './types.ts'

/** One request with koa-session's options. */
export class DropInRequest extends KoaRequestSession {
  readonly plan: DropInPlan
  /** The peer's store for this request; what `ContextStore` makes is made for it alone. */
  readonly store: unknown
  #options: SessionOptions | undefined
  /** The life that `#options` began with. */
  #copied: number | 'session' | undefined
  /** The handler chose a life. */
  #chosen: { maxAge: number | 'session' | undefined } | undefined

  constructor(ctx: Context, plan: DropInPlan) {
    super(ctx)
    const { ContextStore, store } = plan.options
    this.plan = plan
    this.store = ContextStore ? new ContextStore(ctx) : store
  }

  protected override get knowsUsers(): boolean {
    return this.plan.knowsUsers
  }

  /** The options in force for this request. */
  get settings(): SessionOptions {
    return this.#options ?? this.plan.options
  }

  /** The lifetimes in force for this request. */
  get rules(): LifetimePolicy {
    return this.session?.policy ?? this.plan.policy
  }

  /** `ctx.sessionOptions`: this request's own copy, made when it is asked for. */
  get sessionOptions(): SessionOptions {
    if (!this.#options) {
      this.#copied = this.maxAge
      this.#options = { ...this.plan.options, maxAge: this.#copied }
    }
    return this.#options
  }

  /** The session's life, as koa-session spells it: what the handler chose, or what was loaded, or what is configured. */
  get maxAge(): number | 'session' | undefined {
    if (this.#options) return this.#options.maxAge
    if (this.#chosen) return this.#chosen.maxAge
    const own = this.session?.maxAge
    return own === undefined ? this.plan.options.maxAge : (own ?? 'session')
  }

  set maxAge(value: number | 'session' | undefined) {
    this.#chosen = { maxAge: value }
    if (this.#options) this.#options.maxAge = value
  }

  /** How long the browser keeps the cookie, as koa-session spells it: not longer than the server honours it. */
  get cookieMaxAge(): number | 'session' | undefined {
    const { maxAge, expiresAt } = this
    if (!this.rules.beside || typeof maxAge !== 'number' || expiresAt === undefined) return maxAge
    return Math.min(maxAge, Math.max(expiresAt - Date.now(), 1))
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
    if (this.refusesToken()) return
    keepThroughErrors(this.ctx, this.plan.cookieNames, () => this.clearToken())
  }

  /** The site's hook, which may still change the session and its life; false where there is none. */
  beforeSave(): unknown {
    const { beforeSave } = this.settings
    if (!beforeSave) return false
    const session = this.get() as unknown as KoaSession
    const answer = this.plan.hook.run(this, () => beforeSave(this.ctx, session)) as MaybePromise<unknown>
    return chain(answer, () => {
      if (this.session) this.prepare(this.session)
    })
  }

  protected override met({ loaded, maxAge }: Session): void {
    // koa-session writes what it loaded into the copy of the options, if there is one by then.
    if (maxAge !== undefined && this.#options) {
      this.#copied = maxAge ?? 'session'
      this.#options.maxAge = this.#copied
    }
    if (loaded && !loaded.record && typeof loaded.wire === 'object') this.#acceptMembers(loaded.wire as Record<string, unknown>)
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
    // What another request has set meanwhile is not overwritten by what this one merely loaded.
    if (this.#hasChosen || session.maxAge === undefined) session.maxAge = engineLife(this.maxAge)
    if (this.#options) session.policy = policyOf(this.#options)
  }

  /** The handler has set a life in this request. */
  get #hasChosen(): boolean {
    return this.#chosen !== undefined || (this.#options !== undefined && this.#options.maxAge !== this.#copied)
  }

  override commit(intent: CommitIntent = {}): MaybePromise<void> {
    const { renewal } = intent
    return renewal?.life ? this.#logIn(intent, renewal, renewal.life.maxAge) : super.commit(intent)
  }

  /** The life of a login is the one that it asks for, or that the handler has chosen, or the configured one; the cookie goes by it. */
  async #logIn(intent: CommitIntent, renewal: Renewal, own: number | null | undefined): Promise<void> {
    const [chosen, copied] = [this.#chosen, this.#options?.maxAge]
    this.maxAge = own ?? (this.#hasChosen ? this.maxAge : this.plan.options.maxAge)
    try {
      await super.commit({ ...intent, renewal: { ...renewal, life: { maxAge: engineLife(this.maxAge) } } })
    } catch (error) {
      this.#chosen = chosen
      if (this.#options) this.#options.maxAge = copied
      throw error
    }
  }

  protected readToken(): Presented | undefined {
    if (!this.plan.external) return this.plan.readers?.find(this.ctx.req.headers.cookie) ?? readCookie(this)
    const id: unknown = this.settings.externalKey?.get(this.ctx)
    if (id === undefined || id === null || typeof id === 'string') return id || undefined
    throw new TypeError('externalKey.get must return a string or nothing, and at once')
  }

  protected writeToken(token: string): void {
    if (this.plan.external) this.settings.externalKey?.set(this.ctx, token)
    else writeCookie(this, token)
    this.plan.readers?.endSent(headersOn(this.ctx.res), this.ctx.req.headers.cookie)
  }

  protected clearToken(): void {
    if (this.plan.external) this.settings.externalKey?.clear?.(this.ctx)
    else clearCookie(this)
    this.plan.readers?.endAll(headersOn(this.ctx.res))
  }

  protected override refusesToken(): boolean {
    return !this.plan.external && refusesSecure(this)
  }

  protected override reportRefusal(): void {
    reportSecure(this)
  }

  protected hold(source: object, session: Session): KoaSessionHolder {
    const holder = KoaSessionHolder.from(this, source)
    session.hold(holder, data => assume(holder, data))
    return holder
  }
}

/** A life as the engine spells it. */
function engineLife(maxAge: number | 'session' | undefined): number | null | undefined {
  return maxAge === 'session' ? null : maxAge || undefined
}
