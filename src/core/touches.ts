import { type LifetimePolicy, touchDue } from './lifetime.ts'
import type { Life } from './record.ts'

const MOST = 1000

/** What this process has touched of late: requests that overlap would each do it, and once is enough. Bounded: the oldest give way. */
export class Touches {
  readonly #lives = new Map<string, Life>()

  /** Whether another request has just given the session this life. */
  cover(id: string, policy: LifetimePolicy, now: number): boolean {
    const life = this.#lives.get(id)
    return life !== undefined && !touchDue(life, policy, now)
  }

  add(id: string, life: Life): void {
    this.#lives.delete(id)
    this.#lives.set(id, life)
    if (this.#lives.size <= MOST) return
    const [oldest] = this.#lives.keys()
    if (oldest !== undefined) this.#lives.delete(oldest)
  }

  forget(id: string): void {
    this.#lives.delete(id)
  }
}
