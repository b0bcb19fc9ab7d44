import { type Gone, isGone, type SessionRecord } from '../../core/record.ts'
import type { IndexedSessionStore, SessionStore } from '../../core/store.ts'

/** Two stores of one site: sessions go from the one to the other. */
export interface Move {
  from: IndexedSessionStore
  to: SessionStore
  /** Asked before each write: throws where the two must not be moved between. */
  check?: ((left: Left) => Promise<void>) | undefined
}

/** What is left of the time that the caller waits, in ms; undefined: as long as it takes. */
export type Left = () => number | undefined

/** What a move leaves in the old store: by the contract a reason like any other, but no way of ending a session has this one. */
const MOVED = 'expired'

/** A logout leaves a tombstone in both stores for a minute: a move that takes less cannot miss it. */
const SAFE_MS = 30_000

/**
 * Brings a session over, created in the new store and then ended in the old one; with it those of the same user, oldest first, so that
 * the order of the logins stays. What it is now, wherever it lies. Any number of processes may move the same session, and may be killed
 * at any moment: it lives in one store at least, until it is ended in both.
 */
export async function moveSession(move: Move, key: string, left: Left): Promise<SessionRecord | Gone | null> {
  const found = await move.from.load(key, left())
  // Another one may have moved it since the caller looked into the new store.
  if (!found || isGone(found)) return (await move.to.load(key, left())) ?? ended(found)
  if (found.userKey === undefined) return moveOne(move, key, left)
  await moveUser(move, found.userKey, left)
  return (await move.to.load(key, left())) ?? moveOne(move, key, left)
}

/**
 * Whether both are one place, by two clients or two names: a move would find its own record there, and then delete the only one. Told by
 * a tombstone of no session, which goes by itself within a minute.
 */
export async function areOnePlace({ from, to }: Move, left: Left): Promise<boolean> {
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
  await to.delete(key, 'destroyed', left())
  return (await from.load(key, left())) !== null
}

/** All sessions of a user. */
export async function moveUser(move: Move, userKey: string, left: Left): Promise<void> {
  for (const { key } of await move.from.listByUser(userKey, left())) await moveOne(move, key, left)
}

async function moveOne({ from, to, check }: Move, key: string, left: Left): Promise<SessionRecord | Gone | null> {
  const begun = clocks()
  const found = await from.load(key, left())
  if (!found || isGone(found)) return (await to.load(key, left())) ?? ended(found)
  await check?.(left)
  const created = (await to.create(found, left())) === true
  if (created && tooLong(begun) && (await isOver({ from, to }, found, left))) return null
  const now = created ? found : await to.load(key, left())
  // Not there either: by the new store's clock it has expired.
  if (now) await from.delete(key, MOVED, left())
  return now
}

/**
 * A process that was stopped between its look into the old store and its write into the new one may have slept through a logout and
 * its tombstones. What has gone from the old store meanwhile, and is in the new one as this process has put it there, is ended: to log
 * out one session too many is safe, to bring one back is not.
 */
async function isOver({ from, to }: Move, moved: SessionRecord, left: Left): Promise<boolean> {
  const old = await from.load(moved.key, left())
  if (old && !isGone(old)) return false
  const now = await to.load(moved.key, left())
  if (!now || isGone(now) || now.version !== moved.version) return false
  await to.delete(moved.key, 'revoked', left())
  return true
}

/** What was moved, and is in the new store no more, has expired there. */
function ended(gone: Gone | null): Gone | null {
  return gone?.gone === MOVED ? null : gone
}

/** One clock stands still while a machine is suspended, the other one may be set. */
function clocks(): readonly [number, number] {
  return [performance.now(), Date.now()]
}

function tooLong([monotonic, wall]: readonly [number, number]): boolean {
  const [a, b] = clocks()
  return Math.max(a - monotonic, Math.abs(b - wall)) > SAFE_MS
}
