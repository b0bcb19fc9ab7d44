const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A level of NIST SP 800-63B-4. */
export type PolicyName = 'aal1' | 'aal2' | 'aal3'

export interface Level {
  /** The longest time without use; null: the level has no limit. */
  idleMs: number | null
  absoluteMs: number
}

/** What each level allows at most. */
export const LEVELS: Readonly<Record<PolicyName, Level>> = {
  aal1: { idleMs: null, absoluteMs: 30 * DAY },
  aal2: { idleMs: HOUR, absoluteMs: DAY },
  aal3: { idleMs: 15 * MINUTE, absoluteMs: 12 * HOUR },
}
