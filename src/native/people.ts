import type { InHand, SiteSession, SiteSessions, UserSession, Users } from '../backends/users.ts'
import { userControlsOf } from '../core/controls.ts'
import type { SessionManager } from '../core/manager.ts'
import { mustBeKnown } from '../core/options.ts'
import { checkUserId } from '../core/user-id.ts'

export type { SiteSession, SiteSessions, UserSession }

/** The session in hand, as the handler got it (`ctx.session`, `req.session`). */
export interface ListOptions {
  /** Of the sessions that are listed, this one is `current`. Default none. */
  current?: object | undefined
}

export interface PageOptions extends ListOptions {
  /** Where the page begins: what the page before it has given. It is the store's own mark, for those who run the site. Default: at the first. */
  cursor?: string | undefined
  /** How many records of the store are looked at, 1 to 1000. Default 100. */
  limit?: number | undefined
}

export interface RevokeAllOptions {
  /** A session of this user that goes on, under a new id. Default none. */
  except?: object | undefined
}

/** Whose sessions there are, and how they end: on a native manager, and on a drop-in's middleware. */
export interface PeopleMethods {
  /** The live sessions of all users, a page at a time, in no particular order; one may be on two pages. For those who run the site. */
  list(options: PageOptions): Promise<SiteSessions>
  /** The live sessions of a user (see `login` and the option `user`), oldest first. It costs that user's sessions, never a scan. */
  list(userId: string, options?: ListOptions): Promise<UserSession[]>
  /** How many sessions of users live. It looks at each record of the store, 100 at a time. */
  count(): Promise<number>
  /**
   * Ends one session of a user, by its handle; whether there was such a one. It costs that user's sessions. An unknown handle, and one
   * of another user, is false. Requests under way cannot bring the session back.
   */
  revoke(userId: string, handle: string): Promise<boolean>
  /**
   * Ends all sessions of a user: "log out everywhere". How many there were; in cookie mode nobody counts them, and it is 0. Requests under
   * way cannot bring one back, and a login under way, which may rest on the old password, fails with a `SessionRevokedError`. With
   * `except` that session goes on, under a new id, so that a copy of its cookie is worth nothing either; if another request has given it
   * one at the same moment, all end, and this is a `SessionGoneError`.
   */
  revokeAll(userId: string, options?: RevokeAllOptions): Promise<number>
  /**
   * Call it before the password is checked, keep the ticket on the server, and give it to `login(userId, { ticket })`: if the user was
   * logged out everywhere in between, the login fails, whatever the clocks of the site's processes say. The ticket is no secret.
   */
  beginLogin(userId: string): Promise<{ ticket: string }>
}

const MOST_PER_PAGE = 1000

/** The users of one site: what its place knows of them, and what this process has to be told of their ends. */
export class People implements PeopleMethods {
  readonly #users: Users | undefined
  readonly #manager: SessionManager
  readonly #missing: string

  /** `missing`: what an app is told where nobody knows whose sessions there are. */
  constructor(users: Users | undefined, manager: SessionManager, missing: string) {
    this.#users = users
    this.#manager = manager
    this.#missing = missing
  }

  list(options: PageOptions): Promise<SiteSessions>
  list(userId: string, options?: ListOptions): Promise<UserSession[]>
  async list(first: string | PageOptions, options: ListOptions = {}): Promise<UserSession[] | SiteSessions> {
    // Nothing is no page: who hands in the user of a visitor who has none must not be shown everybody.
    if (typeof first === 'object' && first !== null) return this.#page(first)
    mustBeKnown('list', options, ['current'])
    return this.#known.list(first, this.#inHand(options.current))
  }

  async #page(options: PageOptions): Promise<SiteSessions> {
    mustBeKnown('list', options, ['current', 'cursor', 'limit'])
    // Nor is what a visitor may have sent in the place of a text: `{}`, or `[]`.
    if (Array.isArray(options) || Object.keys(options).length === 0) throw new TypeError('list: name a user, or say limit or cursor')
    const { current, cursor, limit = 100 } = options
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= MOST_PER_PAGE)) {
      throw new TypeError(`list: limit must be a whole number, 1 to ${MOST_PER_PAGE}`)
    }
    if (cursor !== undefined && !isCursor(cursor)) throw new TypeError('list: cursor must be what the page before has given')
    return this.#known.page({ cursor, limit }, this.#inHand(current))
  }

  async count(): Promise<number> {
    return this.#known.count()
  }

  async revoke(userId: string, handle: string): Promise<boolean> {
    return this.#telling(userId, () => this.#known.revoke(userId, handle))
  }

  async revokeAll(userId: string, options: RevokeAllOptions = {}): Promise<number> {
    mustBeKnown('revokeAll', options, ['except'])
    const { except } = options
    return except === undefined ? this.#telling(userId, () => this.#known.revokeAll(userId)) : this.#revokeOthers(userId, except)
  }

  /** As after a change of the password: the session in hand goes over to the next epoch before that ends all others. */
  async #revokeOthers(userId: string, except: object): Promise<number> {
    if (this.#inHand(except)?.userId !== checkUserId(userId)) {
      throw new TypeError('revokeAll: except must be a session of this user, as the handler got it')
    }
    return userControlsOf(except).factorChanged()
  }

  async revokeEveryone(): Promise<number> {
    try {
      return await this.#known.revokeEveryone()
    } finally {
      this.#manager.endedOfAll()
    }
  }

  async beginLogin(userId: string): Promise<{ ticket: string }> {
    return this.#known.beginLogin(userId)
  }

  /** What fails may have ended some of them all the same. */
  async #telling<T>(userId: string, end: () => Promise<T>): Promise<T> {
    try {
      return await end()
    } finally {
      this.#manager.endedOf(userId)
    }
  }

  #inHand(session: object | undefined): InHand {
    return session === undefined ? null : userControlsOf(session).storedAt(this.#manager)
  }

  get #known(): Users {
    if (this.#users) return this.#users
    throw new TypeError(this.#missing)
  }
}

/** Of a cursor only the store knows more. */
function isCursor(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 512 && !/\p{Cc}/u.test(value)
}

/** The methods for a drop-in's middleware, whose options may change while the site runs. */
export function peopleMethods(people: () => PeopleMethods): PeopleMethods {
  return {
    list: (async (...args: [never, ListOptions?]) => people().list(...args)) as PeopleMethods['list'],
    count: async () => people().count(),
    revoke: async (userId, handle) => people().revoke(userId, handle),
    revokeAll: async (userId, options) => people().revokeAll(userId, options),
    beginLogin: async userId => people().beginLogin(userId),
  }
}
