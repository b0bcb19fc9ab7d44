import { DEFAULT_STORE_TIMEOUT_MS } from '../backends/ask.ts'
import { Epochs } from '../backends/epochs.ts'
import { type UserSession, UserSessions, type Users } from '../backends/users.ts'
import { MAX_COOKIE_AGE_MS } from '../cookie/attributes.ts'
import type { Beside } from '../core/lifetime.ts'
import { type Duration, durationMs, mustBeFunction } from '../core/options.ts'
import { isIndexedSessionStore } from '../core/store.ts'
import { checkUserId } from '../core/user-id.ts'

export type { Users }

/** Holdfast's own options, as both drop-ins have them beside their peer's. */
interface BesideOptions {
  idleTimeout?: Duration | undefined
  absoluteTimeout?: Duration | undefined
  touchInterval?: Duration | undefined
}

/** In ms. */
interface BesideTimes {
  idleMs: number | undefined
  absoluteMs: number | null
  touchMs: number | undefined
  /** Absent where the site asks for nothing beside the peer's options. */
  beside: Beside | undefined
}

/** The timeouts of a drop-in. Of two that cannot work together it names both. */
export function timesOf({ idleTimeout, absoluteTimeout, touchInterval }: BesideOptions): BesideTimes {
  const idleMs = inMs('idleTimeout', idleTimeout)
  const absoluteMs = inMs('absoluteTimeout', absoluteTimeout) ?? null
  const touchMs = inMs('touchInterval', touchInterval)
  if (idleMs !== undefined && absoluteMs !== null && absoluteMs < idleMs) throw new TypeError('absoluteTimeout is shorter than idleTimeout')
  if (idleMs !== undefined && touchMs !== undefined && touchMs > idleMs / 2)
    throw new TypeError('touchInterval must be at most half of idleTimeout: a session in use would end')
  if (idleMs === undefined && absoluteMs === null && touchMs === undefined) return { idleMs, absoluteMs, touchMs, beside: undefined }
  return { idleMs, absoluteMs, touchMs, beside: { idleMs, markMs: touchMs ?? (idleMs === undefined ? undefined : idleMs / 20) } }
}

function inMs(name: string, value: Duration | undefined): number | undefined {
  return value === undefined ? undefined : durationMs(name, value)
}

/** Refuses `user` where nobody could be asked for a user's sessions. */
export function checkUser(user: unknown, store: unknown): void {
  mustBeFunction('user', user)
  if (user && !isIndexedSessionStore(store)) {
    throw new TypeError("user needs a store that keeps an index, as Holdfast's do: another one cannot list a user's sessions")
  }
}

/** Whose session it is, by a site's option `user`. */
export function userBy<D>(user: ((data: D) => string | null | undefined) | undefined): ((data: D) => string | undefined) | undefined {
  if (!user) return undefined
  return data => {
    const id = user(data)
    return id === undefined || id === null ? undefined : checkUserId(id)
  }
}

/** The users of a drop-in's store; where it keeps no index of them, who says so. */
export class BesideUsers implements Pick<Users, 'list' | 'revokeAll' | 'beginLogin'> {
  /** Since when their sessions count. */
  readonly epochs: Epochs | undefined
  readonly #users: Users | undefined

  constructor(store: unknown, scope: string, storeTimeout: Duration | undefined) {
    if (!isIndexedSessionStore(store)) return
    const timeoutMs = inMs('storeTimeout', storeTimeout) ?? DEFAULT_STORE_TIMEOUT_MS
    this.epochs = new Epochs(store, { scope, timeoutMs, longestLifeMs: MAX_COOKIE_AGE_MS, now: () => Date.now() })
    this.#users = new UserSessions(store, scope, timeoutMs, this.epochs)
  }

  async list(userId: string): Promise<UserSession[]> {
    return this.#known.list(userId)
  }

  async revokeAll(userId: string): Promise<number> {
    return this.#known.revokeAll(userId)
  }

  async beginLogin(userId: string): Promise<{ ticket: string }> {
    return this.#known.beginLogin(userId)
  }

  get #known(): Users {
    if (this.#users) return this.#users
    throw new TypeError("to know whose sessions there are, give session() one of Holdfast's stores")
  }
}
