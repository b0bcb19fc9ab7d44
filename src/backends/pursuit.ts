const FIRST_MS = 250
const LONGEST_MS = 8000
const GIVE_UP_MS = 60_000
const MOST = 10_000

/**
 * What must still be done although nobody waits for it any more: a record to end whose creation has timed out, or whose owner has
 * logged out while the store was away. Tried again and again for a minute; no timer of it keeps the process alive.
 */
export class Pursuit {
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #act: (key: string) => PromiseLike<unknown>

  constructor(act: (key: string) => PromiseLike<unknown>) {
    this.#act = act
  }

  /** The first attempt is made at once. */
  begin(key: string): void {
    if (this.#timers.has(key) || this.#timers.size >= MOST) return
    this.#after(key, 0, FIRST_MS, performance.now() + GIVE_UP_MS)
  }

  get size(): number {
    return this.#timers.size
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #after(key: string, ms: number, next: number, end: number): void {
    const timer = setTimeout(() => void this.#try(key, next, end), ms)
    timer.unref()
    this.#timers.set(key, timer)
  }

  async #try(key: string, next: number, end: number): Promise<void> {
    try {
      await this.#act(key)
      this.#timers.delete(key)
    } catch {
      if (!this.#timers.has(key)) return
      if (performance.now() > end) this.#timers.delete(key)
      else this.#after(key, next * (0.5 + Math.random()), Math.min(next * 2, LONGEST_MS), end)
    }
  }
}
