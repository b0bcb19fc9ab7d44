import type { DefaultData } from '../core/session-data.ts'
import type { CsrfOptions } from '../native/csrf.ts'
import type { PeopleMethods } from '../native/people.ts'
import type { Sessions } from '../native/sessions.ts'
import type { NativeSessionOf } from '../request/native.ts'

/** What may stand beside the manager. `S` is Hono's context, or the request. */
export interface FetchOptions<S extends object = Request> {
  /** True for requests that shall have no session. */
  skip?: ((source: S) => boolean) | undefined
  /** A proxy in front is believed: X-Forwarded-For and X-Forwarded-Proto. Default false. */
  proxy?: boolean | undefined
  /** The client's address, for the option `device`. It gets what the handler gets. Default: not known. */
  ip?: ((source: S, ...rest: never[]) => string | undefined) | undefined
  /** The answer to what is thrown. Default: it goes on to Hono, or to the server. */
  onError?: ((error: unknown, source: S, ...rest: never[]) => Response | Promise<Response>) | undefined
}

/** What is used of Hono's context. */
export interface HonoContext {
  readonly req: { readonly raw: Request }
  res: Response | undefined
}

/** Hono's middleware, and the same for any other handler of web-standard requests. */
export interface FetchSessions<D extends object = DefaultData, S extends object = Request> extends PeopleMethods {
  (c: HonoContext, next: () => Promise<unknown>): Promise<void>
  /** The handler with sessions: what it gets beside the request is passed on. */
  handler<A extends unknown[]>(
    handle: (request: Request, ...rest: A) => Response | Promise<Response>,
  ): (request: Request, ...rest: A) => Promise<Response>
  /** The session of a request, or of Hono's context, that has come through here. */
  of(source: object): NativeSessionOf<D>
  /** Null ends the session, an object replaces its data. */
  set(source: object, value: Partial<D> | null): void
  /** Refuses, by a typed 403, what another site has made the browser send: Hono's middleware, or called with a request. */
  csrf(options: CsrfOptions<S>): (source: HonoContext | Request, next?: () => Promise<unknown>) => Promise<void>
  load: Sessions<D>['load']
}
