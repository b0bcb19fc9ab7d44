import { isDeepStrictEqual } from 'node:util'
import { isGone, type SessionRecord } from '../../core/record.ts'
import type { IndexedSessionStore, SessionStore } from '../../core/store.ts'
import { endOf } from '../../stores/common/life.ts'
import { moveSession } from '../../stores/migrating/move.ts'
import { CommandError } from '../command.ts'
import { isOwnCopy } from './own-copy.ts'

/** What has become of one session of the source. */
export type Outcome =
  /** It is in the target, read back and compared. */
  | 'copied'
  /** An earlier run has put it there; compared again. */
  | 'there'
  /** The same, over an earlier copy that nobody has written on since. */
  | 'updated'
  /** The same, and the target has it under another user than the source now says: it stays there until its next request. */
  | 'ownerChanged'
  /** The target has a session there that the site has written on since it was copied: that one counts. */
  | 'kept'
  /** It has ended in the target, or while it was being copied. */
  | 'ended'

const ATTEMPTS = 5

/** Copies one session, and reads it back. The source is left as it is. What an earlier run has written is known by its version. */
export async function copyRecord(record: SessionRecord, to: SessionStore, origin: string): Promise<Outcome> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const found = await to.load(record.key)
    if (found && isGone(found)) return 'ended'
    const owned = found ? ownedAs(found, record) : record
    const isOther = found !== null && found.userKey !== record.userKey
    if (found?.version === record.version) return prolonged(owned, found, to, isOther ? 'ownerChanged' : attempt === 1 ? 'there' : 'copied')
    if (!found) {
      const created = (await to.create(record)) === true
      const written = await to.load(record.key)
      if (!written || isGone(written)) return 'ended'
      if (created) return written.version === record.version ? verified(record, written, 'copied') : 'kept'
    } else if (isOwnCopy(found, origin)) {
      const { status } = await to.save(owned, found.version)
      if (status === 'missing') return 'ended'
      if (status === 'saved') return updated(owned, to, isOther ? 'ownerChanged' : 'updated')
    } else return 'kept'
  }
  throw new CommandError('a session was written at each of several attempts to copy it: is another migration running?')
}

/** A session that was used in the source since it was copied, and not changed, lives on as long as it would there. */
async function prolonged(record: SessionRecord, found: SessionRecord, to: SessionStore, outcome: Outcome): Promise<Outcome> {
  if (isAsLong(record, found)) return verified(record, found, outcome)
  const { key, expiresAt, idleMs } = record
  // A store lets no session live longer after a use than its idle time: so late it must have been used.
  await to.touch(key, { touchedAt: Math.max(record.touchedAt, found.touchedAt, expiresAt - idleMs), expiresAt })
  const now = await to.load(key)
  if (!now || isGone(now)) return 'ended'
  return now.version === record.version ? verified(record, now, outcome) : 'kept'
}

/** Times of a use may have moved on, where the site has the target already. */
function isAsLong(record: SessionRecord, found: SessionRecord): boolean {
  return found.touchedAt >= record.touchedAt && endOf(found) >= endOf(record)
}

/** A save leaves a record to whom it belongs: the option `user` of the site mends that at the next request. */
function ownedAs({ userId, userKey }: SessionRecord, record: SessionRecord): SessionRecord {
  const { userId: _, userKey: __, ...others } = record
  return { ...others, ...(userId !== undefined && { userId }), ...(userKey !== undefined && { userKey }) }
}

async function updated(record: SessionRecord, to: SessionStore, outcome: Outcome): Promise<Outcome> {
  const saved = await to.load(record.key)
  if (!saved || isGone(saved)) return 'ended'
  if (saved.version !== record.version) return 'kept'
  return verified(record, saved, outcome)
}

/** Moves one session to where the site, by `migratingStore`, looks for it too. */
export async function moveRecord(record: SessionRecord, from: IndexedSessionStore, to: SessionStore): Promise<Outcome> {
  const now = await moveSession({ from, to }, record.key, () => undefined)
  if (!now || isGone(now)) return 'ended'
  const found = await to.load(record.key)
  if (!found || isGone(found)) return 'ended'
  return found.version === record.version ? verified(record, found, 'copied', 'of a session that is in the source no more') : 'kept'
}

function verified(record: SessionRecord, found: SessionRecord, outcome: Outcome, left = 'nothing was changed in the source'): Outcome {
  if (!isAsLong(record, found) || !isDeepStrictEqual(timeless(found), timeless(record)))
    throw new CommandError(`what was read back from the target is not what was written there: ${left}`)
  return outcome
}

/** Stores may leave a field out that is undefined, and keep their own way with the order of `meta`. */
function timeless({ touchedAt: _, expiresAt: __, ...record }: SessionRecord): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}

/**
 * Ends the copies whose sessions have ended in the source since: logouts between the first pass and the last. Only what is a copy as it
 * was made, and from this source, is ended: what the site has written on, or has begun itself, is not the source's to say. How many.
 */
export async function endLeftovers(to: IndexedSessionStore, seen: ReadonlySet<string>, origin: string): Promise<number> {
  let ended = 0
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Awaited<ReturnType<typeof to.list>> = await to.list(cursor === undefined ? {} : { cursor })
    for (const record of page.records) {
      if (!isOwnCopy(record, origin) || seen.has(record.key)) continue
      if (await to.delete(record.key, 'destroyed')) ended++
    }
    cursor = page.cursor
  }
  return ended
}
