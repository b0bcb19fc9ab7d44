import { SessionDataError } from '../core/errors.ts'
import type { SessionRecord } from '../core/record.ts'
import type { IndexedSessionStore } from '../core/store.ts'
import { userKeyOf } from '../crypto/session-id.ts'
import { ask } from './ask.ts'

const MAX_USER_ID_OCTETS = 255
/** What some database could not keep as it is: NUL, and surrogates without their other half. */
const ODD = /[\0\p{Surrogate}]/u

/** A user id as stores can keep it, or a clear refusal. */
export function checkUserId(value: unknown): string {
  if (typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= MAX_USER_ID_OCTETS && !ODD.test(value)) return value
  throw new SessionDataError(
    `a user id must be a text of 1 to ${MAX_USER_ID_OCTETS} octets without NUL or half characters; of a number, give String(…)`,
  )
}

/** One of a user's sessions, without anything that would lead into it. Times in ms since the epoch. */
export interface UserSession {
  createdAt: number
  /** The last request that counted as use. */
  touchedAt: number
  /** When it ends without further use. */
  expiresAt: number
}

/** Whose sessions a store holds. */
export class UserSessions {
  readonly #store: IndexedSessionStore
  readonly #scope: string
  readonly #timeoutMs: number

  constructor(store: IndexedSessionStore, scope: string, timeoutMs: number) {
    this.#store = store
    this.#scope = scope
    this.#timeoutMs = timeoutMs
  }

  async list(userId: string): Promise<UserSession[]> {
    const key = this.#keyOf(userId)
    return (await ask('list', this.#timeoutMs, () => this.#store.listByUser(key, this.#timeoutMs))).map(summary)
  }

  async revokeAll(userId: string): Promise<number> {
    const key = this.#keyOf(userId)
    return ask('revoke', this.#timeoutMs, () => this.#store.deleteByUser(key, { reason: 'revoked' }, this.#timeoutMs))
  }

  #keyOf(userId: string): string {
    return userKeyOf(this.#scope, checkUserId(userId))
  }
}

function summary({ createdAt, touchedAt, expiresAt }: SessionRecord): UserSession {
  return { createdAt, touchedAt, expiresAt }
}
