import { join, resolve } from 'node:path'
import { SessionStoreError } from '../core/errors.ts'
import { type Duration, mustBeFunction, mustBeKnown } from '../core/options.ts'
import { type Gone, type GoneReason, type SessionRecord, tombstoneMs } from '../core/record.ts'
import type { IndexedSessionStore, ReplaceResult, SaveResult, SessionPage } from '../core/store.ts'
import { Cleanup } from './common/cleanup.ts'
import { endOf, touched } from './common/life.ts'
import { remember } from './common/recent.ts'
import { FileCells } from './file/cells.ts'
import { type Buried, type Kept, mustBeKey, write } from './file/format.ts'
import { FilePlace } from './file/place.ts'
import { FileReplace } from './file/replace.ts'
import { FileSessions, type Found, wrote } from './file/sessions.ts'
import { diskFileSystem, type FileSystem, LastingFolders } from './file/system.ts'
import { Turns } from './file/turns.ts'
import { FileUsers, type UserEntry } from './file/users.ts'
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
const LOOKS_AT_ONCE = 4
const DEFAULT_PAGE = 100
/** A user who logs in again and again must not keep a call busy for ever. */
const MOST_ROUNDS = 16

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
    const places = { sessions: join(root, 'sessions'), users: join(root, 'users'), nursery: join(root, 'new') }
    const folders = new LastingFolders(disk, root)
    const cells = new FileCells(disk, folders, places.nursery)
    this.#now = now
    this.#sessions = new FileSessions(cells, places.sessions, now)
    this.#users = new FileUsers(disk, folders, this.#sessions, places.users)
    this.#walk = new FileWalk({ fs: disk, cells, sessions: this.#sessions, users: this.#users, places, now })
    this.#cleanup = new Cleanup(cleanupInterval, limit => this.deleteExpired(limit))
  }

  load(key: string, timeoutMs?: number): Promise<SessionRecord | Gone | null> {
    return this.#run(timeoutMs, { key }, async () => {
      const { live, gone } = await this.#sessions.look(key)
      if (live) return live.record
      return gone ? { gone } : null
    })
  }

  create(record: SessionRecord, timeoutMs?: number): Promise<boolean> {
    const { key, userKey } = record
    return this.#write(timeoutMs, { key, userKey }, async inTime => {
      // Before the record: there is none without its entry. One that is left over is removed by a later list.
      const entry = userKey === undefined ? undefined : await this.#users.add(userKey, key)
      const there = await this.#sessions.change<Found | null>(key, found => {
        if (found.live || found.gone) return { answer: found }
        return { answer: null, text: write({ record, recent: [], entry }), still: inTime }
      })
      if (!there) {
        await this.#users.confirm(record, entry)
        return true
      }
      await this.#users.remove(record, entry)
      if (!there.live || !wrote(there.live, record.version)) return false
      await this.#sessions.settle(key)
      await this.#users.confirm(there.live.record, there.live.entry)
      return true
    })
  }

  save(record: SessionRecord, expectedVersion: string, timeoutMs?: number): Promise<SaveResult> {
    const { key, version, userKey: _, ...rest } = record
    return this.#write(timeoutMs, { key }, async inTime => {
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

  replace(oldKey: string, expectedVersion: string, record: SessionRecord, reason: GoneReason, timeoutMs?: number): Promise<ReplaceResult> {
    return this.#write(timeoutMs, { oldKey, key: record.key, userKey: record.userKey }, inTime =>
      new FileReplace(this.#sessions, this.#users, { oldKey, expectedVersion, record, reason, now: this.#now, inTime }).run(),
    )
  }

  touch(key: string, times: { touchedAt: number; expiresAt: number }, timeoutMs?: number): Promise<boolean> {
    return this.#write(timeoutMs, { key }, inTime =>
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
    return this.#write(timeoutMs, { key }, inTime => this.#end(key, reason, inTime))
  }

  listByUser(userKey: string, timeoutMs?: number): Promise<SessionRecord[]> {
    return this.#run(timeoutMs, { userKey }, async () => {
      // Two looks that agree: what was replaced while it was looked at is neither missing nor there twice.
      let before: string | undefined
      for (let round = 1; ; round++) {
        const entries = await this.#users.list(userKey)
        const records: SessionRecord[] = []
        for (let from = 0; from < entries.length; from += LOOKS_AT_ONCE) {
          const some = entries.slice(from, from + LOOKS_AT_ONCE)
          const found = await Promise.all(some.map(({ key }) => this.#sessions.look(key)))
          for (const [n, { live }] of found.entries()) {
            const one = some[n] as UserEntry
            if (live?.entry === one.entry) records.push(live.record)
            else if (before === undefined) await this.#users.tidy(userKey, one)
          }
        }
        const seen = [entries.map(({ entry }) => entry), records.map(({ key }) => key)].join()
        if (seen === before || round === MOST_ROUNDS) return records
        before = seen
      }
    })
  }

  deleteByUser(userKey: string, options: { except?: string; reason?: GoneReason } = {}, timeoutMs?: number): Promise<number> {
    const { except, reason = 'revoked' } = options
    return this.#write(timeoutMs, { userKey }, async inTime => {
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

  #write<T>(timeoutMs: number | undefined, keys: Record<string, unknown>, work: (inTime: () => boolean) => Promise<T>): Promise<T> {
    this.#cleanup.start()
    return this.#run(timeoutMs, keys, work)
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
