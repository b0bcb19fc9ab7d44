import type { Life, Meta } from './record.ts'

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
  /** Beside a peer's `maxAge`, whose end is `expiresAt`. Absent in native mode, where the record says all there is. */
  beside?: Beside | undefined
}

/** What a site asks for beside its peer's options. Each end counts by itself, and none moves another. */
export interface Beside {
  /** Life without use, in ms, counted from `touchedAt`; absent: as long as `maxAge` says. */
  idleMs?: number | undefined
  /** A use is written down once this many ms have passed since the last one; absent: never for its own sake. */
  markMs?: number | undefined
}

/** The life of a new session. `maxAge` is its own life in ms; null or absent: the configured one. */
export function begin(policy: LifetimePolicy, maxAge: number | null | undefined, now: number): Life {
  return living(policy, maxAge, now, now, policy.absoluteMs === null ? undefined : now + policy.absoluteMs, undefined)
}

/** The life of a session that is used now. The absolute end never moves. `unchanged`: it is used, and nothing else. */
export function extend(life: Life, policy: LifetimePolicy, maxAge: number | null | undefined, now: number, unchanged = false): Life {
  const known = policy.beside && life.createdAt === 0 ? { ...life, createdAt: now } : life
  const next = living(policy, maxAge, now, known.createdAt, absoluteEnd(known, policy), life.authenticatedAt)
  if (next.touchedAt < life.touchedAt) next.touchedAt = life.touchedAt
  // By the peer's rule a mere use does not begin its `maxAge` anew.
  if (unchanged && policy.beside && typeof maxAge === 'number' && !renewalDue(life, policy, now)) {
    next.expiresAt = Math.min(life.expiresAt, next.absoluteExpiresAt ?? life.expiresAt)
  }
  return next
}

/** The end in any case. What was stored before the site had such an end began at `createdAt`; of 0 it is not known when. */
function absoluteEnd({ absoluteExpiresAt, createdAt }: Life, policy: LifetimePolicy | undefined): number | undefined {
  if (absoluteExpiresAt !== undefined || !policy?.beside || policy.absoluteMs === null || createdAt === 0) return absoluteExpiresAt
  return createdAt + policy.absoluteMs
}

/** Lets a life end at `endsAt` at the latest. Never later than it would. */
export function endBy(life: Life, endsAt: number | undefined): Life {
  if (endsAt === undefined) return life
  const absoluteExpiresAt = Math.min(life.absoluteExpiresAt ?? endsAt, endsAt)
  return { ...life, absoluteExpiresAt, expiresAt: Math.min(life.expiresAt, absoluteExpiresAt) }
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

/** A login that said "stay signed in", where that has to be told from a `maxAge` of the peer: kept beside the data. */
const REMEMBERED = 'remembered'

/** What is kept of such a login. */
export function rememberedMeta(meta: Meta | undefined, policy: LifetimePolicy): Meta | undefined {
  return policy.beside?.idleMs === undefined ? meta : { ...meta, [REMEMBERED]: true }
}

/** The rules for a session: who asked to stay signed in may be idle for as long. */
export function rulesOf(meta: Meta | undefined, policy: LifetimePolicy): LifetimePolicy {
  if (policy.beside?.idleMs === undefined || meta?.[REMEMBERED] !== true) return policy
  return { ...policy, beside: { ...policy.beside, idleMs: undefined } }
}

/** Which timeout has ended it, if any. The record is asked before any touch. */
export function expiry(life: Life, now: number, policy?: LifetimePolicy): 'idle' | 'absolute' | null {
  // Negated, so that a time which is no number has passed: nothing lives for ever by mistake.
  const end = absoluteEnd(life, policy)
  if (end !== undefined && !(end >= now)) return 'absolute'
  const idleMs = policy?.beside?.idleMs
  if (idleMs !== undefined && life.touchedAt !== 0 && !(life.touchedAt + idleMs >= now)) return 'idle'
  return life.expiresAt >= now ? null : 'idle'
}

/** When it ends without further use: until then, and then as well, `expiry` says nothing. */
export function lastMomentOf(life: Life, policy: LifetimePolicy): number {
  const { expiresAt, touchedAt } = life
  const idleMs = policy.beside?.idleMs
  const idleEnd = idleMs === undefined || touchedAt === 0 ? expiresAt : touchedAt + idleMs
  return Math.min(expiresAt, idleEnd, absoluteEnd(life, policy) ?? expiresAt)
}

/** Whether a request that changed nothing writes: to lengthen the session's life, or to say that it was used. */
export function touchDue(life: Life, policy: LifetimePolicy, now: number): boolean {
  return renewalDue(life, policy, now) || markDue(life, policy, now)
}

/** Whether it is time to write down when it began, or that it is in use. */
function markDue({ createdAt, absoluteExpiresAt, touchedAt }: Life, { absoluteMs, beside }: LifetimePolicy, now: number): boolean {
  if (!beside) return false
  if (absoluteMs !== null && absoluteExpiresAt === undefined && createdAt === 0) return true
  return beside.idleMs !== undefined && beside.markMs !== undefined && now - touchedAt >= beside.markMs
}

/** Whether such a request lengthens its life. */
function renewalDue(life: Life, policy: LifetimePolicy, now: number): boolean {
  switch (policy.touch) {
    case 'never':
      return false
    case 'always':
      return true
    case 'half-life':
      return life.expiresAt - now < life.idleMs / 2
    default:
      // A life of its own may be shorter than the interval, and must not end under use. Of a peer's `maxAge: 'session'` it is no number.
      return now - life.touchedAt >= Math.min(policy.touch, life.idleMs / 2 || policy.touch)
  }
}
