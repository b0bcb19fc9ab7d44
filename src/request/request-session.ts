import type { Loaded, Presented } from '../core/backend.ts'
import type { CommitIntent, CommitResult } from '../core/config.ts'
import type { LogoutOptions, SessionHolder, SignalOptions, SiteData, UserControls } from '../core/controls.ts'
import { csrfSubjectOf } from '../core/csrf.ts'
import { SessionGoneError, SessionHeadersSentError, SessionNotOpenError, SessionRevokedError } from '../core/errors.ts'
import type { Data } from '../core/json.ts'
import { keepOf, type LoginOptions, type ReauthenticatedOptions, type RegenerateOptions, type Renewal } from '../core/login.ts'
import type { Asker } from '../core/login-facts.ts'
import type { SessionManager } from '../core/manager.ts'
import { chain, type MaybePromise } from '../core/maybe.ts'
import type { Noting } from '../core/noting.ts'
import { type Duration, durationMs, mustBeOneOf } from '../core/options.ts'
import type { GoneReason } from '../core/record.ts'
import type { Session } from '../core/session.ts'
import type { ResponseHeaders } from '../core/transport.ts'
import { everyMs, type Watch } from '../core/watch.ts'
import { Explanation } from './explanation.ts'

/** What an adapter has made of the options. */
export interface RequestPlan {
  readonly manager: SessionManager
  /** Answers say what became of their session, in development. */
  readonly explains?: boolean | undefined
  /** An answer that has read a user's session is `no-store`, unless the app says otherwise. */
  readonly noStore?: boolean | undefined
}

/** One request's session in any framework: when it is opened, what the handler holds, and what becomes of its token. */
export abstract class RequestSession implements UserControls, Noting {
  isNew = true
  /** The handler asked for a save in any case. */
  requireSave = false
  /** The handler has looked at it. */
  protected accessed = false
  /** Why what the handler asked for could not be done, once it was told. */
  protected failure: unknown

  #session: Session | undefined
  /** A session that the handler ended before it began this one. */
  #previous: Session | undefined
  #holder: SessionHolder | null | undefined
  /** The handler replaced a session that it never read. */
  #unread = false
  #skipped: boolean | undefined
  #cameAt: number | undefined
  /** What the browser shall forget with the token. */
  #siteData: readonly SiteData[] = []
  #explanation: Explanation | undefined
  /** The handler has seen the data of a user. */
  #sawUser = false
  #watch: Watch | undefined

  abstract readonly plan: RequestPlan
  /** What listeners and hooks get as the request: the framework's own object. */
  abstract readonly source: unknown
  /** Who sent the request, by the framework's own rules of which proxy to trust. Asked at a login. */
  abstract readonly asker: Asker
  /** Whether the response can carry no token any more. */
  protected abstract readonly headersSent: boolean
  protected abstract readToken(): Presented | undefined
  protected abstract writeToken(token: string, expiresAt: number | undefined): void
  protected abstract clearToken(): void
  protected abstract setHeader(name: string, value: string): void
  /** Calls `listener` when the answer is over. */
  protected abstract onClose(listener: () => void): void
  /** Whether it can be known whose it is: not from a cookie that anybody can write. */
  protected get knowsUsers(): boolean {
    return false
  }
  /** Whether what is replaced or ended without a look at it is loaded before: whose it is goes on, and its end can be kept. koa-session does not look. */
  protected get looksFirst(): boolean {
    return false
  }
  /** Runs `write`, which tells the browser its token, as the framework needs it. */
  protected abstract tell(write: () => void): void
  /** Asks the site whether this request shall have no session. */
  protected abstract asksToSkip(): boolean
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

  get id(): string | undefined {
    return this.#session?.id
  }

  protected get session(): Session | undefined {
    return this.#session
  }

  /** Loads the session. Where that needs I/O, the middleware calls it before the handler runs. */
  open(): MaybePromise<void> {
    const presented = this.readToken()
    this.explanation?.came(presented !== undefined)
    return chain(this.plan.manager.open(presented, this), session => this.begin(session))
  }

  /** What is told of this request, where answers explain themselves. */
  protected get explanation(): Explanation | undefined {
    if (!this.plan.explains) return undefined
    this.#explanation ??= new Explanation()
    return this.#explanation
  }

  /** An event of this request. */
  note(name: string, reason: string): void {
    this.explanation?.noted(name, reason)
  }

  /** Says in headers what became of the session. The last thing before the head leaves. */
  protected explainTo(headers: ResponseHeaders): void {
    const explanation = this.explanation
    if (!explanation) return
    const { session, cookie } = explanation.lines({ skipped: this.skipped, accessed: this.accessed, session: this.#session })
    headers.set('Holdfast-Session', session)
    headers.set('Holdfast-Cookie', cookie)
  }

  /** The store could not be asked: whoever answers that finds an empty session, and none that is stored. */
  openFailed(): void {
    try {
      this.begin(this.plan.manager.detached())
    } catch {
      // It may be the making of a session, such as its cookie's options, that has failed.
    }
  }

  get opened(): boolean {
    return this.#session !== undefined
  }

  /** For a reader without a handler: the data, or null. Nothing is created. */
  async load(): Promise<Data | null> {
    const presented = this.readToken()
    const session = presented === undefined ? null : await this.plan.manager.find(presented, this)
    return session ? session.take() : null
  }

  /** When it came to the session's middleware, in ms since the epoch. */
  came(at: number): void {
    this.#cameAt ??= at
  }

  /**
   * Whether this request shall have no session. Asked once, and not of a session that is in use: a mounted application
   * shares its parent's. If so, the handler gets one that is never stored, whatever it does.
   */
  skips(): boolean {
    this.came(this.plan.manager.now())
    if (this.#skipped === undefined) {
      this.#skipped = !this.opened && this.asksToSkip()
      if (this.#skipped) this.begin(this.plan.manager.detached())
    }
    return this.#skipped
  }

  /** Whether it is known that this request shall have no session. */
  get skipped(): boolean {
    return this.#skipped === true
  }

  /** A new session; of a request that shall have none, one that is never stored. */
  protected fresh(): Session {
    return this.#skipped ? this.plan.manager.detached() : this.plan.manager.fresh(this)
  }

  /** The session of this request, in the place of whatever was there. */
  protected begin(session: Session): void {
    // A handler may look at its session late: what it proves by it, and how old what it read is, counts from when it was asked.
    if (this.#cameAt !== undefined && this.#cameAt < session.openedAt) session.openedAt = this.#cameAt
    this.#session = session
    this.#holder = undefined
    this.isNew = session.loaded === null
    this.met(session)
  }

  /** What the handler's look at its session gives: null once it was ended. */
  get(): SessionHolder | null {
    if (this.#holder !== undefined) return this.#holder
    this.accessed = true
    if (!this.#session) this.#openNow()
    const session = this.#session as unknown as Session
    const data = session.take()
    this.#sawUser ||= this.#isUsers(session, data)
    this.#holder = this.hold(data, session)
    return this.#holder
  }

  /** Whether the answer may show what is one user's: it has read their session, or made one theirs. */
  protected get showsUser(): boolean {
    const session = this.#session
    if (!this.plan.noStore || !this.accessed || !session) return false
    return this.#sawUser || this.#isUsers(session, session.data())
  }

  #isUsers(session: Session, data: Data): boolean {
    return this.plan.noStore === true && this.plan.manager.isUsers(session, data)
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

  /** What an assignment does: null ends the session, an object replaces its data. */
  set(value: unknown): void {
    if (value !== null && typeof value !== 'object') throw new Error('this.session can only be set as null or an object.')
    this.accessed = true
    if (!this.#session && this.looksFirst) this.#openNow()
    if (!this.#session) {
      this.#refuseEarlyAccess()
      this.#session = this.fresh()
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
      this.begin(this.fresh())
    }
    this.isNew = false
    this.#holder = this.hold(value, this.#session as Session)
  }

  /** Writes what changed, and tells the browser once that is done. */
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
    const { regenerate, renewal } = intent
    // Key by key: a clone by spread takes 3 µs here.
    const asked: CommitIntent = { force, regenerate, renewal, tokenless: this.#tokenless() }
    const before = session.loaded
    return chain(this.plan.manager.commit(session, this, asked), result => {
      this.explanation?.committed(asked, result, before === null)
      this.requireSave = false
      this.#unread = false
      this.#apply(result, asked)
    })
  }

  /** `session = {}` without a look at what was there: an empty session must still replace a full one. */
  #replacedBlindly(): boolean {
    return this.#unread && this.#holder !== null && this.readToken() !== undefined
  }

  #tokenless(): CommitIntent['tokenless'] {
    if (this.headersSent) return 'error'
    return this.refusesToken() ? 'drop' : undefined
  }

  #apply(result: CommitResult, intent: CommitIntent): void {
    this.#tell(result, intent)
    // The browser has been told first: it forgets what the store could not be made to forget yet.
    if ('failure' in result) throw result.failure
  }

  #tell({ action, token, expiresAt }: CommitResult, { regenerate, tokenless }: CommitIntent): void {
    if (action === 'none') return
    const barred = this.#tokenless()
    if (barred === 'drop') this.reportRefusal()
    // The headers left while the store was at work: the browser will not learn of what was just stored.
    if (barred === 'error' && tokenless === undefined && action === 'set') throw new SessionHeadersSentError()
    this.explanation?.told(action, barred)
    if (barred || action === 'dropped') return
    this.tell(() => {
      if (action === 'clear' || regenerate) this.clearToken()
      if (action === 'clear' && this.#siteData.length > 0)
        this.setHeader('Clear-Site-Data', this.#siteData.map(item => `"${item}"`).join(', '))
      if (token !== undefined) this.writeToken(token, expiresAt)
    })
  }

  save(): Promise<void> {
    return this.asked(() => this.commit({ force: true }))
  }

  regenerate({ keep }: RegenerateOptions = {}): Promise<void> {
    const kept = keepOf(keep)
    return this.asked(() => (kept === true ? this.commit({ regenerate: true }) : this.#renew(() => ({ keep: kept }))))
  }

  get userId(): string | undefined {
    return this.#met().loaded?.userId
  }

  get authenticatedAt(): number | undefined {
    return this.#met().life?.authenticatedAt
  }

  get goneReason(): GoneReason | undefined {
    return this.#met().gone
  }

  get csrfSubject(): string | undefined {
    const { loaded } = this.#met()
    return loaded ? csrfSubjectOf(loaded) : undefined
  }

  storedAt(manager: object): Loaded | null {
    return this.plan.manager === manager ? this.#met().loaded : null
  }

  login(userId: string, options: LoginOptions = {}): Promise<void> {
    return this.asked(() => this.#renew(session => this.plan.manager.login(session, userId, options)))
  }

  reauthenticated(options: ReauthenticatedOptions = {}): Promise<void> {
    return this.asked(() => this.#renew(session => this.plan.manager.reauthenticated(session, options)))
  }

  requireFresh(within: Duration): void {
    const withinMs = durationMs('requireFresh', within)
    this.#needUsers()
    this.plan.manager.requireFresh(this.#met(), withinMs)
  }

  signal(options: SignalOptions = {}): AbortSignal {
    const every = everyMs('signalOf', options)
    const session = this.#met()
    // Nothing is stored of it, so nothing of it ends.
    if (this.#skipped) return new AbortController().signal
    if (this.#watch?.session !== session) {
      const watch = this.plan.manager.watch(session, this)
      this.#watch = watch
      this.onClose(() => watch.stop())
    }
    this.#watch.lookEvery(every)
    return this.#watch.signal
  }

  async factorChanged(): Promise<number> {
    this.#needUsers()
    const { manager } = this.plan
    const session = this.#met()
    const { loaded } = session
    const { renewal, begin } = await manager.nextEpoch(session)
    try {
      await this.asked(() => this.#renew(() => renewal))
    } catch (error) {
      // Somebody else has given it another id, or ended it: perhaps who is to be shut out. Then all of the user's end.
      if (error instanceof SessionGoneError) {
        await begin()
        await manager.endOthers(loaded)
      }
      throw error
    }
    if (!(await begin())) {
      await this.logout()
      throw new SessionRevokedError()
    }
    return manager.endOthers(session.loaded)
  }

  async logout({ clearSiteData = false }: LogoutOptions = {}): Promise<void> {
    this.#siteData = siteDataOf(clearSiteData)
    await this.destroy()
  }

  /** A new id and what comes with it. The handler has been told when it has failed. */
  #renew(renewalOf: (session: Session) => Renewal): MaybePromise<void> {
    if (this.get() === null) throw new SessionGoneError()
    if (this.#skipped) throw new TypeError('this request has no session (the option skip): nobody can log in by it')
    const renewal = renewalOf(this.#met())
    if (renewal.proof) this.#needUsers()
    return this.commit({ regenerate: true, renewal })
  }

  #met(): Session {
    if (!this.#session) this.get()
    return this.#session as Session
  }

  #needUsers(): void {
    if (this.knowsUsers) return
    throw new TypeError(
      'login() and what comes of it need a cookie that nobody else can write: leave signed: false out, or set encrypt: true',
    )
  }

  destroy(): Promise<void> {
    return this.asked(() => {
      this.set(null)
      return this.commit()
    })
  }

  async reload(): Promise<boolean> {
    if (this.get() === null) return false
    return this.plan.manager.reload(this.#session as Session, this)
  }

  update(change: (draft: Data) => unknown): Promise<void> {
    this.#session?.refuseNested()
    return this.asked(() => this.#update(change))
  }

  /** What a method does for the handler, at once; and that the handler was told if it has failed. */
  protected async asked(work: () => MaybePromise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.failure = error
      throw error
    }
  }

  async #update(change: (draft: Data) => unknown): Promise<void> {
    if (this.get() === null) throw new SessionGoneError()
    const session = this.#session as Session
    this.prepare(session)
    const intent: CommitIntent = { tokenless: this.#tokenless() }
    this.#apply(await this.plan.manager.update(session, this, change, intent), intent)
  }
}

function siteDataOf(asked: boolean | readonly SiteData[]): readonly SiteData[] {
  if (typeof asked === 'boolean') return asked ? ['cache', 'storage'] : []
  for (const item of asked) mustBeOneOf('clearSiteData', item, ['cache', 'cookies', 'storage', 'executionContexts'])
  return asked
}
