import type { Life } from '../../core/record.ts'

/** The last moment at which it lives. */
export function endOf({ expiresAt, absoluteExpiresAt = expiresAt }: Life): number {
  return Math.min(expiresAt, absoluteExpiresAt)
}

/** The times of a record after a touch: never lower, never shorter, never past its own idle time or its absolute end. */
export function touched(life: Life, times: { touchedAt: number; expiresAt: number }): { touchedAt: number; expiresAt: number } {
  // An older request's touch says nothing about a life that a newer write has set.
  if (times.touchedAt < life.touchedAt) return { touchedAt: life.touchedAt, expiresAt: life.expiresAt }
  const asked = Math.min(times.expiresAt, times.touchedAt + life.idleMs, life.absoluteExpiresAt ?? times.expiresAt)
  return { touchedAt: times.touchedAt, expiresAt: Math.max(life.expiresAt, asked) }
}
