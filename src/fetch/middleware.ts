import { mustBeBoolean, mustBeFunction, mustBeKnown } from '../core/options.ts'
import type { DefaultData } from '../core/session-data.ts'
import { webHeadersOf } from '../core/transport.ts'
import { awaitedCsrfGuard, type CsrfOptions } from '../native/csrf.ts'
import { peopleMethods } from '../native/people.ts'
import type { Sessions } from '../native/sessions.ts'
import { planOf } from '../native/shared-plan.ts'
import { Parts } from '../request/parts.ts'
import { skips } from '../request/skip.ts'
import { refusedHead } from '../request/web.ts'
import { type WebPlan, WebRequest } from '../request/web-request.ts'
import type { FetchOptions, FetchSessions, HonoContext } from './types.ts'

/** Sessions for Hono, and for any handler of web-standard requests, by a manager that `createSessions` made. */
export function session<D extends object = DefaultData, S extends object = Request>(
  sessions: Sessions<D>,
  options: FetchOptions<S> = {},
): FetchSessions<D, S> {
  mustBeKnown('session', options, ['skip', 'proxy', 'ip', 'onError'])
  const { skip, proxy = false, ip, onError } = options as FetchOptions<object>
  for (const [name, hook] of Object.entries({ skip, ip, onError })) mustBeFunction(name, hook)
  mustBeBoolean('proxy', proxy)
  const plan: WebPlan = {
    ...planOf(sessions),
    proxy,
    skip: source => skips(skip?.(source)),
    ipOf: (source, rest) => ip?.(source, ...(rest as never[])),
    answerTo: onError && ((error, source, rest) => onError(error, source, ...(rest as never[]))),
  }
  const parts = partsOf(sessions)
  const begin = (source: object, request: Request, rest: readonly unknown[] = []) =>
    parts.add(new WebRequest(plan, source, request, rest), source, request)
  /** That of another one of these around this one: one session, or they would overwrite each other. */
  const around = (...keys: object[]) => keys.map(key => parts.find(key)).find(part => part && !part.answered)

  async function middleware(c: HonoContext, next: () => Promise<unknown>): Promise<void> {
    const outer = around(c, c.req.raw)
    if (outer) {
      parts.add(outer, c)
      return void (await next())
    }
    const part = begin(c, c.req.raw)
    try {
      replace(c, await part.serve(() => next().then(() => c.res as Response)))
    } catch (error) {
      // Hono's error handler answers, and its answer takes over these headers.
      replace(c, part.told(refusedHead(c.res as Response)))
      throw error
    }
  }

  const methods = {
    handler(handle: (request: Request, ...rest: unknown[]) => Response | Promise<Response>) {
      return async (request: Request, ...rest: unknown[]) =>
        around(request) ? handle(request, ...rest) : begin(request, request, rest).serve(() => handle(request, ...rest))
    },
    of: (source: object) => parts.of(source).get(),
    set: (source: object, value: object | null) => parts.of(source).set(value),
    csrf(own: CsrfOptions<object>) {
      const check = awaitedCsrfGuard(sessions.csrf, own)
      return async (source: HonoContext | Request, next?: () => Promise<unknown>): Promise<void> => {
        const { method, headers } = 'req' in source ? source.req.raw : source
        await check(source, method, webHeadersOf(headers), () => methods.of(source))
        await next?.()
      }
    },
    load: sessions.load.bind(sessions),
    ...peopleMethods(() => sessions),
  }
  return Object.assign(middleware, methods) as unknown as FetchSessions<D, S>
}

const PARTS = new WeakMap<object, Parts<WebRequest>>()
const NOT_YET = 'this request has not come through its session: put app.use(…) or handler(…) before its use'

/** One for each manager: whatever was made of it knows the requests of the others. */
function partsOf(sessions: object): Parts<WebRequest> {
  const parts = PARTS.get(sessions) ?? new Parts<WebRequest>(NOT_YET)
  PARTS.set(sessions, parts)
  return parts
}

/** In the place of the one that is there: Hono would put that one's headers over it. */
function replace(c: HonoContext, response: Response): void {
  if (c.res === response) return
  c.res = undefined
  c.res = response
}
