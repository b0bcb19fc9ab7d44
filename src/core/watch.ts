import { isAbsent, type Loaded } from './backend.ts'
import type { ManagerConfig } from './config.ts'
import type { SignalOptions } from './controls.ts'
import { type SessionEnd, SessionEndedError } from './errors.ts'
import { expiry, type LifetimePolicy, lastMomentOf, rulesOf } from './lifetime.ts'
import { durationMs, mustBeKnown } from './options.ts'
import { isGone } from './record.ts'
import type { Session } from './session.ts'

/**
 * Follows one session to its end, for an answer or a socket that stays open. When it would end, the store is asked: other requests
 * may have prolonged it. To look at it is no use of it.
 */
export class Watch {
  readonly session: Session
  readonly #config: ManagerConfig
  readonly #request: unknown
  readonly #forget: (watch: Watch) => void
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
  /** This process has done something to the session that may have ended it. */
  #suspected = false
  #over = false

  constructor(config: ManagerConfig, session: Session, request: unknown, forget: (watch: Watch) => void) {
    this.session = session
    this.#config = config
    this.#request = request
    this.#forget = forget
    this.#everyMs = config.backend.watchMs ?? Number.POSITIVE_INFINITY
    this.arm()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** What its session is stored under, as far as is known. */
  get value(): string | undefined {
    return this.#known?.value
  }

  get userId(): string | undefined {
    return this.#known?.userId
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
    const leftMs = Math.min(lastMomentOf(known.life, this.#rulesFor(known)) + 1 - now(), this.#everyMs)
    if (leftMs === Number.POSITIVE_INFINITY) return
    this.#callOff = timers.after(Math.max(leftMs, 1), () => void this.look())
  }

  /** Finds out whether the session still lives. `suspected`: there is a reason to doubt it. */
  async look(suspected = false): Promise<void> {
    const known = this.#newest()
    if (!known || this.#over) return
    this.#suspected ||= suspected
    if (this.#looking) {
      this.#stirred = true
      return
    }
    this.#looking = true
    this.#stirred = false
    try {
      const end = await this.#endOf(known)
      if (end) this.#end(end)
    } catch (cause) {
      // Before its time it lives, for all that is known. Then nobody can say that it has not ended.
      if (this.#suspected || this.#expiry(known)) this.#end('unknown', { cause })
    } finally {
      this.#looking = false
    }
    if (this.#stirred) return this.look()
    this.#suspected = false
    this.arm()
  }

  stop(): void {
    this.#over = true
    this.#callOff?.()
    this.#callOff = undefined
    this.#forget(this)
  }

  #newest(): Loaded | null {
    const { loaded } = this.session
    if (loaded !== this.#seen) {
      this.#seen = loaded
      this.#known = loaded
    }
    return this.#known
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
    this.#known = found
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
  readonly #all = new Set<Watch>()

  constructor(config: ManagerConfig) {
    this.#config = config
  }

  begin(session: Session, request: unknown): Watch {
    const watch = new Watch(this.#config, session, request, ended => this.#all.delete(ended))
    if (!watch.signal.aborted) this.#all.add(watch)
    return watch
  }

  /** A request has written its session, or ended it; `before` is what stood behind it. */
  written(session: Session, before: Loaded | null): void {
    for (const watch of this.#all) {
      if (watch.session === session) watch.arm()
      else if (before && watch.value === before.value && session.loaded?.value !== before.value) void watch.look(true)
    }
  }

  /** Sessions of this user were ended. */
  endedOf(userId: string): void {
    for (const watch of this.#all) if (watch.userId === userId) void watch.look(true)
  }

  /** Sessions of all users were ended. */
  endedOfAll(): void {
    for (const watch of this.#all) if (watch.userId !== undefined) void watch.look(true)
  }

  close(): void {
    for (const watch of this.#all) watch.stop()
  }
}

/** The option `every`, in ms. */
export function everyMs(where: string, options: SignalOptions, others: readonly string[] = []): number {
  mustBeKnown(where, options, ['every', ...others])
  return options.every === undefined ? Number.POSITIVE_INFINITY : durationMs('every', options.every)
}
