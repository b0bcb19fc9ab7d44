import { DEFAULT_STORE_TIMEOUT_MS } from '../backends/ask.ts'
import { Epochs } from '../backends/epochs.ts'
import { UserSessions, type Users } from '../backends/users.ts'
import { MAX_COOKIE_AGE_MS } from '../cookie/attributes.ts'
import type { Beside } from '../core/lifetime.ts'
import type { LoginFacts } from '../core/login-facts.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { type Duration, durationMs, mustBeFunction } from '../core/options.ts'
import { isIndexedSessionStore } from '../core/store.ts'
import { checkUserId } from '../core/user-id.ts'
import type { Warnings } from '../core/warnings.ts'
import { type DeviceOption, loginFactsBy } from './devices.ts'

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

/** What an app is told whose store cannot say whose sessions it holds. */
export const NO_INDEX = "to know whose sessions there are, give session() one of Holdfast's stores"

/** What a drop-in knows of its users. */
export interface KnownUsers {
  users: Users
  /** Since when their sessions count. */
  epochs: Epochs
  /** What is kept of their logins. */
  loginFacts: (request: unknown) => MaybePromise<LoginFacts>
}

interface UsersOptions {
  scope: string
  storeTimeout: Duration | undefined
  device: DeviceOption | undefined
  warnings: Warnings
}

/** Of the users of a drop-in's store; undefined where it keeps no index of them. */
export function usersOf(store: unknown, { scope, storeTimeout, device = false, warnings }: UsersOptions): KnownUsers | undefined {
  if (!isIndexedSessionStore(store)) return undefined
  const timeoutMs = inMs('storeTimeout', storeTimeout) ?? DEFAULT_STORE_TIMEOUT_MS
  const epochs = new Epochs(store, { scope, timeoutMs, longestLifeMs: MAX_COOKIE_AGE_MS, now: () => Date.now() })
  const users = new UserSessions(store, scope, timeoutMs, epochs)
  return { users, epochs, loginFacts: loginFactsBy({ device, timeoutMs, warnings }) }
}
