import type { SessionRecord } from '../../core/record.ts'
import { write } from './format.ts'
import { type FileSessions, type Found, wrote } from './sessions.ts'
import type { FileUsers } from './users.ts'

/** Inserts a record. True, too, if it was there already. */
export async function create(sessions: FileSessions, users: FileUsers, record: SessionRecord, inTime: () => boolean): Promise<boolean> {
  const { key, userKey } = record
  // Before the record: there is none without its entry. One that is left over is removed by a later list.
  const entry = userKey === undefined ? undefined : await users.add(userKey, key)
  const there = await sessions.change<Found | null>(key, found => {
    if (found.live || found.gone) return { answer: found }
    return { answer: null, text: write({ record, recent: [], entry }), still: inTime }
  })
  if (!there) {
    await users.confirm(record, entry)
    return true
  }
  await users.remove(record, entry)
  if (!there.live || !wrote(there.live, record.version)) return false
  await sessions.settle(key)
  await users.confirm(there.live.record, there.live.entry)
  return true
}
