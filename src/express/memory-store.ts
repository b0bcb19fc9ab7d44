import type { Data } from '../core/json.ts'
import { type Kept, Memory } from './memory.ts'
import { Store } from './store.ts'
import type { Done, ExpressStore, SessionWire } from './types.ts'

const DEFAULT_MAX_SESSIONS = 100_000

interface MemoryStoreOptions {
  /** How many sessions it holds. Default 100,000. */
  maxSessions?: number | undefined
  /** Named only because each EventEmitter has it: packages that ask for express-session's module accept this one. No effect. */
  captureRejections?: boolean | undefined
}

/** What it holds; undefined where an app has put other methods in the place of its own: then those are to be asked. */
export let memoryOf: (store: ExpressStore) => Memory | undefined

/**
 * express-session's store in this process: what the drop-in uses where no store is given. For development and tests: it is empty
 * after a restart, and no other process sees it. Bounded: where it is full it lets go of what has expired, then of the oldest session
 * that nobody has logged in to; it refuses a new one rather than lose a login.
 */
export class MemoryStore extends Store {
  readonly #memory: Memory

  constructor({ maxSessions = DEFAULT_MAX_SESSIONS }: MemoryStoreOptions = {}) {
    super()
    this.#memory = new Memory(maxSessions)
  }

  static {
    const own = { ...methodsOf(MemoryStore.prototype as ExpressStore) }
    memoryOf = store => {
      if (!(#memory in store)) return undefined
      const { get, set, touch, destroy } = store as ExpressStore
      const untouched = get === own.get && set === own.set && touch === own.touch && destroy === own.destroy
      return untouched ? (store as MemoryStore).#memory : undefined
    }
  }

  get(id: string, done: Done): void {
    answer(done, () => {
      const kept = this.#memory.get(id)
      return kept && sessionOf(kept)
    })
  }

  set(id: string, session: SessionWire, done?: Done): void {
    answer(done, () => {
      const { cookie, ...data } = JSON.parse(JSON.stringify(session)) as SessionWire
      this.#memory.set(id, JSON.stringify(data), data as Data, cookie)
    })
  }

  override touch(id: string, session: SessionWire, done?: Done): void {
    answer(done, () => this.#memory.touch(id, session.cookie))
  }

  destroy(id: string, done?: Done): void {
    answer(done, () => this.#memory.delete(id))
  }

  override all(done: Done): void {
    answer(done, () => Object.fromEntries([...this.#memory.entries()].map(([id, kept]) => [id, sessionOf(kept)])))
  }

  override length(done: Done<number>): void {
    answer(done, () => [...this.#memory.entries()].length)
  }

  override clear(done?: Done): void {
    answer(done, () => this.#memory.clear())
  }
}

function methodsOf({ get, set, touch, destroy }: ExpressStore) {
  return { get, set, touch, destroy }
}

/** After the current turn, as a database would. */
function answer<T>(done: Done<T> | undefined, work: () => T): void {
  let value: T
  try {
    value = work()
  } catch (error) {
    if (done) setImmediate(done, error)
    return
  }
  if (done) setImmediate(done, null, value)
}

function sessionOf({ text, cookieText }: Kept): SessionWire {
  return { cookie: JSON.parse(cookieText), ...JSON.parse(text) }
}
