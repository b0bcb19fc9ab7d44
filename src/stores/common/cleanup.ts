import { type Duration, durationMs, MAX_TIMER_MS } from '../../core/options.ts'

const BATCH = 1000
const JITTER = 0.2

/**
 * Removes what has ended, in batches, off the request path: a timer that keeps no process alive, and whose period differs
 * a little between processes, so that they do not all come at once.
 */
export class Cleanup {
  readonly #intervalMs: number | false
  readonly #deleteExpired: (limit: number) => Promise<number>
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  /** `interval`: how often; `false`: never, the app calls `deleteExpired` itself. */
  constructor(interval: Duration | false, deleteExpired: (limit: number) => Promise<number>) {
    this.#intervalMs = interval === false ? false : durationMs('cleanupInterval', interval)
    this.#deleteExpired = deleteExpired
  }

  /** To be called by each write; the first one starts the timer. */
  start(): void {
    if (this.#timer || this.#stopped || this.#intervalMs === false) return
    const ms = this.#intervalMs * (1 + JITTER * (2 * Math.random() - 1))
    this.#timer = setTimeout(() => void this.#run(), Math.min(ms, MAX_TIMER_MS))
    this.#timer.unref()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopped && (await this.#deleteExpired(BATCH)) >= BATCH);
    } catch (error) {
      const text = `expired sessions could not be removed, it will be tried again: ${(error as Error).message}`
      process.emitWarning(text, { type: 'HoldfastWarning', code: 'HOLDFAST_CLEANUP' })
    }
    this.#timer = undefined
    this.start()
  }
}
