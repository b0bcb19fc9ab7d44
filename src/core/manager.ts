import { isAbsent, type Loaded, type Presented } from './backend.ts'
import type { CommitIntent, CommitResult, ManagerConfig } from './config.ts'
import { isUsers } from './drafts.ts'
import { withSeen } from './epochs.ts'
import { SessionGoneError, SessionNotFreshError } from './errors.ts'
import { type Data, plain } from './json.ts'
import { expiry, rulesOf, touchDue } from './lifetime.ts'
import { keptOf, type LoginOptions, type LoginScene, loginOf, type ReauthenticatedOptions, type Renewal, stepUpOf } from './login.ts'
import { isPromise, type MaybePromise } from './maybe.ts'
import { Opener } from './opener.ts'
import { isGone } from './record.ts'
import type { Session } from './session.ts'
import { undecided } from './store-errors.ts'
import { Updater } from './updater.ts'
import { type Watch, Watches } from './watch.ts'
import { NONE, Writer } from './writer.ts'

/** How far two clocks may be apart before it matters. */
const SKEW_MS = 60_000

/** The engine. An adapter makes four calls: `open`, `commit`, `reload`, `update`. */
export class SessionManager {
  readonly #config: ManagerConfig
  readonly #opener: Opener
  readonly #writer: Writer
  readonly #updater: Updater
  readonly #watches: Watches

  constructor(config: ManagerConfig) {
    this.#config = config
    this.#opener = new Opener(config)
    this.#writer = new Writer(config)
    this.#updater = new Updater(config, this.#writer)
    this.#watches = new Watches(config)
  }

  /** True where opening needs I/O; the adapter awaits it before the handler runs. */
  get eager(): boolean {
    const { backend, codec } = this.#config
    return backend.eager || codec?.prepared === false || backend.prepared === false
  }

  /** The time by the site's clock, in ms since the epoch. */
  now(): number {
    return this.#config.now()
  }

  /** The session of a token. Whatever is wrong with the token, the answer is a fresh session and an event. */
  open(presented: Presented | undefined, request: unknown): MaybePromise<Session> {
    return this.#opener.open(presented, request)
  }

  /** The session of a token, or null: for readers. Nothing is created, not even an id. */
  find(presented: Presented, request: unknown): MaybePromise<Session | null> {
    return this.#opener.find(presented, request)
  }

  /** A new session, with an id where sessions have one. */
  fresh(request: unknown): Session {
    return this.#opener.fresh(request)
  }

  /** A session that is never stored: for requests that must not have one. */
  detached(): Session {
    return this.#opener.detached()
  }

  /** Writes what the handler changed, at most once. Commits of one session follow each other. */
  commit(session: Session, request: unknown, intent: CommitIntent = {}): MaybePromise<CommitResult> {
    if (this.#config.inHook?.(request)) {
      // The write that the hook belongs to takes its changes along. A new id it cannot have meanwhile.
      if (intent.regenerate) throw notInHook('regenerate')
      return NONE
    }
    if (session.busy) return session.busy.then(() => this.commit(session, request, intent))
    const { renewal } = intent
    const before = session.loaded
    const result = renewal ? this.#renew(session, request, renewal, intent) : this.#commit(session, request, intent)
    if (isPromise(result)) session.occupy(result)
    this.#follow(result, session, before)
    return result
  }

  /** Tells those who follow a session what has become of it. What fails may have ended it all the same. */
  #follow(work: MaybePromise<unknown>, session: Session, before: Loaded | null): void {
    if (!isPromise(work)) {
      this.#watches.written(session, before)
      return
    }
    const tell = () => this.#watches.written(session, before)
    work.then(tell, tell)
  }

  /** Follows a session to its end. */
  watch(session: Session, request: unknown): Watch {
    return this.#watches.begin(session, request)
  }

  /** Sessions of this user were ended by other means than a commit. */
  endedOf(userId: string): void {
    this.#watches.endedOf(userId)
  }

  /** Those of all users were. */
  endedOfAll(): void {
    this.#watches.endedOfAll()
  }

  /** Whether somebody has logged in to this session, which has these data. */
  isUsers({ loaded }: Session, data: Data): boolean {
    return isUsers(this.#config, loaded?.userId, data)
  }

  #commit(session: Session, request: unknown, intent: CommitIntent): MaybePromise<CommitResult> {
    const writing = { session, request, intent, changed: false }
    if (session.destroyed) return this.#writer.end(writing)
    if (session.lost && intent.regenerate) throw new SessionGoneError()
    if (session.detached && !intent.regenerate) return this.#writer.drop(writing)
    const forced = intent.force === true || intent.regenerate === true
    const refresh = this.#refreshDue(session, intent)
    // What nobody has opened has not changed: it is not even parsed.
    if (!forced && !refresh && !session.opened) return NONE
    const snapshot = session.snapshot()
    const differs = session.differs(snapshot)
    if (differs) session.modified = true
    if (!forced && !differs && !refresh) return NONE
    return this.#writer.write({ session, request, intent, changed: differs && !forced }, snapshot, differs)
  }

  /** What a login of this user makes of the session; a `TypeError` if it cannot be. */
  login(session: Session, userId: unknown, options: LoginOptions): Renewal {
    return loginOf(userId, options, this.#scene(session))
  }

  /** What it makes of the session that its user has proved once more who they are. */
  reauthenticated(session: Session, options: ReauthenticatedOptions): Renewal {
    if (session.detached || session.lost) throw new SessionGoneError()
    const scene = this.#scene(session)
    if (scene.userId === undefined) throw new TypeError('reauthenticated() needs a session that somebody has logged in to: call login()')
    return stepUpOf(options, scene, session.loaded?.meta)
  }

  #scene({ openedAt, loaded }: Session): LoginScene {
    const { now, policy, rememberMs, userOf } = this.#config
    // Its data may have said so before the record did.
    const userId = loaded ? (loaded.userId ?? userOf?.(plain(loaded.base))) : undefined
    return { openedAt, now: now(), userId, policy, rememberMs }
  }

  /** Throws unless the user has proved who they are within this time. */
  requireFresh({ life, loaded }: Session, withinMs: number): void {
    const at = life?.authenticatedAt
    const age = at === undefined ? Number.NaN : this.#config.now() - at
    // A proof that is still to come is none: another node's clock may be a little ahead, no more.
    if (!(age <= withinMs && age >= -SKEW_MS))
      throw new SessionNotFreshError(withinMs, loaded?.userId === undefined ? 'anonymous' : 'stale')
  }

  /** From when it begins nothing counts that this session's user had proved before, in logins under way as well; what makes this one an exception. */
  async nextEpoch({ loaded, detached, lost }: Session): Promise<{ renewal: Renewal; begin: () => Promise<boolean> }> {
    const { backend } = this.#config
    if (!backend.nextEpoch)
      throw new TypeError("to end a user's other sessions, give createSessions a store that keeps an index, or in cookie mode revocations")
    if (detached || lost) throw new SessionGoneError()
    if (loaded?.userId === undefined) throw new TypeError('the session belongs to no user: call login() first')
    const { userId, life, meta } = loaded
    const { epoch, begin } = await backend.nextEpoch(loaded)
    return { renewal: { keep: true, proof: { userId, at: life.authenticatedAt, meta: withSeen(meta, epoch) } }, begin }
  }

  /** Ends the other sessions of this one's user, as far as they are kept; how many. */
  async endOthers(loaded: Loaded | null): Promise<number> {
    if (!loaded) return 0
    try {
      return (await this.#config.backend.endOthers?.(loaded)?.catch(afterwards)) ?? 0
    } finally {
      // What fails may have ended some of them all the same.
      if (loaded.userId !== undefined) this.endedOf(loaded.userId)
    }
  }

  /**
   * All of it or nothing: where it cannot be stored, the session is as it was. But for a peer's store, which is told of a new id in two
   * calls, and a store whose answer did not come: of these nobody knows how far they got. The handler's data are as they were in any case.
   */
  async #renew(session: Session, request: unknown, renewal: Renewal, intent: CommitIntent): Promise<CommitResult> {
    const { maxAge } = session
    const { idp, proof } = renewal
    const links = idp && this.#config.idpLinks
    if (links && !(await links.link(idp, proof?.userId as string, this.#lastMomentOf(renewal)))) {
      // What the handler has put there for this login shall not be stored either.
      session.lose()
      throw new SessionGoneError()
    }
    const before = session.data()
    const base = session.loaded ? plain(session.loaded.base) : {}
    session.proof = renewal.proof
    if (renewal.life) session.maxAge = renewal.life.maxAge
    if (renewal.keep !== true) session.refill(keptOf(before, base, renewal.keep))
    try {
      this.#checkAgreement(session, renewal)
      const result = await this.#commit(session, request, intent)
      return links && !(await links.stands(idp).catch(afterwards)) ? await this.#writer.revoke(session, request) : result
    } catch (error) {
      session.maxAge = maxAge
      session.refill(before)
      throw error
    } finally {
      session.proof = undefined
    }
  }

  /** When a session that begins with this login has ended in any case, by whoever's clock. */
  #lastMomentOf({ proof }: Renewal): number {
    const { absoluteMs, endsAt } = proof?.begins ?? {}
    return Math.min(this.#config.now() + (absoluteMs ?? Number.POSITIVE_INFINITY), endsAt ?? Number.POSITIVE_INFINITY) + SKEW_MS
  }

  /** Two answers to whose session it is would be one too many. */
  #checkAgreement(session: Session, { proof }: Renewal): void {
    const { userOf } = this.#config
    if (!userOf || !proof || userOf(session.data()) === proof.userId) return
    throw new TypeError('login(): the option user says somebody else of the data; set what it reads before you call login()')
  }

  #refreshDue(session: Session, { tokenless }: CommitIntent): boolean {
    if (!session.loaded || session.settled || session.passive) return false
    const { backend } = this.#config
    if (!tokenless && backend.rotationDue?.(session.loaded)) return true
    const now = this.#config.now()
    // Issued again by a slow answer, an old cookie would undo what another one has done meanwhile (H8).
    if (now - session.openedAt > (backend.touchWithinMs ?? Number.POSITIVE_INFINITY)) return false
    return session.stale || touchDue(session.loaded.life, session.policy, now)
  }

  /** Takes what is stored now in the place of what the handler has. False if the session is gone. */
  async reload(session: Session, request: unknown): Promise<boolean> {
    if (this.#config.inHook?.(request)) throw notInHook('reload')
    while (session.busy) await session.busy
    const { loaded } = session
    if (!loaded) return false
    const found = await this.#config.backend.load(loaded.value, request)
    const { now, policy } = this.#config
    if (isAbsent(found) || isGone(found) || expiry(found.life, now(), rulesOf(found.meta, policy))) {
      this.#writer.lost(session, request)
      return false
    }
    session.loaded = found
    session.maxAge = found.life.maxAge
    session.refill(found.take())
    return true
  }

  /**
   * Runs `change` on the latest data until it lands: with a Holdfast store, N concurrent increments give exactly N.
   * What the handler changed before is saved first.
   */
  async update(session: Session, request: unknown, change: (draft: Data) => unknown, intent: CommitIntent = {}): Promise<CommitResult> {
    session.refuseNested()
    if (this.#config.inHook?.(request)) throw notInHook('update')
    while (session.busy) await session.busy
    const before = session.loaded
    const run = this.#saveAndUpdate(session, request, change, intent)
    session.occupy(run)
    this.#follow(run, session, before)
    return run
  }

  async #saveAndUpdate(session: Session, request: unknown, change: (draft: Data) => unknown, intent: CommitIntent): Promise<CommitResult> {
    // A new session's first changes go with the update: one record, one write.
    const saved = session.loaded || session.destroyed ? await this.#commit(session, request, intent) : NONE
    if (session.destroyed) return saved
    const updated = await this.#updater.update({ session, request, intent, changed: true }, change)
    return updated.action === 'none' ? saved : updated
  }

  /** Asks for a session that is not there, and throws what the load of any other would: whether the store answers. */
  async probe(): Promise<void> {
    const { backend } = this.#config
    await backend.load(backend.newId(undefined) ?? '', undefined)
  }

  close(): Promise<void> {
    this.#config.codec?.close()
    this.#watches.close()
    return this.#config.backend.close()
  }
}

/** The session itself was written before. */
function afterwards(error: unknown): never {
  throw undecided(error)
}

/** It would wait for the write that is under way, and that waits for the hook. */
function notInHook(method: string): TypeError {
  return new TypeError(`${method}() cannot be called in beforeSave: change the session there, and it is saved`)
}
