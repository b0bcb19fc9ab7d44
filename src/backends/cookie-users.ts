import { ticketOf } from '../core/epochs.ts'
import { checkUserId } from '../core/user-id.ts'
import type { Revocations } from './revocations.ts'
import type { SiteSessions, UserSession, UserSessions, Users } from './users.ts'

/** The users of sessions that live in cookies: nobody can list or count those, but they can be ended. */
export class CookieUsers implements Users {
  readonly #revocations: Revocations
  readonly #large: UserSessions | undefined

  /** `large`: those of sessions that have become too large for a cookie. */
  constructor(revocations: Revocations, large?: UserSessions | undefined) {
    this.#revocations = revocations
    this.#large = large
  }

  async list(): Promise<UserSession[]> {
    throw inCookies('list')
  }

  async page(): Promise<SiteSessions> {
    throw inCookies('list')
  }

  async count(): Promise<number> {
    throw inCookies('count')
  }

  async revoke(): Promise<boolean> {
    throw inCookies('revoke')
  }

  async revokeAll(userId: string): Promise<number> {
    return this.#both(this.#revocations.endUser(checkUserId(userId)), () => this.#large?.end(userId))
  }

  async revokeEveryone(): Promise<number> {
    return this.#both(this.#revocations.endUser(), () => this.#large?.endEveryone())
  }

  /** One after the other; where the cookies' could not be ended, those in the store end all the same, and that it was not all is told. */
  async #both(ofCookies: Promise<void>, large: () => Promise<number> | undefined): Promise<number> {
    const [outcome] = await Promise.allSettled([ofCookies])
    const count = (await large()) ?? 0
    if (outcome.status === 'rejected') throw outcome.reason
    return count
  }

  async beginLogin(userId: string): Promise<{ ticket: string }> {
    return { ticket: ticketOf(await this.#revocations.epochs.read(checkUserId(userId)), userId) }
  }
}

function inCookies(method: string): TypeError {
  return new TypeError(`${method}() needs the sessions in a store: nobody knows what cookies there are`)
}
