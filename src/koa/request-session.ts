import type { Context } from 'koa'
import type { CommitIntent, CommitResult } from '../core/config.ts'
import type { SessionControls, SessionHolder } from '../core/controls.ts'
import { SessionGoneError, SessionHeadersSentError, SessionNotOpenError } from '../core/errors.ts'
import type { Data } from '../core/json.ts'
import { chain, type MaybePromise } from '../core/maybe.ts'
import type { Session } from '../core/session.ts'
import { keepThroughErrors, markPrivate, markVary, setsAny } from './headers.ts'
import type { Plan } from './plan.ts'

/** One request's session in Koa: when it is opened, what the handler holds, and what becomes of its cookie. */
export abstract class RequestSession implements SessionControls {
  readonly ctx: Context
  isNew = true
  /** The handler asked for a save in any case. */
  requireSave = false

  #session: Session | undefined
  /** A session that the handler ended before it began this one. */
  #previous: Session | undefined
  #holder: SessionHolder | null | undefined
  /** The handler replaced a session that it never read. */
  #unread = false
  #accessed = false
  #skipped: boolean | undefined

  constructor(ctx: Context) {
    this.ctx = ctx
  }

  abstract readonly plan: Plan
  protected abstract readToken(): string | undefined
  protected abstract writeToken(token: string, expiresAt: number | undefined): void
  protected abstract clearToken(): void
  /** The object that the handler gets, filled with data of the session or with an assigned object. */
  protected abstract hold(source: object, session: Session): SessionHolder

  /** The session is known; the adapter takes over what concerns it. */
  protected met(_session: Session): void {}

  /** The session will be committed; the adapter hands over what the handler set on its options. */
  protected prepare(_session: Session): void {}

  /** Whether the browser cannot be given a token now (a Secure cookie over plain http). */
  protected refusesToken(): boolean {
    return false
  }

  /** A token was due and refused. */
  protected reportRefusal(): void {}

  /** What listeners of a native manager get as the event's request. */
  get source(): Context {
    return this.ctx
  }

  get id(): string | undefined {
    return this.#session?.id
  }

  protected get session(): Session | undefined {
    return this.#session
  }

  /** Loads the session. Where that needs I/O, the middleware calls it before the handler runs. */
  open(): MaybePromise<void> {
    return chain(this.plan.manager.open(this.readToken(), this), session => this.#meet(session))
  }

  get opened(): boolean {
    return this.#session !== undefined
  }

  /** For a reader without a handler: the data, or null. Nothing is created. */
  async load(): Promise<Data | null> {
    const token = this.readToken()
    const session = token === undefined ? null : await this.plan.manager.find(token, this)
    return session ? session.take() : null
  }

  /**
   * Whether this request shall have no session. Asked once, and not of a session that is in use: a mounted application
   * shares its parent's. If so, the handler gets one that is never stored, whatever it does.
   */
  skips(): boolean {
    if (this.#skipped === undefined) {
      this.#skipped = !this.opened && this.plan.skip(this.ctx)
      if (this.#skipped) this.#session = this.plan.manager.detached()
    }
    return this.#skipped
  }

  #meet(session: Session): void {
    this.#session = session
    this.isNew = session.loaded === null
    this.met(session)
  }

  /** What `ctx.session` gives: null once the session was ended. */
  get(): SessionHolder | null {
    if (this.#holder !== undefined) return this.#holder
    this.#accessed = true
    if (!this.#session) this.#openNow()
    const session = this.#session as unknown as Session
    this.#holder = this.hold(session.take(), session)
    return this.#holder
  }

  #openNow(): void {
    this.#refuseEarlyAccess()
    this.open()
  }

  #refuseEarlyAccess(): void {
    if (!this.plan.manager.eager) return
    throw new SessionNotOpenError(
      'the session was used before its middleware ran, and its store needs time to answer: put app.use(session(…)) before what uses it',
    )
  }

  /** What an assignment to `ctx.session` does: null ends the session, an object replaces its data. */
  set(value: unknown): void {
    if (value !== null && typeof value !== 'object') throw new Error('this.session can only be set as null or an object.')
    this.#accessed = true
    if (!this.#session) {
      this.#refuseEarlyAccess()
      this.#session = this.plan.manager.fresh(this)
      this.#unread = true
    }
    if (value === null) {
      this.#session.destroyed = true
      this.#holder = null
      return
    }
    if (this.#session.destroyed) {
      // Of several, only the one that was loaded has anything to end.
      if (!this.#previous) this.#previous = this.#session
      this.#session = this.plan.manager.fresh(this)
    }
    this.isNew = false
    this.#holder = this.hold(value, this.#session)
  }

  /** Writes what changed, and sets or clears the cookie once that is done. */
  commit(intent: CommitIntent = {}): MaybePromise<void> {
    const session = this.#session
    if (!session || this.#skipped) return
    const previous = this.#previous
    if (previous) {
      const ended = this.plan.manager.commit(previous, this, { tokenless: this.#tokenless() })
      return chain(ended, result => {
        this.#previous = undefined
        this.#apply(result, intent)
        return this.commit(intent)
      })
    }
    if (!session.destroyed) this.prepare(session)
    const force = intent.force || this.requireSave || this.#replacedBlindly()
    const asked: CommitIntent = { ...intent, force, tokenless: this.#tokenless() }
    return chain(this.plan.manager.commit(session, this, asked), result => {
      this.requireSave = false
      this.#unread = false
      this.#apply(result, asked)
    })
  }

  /** `ctx.session = {}` without a look at what was there: an empty session must still replace a full one. */
  #replacedBlindly(): boolean {
    return this.#unread && this.#holder !== null && this.readToken() !== undefined
  }

  #tokenless(): CommitIntent['tokenless'] {
    if (this.ctx.res.headersSent) return 'error'
    return this.refusesToken() ? 'drop' : undefined
  }

  #apply(result: CommitResult, intent: CommitIntent): void {
    this.#tell(result, intent)
    // The browser has been told first: it forgets what the store could not be made to forget yet.
    if ('failure' in result) throw result.failure
  }

  #tell({ action, token, expiresAt }: CommitResult, { regenerate, tokenless }: CommitIntent): void {
    if (action === 'none') return
    const { plan, ctx } = this
    const barred = this.#tokenless()
    if (barred === 'drop') this.reportRefusal()
    // The headers left while the store was at work: the browser will not learn of what was just stored.
    if (barred === 'error' && tokenless === undefined && action === 'set') throw new SessionHeadersSentError()
    if (barred || action === 'dropped') return
    keepThroughErrors(ctx, plan.cookieNames, () => {
      if (action === 'clear' || regenerate) this.clearToken()
      if (token !== undefined) this.writeToken(token, expiresAt)
    })
    markPrivate(ctx.res)
  }

  /** At the end of a request, committed or not: what caches must know. */
  finish(failed: boolean): void {
    const { ctx, plan } = this
    if (this.#accessed && plan.vary) markVary(ctx, plan.vary, failed)
    // Koa signs an older key's cookie anew by itself.
    if (setsAny(ctx.res, plan.cookieNames)) markPrivate(ctx.res)
  }

  async save(): Promise<void> {
    await this.commit({ force: true })
  }

  async regenerate(): Promise<void> {
    await this.commit({ regenerate: true })
  }

  async destroy(): Promise<void> {
    this.set(null)
    await this.commit()
  }

  async reload(): Promise<boolean> {
    if (this.get() === null) return false
    return this.plan.manager.reload(this.#session as Session, this)
  }

  update(change: (draft: Data) => unknown): Promise<void> {
    this.#session?.refuseNested()
    return this.#update(change)
  }

  async #update(change: (draft: Data) => unknown): Promise<void> {
    if (this.get() === null) throw new SessionGoneError()
    const session = this.#session as Session
    this.prepare(session)
    const intent: CommitIntent = { tokenless: this.#tokenless() }
    this.#apply(await this.plan.manager.update(session, this, change, intent), intent)
  }
}
