import { Newest } from './newest.ts'

const RECENT_MS = 1000
const MOST = 1000

/** Sessions that this process and others have lately fought over. */
export class Contention {
  readonly #last = new Newest<number>(MOST)

  clash(id: string, now: number): void {
    this.#last.set(id, now)
  }

  recent(id: string, now: number): boolean {
    const last = this.#last.get(id)
    return last !== undefined && Math.abs(now - last) < RECENT_MS
  }
}
