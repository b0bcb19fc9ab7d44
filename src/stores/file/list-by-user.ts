import type { SessionRecord } from '../../core/record.ts'
import type { FileSessions } from './sessions.ts'
import type { FileUsers, UserEntry } from './users.ts'

export const LOOKS_AT_ONCE = 4
/** A user who logs in again and again must not keep a call busy for ever. */
export const MOST_ROUNDS = 16

/** A user's live sessions, oldest first. */
export async function listByUser(sessions: FileSessions, users: FileUsers, userKey: string): Promise<SessionRecord[]> {
  // Two looks that agree: what was replaced while it was looked at is neither missing nor there twice.
  let before: string | undefined
  for (let round = 1; ; round++) {
    const entries = await users.list(userKey)
    const records: SessionRecord[] = []
    for (let from = 0; from < entries.length; from += LOOKS_AT_ONCE) {
      const some = entries.slice(from, from + LOOKS_AT_ONCE)
      const found = await Promise.all(some.map(({ key }) => sessions.look(key)))
      for (const [n, { live }] of found.entries()) {
        const one = some[n] as UserEntry
        if (live?.entry === one.entry) records.push(live.record)
        else if (before === undefined) await users.tidy(userKey, one)
      }
    }
    const seen = [entries.map(({ entry }) => entry), records.map(({ key }) => key)].join()
    if (seen === before || round === MOST_ROUNDS) return records
    before = seen
  }
}
