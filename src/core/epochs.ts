import type { Life, Meta } from './record.ts'

/**
 * Since when what was proved before counts no more: for one user, and for all of them. Each is a time in ms since the epoch, 0 where
 * nobody has ever been logged out everywhere, and later than the one before it even where a clock was set back: so that two of them
 * can be compared without a clock (H7).
 */
export interface Epoch {
  readonly user: number
  readonly all: number
}

/**
 * The epoch after this one. The session that asks for it goes over to it before it begins: where that fails, nothing has happened, and
 * it may ask once more.
 */
export interface NextEpoch {
  readonly epoch: Epoch
  /** False: meanwhile another one has begun, which ends this session as well. */
  begin(): Promise<boolean>
}

/** Where the epoch that a login belongs to is kept beside the data. */
const SEEN = 'e'

/** The epoch that a login belongs to, where that is known exactly. */
function seenOf(meta: Meta | undefined): Epoch | undefined {
  const seen = meta?.[SEEN]
  return Array.isArray(seen) ? { user: Number(seen[0]), all: Number(seen[1]) } : undefined
}

export function withSeen(meta: Meta | undefined, { user, all }: Epoch): Meta {
  return { ...meta, [SEEN]: [user, all] }
}

/** What of a session an epoch may end. */
export interface Proven {
  readonly life: Pick<Life, 'authenticatedAt'>
  readonly meta?: Meta | undefined
}

/** Whether what this session rests on was proved before the epoch began. Where its own epoch is not known, the clocks have to do. */
export function endedBy(epoch: Epoch, { life, meta }: Proven): boolean {
  const seen = seenOf(meta)
  if (seen) return epoch.user > seen.user || epoch.all > seen.all
  const since = Math.max(epoch.user, epoch.all)
  // Negated, so that a session of which nobody knows when it was proved is ended.
  return since > 0 && !((life.authenticatedAt ?? 0) > since)
}

/** The next epoch after one, by this clock. */
export function nextEpoch(before: number, now: number): number {
  return Math.max(Math.floor(now), before + 1)
}

/**
 * An epoch as text, to be kept on the server between the check of a password and the login. It is not signed, and names its user: that
 * of one user must not serve another one's login.
 */
export function ticketOf({ user, all }: Epoch, userId: string): string {
  return `${user.toString(36)}.${all.toString(36)}.${userId}`
}

/** Undefined where no `beginLogin` of this user has written it. */
export function epochOfTicket(ticket: unknown, userId: string): Epoch | undefined {
  const [, user, all, whose] = typeof ticket === 'string' ? (/^([0-9a-z]{1,10})\.([0-9a-z]{1,10})\.(.+)$/s.exec(ticket) ?? []) : []
  if (user === undefined || all === undefined || whose !== userId) return undefined
  return { user: Number.parseInt(user, 36), all: Number.parseInt(all, 36) }
}
