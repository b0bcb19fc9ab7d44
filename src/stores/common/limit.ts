import { SessionStoreError, type StoreOutcome } from '../../core/errors.ts'
import { MAX_TIMER_MS } from '../../core/options.ts'

/** How long the caller of a store waits. To be cleared when the answer is there. */
export class Limit {
  readonly #ms: number
  readonly #end: number
  readonly #late: Promise<never>
  #timer: NodeJS.Timeout | undefined
  #passed = false
  #begun = false

  constructor(ms: number) {
    this.#ms = Math.min(Math.max(ms, 1), MAX_TIMER_MS)
    this.#end = performance.now() + this.#ms
    this.#late = new Promise((_, reject) => {
      this.#timer = setTimeout(() => {
        this.#passed = true
        reject(this.error('unknown'))
      }, this.#ms).unref()
    })
    // It may pass while nothing is raced with it.
    this.#late.catch(() => {})
  }

  /** Whole ms that are left, at least one: to databases, 0 means no limit. */
  get left(): number {
    return Math.max(1, Math.floor(this.#end - performance.now()))
  }

  get passed(): boolean {
    return this.#passed
  }

  /** What the work gives, if in time. What it gives later is nobody's. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#late])
  }

  /** Something of the call has been carried out: from here on it cannot be "not applied". */
  begun(): void {
    this.#begun = true
  }

  error(outcome: StoreOutcome): SessionStoreError {
    return new SessionStoreError(`answer within ${this.#ms} ms`, { outcome: this.#begun ? 'unknown' : outcome })
  }

  clear(): void {
    clearTimeout(this.#timer)
  }
}
