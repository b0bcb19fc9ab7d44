import { ownKeyOf } from '../crypto/session-id.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** Clocks may differ by so much, and an entry may come so late, without being missed for long. */
export const SLACK_MS = 5 * MINUTE_MS
/** By so much as a rule. */
export const NEAR_MS = MINUTE_MS

/**
 * How long an entry matters, and how wide the slices are that it lies in: the ends of ordinary sessions, of remembered ones and of users,
 * and whatever a cookie of 400 days may need. They never change, and depend on no option: processes of two deploys must find what the
 * other one has written.
 */
export const SPANS = [
  { lifeMs: 2 * HOUR_MS, widthMs: MINUTE_MS },
  { lifeMs: 32 * DAY_MS, widthMs: 8 * HOUR_MS },
  { lifeMs: 402 * DAY_MS, widthMs: 4 * DAY_MS },
] as const

/**
 * Time in slices, each with a name of its own in a store's index of users: whoever wants to know what is new looks into the latest ones
 * only, however many others there are. In the life of an entry there are not much more than a hundred, so that a process that starts
 * soon has looked into all.
 */
export class Buckets {
  readonly lifeMs: number
  readonly #widthMs: number
  readonly #nameOf: (bucket: number) => string

  constructor(scope: string, { lifeMs, widthMs }: (typeof SPANS)[number]) {
    this.lifeMs = lifeMs
    this.#widthMs = widthMs
    this.#nameOf = bucket => ownKeyOf('revoked', scope, `${widthMs} ${bucket}`)
  }

  /** The bucket of an entry that is made now. */
  at(now: number): string {
    return this.#nameOf(this.#numberOf(now))
  }

  /** All that may have entries which were made since then and still live; undefined: at any time. */
  since(last: number | undefined, now: number, slackMs = SLACK_MS): string[] {
    // A clock that was set back must not hide what came before.
    const from = Math.max(Math.min(last ?? 0, now), now - this.lifeMs)
    const first = this.#numberOf(from - slackMs)
    const count = this.#numberOf(now + slackMs) - first + 1
    return Array.from({ length: count }, (_, place) => this.#nameOf(first + place))
  }

  #numberOf(time: number): number {
    return Math.floor(time / this.#widthMs)
  }
}
