import type { Loaded } from '../core/backend.ts'
import { ticketOf } from '../core/epochs.ts'
import { SessionConflictError } from '../core/errors.ts'
import { type Device, deviceOf, loginNameOf } from '../core/login-facts.ts'
import type { MaybePromise } from '../core/maybe.ts'
import type { SessionRecord } from '../core/record.ts'
import type { IndexedSessionStore, SessionPage } from '../core/store.ts'
import { undecided } from '../core/store-errors.ts'
import { checkUserId } from '../core/user-id.ts'
import { handleOf, isHandle } from '../crypto/handle.ts'
import { userKeyOf } from '../crypto/session-id.ts'
import { ask, insist } from './ask.ts'
import { inBatches } from './batches.ts'
import type { Epochs } from './epochs.ts'

/** One of a user's sessions, without anything that would lead into it. Times in ms since the epoch. */
export interface UserSession {
  /** Its public name, for `revoke(userId, handle)`: the same through all new ids of the session, and worth nothing with another user. */
  handle: string
  /** The device that the user has logged in from; undefined where that is not kept. */
  device: Device | undefined
  createdAt: number
  /** When the user proved who they are; undefined where nobody knows. */
  authenticatedAt: number | undefined
  /** The last request that counted as use. */
  touchedAt: number
  /** When it ends without further use. */
  expiresAt: number
  /** It is the session that was given as `current`. */
  current: boolean
}

/** One of a site's sessions, for those who run the site. */
export interface SiteSession extends UserSession {
  userId: string
}

/** About as many as were asked for: of a store that others use as well, a page may hold few, or none. */
export interface SiteSessions {
  sessions: SiteSession[]
  /** Where the next page begins; null: this was the last. */
  cursor: string | null
}

/** Where a page begins, and how many records of the store are looked at for it. */
export interface PageOptions {
  cursor?: string | undefined
  limit: number
}

/** The session that somebody has in hand, as far as its place knows it. */
export type InHand = Pick<Loaded, 'userId' | 'record'> | null

/** What can be known of the users of a site, and done about their sessions. */
export interface Users {
  list(userId: string, inHand: InHand): Promise<UserSession[]>
  page(options: PageOptions, inHand: InHand): Promise<SiteSessions>
  count(): Promise<number>
  revoke(userId: string, handle: unknown): Promise<boolean>
  revokeAll(userId: string): Promise<number>
  revokeEveryone(): Promise<number>
  beginLogin(userId: string): Promise<{ ticket: string }>
}

/** How often a session may get a new id while it is being ended under its old one. */
const MOST_ATTEMPTS = 20

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

  async list(userId: string, inHand: InHand = null): Promise<UserSession[]> {
    const records = await this.#recordsOf(this.#keyOf(userId))
    const own = this.#handleInHand(inHand)
    return records.map(record => this.#summary(record, userId, own))
  }

  async page({ cursor, limit }: PageOptions, inHand: InHand = null): Promise<SiteSessions> {
    const page = await this.#page(cursor, limit)
    const own = this.#handleInHand(inHand)
    const sessions = page.records.flatMap(record => {
      const { userId } = record
      return userId === undefined || !this.#isOurs(record) ? [] : { userId, ...this.#summary(record, userId, own) }
    })
    return { sessions, cursor: page.cursor }
  }

  /** Each once: a store may show one on several pages. */
  async count(): Promise<number> {
    const keys = new Set<string>()
    for await (const records of this.#pages()) for (const { key } of records) keys.add(key)
    return keys.size
  }

  /**
   * Ends one of a user's sessions; whether there was such a one. A request that is under way may give it a new id meanwhile: then it is
   * known again by its handle, and ended under that.
   */
  async revoke(userId: string, handle: unknown): Promise<boolean> {
    const userKey = this.#keyOf(userId)
    if (!isHandle(handle)) return false
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      const record = (await this.#recordsOf(userKey)).find(one => this.#handleOf(one, userId) === handle)
      if (!record) return false
      if (await this.#ask('revoke', left => this.#store.delete(record.key, 'revoked', left))) return true
    }
    throw new SessionConflictError(`the session got a new id at each of ${MOST_ATTEMPTS} attempts to end it`)
  }

  /** First the epoch, then the index: a login that is being stored meanwhile meets one of the two (H7). */
  async revokeAll(userId: string): Promise<number> {
    return this.#andThen(await this.#raised(checkUserId(userId)), () => this.end(userId))
  }

  async revokeEveryone(): Promise<number> {
    return this.#andThen(await this.#raised(), () => this.endEveryone())
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
    for await (const records of this.#pages()) {
      const users = new Set(records.map(({ userKey }) => userKey as string))
      await inBatches([...users], async key => {
        const ended = await this.#end(key)
        count += ended
      })
    }
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

  /** Of two steps one may have been carried out where the other one fails. */
  async #andThen(failure: { error: unknown } | undefined, end: () => Promise<number>): Promise<number> {
    let count: number
    try {
      count = await end()
    } catch (error) {
      throw undecided(error)
    }
    if (failure) throw undecided(failure.error)
    return count
  }

  /** The users' sessions of this site, page by page. */
  async *#pages(): AsyncGenerator<SessionRecord[]> {
    for (let next: string | null | undefined; next !== null; ) {
      const { records, cursor }: SessionPage = await this.#page(next)
      yield records.filter(record => this.#isOurs(record))
      next = cursor
    }
  }

  async #page(cursor: string | undefined, limit?: number): Promise<SessionPage> {
    const options = { ...(cursor !== undefined && { cursor }), ...(limit !== undefined && { limit }) }
    return this.#ask('list', left => this.#store.list(options, left))
  }

  async #recordsOf(userKey: string): Promise<SessionRecord[]> {
    return this.#ask('list', left => this.#store.listByUser(userKey, left))
  }

  /** Whether it is a session of a user of this site: others may share the store, and not every record is a session. */
  #isOurs({ userId, userKey }: SessionRecord): boolean {
    return userId !== undefined && userKey === userKeyOf(this.#scope, userId)
  }

  #handleOf({ key, meta }: Pick<SessionRecord, 'key' | 'meta'>, userId: string): string {
    return handleOf(this.#scope, userId, loginNameOf(meta) ?? key)
  }

  #handleInHand(inHand: InHand): string | undefined {
    return inHand?.record && inHand.userId !== undefined ? this.#handleOf(inHand.record, inHand.userId) : undefined
  }

  #summary(record: SessionRecord, userId: string, own: string | undefined): UserSession {
    const { meta, createdAt, authenticatedAt, touchedAt, expiresAt } = record
    const handle = this.#handleOf(record, userId)
    return { handle, device: deviceOf(meta), createdAt, authenticatedAt, touchedAt, expiresAt, current: handle === own }
  }

  async #end(userKey: string): Promise<number> {
    return this.#ask('revoke', left => this.#store.deleteByUser(userKey, { reason: 'revoked' }, left))
  }

  #keyOf(userId: string): string {
    return userKeyOf(this.#scope, checkUserId(userId))
  }

  #ask<T>(operation: string, call: (leftMs: number) => Promise<T>): MaybePromise<T> {
    return ask(operation, this.#timeoutMs, () => insist(this.#timeoutMs, call))
  }
}
