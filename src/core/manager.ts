import { type Draft, isAbsent, type Loaded, type WriteResult } from './backend.ts'
import type { CommitIntent, CommitResult, ManagerConfig } from './config.ts'
import { SessionConflictError, SessionGoneError, SessionHeadersSentError } from './errors.ts'
import { type Content, copy, type Data, parseData } from './json.ts'
import { begin, expiry, extend, touchDue } from './lifetime.ts'
import { chain, isPromise, type MaybePromise } from './maybe.ts'
import { merge } from './merge.ts'
import { hookAnswer, Opener } from './opener.ts'
import { isGone } from './record.ts'
import { type Session, type Snapshot, snapshotOf } from './session.ts'

const NONE: CommitResult = { action: 'none' }
const DROPPED: CommitResult = { action: 'dropped' }
const MAX_ATTEMPTS = 20

/** The engine. An adapter makes four calls: `open`, `commit`, `reload`, `update`. */
export class SessionManager {
  readonly #config: ManagerConfig
  readonly #opener: Opener

  constructor(config: ManagerConfig) {
    this.#config = config
    this.#opener = new Opener(config)
  }

  /** True where opening needs I/O; the adapter awaits it before the handler runs. */
  get eager(): boolean {
    return this.#config.backend.eager
  }

  /** The session of a token. Whatever is wrong with the token, the answer is a fresh session and an event. */
  open(token: string | undefined, request: unknown): MaybePromise<Session> {
    return this.#opener.open(token, request)
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
    if (session.busy) return session.busy.then(() => this.commit(session, request, intent))
    const result = this.#commit(session, request, intent)
    if (isPromise(result)) this.#occupy(session, result)
    return result
  }

  #commit(session: Session, request: unknown, intent: CommitIntent): MaybePromise<CommitResult> {
    if (session.destroyed) return this.#end(session, request, intent)
    if (session.detached && !intent.regenerate) return NONE
    const forced = intent.force === true || intent.regenerate === true
    const refresh = this.#refreshDue(session)
    // What nobody has opened has not changed: it is not even parsed.
    if (!forced && !refresh && !session.opened) return NONE
    const snapshot = session.snapshot()
    const changed = session.differs(snapshot)
    if (!forced && !changed && !refresh) return NONE
    if (intent.tokenless && this.#needsToken(session, intent)) return this.#withhold(session, request, intent, forced || changed)
    const { beforeSave } = this.#config
    const hook = beforeSave ? hookAnswer('beforeSave', beforeSave(request, session), this.eager) : false
    if (hook === false) return this.#write(session, request, intent, snapshot, changed, !forced && changed)
    return chain(hook, () => {
      const after = session.snapshot()
      return this.#write(session, request, intent, after, session.differs(after), !forced && changed)
    })
  }

  /** The browser cannot be given the token that this write needs. */
  #withhold(session: Session, request: unknown, intent: CommitIntent, asked: boolean): MaybePromise<CommitResult> {
    if (intent.tokenless === 'error') {
      if (asked) throw new SessionHeadersSentError()
      return DROPPED
    }
    if (!intent.regenerate || !session.loaded) return DROPPED
    // A new id was asked for and cannot be given: the old one must not go on as if it had been.
    return chain(this.#config.backend.delete(session.loaded, session.id, 'regenerated', request), () => {
      session.loaded = null
      session.detached = true
      return DROPPED
    })
  }

  #needsToken(session: Session, intent: CommitIntent): boolean {
    return !this.#config.backend.keyed || !session.loaded || intent.regenerate === true
  }

  #refreshDue(session: Session): boolean {
    if (!session.loaded || session.settled) return false
    return session.stale || touchDue(session.loaded.life, session.policy, this.#config.now())
  }

  #write(
    session: Session,
    request: unknown,
    intent: CommitIntent,
    snapshot: Snapshot,
    differs: boolean,
    changed: boolean,
    attempt = 1,
  ): MaybePromise<CommitResult> {
    const { backend } = this.#config
    const draft = this.#draft(session, snapshot, changed)
    const { loaded } = session
    let result: MaybePromise<WriteResult>
    if (intent.regenerate) result = backend.replace(loaded, draft, 'regenerated', request)
    else if (!loaded) result = backend.create(draft, request)
    else if (differs || intent.force) result = backend.save(loaded, draft, request)
    else result = backend.touch(loaded, draft, request)
    return chain(result, written => {
      if (written.status === 'written') return this.#landed(session, written.loaded, draft.data)
      if (written.status === 'missing') return this.#lost(session, request)
      const merged = this.#merge(session, draft.data, written.current, request, attempt)
      if (!merged) return NONE
      return this.#write(session, request, intent, session.snapshot(), true, changed, attempt + 1)
    })
  }

  #draft(session: Session, snapshot: Snapshot, changed: boolean): Draft {
    const now = this.#config.now()
    const life = session.loaded
      ? extend(session.loaded.life, session.policy, session.maxAge, now)
      : begin(session.policy, session.maxAge, now)
    return { ...snapshot, id: session.id, life, changed }
  }

  #landed(session: Session, loaded: Loaded, data: Data): CommitResult {
    const { backend, checkToken, codec, reissue } = this.#config
    const isNew = session.token === undefined || loaded.value !== session.loaded?.value
    const reissued = isNew || session.stale || reissue === 'on-save' || typeof loaded.life.maxAge === 'number'
    const token = reissued ? (codec ? codec.encode(loaded.value, session.origin) : loaded.value) : undefined
    if (token !== undefined) checkToken?.(token, data)
    session.rebase(loaded)
    if (backend.keyed) session.id = loaded.value
    session.detached = false
    if (token === undefined) return NONE
    session.token = token
    session.stale = false
    return typeof loaded.life.maxAge === 'number' ? { action: 'set', token, expiresAt: loaded.life.expiresAt } : { action: 'set', token }
  }

  /** The record was ended by another request: it stays dead, and nothing of this one is stored. */
  #lost(session: Session, request: unknown): CommitResult {
    session.detached = true
    this.#config.emit('session:gone', { reason: 'gone', id: session.id }, request)
    if (this.#config.onGone === 'error') throw new SessionGoneError()
    return NONE
  }

  /** Lays this request's changes over the record that another one wrote. False if they are dropped. */
  #merge(session: Session, mine: Data, current: Loaded, request: unknown, attempt: number): boolean {
    const { conflict, emit, guard, onGone } = this.#config
    if (attempt >= MAX_ATTEMPTS) throw new SessionConflictError(`the session changed under each of ${MAX_ATTEMPTS} attempts to save it`)
    const base = session.loaded ? plain(session.loaded.base) : {}
    const result = merge(base, mine, plain(current.base), guard, conflict)
    if (result.outcome === 'conflict') {
      throw new SessionConflictError(`two requests changed the session's "${result.path.join('.')}" and conflict is 'error'`)
    }
    if (result.outcome === 'guarded') {
      session.detached = true
      emit('session:conflict', { reason: 'guarded', id: session.id }, request)
      if (onGone === 'error') throw new SessionConflictError('another request changed who this session belongs to')
      return false
    }
    session.loaded = current
    session.refill(result.data)
    return true
  }

  #end(session: Session, request: unknown, intent: CommitIntent): MaybePromise<CommitResult> {
    if (session.ended) return NONE
    if (intent.tokenless === 'error' && !this.#config.backend.keyed) throw new SessionHeadersSentError()
    return chain(this.#config.backend.delete(session.loaded, session.id, 'destroyed', request), (): CommitResult => {
      session.loaded = null
      session.ended = true
      return { action: 'clear' }
    })
  }

  /** Takes what is stored now in the place of what the handler has. False if the session is gone. */
  async reload(session: Session, request: unknown): Promise<boolean> {
    await session.busy
    const { loaded } = session
    if (!loaded) return false
    const found = await this.#config.backend.load(loaded.value, request)
    if (isAbsent(found) || isGone(found) || expiry(found.life, this.#config.now())) {
      this.#lost(session, request)
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
  async update(session: Session, request: unknown, change: (draft: Data) => unknown): Promise<CommitResult> {
    while (session.busy) await session.busy
    const run = this.#saveAndUpdate(session, request, change)
    this.#occupy(session, run)
    return run
  }

  async #saveAndUpdate(session: Session, request: unknown, change: (draft: Data) => unknown): Promise<CommitResult> {
    const saved = await this.#commit(session, request, {})
    const updated = await this.#update(session, request, change)
    return updated.action === 'none' ? saved : updated
  }

  async #update(session: Session, request: unknown, change: (draft: Data) => unknown): Promise<CommitResult> {
    const { backend } = this.#config
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const data = session.loaded ? session.loaded.take() : session.data()
      if (isPromise(change(data)))
        throw new TypeError('update() takes a synchronous function: read what you need before, then change the draft')
      if (session.detached) {
        session.refill(data)
        return NONE
      }
      const draft = this.#draft(session, snapshotOf(data), true)
      const written = await (session.loaded ? backend.save(session.loaded, draft, request) : backend.create(draft, request))
      if (written.status === 'missing') return this.#lost(session, request)
      if (written.status === 'conflict') {
        session.loaded = written.current
        continue
      }
      const result = this.#landed(session, written.loaded, data)
      session.refill(data)
      return result
    }
    throw new SessionConflictError(`the session changed under each of ${MAX_ATTEMPTS} attempts to update it`)
  }

  close(): Promise<void> {
    return this.#config.backend.close()
  }

  #occupy(session: Session, work: Promise<unknown>): void {
    const busy = work.then(
      () => undefined,
      () => undefined,
    )
    session.busy = busy
    void busy.then(() => {
      if (session.busy === busy) session.busy = undefined
    })
  }
}

function plain(content: Content): Data {
  return typeof content === 'string' ? parseData(content) : copy(content)
}
