import { type LifetimePolicy, touchDue } from './lifetime.ts'
import { Newest } from './newest.ts'
import type { Life } from './record.ts'

const MOST = 1000

/** What this process has touched of late: requests that overlap would each do it, and once is enough. */
export class Touches {
  readonly #lives = new Newest<Life>(MOST)

  /** Whether another request has just given the session this life. */
  cover(id: string, policy: LifetimePolicy, now: number): boolean {
    const life = this.#lives.get(id)
    return life !== undefined && !touchDue(life, policy, now)
  }

  add(id: string, life: Life): void {
    this.#lives.set(id, life)
  }

  forget(id: string): void {
    this.#lives.delete(id)
  }
}
