import { mustBeKnown } from '../core/options.ts'
import { type Gone, type GoneReason, isGone, type SessionRecord } from '../core/record.ts'
import {
  type IndexedSessionStore,
  isIndexedSessionStore,
  type ReplaceResult,
  type SaveResult,
  type SessionPage,
  type WatchableSessionStore,
} from '../core/store.ts'
import { undecided } from '../core/store-errors.ts'
import { areOnePlace, type Left, type Move, moveSession, moveUser } from './migrating/move.ts'

export interface MigratingStoreOptions {
  /** Where the sessions are now. */
  from: IndexedSessionStore
  /** Where they shall be. New sessions begin here. */
  to: IndexedSessionStore
}

/** Cursors of `list` say which of the two stores they are of. */
const OLD = 'o:'
const NEW = 'n:'
const LOOKS_AT_ONCE = 16
const SAME = 'migratingStore: from and to are the same store'

/**
 * Two stores as one, while a site moves from the one to the other without a pause. A session is moved at its first use; ends go to
 * both stores, to the old one first, so that no move can bring back what has ended. All processes of the site must have it before
 * `holdfast migrate --online` moves the rest; after that `to` alone is enough. While it lasts, a session that is not in `to` costs
 * two more calls once, and each login and each end one or two more.
 *
 * @throws {TypeError} where one of the two is no Holdfast store that keeps an index, or both are the same. That both are the same
 * place by two clients is found out before the first move, which then fails so.
 * @example
 * const store = migratingStore({ from: new RedisStore(redis), to: new PostgresStore(pool) })
 */
export function migratingStore(options: MigratingStoreOptions): IndexedSessionStore {
  mustBeKnown('migratingStore', options, ['from', 'to'])
  for (const name of ['from', 'to'] as const) {
    if (!isIndexedSessionStore(options[name])) throw new TypeError(`migratingStore: ${name} must be a Holdfast store that keeps an index`)
  }
  if (options.from === options.to) throw new TypeError(SAME)
  return new MigratingStore(options)
}

class MigratingStore implements IndexedSessionStore, WatchableSessionStore {
  readonly #from: IndexedSessionStore
  readonly #to: IndexedSessionStore
  readonly #both: Move
  #areTwo = false

  constructor({ from, to }: MigratingStoreOptions) {
    this.#from = from
    this.#to = to
    this.#both = { from, to, check: left => this.#mustBeTwo(left) }
  }

  async load(key: string, timeoutMs?: number): Promise<SessionRecord | Gone | null> {
    const left = within(timeoutMs)
    return (await this.#to.load(key, left())) ?? this.#move(key, left)
  }

  async create(...args: Parameters<IndexedSessionStore['create']>): ReturnType<IndexedSessionStore['create']> {
    const [record, timeoutMs, ...others] = args
    const left = within(timeoutMs)
    await this.#moveUser(record.userKey, left)
    // What ended in the old store before any process had this one is known there only.
    const lies = (await this.#from.load(record.key, left())) !== null && (await this.#move(record.key, left))
    if (lies && isGone(lies)) return false
    return this.#to.create(record, left(), ...others)
  }

  async save(record: SessionRecord, expectedVersion: string, timeoutMs?: number): Promise<SaveResult> {
    const left = within(timeoutMs)
    const result = await this.#to.save(record, expectedVersion, left())
    // As a rule the request has loaded it, and so it was moved.
    return result.status === 'missing' && (await this.#moved(record.key, left)) ? this.#to.save(record, expectedVersion, left()) : result
  }

  async replace(...args: Parameters<IndexedSessionStore['replace']>): Promise<ReplaceResult> {
    const [oldKey, expectedVersion, record, reason, timeoutMs, ...others] = args
    const left = within(timeoutMs)
    await this.#moveUser(record.userKey, left)
    // A copy that a killed move has left there would outlive the tombstone in the new store, and bring the old id back.
    await this.#moved(oldKey, left)
    if ((await this.#from.load(record.key, left())) && !(await this.#to.load(record.key, left()))) return { status: 'denied' }
    return this.#to.replace(oldKey, expectedVersion, record, reason, left(), ...others)
  }

  async touch(key: string, times: { touchedAt: number; expiresAt: number }, timeoutMs?: number): Promise<boolean> {
    const left = within(timeoutMs)
    if (await this.#to.touch(key, times, left())) return true
    return (await this.#moved(key, left)) && this.#to.touch(key, times, left())
  }

  /** The old store first: a move that has read there before finds the tombstone in the new one, or is deleted there. */
  async delete(key: string, reason: GoneReason, timeoutMs?: number): Promise<boolean> {
    const left = within(timeoutMs)
    const old = await this.#from.delete(key, reason, left())
    const now = await this.#to.delete(key, reason, left()).catch(error => failed(error, old))
    return old || now
  }

  async listByUser(userKey: string, timeoutMs?: number): Promise<SessionRecord[]> {
    const left = within(timeoutMs)
    await this.#moveUser(userKey, left)
    return this.#to.listByUser(userKey, left())
  }

  /** Each old one also leaves a tombstone in the new store, for the move that has read it and not yet written it. */
  async deleteByUser(userKey: string, options: { except?: string; reason?: GoneReason } = {}, timeoutMs?: number): Promise<number> {
    const { except, reason = 'revoked' } = options
    const left = within(timeoutMs)
    let count = 0
    try {
      for (const { key } of await this.#from.listByUser(userKey, left())) {
        if (key !== except && (await this.delete(key, reason, left()))) count++
      }
      return count + (await this.#to.deleteByUser(userKey, options, left()))
    } catch (error) {
      return failed(error, count > 0)
    }
  }

  /** The old ones first: what is moved meanwhile comes once more, on a later page. */
  async list({ cursor, limit }: { cursor?: string; limit?: number } = {}, timeoutMs?: number): Promise<SessionPage> {
    const isNew = cursor?.startsWith(NEW) === true
    const rest = cursor?.slice(NEW.length) ?? ''
    const options = { ...(rest !== '' && { cursor: rest }), ...(limit !== undefined && { limit }) }
    const page = await (isNew ? this.#to : this.#from).list(options, timeoutMs)
    if (page.cursor !== null) return { ...page, cursor: `${isNew ? NEW : OLD}${page.cursor}` }
    return { ...page, cursor: isNew ? null : NEW }
  }

  async deleteExpired(limit: number, timeoutMs?: number): Promise<number> {
    const left = within(timeoutMs)
    const removed = await this.#from.deleteExpired(limit, left())
    return removed < limit ? removed + (await this.#to.deleteExpired(limit - removed, left())) : removed
  }

  /** Key by key, as many at once as a request would load: for as long as the site moves. */
  async findEnded(keys: readonly string[], timeoutMs?: number): Promise<string[]> {
    const left = within(timeoutMs)
    const ended: string[] = []
    for (let from = 0; from < keys.length; from += LOOKS_AT_ONCE) {
      const some = keys.slice(from, from + LOOKS_AT_ONCE)
      const lives = await Promise.all(some.map(key => this.#lives(key, left)))
      ended.push(...some.filter((_, n) => !lives[n]))
    }
    return ended
  }

  async #lives(key: string, left: Left): Promise<boolean> {
    const found = (await this.#to.load(key, left())) ?? (await this.#from.load(key, left()))
    return found !== null && !isGone(found)
  }

  async close(): Promise<void> {
    await Promise.all([this.#from.close(), this.#to.close()])
  }

  /** A user's sessions are listed, and counted where the next one begins: the new store must know all of them. */
  async #moveUser(userKey: string | undefined, left: Left): Promise<void> {
    if (userKey !== undefined) await moveUser(this.#both, userKey, left)
  }

  #move(key: string, left: Left): Promise<SessionRecord | Gone | null> {
    return moveSession(this.#both, key, left)
  }

  /** Asked once; who asks at the same time may ask as well. */
  async #mustBeTwo(left: Left): Promise<void> {
    if (this.#areTwo) return
    if (await areOnePlace({ from: this.#from, to: this.#to }, left)) throw new TypeError(SAME)
    this.#areTwo = true
  }

  /** Whether it was in the old store, and is in the new one now. */
  async #moved(key: string, left: Left): Promise<boolean> {
    const old = await this.#from.load(key, left())
    if (!old || isGone(old)) return false
    const now = await this.#move(key, left)
    return now !== null && !isGone(now)
  }
}

/** Once something has ended in the one store nobody can say of the call that it was not applied. */
function failed(error: unknown, ended: boolean): never {
  throw ended ? undecided(error) : error
}

function within(timeoutMs: number | undefined): Left {
  if (timeoutMs === undefined) return () => undefined
  const end = performance.now() + timeoutMs
  return () => Math.max(1, Math.floor(end - performance.now()))
}
