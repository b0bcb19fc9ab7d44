import type { Draft, Loaded, Pending, WriteResult } from './backend.ts'
import type { CommitIntent, CommitResult, ManagerConfig } from './config.ts'
import { Contention } from './contention.ts'
import { newSubject, sameSubject } from './csrf.ts'
import { changesHands, draftOf, tokenOf, userOf } from './drafts.ts'
import {
  SessionConflictError,
  SessionGoneError,
  SessionHeadersSentError,
  SessionLimitError,
  SessionRefusedError,
  SessionRevokedError,
} from './errors.ts'
import { type Data, parseData, plain } from './json.ts'
import { type LaneLimits, Lanes, type Turn } from './lanes.ts'
import { keptOfMerged } from './login.ts'
import { type LoginFacts, withFacts } from './login-facts.ts'
import { chain, isPromise, type MaybePromise } from './maybe.ts'
import { merge } from './merge.ts'
import { hookAnswer } from './opener.ts'
import type { Gone } from './record.ts'
import type { Session, Snapshot } from './session.ts'
import { goesOnWithout } from './store-errors.ts'
import { escapeText } from './text.ts'
import { Touches } from './touches.ts'

export const NONE: CommitResult = { action: 'none' }
const DROPPED: CommitResult = { action: 'dropped' }
export const MAX_ATTEMPTS = 20
/** How many saves of one session may wait for each other in one process. */
const MOST_WAITING = 1000
/** Writes of one session, in one process, without a gap for others: fewer than half of the attempts that they have. */
const LONGEST_STREAK = 8

/** One commit: what it was asked for, and what it found. */
export interface Writing {
  session: Session
  request: unknown
  intent: CommitIntent
  /** What a peer's store is told: the data differ, and nobody forced the write. */
  changed: boolean
  /** What is kept of the login that it is, once that was asked for. */
  facts?: LoginFacts
}

/** What became of a write that was not refused. */
export type Sent = Exclude<WriteResult, { status: 'full' }>

/** The second half of a request: from a changed session to the backend, through conflicts. */
export class Writer {
  readonly #config: ManagerConfig
  /** Retries of one session wait for each other, so that a hundred of them do not beat each other for ever. */
  readonly lanes = new Lanes()
  readonly #touches = new Touches()
  readonly #contention = new Contention()
  readonly #limits: LaneLimits

  constructor(config: ManagerConfig) {
    this.#config = config
    this.#limits = { max: MOST_WAITING, waitMs: config.queueMs, after: config.timers.after }
  }

  /** Lets the site's hook have its last word, and writes. `differs`: something is to be saved, not only touched. */
  write(writing: Writing, snapshot: Snapshot, differs: boolean): MaybePromise<CommitResult> {
    const { session } = writing
    const withheld = this.withoutToken(writing, snapshot.data, differs)
    if (withheld) return withheld
    const hook = this.beforeSave(writing)
    if (hook === false) return this.#admitted(writing, snapshot, differs)
    return chain(hook, () => {
      // The hook's last word may be that there shall be no session.
      if (session.destroyed) return this.end(writing)
      const after = session.snapshot()
      // It may have changed whose session it is, too.
      return this.withoutToken(writing, after.data, session.differs(after)) ?? this.#admitted(writing, after, session.differs(after))
    })
  }

  /** A session that is to be stored for the first time: the site may refuse. */
  #admitted(writing: Writing, snapshot: Snapshot, differs: boolean): MaybePromise<CommitResult> {
    return chain(this.mayBegin(writing, snapshot.data), may => (may ? this.#inTurn(writing, snapshot, differs) : NONE))
  }

  /** Where others of this process are at it again already, it waits for its turn: else it would beat them for ever. */
  #inTurn(writing: Writing, snapshot: Snapshot, differs: boolean): MaybePromise<CommitResult> {
    const { loaded } = writing.session
    if (!differs || !loaded || !this.#fought(loaded.value) || !this.lanes.has(loaded.value))
      return this.#attempt(writing, snapshot, differs, 1)
    return this.lanes.run(loaded.value, async turn => this.#attempt(writing, writing.session.snapshot(), true, 1, turn), this.#limits)
  }

  mayBegin(writing: Writing, data: () => Data): MaybePromise<boolean> {
    const { session, request } = writing
    const { backend, emit, onCreate } = this.#config
    if (!onCreate || session.loaded) return true
    return chain(hookAnswer('onCreate', onCreate(request), backend.eager), answer => {
      if (answer !== false) return true
      emit('session:refused', { reason: 'refused', id: session.id }, request)
      session.detached = true
      session.dropped = true
      if (this.#counts(writing, userOf(this.#config, session, data))) throw new SessionRefusedError()
      return false
    })
  }

  /** The site's last word on what is written; false where there is none. */
  beforeSave({ session, request }: Writing): MaybePromise<unknown> {
    const { beforeSave, backend } = this.#config
    return beforeSave ? hookAnswer('beforeSave', beforeSave(request, session), backend.eager) : false
  }

  /** `turn` is there once it has the lane. */
  #attempt(writing: Writing, snapshot: Snapshot, differs: boolean, attempt: number, turn?: Turn): MaybePromise<CommitResult> {
    const { session, changed } = writing
    const { force, regenerate } = writing.intent
    const draft = draftOf(this.#config, session, snapshot, changed, !differs && !force && !regenerate)
    const began = this.#config.now()
    return chain(this.send(writing, draft, differs), written => {
      if (!written) return NONE
      if (written.status === 'written') {
        if (turn) this.won(written.loaded.value, began, turn)
        return this.landed(session, written.loaded, draft.data)
      }
      if (written.status === 'missing') return this.missing(writing, draft, written.revoked)
      if (attempt >= MAX_ATTEMPTS) throw new SessionConflictError(`the session changed under each of ${MAX_ATTEMPTS} attempts to save it`)
      if (turn) this.beaten(written.current.value, turn)
      const counts = this.#counts(writing, draft.userId)
      if (!this.#merge(writing, written.current)) {
        if (counts) throw new SessionGoneError()
        return NONE
      }
      const again = async (own: Turn) => {
        await this.#config.timers.pause()
        return this.#attempt(writing, session.snapshot(), true, attempt + 1, own)
      }
      return turn ? again(turn) : this.lanes.run(written.current.value, again, this.#limits)
    })
  }

  #fought(id: string): boolean {
    return this.#contention.recent(id, this.#config.now())
  }

  /** Another was quicker than who has the lane. The first time others of this process may have been; then it is another process. */
  beaten(id: string, turn: Turn): void {
    turn.losses++
    if (turn.losses > 1) this.#contention.clash(id, this.#config.now())
  }

  /**
   * Who has won where others fight on lets them, for about as long as its own write took. So does a process that has won for some
   * time: others may lose to it again and again, and those who lose write nothing by which they could be seen.
   */
  won(id: string, began: number, turn: Turn): void {
    if (turn.streak >= LONGEST_STREAK || this.#fought(id)) turn.rest = this.#config.timers.rest(this.#config.now() - began, turn.losses)
  }

  /** Null: a touch has failed, and the site does without. */
  send(writing: Writing, draft: Draft, differs: boolean): MaybePromise<Sent | null> {
    const { loginFacts } = this.#config
    // Only a login can be refused for a limit.
    if (!loginFacts || !logsIn(writing.session, draft)) return this.#send(writing, draft, differs) as MaybePromise<Sent | null>
    return chain(writing.facts ?? loginFacts(writing.request), facts => {
      writing.facts = facts
      const known = { ...draft, meta: withFacts(draft.meta, facts) }
      return chain(this.#send(writing, known, differs), result => this.#unlessFull(writing, result))
    })
  }

  #unlessFull({ session, request }: Writing, result: WriteResult | null): Sent | null {
    if (result?.status !== 'full') return result
    this.#config.emit('session:refused', { reason: 'limit', id: session.id }, request)
    throw new SessionLimitError()
  }

  #send(writing: Writing, draft: Draft, differs: boolean): MaybePromise<WriteResult | null> {
    const { session, intent, request } = writing
    const { backend } = this.#config
    const { loaded } = session
    if (this.#renews(writing, draft.userId)) {
      const renewed = { ...draft, meta: newSubject(draft.meta) }
      const replaced = chain(this.#endUnreached(writing), () => backend.replace(loaded, renewed, 'regenerated', request))
      return chain(replaced, result => (result.status === 'written' ? chain(this.#endRivals(session, request), () => result) : result))
    }
    if (!loaded) return backend.create(draft, request)
    if (!intent.tokenless && !session.passive && backend.rotate && backend.rotationDue?.(loaded))
      return backend.rotate(loaded, { ...draft, meta: sameSubject(loaded, draft.meta) })
    if (differs || intent.force) return backend.save(loaded, draft, request)
    return this.#touch(session, loaded, draft, request)
  }

  /** A new id leaves no old one behind, also where that could not be loaded. */
  #endUnreached({ session, request }: Writing): MaybePromise<void> {
    const { unreached } = session
    if (!unreached) return
    return chain(this.#config.backend.delete(unreached, unreached.value, 'regenerated', request), outcome => {
      if (isPending(outcome)) throw outcome.failure
      session.unreached = null
    })
  }

  /** Whether it gets a new id: because the handler asked for one, or because it changes hands. */
  #renews({ session: { loaded }, intent }: Writing, userId: string | undefined): boolean {
    if (intent.regenerate) return true
    // Whom a stored session belongs to never changes under its id.
    return loaded !== null && this.#config.backend.keyed && userId !== loaded.userId
  }

  /** Whether the handler goes on as if it were done: it has asked for a new id, or has logged somebody in or out. */
  #counts({ session, intent }: Writing, userId: string | undefined): boolean {
    return intent.regenerate === true || changesHands(this.#config, session, userId)
  }

  #touch(session: Session, loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult | null> {
    const { backend, now } = this.#config
    // A peer's store is called as the peer does.
    const id = loaded.record ? loaded.value : undefined
    // What another request was given is no token for this one's browser.
    if (id !== undefined && !session.stale && this.#touches.cover(id, session.policy, now())) {
      session.settled = true
      return null
    }
    const touched = backend.touch(loaded, draft, request)
    if (!isPromise(touched)) return touched
    if (id !== undefined) this.#touches.add(id, draft.life)
    return touched.then(undefined, (error: unknown) => {
      if (id !== undefined) this.#touches.forget(id)
      // Nothing that the handler did is lost by it.
      if (goesOnWithout(this.#config, error, 'touch', request)) return null
      throw error
    })
  }

  /** What becomes of a write that needs a token which the browser cannot be given; undefined: it can, or needs none. */
  withoutToken(writing: Writing, data: () => Data, differs: boolean): MaybePromise<CommitResult> | undefined {
    const { backend, codec } = this.#config
    const { session, intent } = writing
    if (backend.keyed && session.loaded && !this.#renews(writing, userOf(this.#config, session, data))) return undefined
    if (intent.tokenless) return this.#withhold(writing, differs)
    codec?.ready()
    return undefined
  }

  /** The browser cannot be given the token that this write needs. */
  #withhold({ session, request, intent }: Writing, differs: boolean): MaybePromise<CommitResult> {
    if (intent.tokenless === 'error') {
      if (differs || intent.force || intent.regenerate) throw new SessionHeadersSentError()
      return DROPPED
    }
    const held = session.loaded ?? session.unreached
    if (!intent.regenerate || !held) return DROPPED
    // A new id was asked for and cannot be given: the old one must not go on as if it had been.
    return chain(this.#config.backend.delete(held, session.id ?? held.value, 'regenerated', request), (outcome): CommitResult => {
      session.lose()
      return failing(DROPPED, outcome)
    })
  }

  landed(session: Session, loaded: Loaded, data: () => Data): CommitResult {
    const { backend, checkToken, reissue } = this.#config
    const isNew = session.token === undefined || loaded.value !== session.loaded?.value
    const reissued = isNew || session.stale || reissue === 'on-save' || typeof loaded.life.maxAge === 'number'
    const token = reissued ? tokenOf(this.#config, session, loaded.value, loaded.life) : undefined
    if (token !== undefined) checkToken?.(token, data())
    session.rebase(loaded, backend.keyed)
    if (token === undefined) return NONE
    session.token = token
    session.stale = false
    return typeof loaded.life.maxAge === 'number' ? { action: 'set', token, expiresAt: loaded.life.expiresAt } : { action: 'set', token }
  }

  /** Carries out what the handler asked for: the record goes, and the browser forgets its token. */
  end({ session, request, intent }: Writing): MaybePromise<CommitResult> {
    const { backend } = this.#config
    // Asked for again, it is still not known to have happened.
    if (session.ended) return session.pending ? failing({ action: 'clear' }, session.pending) : NONE
    if (intent.tokenless === 'error' && !backend.keyed) throw new SessionHeadersSentError()
    const { loaded, unreached } = session
    const reason = intent.regenerate ? 'regenerated' : 'destroyed'
    const ended = chain(this.#endRivals(session, request), pending =>
      chain(backend.delete(loaded ?? unreached, session.id ?? unreached?.value, reason, request), outcome => outcome ?? pending),
    )
    return chain(ended, (outcome): CommitResult => {
      if (intent.regenerate && isEnded(outcome)) {
        this.lost(session, request)
        throw new SessionGoneError()
      }
      session.loaded = null
      session.unreached = null
      session.ended = true
      session.pending = isPending(outcome) ? outcome : undefined
      return failing({ action: 'clear' }, outcome)
    })
  }

  /** One after the other, also where one of them cannot be ended yet. */
  #endRivals(session: Session, request: unknown): MaybePromise<Pending | undefined> {
    const [rival, ...others] = session.rivals
    session.rivals = others
    if (!rival) return undefined
    return chain(this.#config.backend.delete(rival, rival.value, 'destroyed', request), outcome =>
      chain(this.#endRivals(session, request), pending => (isPending(outcome) ? outcome : pending)),
    )
  }

  /** What was just stored must not live: its end is asked for, the browser forgets it, and the request fails. */
  revoke(session: Session, request: unknown): MaybePromise<CommitResult> {
    const { loaded, id } = session
    session.lose()
    return chain(this.#config.backend.delete(loaded, id, 'revoked', request), () => ({ action: 'clear', failure: new SessionGoneError() }))
  }

  /** Its record is gone. What comes next may count on a new id, or on a login: then it fails. */
  missing(writing: Writing, { userId }: Draft, revoked = false): CommitResult {
    // A request that only came when it was time for a new id, or when its user became known, has logged nobody in.
    const counts = this.#counts(writing, userId)
    if (revoked && counts) {
      const { session, request } = writing
      this.#config.emit('session:gone', { reason: 'revoked', id: session.id }, request)
      session.lose()
      throw new SessionRevokedError()
    }
    const result = this.lost(writing.session, writing.request)
    if (counts) throw new SessionGoneError()
    return result
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
  #merge({ session, request, intent }: Writing, current: Loaded): boolean {
    const { conflict, emit, guard, onGone } = this.#config
    const base = session.loaded ? plain(session.loaded.base) : {}
    const mine = parseData(session.snapshot().text())
    const result = merge(base, mine, plain(current.base), guard, conflict)
    if (result.outcome === 'conflict') {
      throw new SessionConflictError(`two requests changed the session's "${escapeText(result.path.join('.'))}" and conflict is 'error'`)
    }
    if (result.outcome === 'guarded') {
      emit('session:conflict', { reason: 'guarded', id: session.id }, request)
      session.giveUp()
      if (onGone === 'error') throw new SessionConflictError('another request changed who this session belongs to')
      return false
    }
    session.adopt(current)
    session.refill(keptOfMerged(result.data, mine, intent.renewal?.keep ?? true))
    return true
  }
}

/** Whether a session begins to be somebody's by this write, or is so anew. */
function logsIn({ loaded, proof }: Session, { userId }: Draft): boolean {
  return userId !== undefined && (userId !== loaded?.userId || proof?.begins !== undefined)
}

function failing(result: CommitResult, outcome: Pending | Gone | undefined): CommitResult {
  return isPending(outcome) ? { ...result, failure: outcome.failure } : result
}

function isPending(outcome: Pending | Gone | undefined): outcome is Pending {
  return outcome !== undefined && 'failure' in outcome
}

/** Somebody has logged out, or was; that another request has given it a new id is no reason against one of one's own. */
function isEnded(outcome: Pending | Gone | undefined): boolean {
  return outcome !== undefined && 'gone' in outcome && outcome.gone !== 'regenerated' && outcome.gone !== 'rotated'
}
