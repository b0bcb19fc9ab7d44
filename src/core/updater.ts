import type { Loaded } from './backend.ts'
import type { CommitResult, ManagerConfig } from './config.ts'
import { draftOf } from './drafts.ts'
import { SessionConflictError } from './errors.ts'
import { copy, type Data, parseData, plain } from './json.ts'
import type { LaneLimits, Turn } from './lanes.ts'
import { merge, sameGuards } from './merge.ts'
import { type Session, snapshotOf } from './session.ts'
import { MAX_ATTEMPTS, NONE, type Sent, type Writer, type Writing } from './writer.ts'

/** How many updates of one session may wait for each other in one process. */
const MAX_QUEUED = 100

/** How far an update has come: what the session was last filled with. */
interface Progress {
  filled?: Data
}

/** `update`: a function that runs on the latest data until it lands. */
export class Updater {
  readonly #config: ManagerConfig
  readonly #writer: Writer
  readonly #queue: LaneLimits

  constructor(config: ManagerConfig, writer: Writer) {
    this.#config = config
    this.#writer = writer
    this.#queue = { max: MAX_QUEUED, waitMs: config.queueMs, after: config.timers.after }
  }

  /** Where it does not land, the session is as it was before. */
  update(writing: Writing, change: (draft: Data) => unknown): Promise<CommitResult> {
    const { session } = writing
    const run = async (turn?: Turn) => {
      const before = session.data()
      const progress: Progress = {}
      try {
        return await this.#untilItLands(writing, change, progress, turn)
      } catch (error) {
        if (progress.filled) session.refill(withLater(session, progress.filled, session.loaded?.take() ?? before))
        throw error
      }
    }
    return session.loaded ? this.#writer.lanes.run(session.loaded.value, run, this.#queue) : run()
  }

  async #untilItLands(writing: Writing, change: (draft: Data) => unknown, progress: Progress, turn?: Turn): Promise<CommitResult> {
    const { session, request } = writing
    const writer = this.#writer
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      if (attempt > 1) await this.#config.timers.pause()
      const data = latest(session, progress)
      session.apply(change, data)
      progress.filled = parseData(snapshotOf(data).text())
      session.refill(data)
      if (session.detached) return NONE
      const withheld = writer.withoutToken(writing, () => data, true)
      if (withheld) return withheld
      if (!(await writer.mayBegin(writing, () => data))) return NONE
      const hook = await writer.beforeSave(writing)
      if (session.destroyed) return writer.end(writing)
      const draft = draftOf(this.#config, session, hook === false ? snapshotOf(data) : session.snapshot(), true)
      progress.filled = parseData(draft.text())
      const began = this.#config.now()
      const written = (await writer.send(writing, draft, true)) as Sent
      if (written.status === 'written') {
        session.modified = true
        if (turn) writer.won(written.loaded.value, began, turn)
        return writer.landed(session, written.loaded, draft.data)
      }
      if (written.status === 'missing') return writer.missing(writing, draft, written.revoked)
      this.#refuseOtherIdentity(session, written.current, request)
      session.adopt(written.current)
      if (turn) writer.beaten(written.current.value, turn)
    }
    throw new SessionConflictError(`the session changed under each of ${MAX_ATTEMPTS} attempts to update it`)
  }

  #refuseOtherIdentity(session: Session, current: Loaded, request: unknown): void {
    const { emit, guard } = this.#config
    if (!session.loaded || sameGuards(plain(session.loaded.base), plain(current.base), guard)) return
    emit('session:conflict', { reason: 'guarded', id: session.id }, request)
    session.giveUp()
    throw new SessionConflictError('another request changed who this session belongs to')
  }
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
