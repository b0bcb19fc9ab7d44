import { ask } from '../backends/ask.ts'
import { EndedIds } from '../backends/legacy.ts'
import { type Data, sameJson } from '../core/json.ts'
import { readData } from './data.ts'
import type { DropInPlan } from './drop-in.ts'
import type { Session } from './session.ts'
import { called } from './store-controls.ts'

/**
 * A session that a handler has made by the store, of whatever id, and put on the request. The store keeps it, in time; and what this process
 * has ended meanwhile it does not bring back.
 */
export class BorrowedSession {
  readonly session: Session
  /** It says something else than what was loaded. */
  differs = false
  readonly #plan: DropInPlan
  /** When it was put there, by the count of ended ids. */
  readonly #since: number

  constructor(session: Session, plan: DropInPlan) {
    this.session = session
    this.#plan = plan
    this.#since = EndedIds.of(plan.store).now()
  }

  /** Whether somebody has ended it since. */
  get ended(): boolean {
    return EndedIds.of(this.#plan.store).since(this.session.id as string, this.#since)
  }

  /** Touched where it says what the request's own session said when it was loaded, unless the request is no use of it. */
  async save(loaded: Data | undefined, passive: boolean): Promise<void> {
    const { session } = this
    const { resave, store, timeoutMs } = this.#plan
    this.differs = !loaded || !sameJson(loaded, readData(session))
    if ((resave && !passive) || this.differs) await ask('save', timeoutMs, () => called(done => session.save(done)))
    else if (store.touch && !passive)
      await ask('touch', timeoutMs, () => called(done => store.touch?.(session.id as string, session as never, done)))
  }

  async end(): Promise<void> {
    const { store, timeoutMs } = this.#plan
    const id = this.session.id as string
    EndedIds.of(store).add(id)
    await ask('delete', timeoutMs, () => called(done => store.destroy(id, done)))
  }
}

/** A session of whichever copy of whichever library: one that a store has made. */
export function isSession(value: object): value is Session {
  const { save, touch, cookie } = value as Partial<Session>
  return typeof save === 'function' && typeof touch === 'function' && typeof cookie === 'object'
}
