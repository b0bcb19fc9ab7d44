/**
 * What your sessions hold. Augment it once, and every handler knows the keys; as long as it is empty, any key goes.
 *
 * @example
 * declare module 'holdfast' {
 *   interface SessionData { userId?: string }
 * }
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is empty for its users to augment
export interface SessionData {}

/** Any key: what a session's data are while `SessionData` is not augmented. */
// biome-ignore lint/suspicious/noExplicitAny: a plain switch from koa-session compiles only so
export type AnyData = Record<string, any>

/** `SessionData` once it is augmented, any key before. */
export type DefaultData = [keyof SessionData] extends [never] ? AnyData : SessionData
