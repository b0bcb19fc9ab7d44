import { join } from 'node:path'
import { CLEANUP_GRACE_MS } from '../../core/store.ts'
import { endOf } from '../common/life.ts'
import type { FileAdmission } from './admission.ts'
import type { FileCells } from './cells.ts'
import { keyOfName, read, uniqueName } from './format.ts'
import type { FileSessions } from './sessions.ts'
import type { FileSystem } from './system.ts'
import type { FileUsers } from './users.ts'

/** So long something unfinished may lie about. */
const ABANDONED_MS = 3_600_000
/** How many sessions and users a clean-up looks at, in one go, for each one that it may remove; and at least. */
const LOOKS_EACH = 10
const LEAST_LOOKS = 1000

export interface FileWalkOptions {
  fs: FileSystem
  cells: FileCells
  sessions: FileSessions
  users: FileUsers
  admission: FileAdmission
  /** The folders of sessions, users, turns, and what is being made. */
  places: { sessions: string; users: string; turns: string; nursery: string }
  now: () => number
}

/** Something that a walk comes to, and where it is: texts in the order of the walk. */
interface Stop {
  at: string
  key: string
}

/** Walks over all that is there, in an order that does not change: shard by shard, by name. */
export class FileWalk {
  readonly #options: FileWalkOptions
  /** Where the last clean-up has stopped: in the sessions, then in the users. */
  #sessionsAt = ''
  #usersAt = ''

  constructor(options: FileWalkOptions) {
    this.#options = options
  }

  /** The keys of all sessions, dead or alive, after a place. */
  sessions(after: string): AsyncGenerator<Stop> {
    return this.#walk(this.#options.places.sessions, after)
  }

  async *#walk(root: string, after: string): AsyncGenerator<Stop> {
    const { fs } = this.#options
    for (const shard of ((await fs.list(root)) ?? []).sort()) {
      if (after > `${shard}/~`) continue
      for (const name of ((await fs.list(join(root, shard))) ?? []).sort()) {
        const key = keyOfName(name)
        const at = `${shard}/${name}`
        if (key !== undefined && at > after) yield { at, key }
      }
    }
  }

  /** Removes up to `limit` of what has ended, from where the last call has stopped, and what nobody comes back to. */
  async deleteExpired(limit: number, stopped: () => boolean): Promise<number> {
    const { places } = this.#options
    const most = Math.max(LEAST_LOOKS, LOOKS_EACH * limit)
    let removed = 0
    if (limit < 1) return removed
    this.#sessionsAt = await this.#round(places.sessions, this.#sessionsAt, most, async key => {
      if (await this.#removeEnded(key)) removed++
      return removed < limit && !stopped()
    })
    this.#usersAt = await this.#round(places.users, this.#usersAt, most, async userKey => {
      for (const entry of await this.#options.users.list(userKey)) await this.#options.users.tidy(userKey, entry)
      await this.#options.users.removeFolder(userKey)
      return removed < limit && !stopped()
    })
    // As a rule there are none.
    for await (const { key } of this.#walk(places.turns, '')) await this.#options.admission.tidy(key, ABANDONED_MS)
    await this.#removeAbandoned()
    return removed
  }

  /** Once around, or until it is told to stop, or has come to enough. Answers where the next one begins. */
  async #round(root: string, from: string, most: number, visit: (key: string) => Promise<boolean>): Promise<string> {
    let looks = 0
    for (const [after, upTo] of [
      [from, '~'],
      ['', from],
    ] as const) {
      for await (const { at, key } of this.#walk(root, after)) {
        if (at > upTo) break
        if (!(await visit(key)) || ++looks >= most) return at
      }
    }
    return ''
  }

  async #removeEnded(key: string): Promise<boolean> {
    const { fs, cells, sessions, users, now } = this.#options
    const folder = sessions.folderOf(key)
    const version = await cells.read(folder)
    if (!version) {
      await cells.clear(folder)
      return false
    }
    const entry = read(version.text, key)
    const before = now() - CLEANUP_GRACE_MS
    // What is no valid record has no end of its own; it may be one that is newer than this program.
    const ended = entry
      ? ('gone' in entry ? entry.until : endOf(entry.record)) < before
      : ((await fs.age(join(folder, version.name))) ?? 0) > ABANDONED_MS
    if (!ended) {
      await cells.tidy(folder, ABANDONED_MS)
      return false
    }
    if (entry && 'gone' in entry && entry.successor) await sessions.finish(entry.successor, key)
    const removed = await cells.remove(folder, version.name)
    if (removed && entry && 'record' in entry) await users.remove(entry.record, entry.entry)
    return removed
  }

  /** Folders that never came to their place. Moved first: whoever has made one and comes back must find all of it, or nothing. */
  async #removeAbandoned(): Promise<void> {
    const { fs, places } = this.#options
    for (const name of (await fs.list(places.nursery)) ?? []) {
      const path = join(places.nursery, name)
      if (((await fs.age(path)) ?? 0) < ABANDONED_MS) continue
      const doomed = join(places.nursery, uniqueName())
      if (await fs.rename(path, doomed)) await fs.discard(doomed)
    }
  }
}
