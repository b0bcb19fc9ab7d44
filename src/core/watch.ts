import { isAbsent, type Loaded } from './backend.ts'
import type { ManagerConfig } from './config.ts'
import type { SignalOptions } from './controls.ts'
import { Endings } from './endings.ts'
import { type SessionEnd, SessionEndedError } from './errors.ts'
import { expiry, type LifetimePolicy, lastMomentOf, rulesOf } from './lifetime.ts'
import { durationMs, mustBeKnown } from './options.ts'
import { isGone } from './record.ts'
import type { Session } from './session.ts'
import type { Ended } from './store.ts'
import { WatchIndex } from './watch-index.ts'

/** Where it was said that it has ended, and the store could not be asked whether that is so. */
const ASK_AGAIN_MS = 1000
/** How many are looked at at once of those that the store has told of: there may be thousands. */
const LOOKS_AT_ONCE = 16

/**
 * Why a session is looked at: its time has come; `told`: the store has said something, and may be wrong; `suspected`: this process has
 * done something to it that may have ended it.
 */
type Cause = 'due' | 'told' | 'suspected'

/** Who keeps the watches. */
interface Keeper {
  moved(watch: Watch, from: Loaded | null, to: Loaded | null): void
  left(watch: Watch, known: Loaded | null): void
}

/**
 * Follows one session to its end, for an answer or a socket that stays open. When it would end, the store is asked: other requests
 * may have prolonged it. To look at it is no use of it.
 */
export class Watch {
  readonly session: Session
  readonly #config: ManagerConfig
  readonly #request: unknown
  readonly #keeper: Keeper
  readonly #controller = new AbortController()
  #everyMs: number
  /** What this request's session had behind it when it was last looked at. */
  #seen: Loaded | null = null
  /** The newest that is known of it, by this request or by the store. */
  #known: Loaded | null = null
  #callOff: (() => void) | undefined
  #looking = false
  /** Something has happened since it began to look. */
  #stirred = false
  #suspected = false
  #told = false
  #over = false

  constructor(config: ManagerConfig, session: Session, request: unknown, keeper: Keeper) {
    this.session = session
    this.#config = config
    this.#request = request
    this.#keeper = keeper
    this.#everyMs = config.backend.watchMs ?? Number.POSITIVE_INFINITY
    this.arm()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The shortest of what was asked for counts. */
  lookEvery(ms: number): void {
    if (!(ms < this.#everyMs)) return
    this.#everyMs = ms
    this.arm()
  }

  /** Waits for the next moment at which the session may be over. */
  arm(): void {
    this.#callOff?.()
    this.#callOff = undefined
    if (this.#over) return
    const { session } = this
    if (session.ended || session.lost) {
      this.#end(session.ended ? 'destroyed' : 'gone')
      return
    }
    const known = this.#newest()
    // Nothing is stored yet: the commit that does so comes back here.
    if (!known) return
    const { now, timers } = this.#config
    // At its last moment it still lives.
    const atMost = this.#told ? Math.min(this.#everyMs, ASK_AGAIN_MS) : this.#everyMs
    const leftMs = Math.min(lastMomentOf(known.life, this.#rulesFor(known)) + 1 - now(), atMost)
    if (leftMs === Number.POSITIVE_INFINITY) return
    this.#callOff = timers.after(Math.max(leftMs, 1), () => void this.look())
  }

  /** Finds out whether the session still lives. */
  async look(why: Cause = 'due'): Promise<void> {
    const known = this.#newest()
    if (!known || this.#over) return
    this.#suspected ||= why === 'suspected'
    this.#told ||= why === 'told'
    if (this.#looking) {
      this.#stirred = true
      return
    }
    this.#looking = true
    this.#stirred = false
    let failed = false
    try {
      const end = await this.#endOf(known)
      if (end) this.#end(end)
    } catch (cause) {
      failed = true
      // Before its time it lives, for all that is known. Then nobody can say that it has not ended.
      if (this.#suspected || this.#expiry(known)) this.#end('unknown', { cause })
    } finally {
      this.#looking = false
    }
    if (this.#stirred) return this.look()
    this.#suspected = false
    // What was only said ends nothing; it is asked for until there is an answer.
    this.#told &&= failed
    this.arm()
  }

  stop(): void {
    if (this.#over) return
    this.#over = true
    this.#callOff?.()
    this.#callOff = undefined
    this.#keeper.left(this, this.#known)
  }

  #newest(): Loaded | null {
    const { loaded } = this.session
    if (loaded !== this.#seen) {
      this.#seen = loaded
      this.#know(loaded)
    }
    return this.#known
  }

  #know(loaded: Loaded | null): void {
    const before = this.#known
    this.#known = loaded
    if (!this.#over) this.#keeper.moved(this, before, loaded)
  }

  async #endOf(known: Loaded): Promise<SessionEnd | null> {
    const { backend } = this.#config
    // What is in the browser's cookie meanwhile, no server knows; where its end is kept, that can be asked for.
    if (!backend.keyed && backend.watchMs === undefined) return this.#expiry(known)
    const found = await backend.load(known.value, this.#request)
    // Meanwhile this request may have given it a new id.
    if (this.#newest() !== known) return null
    if (isGone(found)) return found.gone
    if (isAbsent(found)) return this.#expiry(known) ?? 'gone'
    this.#know(found)
    return this.#expiry(found)
  }

  /** As the next request will be judged, and not by what this one has set for itself. */
  #rulesFor({ meta }: Loaded): LifetimePolicy {
    return rulesOf(meta, this.#config.policy)
  }

  #expiry(known: Loaded): 'idle' | 'absolute' | null {
    return expiry(known.life, this.#config.now(), this.#rulesFor(known))
  }

  #end(reason: SessionEnd, options?: ErrorOptions): void {
    if (this.#over) return
    this.stop()
    this.#controller.abort(new SessionEndedError(reason, options))
  }
}

/** All that is followed in this process. */
export class Watches {
  readonly #config: ManagerConfig
  readonly #index = new WatchIndex<Watch>()
  /** There is one while somebody follows a record. */
  #endings: Endings | undefined
  readonly #toLookAt = new Set<Watch>()
  #looking = 0
  #closed = false

  constructor(config: ManagerConfig) {
    this.#config = config
  }

  begin(session: Session, request: unknown): Watch {
    const watch = new Watch(this.#config, session, request, this)
    if (!watch.signal.aborted) this.#index.bySession.add(session, watch)
    return watch
  }

  /** A request has written its session, or ended it; `before` is what stood behind it. */
  written(session: Session, before: Loaded | null): void {
    const { loaded } = session
    for (const watch of this.#index.bySession.of(session)) watch.arm()
    if (this.#config.backend.evicts && loaded?.userId !== undefined && loaded.userId !== before?.userId)
      this.endedOf(loaded.userId, session)
    if (!before || loaded?.value === before.value) return
    for (const watch of this.#index.byValue.of(before.value)) if (watch.session !== session) void watch.look('suspected')
  }

  /** Sessions of this user were ended, `but` that one. */
  endedOf(userId: string, but?: Session): void {
    for (const watch of this.#index.byUserId.of(userId)) if (watch.session !== but) void watch.look('suspected')
  }

  /** Sessions of all users were ended. */
  endedOfAll(): void {
    for (const watch of this.#index.byUserId.all()) void watch.look('suspected')
  }

  close(): void {
    this.#closed = true
    for (const watch of this.#index.bySession.all()) watch.stop()
    this.#endings?.stop()
  }

  moved(watch: Watch, from: Loaded | null, to: Loaded | null): void {
    this.#index.move(watch, from, to)
    this.#listenIfAnybodyDoes()
    const record = to?.record
    if (!record || record.key === from?.record?.key) return
    if (this.#endings?.mayHaveTold([record.key, record.userKey], watch.session.openedAt)) this.#lookAt(watch)
  }

  left(watch: Watch, known: Loaded | null): void {
    this.#index.bySession.delete(watch.session, watch)
    this.#index.move(watch, known, null)
    this.#toLookAt.delete(watch)
    this.#listenIfAnybodyDoes()
  }

  keys(): Iterable<string> {
    return this.#index.byKey.names()
  }

  /** Another process may have ended these. */
  told({ keys = [], userKey }: Ended): void {
    for (const key of keys) for (const watch of this.#index.byKey.of(key)) this.#lookAt(watch)
    if (userKey !== undefined) for (const watch of this.#index.byUserKey.of(userKey)) this.#lookAt(watch)
  }

  lookAtAll(): void {
    for (const watch of this.#index.byKey.all()) this.#lookAt(watch)
  }

  #listenIfAnybodyDoes(): void {
    const { backend, timers, now } = this.#config
    if (this.#index.byKey.size === 0) {
      this.#endings?.stop()
      this.#endings = undefined
    } else if (!this.#endings && backend.endings && !this.#closed) {
      this.#endings = new Endings(backend.endings, timers.after, now, this)
    }
  }

  #lookAt(watch: Watch): void {
    this.#toLookAt.add(watch)
    if (this.#looking < LOOKS_AT_ONCE) void this.#look()
  }

  async #look(): Promise<void> {
    this.#looking++
    // Not in the middle of what has brought us here.
    await Promise.resolve()
    for (const watch of this.#toLookAt) {
      this.#toLookAt.delete(watch)
      await watch.look('told')
    }
    this.#looking--
  }
}

/** The option `every`, in ms. */
export function everyMs(where: string, options: SignalOptions, others: readonly string[] = []): number {
  mustBeKnown(where, options, ['every', ...others])
  return options.every === undefined ? Number.POSITIVE_INFINITY : durationMs('every', options.every)
}
