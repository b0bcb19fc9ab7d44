import type { SessionRecord } from '../../core/record.ts'
import type { IndexedSessionStore } from '../../core/store.ts'
import { withStore } from '../clients/open.ts'
import type { Command, Io } from '../command.ts'
import { counted, example, isoTime, json, lines } from '../shared.ts'
import { isSession } from '../store-admin.ts'
import { storeOptions } from '../store-url.ts'

const PAGE = 500
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const OF_NOBODY = ''

/** `holdfast stats`: what is in a store, by a walk over all of it. */
export const stats: Command = {
  name: 'stats',
  summary: 'count what is in a store',
  define(program, io) {
    json(storeOptions(program.usage('--store <url> [--json]'), 'store', 'where the sessions are'))
      .addHelpText('after', example('holdfast stats --store redis://localhost:6379'))
      .action((options: { json?: true }) =>
        withStore({ ...options }, io, async store => {
          const found = await countAll(store, io)
          io.out(options.json ? JSON.stringify(found) : text(found))
        }),
      )
  },
}

interface Stats {
  sessions: number
  users: number
  /** Sessions of nobody. */
  anonymous: number
  usedInLastHour: number
  usedInLastDay: number
  endingWithinHour: number
  dataBytes: number
  largestDataBytes: number
  oldest: string | null
  newest: string | null
  /** What Holdfast keeps for itself, such as since when a user's sessions count. */
  ownRecords: number
}

async function countAll(store: IndexedSessionStore, io: Io): Promise<Stats> {
  const now = io.now()
  const seen = { sessions: 0, anonymous: 0, hour: 0, day: 0, ending: 0, bytes: 0, largest: 0, oldest: Infinity, newest: 0, own: 0 }
  // A user's key is a hash: a set of them is what a count of users costs.
  const users = new Set<string>()
  const add = (record: SessionRecord) => {
    if (!isSession(record)) {
      seen.own++
      return
    }
    const { userKey = OF_NOBODY, touchedAt, expiresAt, createdAt, data } = record
    const bytes = Buffer.byteLength(data, 'utf8')
    seen.sessions++
    if (userKey === OF_NOBODY) seen.anonymous++
    else users.add(userKey)
    if (now - touchedAt <= HOUR_MS) seen.hour++
    if (now - touchedAt <= DAY_MS) seen.day++
    if (expiresAt - now <= HOUR_MS) seen.ending++
    seen.bytes += bytes
    seen.largest = Math.max(seen.largest, bytes)
    // 0: nobody knows when it began.
    if (createdAt > 0) seen.oldest = Math.min(seen.oldest, createdAt)
    seen.newest = Math.max(seen.newest, createdAt)
  }
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Awaited<ReturnType<typeof store.list>> = await store.list({ limit: PAGE, ...(cursor !== undefined && { cursor }) })
    page.records.forEach(add)
    cursor = page.cursor
    io.progress?.(`${counted(seen.sessions)} sessions`)
  }
  io.progress?.('')
  const { sessions, anonymous } = seen
  return {
    sessions,
    users: users.size,
    anonymous,
    usedInLastHour: seen.hour,
    usedInLastDay: seen.day,
    endingWithinHour: seen.ending,
    dataBytes: seen.bytes,
    largestDataBytes: seen.largest,
    oldest: seen.oldest === Infinity ? null : isoTime(seen.oldest),
    newest: seen.newest === 0 ? null : isoTime(seen.newest),
    ownRecords: seen.own,
  }
}

function text(found: Stats): string {
  return lines([
    ['live sessions', counted(found.sessions)],
    ['users', counted(found.users)],
    ['of nobody', counted(found.anonymous)],
    ['used in the last hour', counted(found.usedInLastHour)],
    ['used in the last day', counted(found.usedInLastDay)],
    ['end within an hour unless used', counted(found.endingWithinHour)],
    ['data, octets', counted(found.dataBytes)],
    ['largest, octets', counted(found.largestDataBytes)],
    ['oldest', found.oldest ?? '-'],
    ['newest', found.newest ?? '-'],
    ["Holdfast's own records", counted(found.ownRecords)],
  ])
}
