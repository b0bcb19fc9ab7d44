import type { Timers } from '../core/config.ts'

const PAUSE_MS = 2
const SHORTEST_WRITE_MS = 3
const LONGEST_REST_MS = 200
/** The first retries are made at once: the conflict's answer carries all that they need. */
const AT_ONCE = 3

/** Node's timers, for the engine. */
export const timers: Timers = {
  after(ms, fire) {
    const timer = setTimeout(fire, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
  pause: attempt => (attempt <= AT_ONCE ? Promise.resolve() : sleep(Math.random() * PAUSE_MS)),
  /** Who has lost `attempt` times has at least so many rivals; each shall have the time for a write. */
  rest: (tookMs, attempt) =>
    sleep(Math.min((1 + attempt) * Math.max(tookMs, SHORTEST_WRITE_MS), LONGEST_REST_MS) * (0.75 + Math.random() / 2)),
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
