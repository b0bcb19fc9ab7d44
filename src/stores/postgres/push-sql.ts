/** One for all tables of a database: what is told of another one's is of no session that is followed here. */
const CHANNEL = 'holdfast_ended'
/** Who listens holds this lock, shared. */
const LOCK = '1752132708, 1717662580'

/** A message begins with what it names. */
const TAGS = { key: 'k:', user: 'u:' } as const

export const LISTEN = `LISTEN ${CHANNEL}`
/** Waits for those who have looked whether somebody listens, and have not committed yet: their ends can be seen then. */
export const HOLD = `SELECT pg_advisory_lock_shared(${LOCK})`
export const SAY = `SELECT pg_notify('${CHANNEL}', $1)`

/**
 * Tells who listens, when the transaction commits, of the session or the user that a parameter or a column names. Commits that notify
 * take their turns at one lock of the whole server, so nothing is said where nobody listens: then this lock is free.
 */
export function told(what: keyof typeof TAGS, name: string): string {
  return `CASE WHEN NOT pg_try_advisory_xact_lock(${LOCK}) THEN pg_notify('${CHANNEL}', '${TAGS[what]}' || ${name})::text END`
}

/** What such a message names. */
export function named(message: string): { keys: string[] } | { userKey: string } | undefined {
  const name = message.slice(2)
  if (message.startsWith(TAGS.key)) return { keys: [name] }
  return message.startsWith(TAGS.user) ? { userKey: name } : undefined
}
