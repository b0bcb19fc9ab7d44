import { dirname, join } from 'node:path'
import type { SessionRecord } from '../../core/record.ts'
import { keyOfName, nameOfKey, shardOf, uniqueName } from './format.ts'
import type { FileSessions } from './sessions.ts'
import type { FileSystem, LastingFolders } from './system.ts'

const ENTRY = /^(\d{10}-[0-9a-z]{41})-(.+)$/
const DIGITS = 10
/** So long an entry may wait for its record; then it counts as left over. */
const LEFT_OVER_MS = 3_600_000

/** Where a user's session is to be found. */
export interface UserEntry {
  /** What the record says of its entry: number and unique word. */
  entry: string
  key: string
}

/**
 * Who has which sessions: a folder for each user, with an empty file for each session, whose name says all. An entry is made before its
 * record, with a number after all that are there. Two that are made at once may get the same one: neither is the older. Whoever
 * logs in after another was told finds that one's entry, and gets a higher number.
 */
export class FileUsers {
  readonly #fs: FileSystem
  readonly #folders: LastingFolders
  readonly #sessions: FileSessions
  readonly #root: string

  constructor(fs: FileSystem, folders: LastingFolders, sessions: FileSessions, root: string) {
    this.#fs = fs
    this.#folders = folders
    this.#sessions = sessions
    this.#root = root
  }

  /** Makes an entry for a session that is about to come. It is on the disk when it answers. */
  async add(userKey: string, key: string): Promise<string> {
    const folder = this.#folderOf(userKey)
    for (;;) {
      await this.#folders.ensure(dirname(folder))
      if ((await this.#fs.makeFolder(folder)) === null) this.#folders.forget()
      const last = (await this.#list(folder)).at(-1)
      const entry = `${String(Number(last?.entry.slice(0, DIGITS) ?? 0) + 1).padStart(DIGITS, '0')}-${uniqueName()}`
      const file = await this.#fs.create(pathOf(folder, entry, key))
      // A clean-up has found the folder empty.
      if (!file) continue
      await file.close()
      await this.#fs.sync(folder)
      await this.#fs.sync(dirname(folder))
      return entry
    }
  }

  /**
   * When the record is there: sees to it that its entry is, and stays. One that has waited for long may be about to be removed by
   * somebody who has looked for the record in vain, so it gets another.
   */
  async confirm({ userKey, key }: SessionRecord, entry: string | undefined): Promise<void> {
    if (userKey === undefined) return
    for (let current = entry; current !== undefined; ) {
      const age = await this.#fs.age(pathOf(this.#folderOf(userKey), current, key))
      if (age !== null && age < LEFT_OVER_MS / 2) return
      const next = await this.add(userKey, key)
      const moved = await this.#sessions.reenter(key, current, next)
      await this.remove({ userKey, key }, moved ? current : next)
      current = moved ? next : undefined
    }
  }

  async remove({ userKey, key }: Pick<SessionRecord, 'key' | 'userKey'>, entry: string | undefined): Promise<void> {
    if (userKey !== undefined && entry !== undefined) await this.#fs.remove(pathOf(this.#folderOf(userKey), entry, key))
  }

  /** Removes an entry whose record has gone, or never came. In this order: a record that comes later has a younger entry. */
  async tidy(userKey: string, { key, entry }: UserEntry): Promise<void> {
    const age = await this.#fs.age(pathOf(this.#folderOf(userKey), entry, key))
    if (age === null || age < LEFT_OVER_MS || (await this.#sessions.entryOf(key)) === entry) return
    await this.remove({ userKey, key }, entry)
  }

  /** A user's entries, oldest first; some may have no record, or not yet. */
  list(userKey: string): Promise<UserEntry[]> {
    return this.#list(this.#folderOf(userKey))
  }

  /** Only if it is empty. */
  async removeFolder(userKey: string): Promise<void> {
    await this.#fs.removeFolder(this.#folderOf(userKey))
  }

  #folderOf(userKey: string): string {
    return join(this.#root, shardOf(userKey), nameOfKey(userKey))
  }

  async #list(folder: string): Promise<UserEntry[]> {
    const entries: UserEntry[] = []
    for (const name of ((await this.#fs.list(folder)) ?? []).sort()) {
      const [, entry, keyName] = ENTRY.exec(name) ?? []
      const key = keyName === undefined ? undefined : keyOfName(keyName)
      if (entry !== undefined && key !== undefined) entries.push({ entry, key })
    }
    return entries
  }
}

function pathOf(folder: string, entry: string, key: string): string {
  return join(folder, `${entry}-${nameOfKey(key)}`)
}
