import type { IncomingMessage } from 'node:http'
import type { CommitIntent } from '../core/config.ts'
import { SessionGoneError, SessionHeadersSentError } from '../core/errors.ts'
import { describeEvent } from '../core/events.ts'
import { assume, type Data } from '../core/json.ts'
import { keepOf, type RegenerateOptions, type Renewal } from '../core/login.ts'
import { chain, type MaybePromise } from '../core/maybe.ts'
import type { Session as EngineSession } from '../core/session.ts'
import { newUid } from '../crypto/session-id.ts'
import { BorrowedSession, isSession } from './borrowed.ts'
import { forwardedProto } from './connection.ts'
import { Cookie } from './cookie.ts'
import { fill, readData, refuseMembers } from './data.ts'
import type { DropInPlan } from './drop-in.ts'
import { ExpressRequestSession } from './request-session.ts'
import { Session } from './session.ts'
import { append, clearingLine, cookieOf, lineOf } from './session-cookie.ts'
import type { Bearer } from './types.ts'
import { readSignedCookie } from './wire.ts'

/** One request with express-session's options. */
export class DropInRequest extends ExpressRequestSession {
  readonly plan: DropInPlan
  /** The attributes and the life of the session's cookie. */
  cookie: Cookie
  /** The store has put a mark of its own on what it was given: the peer takes that for a change, and sends the cookie. */
  marked = false
  /** The store's record does not say yet when the session began, and shall. */
  unmarked = false
  /** The id that the browser sent, if it was signed. */
  #sent: string | undefined
  /** It was signed by an older secret: it is issued anew. */
  #stale = false
  /** Another signed one came under its name, and that was told. */
  #ambiguous = false
  /** What the handler put in the session's place: a session that it made by the store, or nothing. */
  #borrowed: BorrowedSession | undefined
  #unset = false
  /** The life of the cookie as the session came with it. */
  #cameWith: number | null | undefined
  /** What was assigned to unset it: it reads as that. */
  #nothing: null | undefined
  /** The cookie's life was begun anew at the end of the request. */
  #touched = false
  /** The handler asked for a new session: it is stored, also without data. */
  #regenerated = false
  /** The browser shall forget its cookie. */
  #clears = false
  #failed = false
  /** A `regenerate()` that is under way, whether somebody waits for it or not. */
  #regenerating: Promise<void> | undefined
  /** A session that `regenerate()` could not end. */
  #unended: EngineSession | undefined
  /** As it was when it came: an aborted connection has forgotten it. */
  #isSecure: boolean | undefined
  /** The id of a session that has none. */
  #standIn: string | undefined

  constructor(req: IncomingMessage, plan: DropInPlan) {
    super(req)
    this.plan = plan
    this.cookie = undefined as unknown as Cookie
  }

  override get answersStores(): boolean {
    return true
  }

  protected override get knowsUsers(): boolean {
    return true
  }

  /** The id; where nothing will be stored, one that leads nowhere. */
  override get id(): string | undefined {
    return super.id ?? this.#standIn
  }

  newId(otherwise: () => string): string {
    return this.plan.newId(this.req, otherwise)
  }

  /** Takes over a session: its cookie, and its id on the request. */
  protected override met(session: EngineSession): void {
    const { plan, req } = this
    if (session.id === undefined) this.#standIn = this.#failed ? newUid() : plan.manager.fresh(this).id
    else this.#standIn = undefined
    // Where opening has failed, it may have been for the options of the cookie.
    this.cookie = this.#failed ? new Cookie() : cookieOf(session, plan, req)
    this.#cameWith = this.cookie.originalMaxAge
    if (this.cookie.secure) this.#isSecure ??= plan.isSecure(req)
    this.#publish(this.id)
    this.#unset = false
    this.#borrowed = undefined
    if (!plan.property.stands(req)) plan.property.retake(req)
  }

  #publish(id: string | undefined): void {
    const { property, store } = this.plan
    const bearer = this.req as Bearer
    bearer[property.idName] = id
    bearer[property.storeName] = store
  }

  /** `req.sessionID`. Where an app has put there what is no text, or `genid` gives none, nothing is stored or sent, as with the peer. */
  get #published(): unknown {
    return (this.req as Bearer)[this.plan.property.idName]
  }

  /** `req.session`; null or undefined once the session was unset. */
  override get(): Session | null {
    if (this.#borrowed) return this.#borrowed.session
    return this.#unset ? (this.#nothing as null) : (super.get() as Session | null)
  }

  /** `req.session = …`: nothing unsets it, a session goes into its place, another object replaces its data. */
  override set(value: unknown): void {
    if (value !== null && value !== undefined && typeof value !== 'object')
      throw new TypeError('req.session can only be set to an object or null')
    this.accessed = true
    this.#borrowed = undefined
    const ends = this.#unset && this.plan.endsWhenUnset
    this.#unset = !value
    this.#nothing = value === null ? null : undefined
    if (!value || value === super.get()) return
    if (isSession(value)) this.#borrowed = new BorrowedSession(value, this.plan)
    else {
      // What comes after a logout is another session.
      if (ends) super.set(null)
      super.set(value)
    }
  }

  protected override prepare(session: EngineSession): void {
    const { originalMaxAge } = this.cookie
    // What is no number is refused when the cookie is written, in the peer's words.
    session.maxAge = Number.isFinite(originalMaxAge) ? originalMaxAge : null
  }

  /** What no cookie can say is found out before a record is stored that nobody could come back to. */
  checkCookie(): void {
    if (this.session?.id !== this.#sent) this.plan.lines.of(this.cookie, '')
  }

  protected hold(source: object, session: EngineSession): Session {
    const holder = new Session(this.req, null, this, () => (session === this.session ? this.id : session.id))
    holder.cookie = this.cookie
    fill(holder, source)
    // A handler may put another cookie there, as passport does with `keepSessionInfo`.
    const keep = (data: Data) => assume(holder, { cookie: holder.cookie, ...data })
    session.hold(holder, keep, readData)
    return holder
  }

  protected readToken(): string | undefined {
    const { plan, req } = this
    const cookie = readSignedCookie(req, plan.name, plan.secretsOf(req) ?? [])
    this.#sent = cookie?.value
    this.#stale = cookie?.stale === true
    if (cookie?.ambiguous && !this.#ambiguous) {
      this.#ambiguous = true
      plan.tell('session:ambiguous', describeEvent({ reason: 'first' }, { request: req }, String))
    }
    return this.#sent
  }

  // When the cookie is written follows the peer's rule: with the head, see `tellLast`.
  protected writeToken(): void {}

  protected clearToken(): void {
    this.#clears = true
  }

  protected override tell(write: () => void): void {
    write()
  }

  protected override refusesToken(): boolean {
    if (!this.cookie.secure) return false
    this.#isSecure ??= this.plan.isSecure(this.req)
    return !this.#isSecure
  }

  protected override reportRefusal(): void {
    const { plan, req } = this
    plan.warnings.warn(
      'HOLDFAST_INSECURE',
      `the session cookie "${plan.name}" has secure: true, but a request looks like plain http (${forwardedProto(req)}): no cookie was set. ` +
        "Behind a proxy that ends TLS set app.set('trust proxy', 1) or proxy: true, and let it send X-Forwarded-Proto: https; on plain http leave secure out, or take 'auto'.",
    )
  }

  /** The end of the request, by the peer's rules: what is stored, touched or ended. */
  protected override conclude(): MaybePromise<void> {
    const { plan, req } = this
    if (!plan.property.stands(req)) this.set(plan.property.retake(req))
    const { session } = this
    if (this.#regenerating) return this.#regenerating.then(() => this.conclude())
    if (this.#unended) return chain(this.#endFor(this.#unended), () => this.conclude())
    if (!session || !this.cookie || session.destroyed) return session?.destroyed ? this.commit() : undefined
    if (this.#unset) return plan.endsWhenUnset ? this.#end() : undefined
    if (typeof this.#published !== 'string') return undefined
    this.#takeCookie()
    if (!this.#touched && !session.passive) {
      this.#touched = true
      this.cookie.maxAge = this.cookie.originalMaxAge
    }
    if (this.#borrowed) return this.#saveBorrowed(this.#borrowed)
    const isNew = session.id !== this.#sent
    // Where the store knows no touch there is nothing to do for what has not changed, and nobody need look at it.
    const settles = plan.peers && !plan.store.touch && !plan.marksTouches && !this.unmarked
    const force = isNew
      ? (plan.saveUninitialized || this.#regenerated) && !session.loaded
      : plan.resave && !session.settled && !session.passive
    if (settles) session.settled = true
    return this.commit({ force })
  }

  /** The handler may have put another cookie into its session. */
  #takeCookie(): void {
    const holder = this.#borrowed?.session ?? (this.session?.opened ? (super.get() as Session | null) : null)
    if (!holder || holder.cookie === this.cookie) return
    if (typeof holder.cookie !== 'object' || holder.cookie === null) throw new TypeError('req.session.cookie must stay a cookie')
    if (typeof holder.cookie.serialize !== 'function') holder.cookie = new Cookie(holder.cookie)
    this.cookie = holder.cookie
  }

  /** A borrowed session is stored, unless a logout was quicker. */
  #saveBorrowed(borrowed: BorrowedSession): MaybePromise<void> {
    const { session } = this
    if (!borrowed.ended)
      return borrowed.save(borrowed.session.id === this.#sent ? session?.loaded?.take() : undefined, session?.passive === true)
    this.#borrowed = undefined
    this.#unset = true
  }

  #end(): MaybePromise<void> {
    super.set(null)
    return this.commit()
  }

  override commit(intent: CommitIntent = {}): MaybePromise<void> {
    this.#takeCookie()
    const before = this.session?.id
    const { renewal } = intent
    const done = renewal?.life ? this.#logIn(intent, renewal, renewal.life.maxAge) : super.commit(intent)
    return chain(done, () => {
      // A login, or a session that changes hands, has another id from here on.
      if (this.session?.id !== before) this.#publish(this.id)
    })
  }

  /** The life of a login is the one that it asks for, or that the handler has chosen, or the configured one. */
  async #logIn(intent: CommitIntent, renewal: Renewal, own: number | null | undefined): Promise<void> {
    const { cookie, plan, req } = this
    const { expires, originalMaxAge } = cookie
    const isChosen = originalMaxAge !== this.#cameWith
    cookie.maxAge = own ?? (isChosen ? originalMaxAge : plan.newCookie(req).originalMaxAge)
    const maxAge = Number.isFinite(cookie.originalMaxAge) ? cookie.originalMaxAge : null
    try {
      await super.commit({ ...intent, renewal: { ...renewal, life: { maxAge } } })
    } catch (error) {
      cookie.expires = expires
      cookie.originalMaxAge = originalMaxAge
      throw error
    }
  }

  override openFailed(): void {
    this.#failed = true
    super.openFailed()
  }

  protected override tellLast(): boolean {
    if (!this.session || !this.cookie) return false
    const due = !this.#unset && this.#cookieDue()
    if (due && this.refusesToken()) {
      this.reportRefusal()
      return false
    }
    const { cookie, headers, plan, req } = this
    // Of a borrowed session it is the one that the app has published.
    const id = (this.#borrowed ? this.#published : this.id) as string
    if (due) append(headers, lineOf(cookie, id, plan, req))
    else if (this.#clears && this.#sent !== undefined && !this.refusesToken()) append(headers, clearingLine(cookie, plan.name))
    else return false
    return true
  }

  /** The peer's rule; and whatever was stored under a new id is told, and what an older secret has signed is signed anew. */
  #cookieDue(): boolean {
    const { plan, session } = this
    // Not null: `expires = false` is the documented way to let it end with the browser, which has to be told.
    const expires = (this.cookie.expires ?? null) !== null
    if (typeof this.#published !== 'string') return false
    const rolling = plan.rolling && !session?.passive
    if (this.#borrowed) return this.#published !== this.#sent || rolling || (expires && this.#borrowed.differs)
    if (!session || session.destroyed || session.detached) return false
    if (session.id !== this.#sent) return session.loaded !== null
    return this.#stale || rolling || (expires && (session.modified || this.marked))
  }

  /** The session ends, and the request has another one, new and empty, with an id of its own. With `keep` it goes on under a new id. */
  override regenerate({ keep = false }: RegenerateOptions = {}): Promise<void> {
    const kept = keepOf(keep)
    if (kept !== true && kept.length === 0) return this.#beginAnew()
    if (this.get()) return super.regenerate({ keep: kept })
    return this.asked(() => {
      throw new SessionGoneError()
    })
  }

  #beginAnew(): Promise<void> {
    const done = this.asked(async () => {
      // The new one's cookie could not be sent: then the old one had better stay.
      if (this.headersSent) throw new SessionHeadersSentError()
      const old = this.session as EngineSession
      try {
        await (this.#borrowed ? this.#borrowed.end() : this.#endFor(old))
      } catch (error) {
        // Somebody has logged out meanwhile: no data of this one go on under another id.
        if (error instanceof SessionGoneError) throw error
        this.generate()
        throw error
      }
      this.generate()
    })
    const settled: Promise<void> = done.then(undefined, () => undefined)
    this.#regenerating = settled
    void settled.then(() => {
      if (this.#regenerating === settled) this.#regenerating = undefined
    })
    return done
  }

  /** Where it fails, the end of the request tries again: who has not waited for it must not be told that all is well. */
  async #endFor(old: EngineSession): Promise<void> {
    old.destroyed = true
    this.#unended = undefined
    try {
      const result = await this.plan.manager.commit(old, this, { regenerate: true })
      if ('failure' in result) throw result.failure
    } catch (error) {
      if (error instanceof SessionGoneError) old.destroyed = false
      else this.#unended = old
      throw error
    }
  }

  /** A new and empty session in the place of whatever is there. */
  generate(): void {
    this.begin(this.fresh())
    this.#clears = false
    this.#touched = false
    this.#regenerated = true
  }

  override destroy(): Promise<void> {
    const { property } = this.plan
    const borrowed = this.#borrowed
    return this.asked(() => {
      this.#borrowed = undefined
      if (!borrowed) super.set(null)
      this.#unset = true
      this.#nothing = undefined
      // Also where the store fails: who asked for it shall not come back by it.
      this.#clears = true
      property.remove(this.req)
      return borrowed ? borrowed.end() : this.commit()
    })
  }

  override update(change: (draft: Data) => unknown): Promise<void> {
    return super.update(draft => {
      const answer = change(draft)
      refuseMembers(draft)
      return answer
    })
  }

  override async reload(): Promise<boolean> {
    if (this.#unset || !this.session) throw new SessionGoneError()
    super.get()
    const found = await super.reload()
    if (found) {
      this.cookie = cookieOf(this.session, this.plan, this.req)
      ;(super.get() as Session).cookie = this.cookie
    }
    return found
  }
}
