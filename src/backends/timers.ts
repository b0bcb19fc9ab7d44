import type { Timers } from '../core/config.ts'
import { MAX_TIMER_MS } from '../core/options.ts'

const SHORTEST_WRITE_MS = 1
const LONGEST_REST_MS = 200

/** Node's timers, for the engine. */
export const timers: Timers = {
  after(ms, fire) {
    const timer = setTimeout(fire, Math.min(ms, MAX_TIMER_MS))
    timer.unref()
    return () => clearTimeout(timer)
  },
  // No longer: who comes late to a contended session finds that it has changed again.
  pause: () => (Math.random() < 0.5 ? Promise.resolve() : new Promise(resolve => setImmediate(resolve))),
  /** Who has lost so often has about so many rivals; each shall have the time for a write. */
  rest(tookMs, losses) {
    const ms = (2 + losses) * Math.max(tookMs, SHORTEST_WRITE_MS)
    return sleep(Math.min(ms, LONGEST_REST_MS) * (0.75 + Math.random() / 2))
  },
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
