import { mustBeFunction, mustBeKnown, mustBeName } from '../core/options.ts'
import {
  type Gone,
  type GoneReason,
  isGone,
  partitionOfKey,
  partitionOfUser,
  RECENT_VERSIONS,
  type SessionRecord,
  tombstoneMs,
} from '../core/record.ts'
import {
  CLEANUP_GRACE_MS,
  type EndingsListener,
  type IndexedSessionStore,
  limitFor,
  type ReplaceResult,
  type SaveResult,
  type SessionPage,
  type Unwatch,
  type UserLimit,
} from '../core/store.ts'
import { Subscription } from './common/subscription.ts'
import { left, RedisCaller, type Until, until } from './redis/caller.ts'
import { connectionOf, type RedisClient, type RedisConnection } from './redis/client.ts'
import { listen } from './redis/push.ts'
import { scanKeys } from './redis/scan.ts'

export type { RedisClient }

export interface RedisStoreOptions {
  /** What all keys begin with. Default `'holdfast:'`. */
  prefix?: string | undefined
  /** How many replicas must have a logout or a new id before it is acknowledged. Default 0: the master alone. */
  confirmReplicas?: number | undefined
  /** The clock, in ms since the epoch. Default: the server's; for tests. */
  now?: (() => number) | undefined
}

/** What the script answers where one more session of a user would be too many. */
const FULL = -2

/** A session as the script gives it. */
type Fields = [times: string, version: string, user: string | null, rest: string, data: string]

/**
 * Sessions in Redis, by ioredis or node-redis: alone, under Sentinel or as a Cluster. Each operation is one script call, and
 * what has ended is removed by Redis itself. What is acknowledged is as durable as the server's `appendfsync` says.
 *
 * @example
 * const sessions = createSessions({ keys, store: new RedisStore(new Redis('redis://localhost')) })
 */
export class RedisStore implements IndexedSessionStore {
  readonly #redis: RedisConnection
  readonly #prefix: string
  readonly #script: RedisCaller
  readonly #now: (() => number) | undefined
  readonly #endings: Subscription

  constructor(client: RedisClient, options: RedisStoreOptions = {}) {
    mustBeKnown('RedisStore', options, ['prefix', 'confirmReplicas', 'now'])
    const { prefix = 'holdfast:', confirmReplicas = 0, now } = options
    mustBeName('prefix', prefix)
    mustBeFunction('now', now)
    if (!Number.isInteger(confirmReplicas) || confirmReplicas < 0) throw new TypeError('confirmReplicas must be a whole number, 0 or more')
    this.#redis = connectionOf(client)
    this.#prefix = prefix
    this.#script = new RedisCaller(this.#redis, confirmReplicas)
    this.#now = now
    const say = (text: string) => this.#run('tell', [this.#sessionKey('')], [text], undefined)
    this.#endings = new Subscription(line => listen(client, `${prefix}ended`, say, line))
  }

  async load(key: string, timeoutMs?: number): Promise<SessionRecord | Gone | null> {
    const found = (await this.#run('load', [this.#sessionKey(key)], [], until(timeoutMs))) as Fields | [GoneReason] | null
    if (!found) return null
    return found.length === 1 ? { gone: found[0] } : recordOf(key, found)
  }

  async create(record: SessionRecord, timeoutMs?: number, limit?: UserLimit): Promise<boolean | 'full'> {
    const created = await this.#create(record, limit, until(timeoutMs))
    return created === FULL ? 'full' : created !== 0
  }

  async save(record: SessionRecord, expectedVersion: string, timeoutMs?: number): Promise<SaveResult> {
    const saved = await this.#withIndex(
      'save',
      record.key,
      [...written(record), expectedVersion, String(RECENT_VERSIONS)],
      until(timeoutMs),
    )
    return saved === 1 ? { status: 'saved' } : conflict(record.key, saved)
  }

  async replace(
    oldKey: string,
    expectedVersion: string,
    record: SessionRecord,
    reason: GoneReason,
    timeoutMs?: number,
    limit?: UserLimit,
  ): Promise<ReplaceResult> {
    const end = until(timeoutMs)
    const ending = [expectedVersion, reason, String(tombstoneMs(reason))]
    if (this.#redis.cluster && tagOf(oldKey) !== tagOf(record.key)) return this.#replaceAcross(oldKey, record, ending, limit, end)
    const keys = [this.#sessionKey(oldKey), ...this.#keysOf(record)]
    const args = [...ending, ...written(record), record.userKey ?? '']
    const replaced = await this.#limited('replace', keys, args, limitFor(record, limit), end, true)
    if (replaced === FULL) return { status: 'full' }
    if (replaced === 0) return { status: 'denied' }
    return replaced === 1 ? { status: 'replaced' } : conflict(oldKey, replaced)
  }

  async touch(key: string, times: { touchedAt: number; expiresAt: number }, timeoutMs?: number): Promise<boolean> {
    return (await this.#withIndex('touch', key, [String(times.touchedAt), String(times.expiresAt)], until(timeoutMs))) === 1
  }

  async delete(key: string, reason: GoneReason, timeoutMs?: number): Promise<boolean> {
    const args = [reason, String(tombstoneMs(reason))]
    return (await this.#run('delete', [this.#sessionKey(key)], args, until(timeoutMs), true)) === 1
  }

  async listByUser(userKey: string, timeoutMs?: number): Promise<SessionRecord[]> {
    const found = (await this.#ofUser(userKey, ['list'], until(timeoutMs))) as Array<[key: string, Fields]>
    return found.flatMap(([key, fields]) => recordOf(key, fields) ?? [])
  }

  async deleteByUser(userKey: string, options: { except?: string; reason?: GoneReason } = {}, timeoutMs?: number): Promise<number> {
    const { except = '', reason = 'revoked' } = options
    return Number(await this.#ofUser(userKey, ['end', reason, String(tombstoneMs(reason)), except], until(timeoutMs), true))
  }

  /** Goes from master to master. While slots move, or a replica takes over, it may miss some. */
  async list(options: { cursor?: string; limit?: number } = {}, timeoutMs?: number): Promise<SessionPage> {
    const { cursor, limit = 100 } = options
    const { keys, next } = await scanKeys(this.#redis, this.#script, this.#prefix, cursor, limit)
    const found = await Promise.all(keys.map(key => this.load(key, timeoutMs)))
    return { records: found.filter(one => one !== null && !isGone(one)) as SessionRecord[], cursor: next }
  }

  /** Redis removes by itself what has ended, a second later. Only with a clock of one's own there is something left to do: a scan. */
  async deleteExpired(limit: number, timeoutMs?: number): Promise<number> {
    if (!this.#now) return 0
    const end = until(timeoutMs)
    let removed = 0
    for (let cursor: string | null | undefined; removed < limit && cursor !== null; ) {
      const { keys, next } = await scanKeys(this.#redis, this.#script, this.#prefix, cursor, 1000)
      while (keys.length > 0 && removed < limit) {
        const batch = keys.splice(0, limit - removed)
        const swept = await Promise.all(batch.map(key => this.#run('sweep', [this.#sessionKey(key)], [String(CLEANUP_GRACE_MS)], end)))
        removed += swept.filter(Boolean).length
      }
      cursor = next
    }
    return removed
  }

  /** By a connection of its own, a duplicate of the client's. */
  watch(listener: EndingsListener): Promise<Unwatch | null> {
    return this.#endings.watch(listener)
  }

  async findEnded(keys: readonly string[], timeoutMs?: number): Promise<string[]> {
    const slots = new Map<string, string[]>()
    for (const key of keys) {
      const tag = this.#redis.cluster ? tagOf(key) : ''
      slots.set(tag, [...(slots.get(tag) ?? []), this.#sessionKey(key)])
    }
    const end = until(timeoutMs)
    const found = await Promise.all([...slots.values()].map(slot => this.#run('ended', slot, [], end)))
    return found.flat().map(String)
  }

  /** Stops listening. The client is the caller's. */
  close(): Promise<void> {
    return this.#endings.close()
  }

  /** `pending`: without a limit, and not counted yet. 0: refused; -1: it was there already; -2 (`FULL`): too many; else how many the index of its user holds. */
  async #create(record: SessionRecord, limit: UserLimit | undefined, end: Until, confirm = false, pending = false): Promise<number> {
    const args = [...written(record), record.userKey ?? '']
    const keys = this.#keysOf(record)
    const created = pending
      ? Number(await this.#run('create', keys, [...args, '', '', '', '1'], end, confirm))
      : Number(await this.#limited('create', keys, args, limitFor(record, limit), end, confirm))
    // What has expired stays in the index until somebody looks: at 16, at 32, at 64 … somebody does.
    if (created >= 16 && Number.isInteger(Math.log2(created)) && record.userKey !== undefined) {
      this.#ofUser(record.userKey, ['prune'], undefined).catch(() => {})
    }
    return created
  }

  /**
   * Old and new lie in different slots of a Cluster. First the new one, whose id nobody has yet; then the old one ends, if it
   * still is what it was; if not, the new one goes again. A half-done replace leaves a session that nobody can present. Where others
   * are to make room, the new one counts only once the old one has ended: nobody is evicted for what is withdrawn or was left half-done.
   */
  async #replaceAcross(
    oldKey: string,
    record: SessionRecord,
    ending: string[],
    limit: UserLimit | undefined,
    end: Until,
  ): Promise<ReplaceResult> {
    const own = limitFor(record, limit)
    const evicting = own && !own.deny ? own : undefined
    if (own) {
      // Looked at first: nobody shall be refused for what cannot be done.
      const old = await this.load(oldKey, left(end))
      if (!old || isGone(old)) return this.#replacedBefore(oldKey, record, ending, evicting, end)
      if (old.version !== ending[0]) return { status: 'conflict', current: old }
    }
    const created = await this.#create(record, limit, end, true, evicting !== undefined)
    if (created === FULL) return { status: 'full' }
    if (created === 0) {
      const old = await this.load(oldKey, left(end))
      if (!old || isGone(old)) return { status: 'missing' }
      return old.version === ending[0] ? { status: 'denied' } : { status: 'conflict', current: old }
    }
    const old = await this.#run('supersede', [this.#sessionKey(oldKey)], [...ending, record.version], end, true)
    // Nothing lies there any more, not even a tombstone: it was done long ago.
    if (old === 1 || (old === null && created === -1)) {
      await this.#count(record, evicting, end)
      return { status: 'replaced' }
    }
    await this.#run('withdraw', this.#keysOf(record), [record.version], end)
    return conflict(oldKey, old)
  }

  /** There is no old record: this was done by an earlier call, or it cannot be done. */
  async #replacedBefore(
    oldKey: string,
    record: SessionRecord,
    ending: string[],
    evicting: UserLimit | undefined,
    end: Until,
  ): Promise<ReplaceResult> {
    const named = (await this.#run('supersede', [this.#sessionKey(oldKey)], [...ending, record.version], end, true)) === 1
    const found = await this.load(record.key, left(end))
    const there = found && !isGone(found) && (named || found.version === record.version)
    if (there) await this.#count(record, evicting, end)
    return { status: there ? 'replaced' : 'missing' }
  }

  /** What was created pending counts from now on, and the oldest make room for it. A second time it does nothing. */
  async #count(record: SessionRecord, evicting: UserLimit | undefined, end: Until): Promise<void> {
    if (evicting) await this.#limited('count', this.#keysOf(record), [record.version], evicting, end, true)
  }

  /** What begins a session, told the limit, and as often as it takes what the index holds. */
  async #limited(op: string, keys: string[], args: string[], limit: UserLimit | undefined, end: Until, confirm: boolean): Promise<unknown> {
    if (!limit) return this.#run(op, keys, args, end, confirm)
    const all = [...args, String(limit.max), limit.deny ? '1' : '0', String(tombstoneMs('evicted'))]
    for (let members: string[] = []; ; ) {
      const answer = await this.#run(op, [...keys, ...members.map(key => this.#sessionKey(key))], all, end, confirm)
      if (!Array.isArray(answer) || answer.length !== 2) return answer
      members = answer[1] as string[]
    }
  }

  /** A session that would outlive the index of its user says so, once in a life without use: then both are lengthened. */
  async #withIndex(op: string, key: string, args: string[], end: Until): Promise<unknown> {
    const answer = await this.#run(op, [this.#sessionKey(key)], args, end)
    if (!Array.isArray(answer) || answer.length !== 1) return answer
    return this.#run(op, [this.#sessionKey(key), this.#indexKey(String(answer[0]))], args, end)
  }

  /** The script names no key that was not told to it. So it says what the index holds, and is called again with that. */
  async #ofUser(userKey: string, args: string[], end: Until, confirm = false): Promise<unknown> {
    const index = this.#indexKey(userKey)
    // Who is asked to confirm must have been told what to do: not before the members are known.
    for (let members: string[] = [], known = !confirm; ; known = true) {
      const keys = [index, ...members.map(key => this.#sessionKey(key))]
      const [status, answer] = (await this.#run('user', keys, args, end, confirm && known)) as [string, unknown]
      if (status === 'again') members = answer as string[]
      else if (known) return answer
    }
  }

  /** An array, null, or a number, which comes as text. */
  async #run(op: string, keys: string[], args: string[], end: Until, confirm = false): Promise<unknown> {
    const all = [op, this.#now ? String(this.#now()) : '', ...args]
    const answer = await (confirm ? this.#script.callConfirmed(keys, all, end) : this.#script.call(keys, all, end))
    return answer === null || Array.isArray(answer) ? answer : Number(answer)
  }

  #sessionKey(key: string): string {
    return `${this.#prefix}{${tagOf(key)}}s:${key}`
  }

  #indexKey(userKey: string): string {
    return `${this.#prefix}{${partitionOfUser(userKey)}}u:${userKey}`
  }

  /** The keys of a record that is inserted: its own, and the index of its user. */
  #keysOf({ key, userKey }: SessionRecord): string[] {
    if (userKey === undefined) return [this.#sessionKey(key)]
    if (this.#redis.cluster && tagOf(key) !== partitionOfUser(userKey)) {
      throw new TypeError('RedisStore: on a Cluster the sessions of a user need ids with a partition (no genid of your own)')
    }
    return [this.#sessionKey(key), this.#indexKey(userKey)]
  }
}

/** What decides on the slot: the partition; of a key without one its beginning, which is as random. */
function tagOf(key: string): string {
  return partitionOfKey(key) || key.slice(0, 3)
}

/** What the script is told of a record: version, times, the rest, data. */
function written(record: SessionRecord): string[] {
  const { key, partition, userKey, version, data, touchedAt, expiresAt, idleMs, absoluteExpiresAt, ...rest } = record
  return [version, `${touchedAt} ${expiresAt} ${idleMs} ${absoluteExpiresAt ?? '-'}`, JSON.stringify(rest), data]
}

/** Null: somebody else has written there. */
function recordOf(key: string, [times, version, user, rest, data]: Fields): SessionRecord | null {
  const [touchedAt, expiresAt, idleMs, absolute = '-'] = String(times).split(' ')
  const record = {
    key,
    partition: partitionOfKey(key),
    version: String(version),
    data: String(data),
    touchedAt: Number(touchedAt),
    expiresAt: Number(expiresAt),
    idleMs: Number(idleMs),
    ...(absolute !== '-' && { absoluteExpiresAt: Number(absolute) }),
    ...(user !== null && { userKey: String(user) }),
  }
  try {
    return { ...record, ...(JSON.parse(String(rest)) as { createdAt: number }) }
  } catch {
    return null
  }
}

/** An answer that is not a success: the record that is there, or none. */
function conflict(key: string, answer: unknown): { status: 'conflict'; current: SessionRecord } | { status: 'missing' } {
  const current = Array.isArray(answer) ? recordOf(key, answer as Fields) : null
  return current ? { status: 'conflict', current } : { status: 'missing' }
}
