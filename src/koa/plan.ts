import type { Context } from 'koa'
import type { SessionManager } from '../core/manager.ts'
import type { KoaRequestSession } from './request-session.ts'

/** What `session()` has made of its options: one for a native manager, one for each state of a drop-in's options object. */
export interface Plan {
  readonly manager: SessionManager
  readonly autoCommit: boolean
  /** Each request has its part from the beginning, also where nobody looks at its session: a hook is asked of it, or something told. */
  readonly attends: boolean
  /** Answers say what became of their session, in development. */
  readonly explains?: boolean | undefined
  /** The request header that the answer depends on, for `Vary`. */
  readonly vary: string | undefined
  /** An answer that has read a user's session is `no-store`, unless the app says otherwise. */
  readonly noStore?: boolean | undefined
  /** The cookies that it sets; they survive Koa's reset of headers after an error. */
  readonly cookieNames: readonly string[]
  skip(ctx: Context): boolean
  /** Whether both stand for one session: the same cookie, the same place. */
  sameAs(other: Plan): boolean
  /** Begins one request's part. */
  begin(ctx: Context): KoaRequestSession
}
