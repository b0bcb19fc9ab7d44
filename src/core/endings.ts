import type { Timers } from './config.ts'
import type { Ended, EndingsListener, Unwatch } from './store.ts'

/** Where ends are told, or can be asked for: a backend on a store that can do either. */
export interface EndingsSource {
  watch?(listener: EndingsListener): Promise<Unwatch | null>
  findEnded?(keys: readonly string[]): Promise<string[]>
}

/** Those who want to know. */
interface Followed {
  /** The keys of their records, each once. */
  keys(): Iterable<string>
  /** Looks whether it is true. */
  told(ended: Ended): void
  lookAtAll(): void
}

/** How often a store is asked that does not tell. */
export const ASK_MS = 500
/** How often one that tells is asked all the same: a message may be lost, and a server that has gone without a word tells nothing. */
export const ASK_LISTENING_MS = 30_000
/** How many keys are in one query. */
const BATCH = 500
/** After a connection was lost. */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000
/** How many names are remembered of those that were told. */
const MOST_TOLD = 1000

/**
 * Hears of sessions that other processes have ended, as long as there is anybody to tell. What cannot be heard is asked for, and so is
 * what may have been missed: from before it began to listen, and from while a connection was lost.
 */
export class Endings {
  readonly #source: EndingsSource
  readonly #after: Timers['after']
  readonly #now: () => number
  readonly #followed: Followed
  #unwatch: Unwatch | undefined
  #pauseMs = FIRST_PAUSE_MS
  #callOffListening: (() => void) | undefined
  #callOffAsking: (() => void) | undefined
  #asking = false
  #askAgain = false
  #stopped = false
  /** Who was told of last, and when. Of what was told until `#forgottenUntil` nothing is known any more. */
  readonly #told = new Map<string, number>()
  #forgottenUntil = 0

  constructor(source: EndingsSource, after: Timers['after'], now: () => number, followed: Followed) {
    this.#source = source
    this.#after = after
    this.#now = now
    this.#followed = followed
    if (source.findEnded) this.#askIn(ASK_MS)
    void this.#listen()
  }

  /** Whether the end of one of these, loaded at `since` or later, may have been told before anybody here wanted to know. */
  mayHaveTold(names: ReadonlyArray<string | undefined>, since: number): boolean {
    // Before it listens all of them will be looked at when it does; and where it cannot, they are asked for.
    if (!this.#unwatch) return false
    return since <= this.#forgottenUntil || names.some(name => name !== undefined && (this.#told.get(name) ?? 0) >= since)
  }

  stop(): void {
    this.#stopped = true
    this.#callOffListening?.()
    this.#callOffAsking?.()
    this.#unwatch?.().catch(ignore)
    this.#unwatch = undefined
  }

  async #listen(): Promise<void> {
    if (!this.#source.watch) return
    let lost = false
    const gone = () => {
      // Once, and nothing after `stop`: who is told that late has gone.
      if (lost) return
      lost = true
      if (!this.#unwatch || this.#stopped) return
      this.#unwatch = undefined
      this.#listenLater()
      // What it may have told meanwhile is asked for.
      this.#askNow()
    }
    try {
      const unwatch = await this.#source.watch({ ended: ended => !lost && this.#hear(ended), lost: gone })
      if (this.#stopped || lost) {
        unwatch?.().catch(ignore)
        if (!this.#stopped) this.#listenLater()
        return
      }
      if (!unwatch) return
      this.#unwatch = unwatch
      this.#pauseMs = FIRST_PAUSE_MS
      this.#forgottenUntil = this.#now()
      this.#told.clear()
      if (this.#source.findEnded) this.#askNow()
      else this.#followed.lookAtAll()
    } catch {
      this.#listenLater()
    }
  }

  #listenLater(): void {
    if (this.#stopped) return
    this.#callOffListening = this.#after(this.#pauseMs, () => void this.#listen())
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS)
  }

  #hear(ended: Ended): void {
    if (this.#stopped) return
    const { keys = [], userKey } = ended
    for (const name of userKey === undefined ? keys : [...keys, userKey]) this.#remember(name)
    this.#followed.told(ended)
  }

  #remember(name: string): void {
    this.#told.delete(name)
    this.#told.set(name, this.#now())
    if (this.#told.size <= MOST_TOLD) return
    const [oldest] = this.#told
    if (!oldest) return
    this.#told.delete(oldest[0])
    this.#forgottenUntil = Math.max(this.#forgottenUntil, oldest[1])
  }

  #askIn(ms: number): void {
    this.#callOffAsking?.()
    this.#callOffAsking = this.#after(ms, () => this.#askNow())
  }

  #askNow(): void {
    if (!this.#source.findEnded || this.#stopped) return
    this.#callOffAsking?.()
    if (this.#asking) this.#askAgain = true
    else void this.#ask()
  }

  async #ask(): Promise<void> {
    this.#asking = true
    let done = false
    try {
      do {
        this.#askAgain = false
        await this.#askForAll()
      } while (this.#askAgain)
      done = true
    } catch {
      // A store that is away has ended nothing, for all that is known. It is asked again.
    }
    this.#asking = false
    if (!this.#stopped) this.#askIn(done && this.#unwatch ? ASK_LISTENING_MS : ASK_MS)
  }

  /** One query after the other: a store that is slow is not asked for more. */
  async #askForAll(): Promise<void> {
    const keys = [...this.#followed.keys()]
    for (let from = 0; from < keys.length && !this.#stopped; from += BATCH) {
      const ended = await this.#source.findEnded?.(keys.slice(from, from + BATCH))
      if (ended?.length && !this.#stopped) this.#followed.told({ keys: ended })
    }
  }
}

function ignore(): void {}
