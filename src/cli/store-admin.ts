import { Epochs } from '../backends/epochs.ts'
import { UserSessions } from '../backends/users.ts'
import { loginNameOf } from '../core/login-facts.ts'
import type { SessionRecord } from '../core/record.ts'
import type { IndexedSessionStore } from '../core/store.ts'
import { handleOf } from '../crypto/handle.ts'
import { userKeyOf } from '../crypto/session-id.ts'
import { CommandError } from './command.ts'

/** One session as the command line shows it: nothing in it leads into the session. Times in ms since the epoch. */
export interface ListedSession {
  /** Names the session for `revoke`, as `sessions.list` of the site does; absent for a session of nobody, or of another site. */
  handle?: string
  /** Absent for a session of nobody. */
  userId?: string
  createdAt: number
  authenticatedAt?: number | undefined
  touchedAt: number
  expiresAt: number
}

interface ListedPage {
  sessions: ListedSession[]
  cursor: string | null
}

/** All that the command line does to the sessions of one site: the only file here that knows how users and handles are named. */
export interface StoreAdmin {
  listUser(userId: string): Promise<ListedSession[]>
  page(options: { cursor?: string; limit: number }): Promise<ListedPage>
  /** Whether the user had a session of that handle. */
  revoke(userId: string, handle: string): Promise<boolean>
  revokeUser(userId: string): Promise<number>
  revokeEveryone(): Promise<number>
}

/** The default of `createSessions`: the cookie's name. */
export const DEFAULT_SCOPE = '__Host-sid'
/** A command waits longer than a request would. */
const TIMEOUT_MS = 30_000
/** The longest life of a cookie (RFC 6265bis, 5.6): what was proved before a revocation cannot live longer after it. */
const LONGEST_LIFE_MS = 400 * 86_400_000

export function storeAdmin(store: IndexedSessionStore, scope: string, now: () => number): StoreAdmin {
  const epochs = new Epochs(store, { scope, timeoutMs: TIMEOUT_MS, longestLifeMs: LONGEST_LIFE_MS, now })
  const users = new UserSessions(store, scope, TIMEOUT_MS, epochs)
  return {
    listUser: async userId => (await users.list(checked(userId))).map(session => ({ userId, ...timesOf(session), handle: session.handle })),
    async page(options) {
      const { records, cursor } = await store.list(options, TIMEOUT_MS)
      return { sessions: records.filter(isSession).map(record => listed(record, scope)), cursor }
    },
    revoke: (userId, handle) => users.revoke(checked(userId), handle),
    revokeUser: userId => users.revokeAll(checked(userId)),
    revokeEveryone: () => users.revokeEveryone(),
  }
}

/** Records that Holdfast keeps for itself, such as the epochs of `revokeAll`, are in the index under a name that is no user's. */
export function isSession({ userKey, userId }: SessionRecord): boolean {
  return userKey === undefined || userId !== undefined
}

function listed(record: SessionRecord, scope: string): ListedSession {
  const { key, userId, userKey, meta } = record
  if (userId === undefined) return timesOf(record)
  // Another site's, on the same store, has a handle there.
  const ours = userKey === userKeyOf(scope, userId)
  return { userId, ...timesOf(record), ...(ours && { handle: handleOf(scope, userId, loginNameOf(meta) ?? key) }) }
}

type Times = Pick<SessionRecord, 'createdAt' | 'touchedAt' | 'expiresAt'> & { authenticatedAt?: number | undefined }

function timesOf({ createdAt, authenticatedAt, touchedAt, expiresAt }: Times): Times {
  return { createdAt, ...(authenticatedAt !== undefined && { authenticatedAt }), touchedAt, expiresAt }
}

function checked(userId: string): string {
  if (userId === '' || Buffer.byteLength(userId, 'utf8') > 255) throw new CommandError('a user id has 1 to 255 octets')
  return userId
}
