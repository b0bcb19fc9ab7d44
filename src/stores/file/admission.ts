import { join } from 'node:path'
import { type SessionRecord, tombstoneMs } from '../../core/record.ts'
import type { UserLimit } from '../../core/store.ts'
import { inTurn, Sightings, type Turn, type TurnPlace } from '../common/turn.ts'
import type { FileCells } from './cells.ts'
import { type Buried, nameOfKey, shardOf, write } from './format.ts'
import type { FileSessions } from './sessions.ts'
import type { FileSystem } from './system.ts'

export interface FileAdmissionOptions {
  fs: FileSystem
  cells: FileCells
  sessions: FileSessions
  /** The folder of the turns. */
  root: string
  now: () => number
  /** A user's live sessions, oldest first. */
  listByUser: (userKey: string) => Promise<SessionRecord[]>
  /** Ends a session with a tombstone `evicted`. True if it lived. */
  evict: (key: string, inTime: () => boolean) => Promise<boolean>
}

/** A record that is to begin under a limit, and the one whose place it takes. */
export interface Candidate {
  record: SessionRecord
  oldKey?: string
  limit: UserLimit & { userKey: string }
  inTime: () => boolean
}

/** Keeps to the limit of a user's sessions: who begins one has the turn among all that begin one of that user. */
export class FileAdmission {
  readonly #options: FileAdmissionOptions
  readonly #sightings = new Sightings()

  constructor(options: FileAdmissionOptions) {
    this.#options = options
  }

  /** `insert` says whether its answer means that the record lives; `full`, what is answered where there are too many. */
  admit<T>(candidate: Candidate, insert: () => Promise<T>, lives: (answer: T) => boolean, full: () => Promise<T>): Promise<T> {
    const { record, limit, inTime } = candidate
    const place = this.#turns(limit.userKey, inTime)
    return inTurn({ place, key: record.key, name: limit.userKey, sightings: this.#sightings }, async () => {
      if (limit.deny && (await this.#surplus(candidate)).length > 0) return full()
      const answer = await insert()
      if (lives(answer)) await this.#evictSurplus(candidate)
      return answer
    })
  }

  /** Removes the turn of who was killed in the middle of it, if its user has not come back for so long. */
  async tidy(userKey: string, abandonedMs: number): Promise<void> {
    const { fs, cells } = this.#options
    const folder = this.#folderOf(userKey)
    const version = await cells.read(folder)
    if (!version) return cells.clear(folder)
    const age = await fs.age(join(folder, version.name))
    const held = turnIn(version.text)
    if (age === null || age < abandonedMs) return
    if (held) await this.#turns(userKey, () => true).bar(held.key)
    await cells.remove(folder, version.name)
  }

  async #surplus({ record, oldKey, limit: { userKey, max } }: Candidate): Promise<SessionRecord[]> {
    const all = await this.#options.listByUser(userKey)
    const others = all.filter(({ key, userId }) => key !== record.key && key !== oldKey && userId !== undefined)
    return others.slice(0, Math.max(0, others.length + 1 - max))
  }

  async #evictSurplus(candidate: Candidate): Promise<void> {
    for (;;) {
      const surplus = await this.#surplus(candidate)
      let ended = 0
      for (const { key } of surplus) if (await this.#options.evict(key, candidate.inTime)) ended++
      // One that has ended otherwise meanwhile may have got a new id: then there is one more to count.
      if (ended === surplus.length) return
    }
  }

  #folderOf(userKey: string): string {
    return join(this.#options.root, shardOf(userKey), nameOfKey(userKey))
  }

  #turns(userKey: string, inTime: () => boolean): TurnPlace {
    const { cells, sessions, now } = this.#options
    const folder = this.#folderOf(userKey)
    return {
      take: (turn, over) =>
        cells.change<Turn | null>(folder, async version => {
          const held = version && turnIn(version.text)
          if (held && held.word !== over) {
            inTime()
            return { answer: held }
          }
          return { answer: null, text: JSON.stringify(turn), still: inTime }
        }),
      async leave({ word }) {
        const version = await cells.read(folder)
        if (version && turnIn(version.text)?.word === word) await cells.remove(folder, version.name)
      },
      bar: key =>
        sessions.change(key, ({ live, gone }) => {
          if (live || gone) return { answer: undefined }
          const tombstone: Buried = { gone: 'evicted', until: now() + tombstoneMs('evicted') }
          return { answer: undefined, text: write(tombstone), final: true, still: inTime }
        }),
    }
  }
}

/** Null: nobody has it. */
function turnIn(text: string): Turn | null {
  try {
    const { word, key } = JSON.parse(text) as Partial<Turn>
    return typeof word === 'string' && typeof key === 'string' ? { word, key } : null
  } catch {
    return null
  }
}
