import { controlsOf, type LogoutOptions, type SignalOptions, userControlsOf } from './controls.ts'
import type { Data } from './json.ts'
import type { LoginOptions, ReauthenticatedOptions, RegenerateOptions } from './login.ts'
import type { Duration } from './options.ts'
import type { GoneReason } from './record.ts'

/**
 * Every method of a session, as a function: for data that hide a method's name, and for code that does not know the
 * framework. `session` is `ctx.session` as the handler got it.
 */

/** The id, the secret that the browser holds; undefined in cookie mode. Never log it. */
export function idOf(session: object): string | undefined {
  return controlsOf(session).id
}

/** Whether the request came without a session of its own. */
export function isNew(session: object): boolean {
  return controlsOf(session).isNew
}

/** Writes the session now, changed or not. */
export function save(session: object): Promise<void> {
  return controlsOf(session).save()
}

/** Gives the session a new id; the old one is dead when this returns. Call it at every change of privilege (OWASP, ASVS 7.2.4). */
export function regenerate(session: object, options?: RegenerateOptions): Promise<void> {
  return controlsOf(session).regenerate(options)
}

/** Whom the session belongs to, as it is stored; undefined for nobody. */
export function userIdOf(session: object): string | undefined {
  return userControlsOf(session).userId
}

/** When its user proved who they are, in ms since the epoch. */
export function authenticatedAtOf(session: object): number | undefined {
  return userControlsOf(session).authenticatedAt
}

/**
 * Why the session that the request came with is no more: `'evicted'` (its user has signed in elsewhere, and may have no more sessions
 * than that), `'revoked'`, `'destroyed'`, `'expired'` …; undefined where it came without one, or nobody knows. The store is not asked:
 * it said so when the session was loaded. It says `'evicted'` for a day, everything else for a minute. A login in the request ends it.
 *
 * @example
 * if (goneReason(ctx.session) === 'evicted') ctx.body = 'You have signed in elsewhere.'
 */
export function goneReason(session: object): GoneReason | undefined {
  return userControlsOf(session).goneReason
}

/** Logs a user in: a new id, a new life, and the session is theirs. When it returns, it is stored and the old id is dead. */
export function login(session: object, userId: string, options?: LoginOptions): Promise<void> {
  return userControlsOf(session).login(userId, options)
}

/** Ends the session, in the store and in the browser. */
export function logout(session: object, options?: LogoutOptions): Promise<void> {
  return userControlsOf(session).logout(options)
}

/** Throws an error that becomes a 401, unless the user has proved who they are within this time. */
export function requireFresh(session: object, within: Duration): void {
  userControlsOf(session).requireFresh(within)
}

/** The user has just proved once more who they are: a new id, and `requireFresh` counts from now. */
export function reauthenticated(session: object, options?: ReauthenticatedOptions): Promise<void> {
  return userControlsOf(session).reauthenticated(options)
}

/**
 * A signal for an answer that stays open, such as server-sent events: aborted when the session has ended, by its timeouts or by a
 * logout, with a `SessionEndedError` as its reason. Other requests prolong the session, and so the signal; the open answer does not.
 *
 * @example
 * signalOf(ctx.session).addEventListener('abort', () => stream.end())
 */
export function signalOf(session: object, options?: SignalOptions): AbortSignal {
  return userControlsOf(session).signal(options)
}

/** The user's password or second factor has changed: a new id for this session, and all others of the user end. How many (ASVS 7.4.3). */
export function factorChanged(session: object): Promise<number> {
  return userControlsOf(session).factorChanged()
}

/** Ends the session now, in the store and in the browser. */
export function destroy(session: object): Promise<void> {
  return controlsOf(session).destroy()
}

/** Puts what is stored now in the place of what the handler has. False if the session has been ended meanwhile. */
export function reload(session: object): Promise<boolean> {
  return controlsOf(session).reload()
}

/**
 * Runs a synchronous function on the latest data until it lands. With a Holdfast store, N concurrent increments give
 * exactly N; in cookie mode and with a peer's store it runs once, on this request's data.
 *
 * @example
 * await update(ctx.session, draft => { draft.views = (draft.views ?? 0) + 1 })
 */
export function update<D extends object = Data>(session: D, change: (draft: D) => void): Promise<void> {
  return controlsOf(session).update(change as (draft: Data) => void)
}
