import { ticketOf } from '../core/epochs.ts'
import type { SessionRecord } from '../core/record.ts'
import type { IndexedSessionStore, SessionPage } from '../core/store.ts'
import { checkUserId } from '../core/user-id.ts'
import { userKeyOf } from '../crypto/session-id.ts'
import { ask } from './ask.ts'
import { inBatches } from './batches.ts'
import type { Epochs } from './epochs.ts'

/** One of a user's sessions, without anything that would lead into it. Times in ms since the epoch. */
export interface UserSession {
  createdAt: number
  /** The last request that counted as use. */
  touchedAt: number
  /** When it ends without further use. */
  expiresAt: number
}

/** What can be known of the users of a site, and done about their sessions. */
export interface Users {
  list(userId: string): Promise<UserSession[]>
  revokeAll(userId: string): Promise<number>
  revokeEveryone(): Promise<number>
  beginLogin(userId: string): Promise<{ ticket: string }>
}

/** Whose sessions a store holds. */
export class UserSessions implements Users {
  readonly #store: IndexedSessionStore
  readonly #scope: string
  readonly #timeoutMs: number
  readonly #epochs: Epochs

  constructor(store: IndexedSessionStore, scope: string, timeoutMs: number, epochs: Epochs) {
    this.#store = store
    this.#scope = scope
    this.#timeoutMs = timeoutMs
    this.#epochs = epochs
  }

  async list(userId: string): Promise<UserSession[]> {
    const key = this.#keyOf(userId)
    return (await ask('list', this.#timeoutMs, () => this.#store.listByUser(key, this.#timeoutMs))).map(summary)
  }

  /** First the epoch, then the index: a login that is being stored meanwhile meets one of the two (H7). */
  async revokeAll(userId: string): Promise<number> {
    const failure = await this.#raised(checkUserId(userId))
    const count = await this.end(userId)
    if (failure) throw failure.error
    return count
  }

  async revokeEveryone(): Promise<number> {
    const failure = await this.#raised()
    const count = await this.endEveryone()
    if (failure) throw failure.error
    return count
  }

  async beginLogin(userId: string): Promise<{ ticket: string }> {
    return { ticket: ticketOf(await this.#epochs.read(checkUserId(userId)), userId) }
  }

  /** Ends the sessions of a user that are stored now; how many. */
  async end(userId: string): Promise<number> {
    return this.#end(this.#keyOf(userId))
  }

  /** The same of all users. It looks at each record of the store: nobody else can say who there is. */
  async endEveryone(): Promise<number> {
    let count = 0
    let cursor: string | null | undefined
    do {
      const page: SessionPage = await ask('list', this.#timeoutMs, () => this.#store.list(cursor ? { cursor } : {}, this.#timeoutMs))
      const users = new Set(page.records.flatMap(record => this.#ownerOf(record) ?? []))
      await inBatches([...users], async key => {
        const ended = await this.#end(key)
        count += ended
      })
      cursor = page.cursor
    } while (cursor !== null)
    return count
  }

  /** Where no epoch can be kept, what is in the index shall end all the same; that it was not all is told. */
  async #raised(userId?: string): Promise<{ error: unknown } | undefined> {
    try {
      await this.#epochs.raise(userId)
      return undefined
    } catch (error) {
      return { error }
    }
  }

  /** The user of a session of this site: others may share the store. */
  #ownerOf({ userId, userKey }: SessionRecord): string | undefined {
    return userId !== undefined && userKey === userKeyOf(this.#scope, userId) ? userKey : undefined
  }

  async #end(userKey: string): Promise<number> {
    return ask('revoke', this.#timeoutMs, () => this.#store.deleteByUser(userKey, { reason: 'revoked' }, this.#timeoutMs))
  }

  #keyOf(userId: string): string {
    return userKeyOf(this.#scope, checkUserId(userId))
  }
}

function summary({ createdAt, touchedAt, expiresAt }: SessionRecord): UserSession {
  return { createdAt, touchedAt, expiresAt }
}
