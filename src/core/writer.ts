import type { Draft, Loaded, WriteResult } from './backend.ts'
import type { CommitIntent, CommitResult, ManagerConfig } from './config.ts'
import { SessionConflictError, SessionGoneError, SessionHeadersSentError } from './errors.ts'
import { type Content, copy, type Data, parseData } from './json.ts'
import { Lanes } from './lanes.ts'
import { begin, extend } from './lifetime.ts'
import { chain, isPromise, type MaybePromise } from './maybe.ts'
import { merge, sameGuards } from './merge.ts'
import { hookAnswer } from './opener.ts'
import { type Session, type Snapshot, snapshotOf } from './session.ts'
import { escapeText } from './text.ts'

export const NONE: CommitResult = { action: 'none' }
const DROPPED: CommitResult = { action: 'dropped' }
const MAX_ATTEMPTS = 20

/** One commit: what it was asked for, and what it found. */
export interface Writing {
  session: Session
  request: unknown
  intent: CommitIntent
  /** What a peer's store is told: the data differ, and nobody forced the write. */
  changed: boolean
}

/** The second half of a request: from a changed session to the backend, through conflicts. */
export class Writer {
  readonly #config: ManagerConfig
  /** Retries of one session wait for each other, so that a hundred of them do not beat each other for ever. */
  readonly #lanes = new Lanes()

  constructor(config: ManagerConfig) {
    this.#config = config
  }

  /** Lets the site's hook have its last word, and writes. `differs`: something is to be saved, not only touched. */
  write(writing: Writing, snapshot: Snapshot, differs: boolean): MaybePromise<CommitResult> {
    const { session, request, intent } = writing
    if (this.#needsToken(session, intent)) {
      if (intent.tokenless) return this.#withhold(writing, differs)
      this.#config.codec?.ready()
    }
    const hook = this.#beforeSave(session, request)
    if (hook === false) return this.#attempt(writing, snapshot, differs, 1)
    return chain(hook, () => {
      // The hook's last word may be that there shall be no session.
      if (session.destroyed) return this.end(writing)
      const after = session.snapshot()
      return this.#attempt(writing, after, session.differs(after), 1)
    })
  }

  #beforeSave(session: Session, request: unknown): MaybePromise<unknown> {
    const { beforeSave, backend } = this.#config
    return beforeSave ? hookAnswer('beforeSave', beforeSave(request, session), backend.eager) : false
  }

  #attempt(writing: Writing, snapshot: Snapshot, differs: boolean, attempt: number): MaybePromise<CommitResult> {
    const { session, request, intent, changed } = writing
    const draft = this.#draft(session, snapshot, changed)
    return chain(this.#send(session, draft, intent, differs, request), written => {
      if (written.status === 'written') return this.#landed(session, written.loaded, draft.data)
      if (written.status === 'missing') {
        const result = this.lost(session, request)
        // A new id was asked for, and what comes next counts on it.
        if (intent.regenerate) throw new SessionGoneError()
        return result
      }
      if (attempt >= MAX_ATTEMPTS) throw new SessionConflictError(`the session changed under each of ${MAX_ATTEMPTS} attempts to save it`)
      if (!this.#merge(session, written.current, request)) {
        if (intent.regenerate) throw new SessionGoneError()
        return NONE
      }
      const again = () => this.#attempt(writing, session.snapshot(), true, attempt + 1)
      return attempt === 1 ? this.#lanes.run(written.current.value, async () => again()) : again()
    })
  }

  #send(session: Session, draft: Draft, intent: CommitIntent, differs: boolean, request: unknown): MaybePromise<WriteResult> {
    const { backend } = this.#config
    const { loaded } = session
    if (intent.regenerate) return backend.replace(loaded, draft, 'regenerated', request)
    if (!loaded) return backend.create(draft, request)
    return differs || intent.force ? backend.save(loaded, draft, request) : backend.touch(loaded, draft, request)
  }

  #needsToken(session: Session, intent: CommitIntent): boolean {
    return !this.#config.backend.keyed || !session.loaded || intent.regenerate === true
  }

  /** The browser cannot be given the token that this write needs. */
  #withhold({ session, request, intent }: Writing, differs: boolean): MaybePromise<CommitResult> {
    if (intent.tokenless === 'error') {
      if (differs || intent.force || intent.regenerate) throw new SessionHeadersSentError()
      return DROPPED
    }
    if (!intent.regenerate || !session.loaded) return DROPPED
    // A new id was asked for and cannot be given: the old one must not go on as if it had been.
    return chain(this.#config.backend.delete(session.loaded, session.id, 'regenerated', request), () => {
      session.lose()
      return DROPPED
    })
  }

  #draft(session: Session, snapshot: Snapshot, changed: boolean): Draft {
    const now = this.#config.now()
    const { loaded, policy, maxAge, id } = session
    // Said before anything is stored: the cookie could not be written afterwards.
    if (typeof maxAge === 'number' ? !Number.isFinite(maxAge) : maxAge) throw new TypeError("maxAge must be a number of ms or 'session'")
    const life = loaded ? extend(loaded.life, policy, maxAge, now) : begin(policy, maxAge, now)
    return { id, data: snapshot.data, text: snapshot.text, life, changed }
  }

  #landed(session: Session, loaded: Loaded, data: Data): CommitResult {
    const { backend, checkToken, codec, reissue } = this.#config
    const isNew = session.token === undefined || loaded.value !== session.loaded?.value
    const reissued = isNew || session.stale || reissue === 'on-save' || typeof loaded.life.maxAge === 'number'
    const token = reissued ? (codec ? codec.encode(loaded.value, session.origin) : loaded.value) : undefined
    if (token !== undefined) checkToken?.(token, data)
    session.rebase(loaded, backend.keyed)
    if (token === undefined) return NONE
    session.token = token
    session.stale = false
    return typeof loaded.life.maxAge === 'number' ? { action: 'set', token, expiresAt: loaded.life.expiresAt } : { action: 'set', token }
  }

  /** Carries out what the handler asked for: the record goes, and the browser forgets its token. */
  end({ session, request, intent }: Writing): MaybePromise<CommitResult> {
    const { backend } = this.#config
    if (session.ended) return NONE
    if (intent.tokenless === 'error' && !backend.keyed) throw new SessionHeadersSentError()
    return chain(backend.delete(session.loaded, session.id, 'destroyed', request), (): CommitResult => {
      session.loaded = null
      session.ended = true
      return { action: 'clear' }
    })
  }

  /** The record was ended by another request: it stays dead, and nothing of this one is stored. */
  lost(session: Session, request: unknown): CommitResult {
    const { emit, onGone } = this.#config
    emit('session:gone', { reason: 'gone', id: session.id }, request)
    session.lose()
    if (onGone === 'error') throw new SessionGoneError()
    return NONE
  }

  /** A session without a record was changed: nothing is stored, and that is said once. */
  drop({ session, request }: Writing): CommitResult {
    const { emit, onGone } = this.#config
    if (session.lost || session.dropped || !session.opened || !session.differs(session.snapshot())) return NONE
    session.dropped = true
    emit('session:gone', { reason: 'dropped', id: session.id }, request)
    if (onGone === 'error') throw new SessionGoneError()
    return NONE
  }

  /** Lays what the handler has changed by now over the record that another request wrote. False if it is dropped. */
  #merge(session: Session, current: Loaded, request: unknown): boolean {
    const { conflict, emit, guard, onGone } = this.#config
    const base = session.loaded ? plain(session.loaded.base) : {}
    const mine = parseData(session.snapshot().text())
    const result = merge(base, mine, plain(current.base), guard, conflict)
    if (result.outcome === 'conflict') {
      throw new SessionConflictError(`two requests changed the session's "${escapeText(result.path.join('.'))}" and conflict is 'error'`)
    }
    if (result.outcome === 'guarded') {
      emit('session:conflict', { reason: 'guarded', id: session.id }, request)
      session.lose()
      if (onGone === 'error') throw new SessionConflictError('another request changed who this session belongs to')
      return false
    }
    session.adopt(current)
    session.refill(result.data)
    return true
  }

  /** Runs `change` on the latest data until it lands. Where it does not, the session is as it was before. */
  update(writing: Writing, change: (draft: Data) => unknown): Promise<CommitResult> {
    const { session } = writing
    const run = async () => {
      const before = session.data()
      const progress: Progress = {}
      try {
        return await this.#update(writing, change, progress)
      } catch (error) {
        if (progress.filled) session.refill(withLater(session, progress.filled, session.loaded?.take() ?? before))
        throw error
      }
    }
    return session.loaded ? this.#lanes.run(session.loaded.value, run) : run()
  }

  async #update(writing: Writing, change: (draft: Data) => unknown, progress: Progress): Promise<CommitResult> {
    const { session, request, intent } = writing
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const data = latest(session, progress)
      runNow(change, data)
      progress.filled = parseData(snapshotOf(data).text())
      session.refill(data)
      if (session.detached) return NONE
      if (this.#needsToken(session, intent)) {
        if (intent.tokenless) return this.#withhold(writing, true)
        this.#config.codec?.ready()
      }
      const hook = await this.#beforeSave(session, request)
      if (session.destroyed) return this.end(writing)
      const draft = this.#draft(session, hook === false ? snapshotOf(data) : session.snapshot(), true)
      progress.filled = parseData(draft.text())
      const written = await this.#send(session, draft, intent, true, request)
      if (written.status === 'written') return this.#landed(session, written.loaded, draft.data)
      if (written.status === 'missing') return this.lost(session, request)
      this.#refuseOtherIdentity(session, written.current, request)
      session.adopt(written.current)
    }
    throw new SessionConflictError(`the session changed under each of ${MAX_ATTEMPTS} attempts to update it`)
  }

  #refuseOtherIdentity(session: Session, current: Loaded, request: unknown): void {
    const { emit, guard } = this.#config
    if (!session.loaded || sameGuards(plain(session.loaded.base), plain(current.base), guard)) return
    emit('session:conflict', { reason: 'guarded', id: session.id }, request)
    session.lose()
    throw new SessionConflictError('another request changed who this session belongs to')
  }
}

/** How far an update has come: what the session was last filled with. */
interface Progress {
  filled?: Data
}

/** What is stored now, with what the handler set while the update was under way. */
function latest(session: Session, { filled }: Progress): Data {
  // A copy: what the handler put there may be the app's own, and shared.
  if (!session.loaded) return copy(session.data())
  const stored = session.loaded.take()
  if (!filled && !session.differs(session.snapshot())) return stored
  return withLater(session, filled ?? plain(session.loaded.base), stored)
}

/** `data`, with what the handler has changed since the session said `since`. */
function withLater(session: Session, since: Data, data: Data): Data {
  const result = merge(since, parseData(session.snapshot().text()), data, [], 'merge')
  return result.outcome === 'merged' ? result.data : data
}

function runNow(change: (draft: Data) => unknown, data: Data): void {
  const answer = change(data)
  if (!isPromise(answer)) return
  answer.then(undefined, () => undefined)
  throw new TypeError('update() takes a synchronous function: read what you need before, then change the draft')
}

function plain(content: Content): Data {
  return typeof content === 'string' ? parseData(content) : copy(content)
}
