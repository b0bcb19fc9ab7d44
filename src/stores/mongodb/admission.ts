import type { SessionRecord } from '../../core/record.ts'
import type { UserLimit } from '../../core/store.ts'
import { inTurn, Sightings, type TurnPlace } from '../common/turn.ts'
import { type Limit, limitOf, type MongoCommands } from './commands.ts'
import { isNotOver, RECORD_FIELDS, tombstone } from './document.ts'

/** A record that is to begin under a limit, and the one whose place it takes. */
export interface Candidate {
  record: SessionRecord
  oldKey?: string
  users: UserLimit & { userKey: string }
  limit: Limit
}

/** How it begins. */
export interface Beginning<T> {
  insert(): Promise<T>
  /** Whether an answer of `insert` means that the record lives. */
  lives(answer: T): boolean
  /** What is answered where there are too many. */
  full(): Promise<T>
  /** What is answered where it has ended again by the time that its turn was over. */
  ended: T
}

/** So long a turn that is over may take to be given back. */
const LEAVE_MS = 1000

/**
 * Keeps to the limit of a user's sessions without transactions: who begins one has the turn among all that begin one of that user. It is
 * a document of its own, which is there as long as somebody has it.
 */
export class MongoAdmission {
  readonly #commands: MongoCommands
  readonly #sightings = new Sightings()

  constructor(commands: MongoCommands) {
    this.#commands = commands
  }

  admit<T>(candidate: Candidate, { insert, lives, full, ended }: Beginning<T>): Promise<T> {
    const { record, users, limit } = candidate
    const place = this.#turns(users.userKey, limit)
    return inTurn({ place, key: record.key, name: users.userKey, sightings: this.#sightings }, async () => {
      if (users.deny && (await this.#look(candidate)).surplus.length > 0) return full()
      const answer = await insert()
      return !lives(answer) || (await this.#evictSurplus(candidate)) ? answer : ended
    })
  }

  /** The user's sessions that are too many beside this one, oldest first, and whether this one lives. */
  async #look({ record: { key }, oldKey, users, limit }: Candidate): Promise<{ surplus: string[]; present: boolean }> {
    const { live } = await this.#commands.living({ userKey: users.userKey }, { seq: 1 }, 0, limit)
    const others = live.filter(({ _id, userId }) => _id !== key && _id !== oldKey && userId !== undefined).map(({ _id }) => _id)
    const surplus = others.slice(0, Math.max(0, others.length + 1 - users.max))
    return { surplus, present: live.some(({ _id }) => _id === key) }
  }

  /** False: who had taken it for late has ended the new session, which had begun all the same. */
  async #evictSurplus(candidate: Candidate): Promise<boolean> {
    const { users, limit } = candidate
    for (;;) {
      const { surplus, present } = await this.#look(candidate)
      if (!present) return false
      const change = { when: isNotOver(this.#commands.time), parts: tombstone('evicted', this.#commands.time) }
      const ended = surplus.length === 0 ? 0 : await this.#commands.changeAll(users.userKey, surplus, change, limit)
      // One that has ended otherwise meanwhile may have got a new id: then there is one more to count.
      if (ended === surplus.length) return true
    }
  }

  #turns(userKey: string, limit: Limit): TurnPlace {
    const commands = this.#commands
    return {
      async take(turn, over) {
        if (over !== undefined) await commands.leaveTurn(userKey, over, limit)
        for (;;) {
          // Looked at first: most who come here have to wait.
          const held = await commands.turnOf(userKey, limit)
          if (held) return held
          if (await commands.takeTurn(userKey, turn, limit)) return null
        }
      },
      leave: ({ word }) => commands.leaveTurn(userKey, word, limitOf(LEAVE_MS)),
      async bar(key) {
        // What is pending may have been decided on.
        if (await commands.look(key, RECORD_FIELDS, limit)) return
        const unborn = { $not: [{ $and: [isNotOver(commands.time), { $not: ['$pending'] }] }] }
        await commands.changeAnyway(key, { when: unborn, parts: tombstone('evicted', commands.time) }, limit)
      },
    }
  }
}
