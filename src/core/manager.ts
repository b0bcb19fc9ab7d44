import { isAbsent } from './backend.ts'
import type { CommitIntent, CommitResult, ManagerConfig } from './config.ts'
import { SessionGoneError } from './errors.ts'
import type { Data } from './json.ts'
import { expiry, touchDue } from './lifetime.ts'
import { isPromise, type MaybePromise } from './maybe.ts'
import { Opener } from './opener.ts'
import { isGone } from './record.ts'
import type { Session } from './session.ts'
import { Updater } from './updater.ts'
import { NONE, Writer } from './writer.ts'

/** The engine. An adapter makes four calls: `open`, `commit`, `reload`, `update`. */
export class SessionManager {
  readonly #config: ManagerConfig
  readonly #opener: Opener
  readonly #writer: Writer
  readonly #updater: Updater

  constructor(config: ManagerConfig) {
    this.#config = config
    this.#opener = new Opener(config)
    this.#writer = new Writer(config)
    this.#updater = new Updater(config, this.#writer)
  }

  /** True where opening needs I/O; the adapter awaits it before the handler runs. */
  get eager(): boolean {
    return this.#config.backend.eager
  }

  /** The session of a token. Whatever is wrong with the token, the answer is a fresh session and an event. */
  open(token: string | undefined, request: unknown): MaybePromise<Session> {
    return this.#opener.open(token, request)
  }

  /** The session of a token, or null: for readers. Nothing is created, not even an id. */
  find(token: string, request: unknown): MaybePromise<Session | null> {
    return this.#opener.find(token, request)
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
    const result = this.#commit(session, request, intent)
    if (isPromise(result)) session.occupy(result)
    return result
  }

  #commit(session: Session, request: unknown, intent: CommitIntent): MaybePromise<CommitResult> {
    const writing = { session, request, intent, changed: false }
    if (session.destroyed) return this.#writer.end(writing)
    if (session.lost && intent.regenerate) throw new SessionGoneError()
    if (session.detached && !intent.regenerate) return this.#writer.drop(writing)
    const forced = intent.force === true || intent.regenerate === true
    const refresh = this.#refreshDue(session)
    // What nobody has opened has not changed: it is not even parsed.
    if (!forced && !refresh && !session.opened) return NONE
    const snapshot = session.snapshot()
    const differs = session.differs(snapshot)
    if (differs) session.modified = true
    if (!forced && !differs && !refresh) return NONE
    return this.#writer.write({ ...writing, changed: differs && !forced }, snapshot, differs)
  }

  #refreshDue(session: Session): boolean {
    if (!session.loaded || session.settled) return false
    return session.stale || touchDue(session.loaded.life, session.policy, this.#config.now())
  }

  /** Takes what is stored now in the place of what the handler has. False if the session is gone. */
  async reload(session: Session, request: unknown): Promise<boolean> {
    if (this.#config.inHook?.(request)) throw notInHook('reload')
    while (session.busy) await session.busy
    const { loaded } = session
    if (!loaded) return false
    const found = await this.#config.backend.load(loaded.value, request)
    if (isAbsent(found) || isGone(found) || expiry(found.life, this.#config.now())) {
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
    const run = this.#saveAndUpdate(session, request, change, intent)
    session.occupy(run)
    return run
  }

  async #saveAndUpdate(session: Session, request: unknown, change: (draft: Data) => unknown, intent: CommitIntent): Promise<CommitResult> {
    // A new session's first changes go with the update: one record, one write.
    const saved = session.loaded || session.destroyed ? await this.#commit(session, request, intent) : NONE
    if (session.destroyed) return saved
    const updated = await this.#updater.update({ session, request, intent, changed: true }, change)
    return updated.action === 'none' ? saved : updated
  }

  close(): Promise<void> {
    return this.#config.backend.close()
  }
}

/** It would wait for the write that is under way, and that waits for the hook. */
function notInHook(method: string): TypeError {
  return new TypeError(`${method}() cannot be called in beforeSave: change the session there, and it is saved`)
}
