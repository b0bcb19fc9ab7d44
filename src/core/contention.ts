const RECENT_MS = 1000
const MOST = 1000

/** Sessions that this process and others have lately fought over. Bounded: the oldest give way. */
export class Contention {
  readonly #last = new Map<string, number>()

  clash(id: string, now: number): void {
    this.#last.delete(id)
    this.#last.set(id, now)
    if (this.#last.size <= MOST) return
    const [oldest] = this.#last.keys()
    if (oldest !== undefined) this.#last.delete(oldest)
  }

  recent(id: string, now: number): boolean {
    const last = this.#last.get(id)
    return last !== undefined && Math.abs(now - last) < RECENT_MS
  }
}
