import { join, resolve } from 'node:path'
import { SessionStoreError } from '../core/errors.ts'
import { type Duration, mustBeFunction, mustBeKnown } from '../core/options.ts'
import { type Gone, type GoneReason, type SessionRecord, tombstoneMs } from '../core/record.ts'
import { type IndexedSessionStore, limitFor, type ReplaceResult, type SaveResult, type SessionPage, type UserLimit } from '../core/store.ts'
import { Cleanup } from './common/cleanup.ts'
import { endOf, touched } from './common/life.ts'
import { remember } from './common/recent.ts'
import { Queues } from './common/turn.ts'
import { FileAdmission } from './file/admission.ts'
import { FileCells } from './file/cells.ts'
import { create } from './file/create.ts'
import { type Buried, type Kept, mustBeKey, write } from './file/format.ts'
import { LOOKS_AT_ONCE, listByUser, MOST_ROUNDS } from './file/list-by-user.ts'
import { FilePlace } from './file/place.ts'
import { FileReplace } from './file/replace.ts'
import { FileSessions, wrote } from './file/sessions.ts'
import { diskFileSystem, type FileSystem, LastingFolders } from './file/system.ts'
import { Turns } from './file/turns.ts'
import { FileUsers } from './file/users.ts'
import { FileWalk } from './file/walk.ts'

export interface FileStoreOptions {
  /** Where the sessions are kept, on a local disk. It is made if it is not there; nothing else belongs into it. */
  directory: string
  /** Whether each write is on the disk before it is answered. `false`: a power cut may take the last writes with it. Default true. */
  fsync?: boolean | undefined
  /** How often what has ended is removed; `false`: never, the app calls `deleteExpired`. Default 5 minutes. */
  cleanupInterval?: Duration | false | undefined
  /** The clock, in ms since the epoch. Default: the store's own; for tests. */
  now?: (() => number) | undefined
}

const MOST_AT_ONCE = 64
const DEFAULT_PAGE = 100

/**
 * Sessions in files, for one or several processes on one machine (Linux or macOS, a local disk, no network file system). Every write
 * is a compare-and-set, and is on the disk before it is answered, unless `fsync` is false. It needs no server and no library.
 *
 * @example
 * const store = new FileStore({ directory: '/var/lib/my-app/sessions' })
 */
export class FileStore implements IndexedSessionStore {
  readonly #sessions: FileSessions
  readonly #users: FileUsers
  readonly #walk: FileWalk
  readonly #admission: FileAdmission
  /** Of each user, those that begin under a limit. */
  readonly #queues = new Queues()
  readonly #cleanup: Cleanup
  readonly #now: () => number
  readonly #turns = new Turns(MOST_AT_ONCE)
  readonly #place: FilePlace
  #closed = false

  constructor(options: FileStoreOptions)
  /** @internal */
  constructor(options: FileStoreOptions, fs: FileSystem)
  constructor(options: FileStoreOptions, fs?: FileSystem) {
    const { directory, fsync = true, cleanupInterval = '5m', now = () => Date.now() } = options ?? {}
    if (typeof directory !== 'string' || directory === '') throw new TypeError('FileStore: directory must be the path of a folder')
    mustBeKnown('FileStore', options, ['directory', 'fsync', 'cleanupInterval', 'now'])
    if (typeof fsync !== 'boolean') throw new TypeError('fsync must be true or false')
    mustBeFunction('now', now)
    if (process.platform === 'win32') throw new Error('FileStore works on Linux and macOS: on Windows take SqliteStore')
    const disk = fs ?? diskFileSystem(fsync)
    const root = resolve(directory)
    this.#place = new FilePlace(disk, root)
    const places = { sessions: join(root, 'sessions'), users: join(root, 'users'), turns: join(root, 'turns'), nursery: join(root, 'new') }
    const folders = new LastingFolders(disk, root)
    const cells = new FileCells(disk, folders, places.nursery)
    this.#now = now
    this.#sessions = new FileSessions(cells, places.sessions, now)
    this.#users = new FileUsers(disk, folders, this.#sessions, places.users)
    this.#admission = new FileAdmission({
      fs: disk,
      cells,
      sessions: this.#sessions,
      root: places.turns,
      now,
      listByUser: userKey => listByUser(this.#sessions, this.#users, userKey),
      evict: (key, inTime) => this.#end(key, 'evicted', inTime),
    })
    this.#walk = new FileWalk({ fs: disk, cells, sessions: this.#sessions, users: this.#users, admission: this.#admission, places, now })
    this.#cleanup = new Cleanup(cleanupInterval, limit => this.deleteExpired(limit))
  }

  load(key: string, timeoutMs?: number): Promise<SessionRecord | Gone | null> {
    return this.#run(timeoutMs, { key }, async () => {
      const { live, gone } = await this.#sessions.look(key)
      if (live) return live.record
      return gone ? { gone } : null
    })
  }

  create(record: SessionRecord, timeoutMs?: number, users?: UserLimit): Promise<boolean | 'full'> {
    const { key, userKey } = record
    const limit = limitFor(record, users)
    return this.#write(timeoutMs, { key, userKey }, limit, async inTime => {
      const insert = (): Promise<boolean | 'full'> => create(this.#sessions, this.#users, record, inTime)
      if (!limit) return insert()
      // What is there may be this very record, and is told so.
      const full = async () => ((await this.#isThere(key)) ? insert() : 'full')
      return this.#admission.admit({ record, limit, inTime }, insert, answer => answer === true, full)
    })
  }

  async #isThere(key: string): Promise<boolean> {
    const { live, gone } = await this.#sessions.look(key)
    return live !== undefined || gone !== undefined
  }

  save(record: SessionRecord, expectedVersion: string, timeoutMs?: number): Promise<SaveResult> {
    const { key, version, userKey: _, ...rest } = record
    return this.#write(timeoutMs, { key }, undefined, async inTime => {
      const result = await this.#sessions.change<SaveResult | 'before'>(key, ({ live }) => {
        if (!live) return { answer: { status: 'missing' } }
        if (wrote(live, version)) return { answer: 'before' }
        const { userKey, version: current } = live.record
        if (current !== expectedVersion) return { answer: { status: 'conflict', current: live.record } }
        const next = { key, version, ...rest, ...(userKey !== undefined && { userKey }) }
        const text = write({ record: next, recent: remember(live.recent, current), entry: live.entry })
        return { answer: { status: 'saved' }, text, still: () => inTime() && endOf(live.record) >= this.#now() }
      })
      if (result !== 'before') return result
      await this.#sessions.settle(key)
      return { status: 'saved' }
    })
  }

  replace(
    oldKey: string,
    expectedVersion: string,
    record: SessionRecord,
    reason: GoneReason,
    timeoutMs?: number,
    users?: UserLimit,
  ): Promise<ReplaceResult> {
    const { key, userKey } = record
    const limit = limitFor(record, users)
    return this.#write(timeoutMs, { oldKey, key, userKey }, limit, async inTime => {
      const call = { oldKey, expectedVersion, record, reason, now: this.#now, inTime }
      const replace = () => new FileReplace(this.#sessions, this.#users, call).run()
      if (!limit) return replace()
      const full = async (): Promise<ReplaceResult> => {
        const { live } = await this.#sessions.look(oldKey)
        const fits = live?.record.version === expectedVersion && !(await this.#isThere(key))
        // What is not as expected is told so, and nothing comes of it.
        return fits ? { status: 'full' } : replace()
      }
      return this.#admission.admit({ record, oldKey, limit, inTime }, replace, ({ status }) => status === 'replaced', full)
    })
  }

  touch(key: string, times: { touchedAt: number; expiresAt: number }, timeoutMs?: number): Promise<boolean> {
    return this.#write(timeoutMs, { key }, undefined, inTime =>
      this.#sessions.change(key, ({ live }) => {
        if (!live) return { answer: false }
        const record = { ...live.record, ...touched(live.record, times) }
        if (record.touchedAt === live.record.touchedAt && record.expiresAt === live.record.expiresAt) return { answer: true }
        const still = () => inTime() && endOf(live.record) >= this.#now()
        return { answer: true, text: write({ record, recent: live.recent, entry: live.entry }), still }
      }),
    )
  }

  delete(key: string, reason: GoneReason, timeoutMs?: number): Promise<boolean> {
    return this.#write(timeoutMs, { key }, undefined, inTime => this.#end(key, reason, inTime))
  }

  listByUser(userKey: string, timeoutMs?: number): Promise<SessionRecord[]> {
    return this.#run(timeoutMs, { userKey }, () => listByUser(this.#sessions, this.#users, userKey))
  }

  deleteByUser(userKey: string, options: { except?: string; reason?: GoneReason } = {}, timeoutMs?: number): Promise<number> {
    const { except, reason = 'revoked' } = options
    return this.#write(timeoutMs, { userKey }, undefined, async inTime => {
      let count = 0
      const seen = new Set<string>()
      // Again until nothing new has come: what was replaced meanwhile has a new entry, after the old one's.
      for (let round = 1; round <= MOST_ROUNDS; round++) {
        const entries = (await this.#users.list(userKey)).filter(({ key, entry }) => key !== except && !seen.has(entry))
        if (entries.length === 0) break
        for (const { key, entry } of entries) {
          seen.add(entry)
          if (await this.#end(key, reason, inTime, live => live?.entry === entry)) count++
        }
      }
      return count
    })
  }

  list(options: { cursor?: string; limit?: number } = {}, timeoutMs?: number): Promise<SessionPage> {
    const { cursor = '', limit = DEFAULT_PAGE } = options
    return this.#run(timeoutMs, {}, async () => {
      const records: SessionRecord[] = []
      for await (const { at, key } of this.#walk.sessions(cursor)) {
        const { live } = await this.#sessions.look(key)
        if (live) records.push(live.record)
        if (records.length >= limit) return { records, cursor: at }
      }
      return { records, cursor: null }
    })
  }

  deleteExpired(limit: number, timeoutMs?: number): Promise<number> {
    return this.#run(timeoutMs, {}, inTime => this.#walk.deleteExpired(limit, () => this.#closed || !inTime()))
  }

  findEnded(keys: readonly string[], timeoutMs?: number): Promise<string[]> {
    return this.#run(timeoutMs, {}, async inTime => {
      const ended: string[] = []
      for (let from = 0; from < keys.length && inTime(); from += LOOKS_AT_ONCE) {
        const some = keys.slice(from, from + LOOKS_AT_ONCE)
        const found = await Promise.all(some.map(key => this.#sessions.look(key)))
        ended.push(...some.filter((_, n) => !found[n]?.live))
      }
      return ended
    })
  }

  /** Stops cleaning up. What is under way comes to its end. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cleanup.stop()
  }

  /** Ends what `chosen` says, and leaves a tombstone. True if it lived. */
  async #end(key: string, reason: GoneReason, inTime: () => boolean, chosen?: (live: Kept | undefined) => boolean): Promise<boolean> {
    const ended = await this.#sessions.change<Kept | boolean>(key, ({ live, gone }) => {
      if (gone) return { answer: true }
      if (chosen?.(live) === false) return { answer: false }
      const tombstone: Buried = { gone: reason, until: this.#now() + tombstoneMs(reason) }
      return { answer: live ?? false, text: write(tombstone), final: true, still: inTime }
    })
    // Somebody else's tombstone is as good as one's own, once it is on the disk.
    if (ended === true) await this.#sessions.settle(key)
    if (typeof ended === 'boolean') return false
    await this.#users.remove(ended.record, ended.entry).catch(() => {})
    return true
  }

  #write<T>(
    timeoutMs: number | undefined,
    keys: Record<string, unknown>,
    limit: { userKey: string } | undefined,
    work: (inTime: () => boolean) => Promise<T>,
  ): Promise<T> {
    this.#cleanup.start()
    if (!limit) return this.#run(timeoutMs, keys, work)
    const end = performance.now() + (timeoutMs ?? Infinity)
    return this.#queues.run(limit.userKey, () => this.#run(end - performance.now(), keys, work))
  }

  /** `inTime` throws when the caller waits no longer: asked before each publication, it keeps late ones from happening. */
  async #run<T>(timeoutMs = Infinity, keys: Record<string, unknown>, work: (inTime: () => boolean) => Promise<T>): Promise<T> {
    for (const [what, key] of Object.entries(keys)) if (key !== undefined || what !== 'userKey') mustBeKey(what, key)
    const end = performance.now() + timeoutMs
    const inTime = () => {
      if (performance.now() <= end) return true
      throw new SessionStoreError('answer in time', {})
    }
    return this.#turns.run(async () => {
      inTime()
      await this.#place.check()
      const answer = await work(inTime)
      // It may have gone in the middle; then what was found, or not found, means nothing.
      await this.#place.check()
      return answer
    })
  }
}
