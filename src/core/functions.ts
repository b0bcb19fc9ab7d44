import { controlsOf } from './controls.ts'
import type { Data } from './json.ts'

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
export function regenerate(session: object): Promise<void> {
  return controlsOf(session).regenerate()
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
