import type { Life } from './record.ts'

/**
 * When a session that is only read gets a longer life: never; at each request (`rolling`); once less than half of it is
 * left (`renew`); or once this many ms have passed since the last time (`touchInterval`).
 */
type TouchRule = 'never' | 'always' | 'half-life' | number

export interface LifetimePolicy {
  /** Life without use, in ms (OWASP: idle timeout). */
  idleMs: number
  /** Life in any case, in ms (OWASP: absolute timeout); null for none. */
  absoluteMs: number | null
  touch: TouchRule
}

/** The life of a new session. `maxAge` is its own life in ms; null or absent: the configured one. */
export function begin(policy: LifetimePolicy, maxAge: number | null | undefined, now: number): Life {
  return living(policy, maxAge, now, now, policy.absoluteMs === null ? undefined : now + policy.absoluteMs, undefined)
}

/** The life of a session that is used now. The absolute end never moves. */
export function extend(life: Life, policy: LifetimePolicy, maxAge: number | null | undefined, now: number): Life {
  const next = living(policy, maxAge, now, life.createdAt, life.absoluteExpiresAt, life.authenticatedAt)
  if (next.touchedAt < life.touchedAt) next.touchedAt = life.touchedAt
  return next
}

function living(
  { idleMs: configured }: LifetimePolicy,
  maxAge: number | null | undefined,
  now: number,
  createdAt: number,
  absoluteExpiresAt: number | undefined,
  authenticatedAt: number | undefined,
): Life {
  const idleMs = maxAge ?? configured
  const expiresAt = absoluteExpiresAt === undefined ? now + idleMs : Math.min(now + idleMs, absoluteExpiresAt)
  const life: Life = { createdAt, touchedAt: now, idleMs, expiresAt }
  if (absoluteExpiresAt !== undefined) life.absoluteExpiresAt = absoluteExpiresAt
  if (authenticatedAt !== undefined) life.authenticatedAt = authenticatedAt
  if (maxAge !== undefined) life.maxAge = maxAge
  return life
}

/** Which timeout has ended it, if any. The record is asked before any touch. */
export function expiry(life: Life, now: number): 'idle' | 'absolute' | null {
  // Negated, so that a time which is no number has passed: nothing lives for ever by mistake.
  if (life.absoluteExpiresAt !== undefined && !(life.absoluteExpiresAt >= now)) return 'absolute'
  return life.expiresAt >= now ? null : 'idle'
}

/** Whether a request that changed nothing lengthens the session's life. */
export function touchDue(life: Life, policy: LifetimePolicy, now: number): boolean {
  switch (policy.touch) {
    case 'never':
      return false
    case 'always':
      return true
    case 'half-life':
      return life.expiresAt - now < life.idleMs / 2
    default:
      // A life of its own may be shorter than the interval, and must not end under use.
      return now - life.touchedAt >= Math.min(policy.touch, life.idleMs / 2)
  }
}
