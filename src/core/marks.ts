import type { Draft } from './backend.ts'
import type { LifetimePolicy } from './lifetime.ts'
import type { Life, Meta } from './record.ts'

/**
 * What Holdfast keeps in a peer's cookie or record, in one place that the peer ignores, and only while something needs it. Times in ms
 * since the epoch.
 */
export interface Marks {
  /** When it began: for `absoluteTimeout`. */
  createdAt?: number
  /** When it was last used: for `idleTimeout` and `touchInterval`. */
  touchedAt?: number
  /** Who has logged in by `login()`, … */
  userId?: string
  /** … when they proved who they are, … */
  authenticatedAt?: number
  /** … when it ends in any case, if that is another time than `absoluteTimeout` gives, … */
  endsAt?: number
  /** … and what else the login has said. */
  meta?: Meta
}

const TIMES = ['createdAt', 'touchedAt', 'authenticatedAt', 'endsAt'] as const

/** What is to be kept beside a draft; undefined: nothing. */
export function marksOf({ life, userId, meta }: Pick<Draft, 'life' | 'userId' | 'meta'>, policy: LifetimePolicy): Marks | undefined {
  const { absoluteMs, beside } = policy
  const { createdAt, touchedAt, authenticatedAt, absoluteExpiresAt } = life
  // As a rule there is nothing.
  if (!beside && userId === undefined && meta === undefined && absoluteExpiresAt === undefined && authenticatedAt === undefined)
    return undefined
  const marks: Marks = {}
  if (beside && absoluteMs !== null) marks.createdAt = createdAt
  if (beside?.markMs !== undefined) marks.touchedAt = touchedAt
  if (userId !== undefined) marks.userId = userId
  if (authenticatedAt !== undefined) marks.authenticatedAt = authenticatedAt
  if (absoluteExpiresAt !== undefined && (absoluteMs === null || absoluteExpiresAt !== createdAt + absoluteMs))
    marks.endsAt = absoluteExpiresAt
  if (meta !== undefined) marks.meta = meta
  return Object.keys(marks).length > 0 ? marks : undefined
}

/** What a record has of them. Whatever is not as it was written is not there. */
export function readMarks(value: unknown): Marks {
  const marks: Marks = {}
  if (typeof value !== 'object' || value === null) return marks
  const kept = value as Record<string, unknown>
  for (const name of TIMES) {
    const time = kept[name]
    if (typeof time === 'number' && time > 0) marks[name] = time
  }
  if (typeof kept.userId === 'string' && kept.userId !== '') marks.userId = kept.userId
  if (typeof kept.meta === 'object' && kept.meta !== null) marks.meta = kept.meta as Meta
  return marks
}

/** Puts them into a life. 0: not known; it counts from the first request that sees the session, which writes it down. */
export function applyMarks(life: Life, marks: Marks, { absoluteMs, beside }: LifetimePolicy): void {
  if (beside && absoluteMs !== null) life.createdAt = marks.createdAt ?? 0
  if (beside?.markMs !== undefined) life.touchedAt = marks.touchedAt ?? 0
  if (marks.authenticatedAt !== undefined) life.authenticatedAt = marks.authenticatedAt
  if (marks.endsAt !== undefined) life.absoluteExpiresAt = marks.endsAt
}
