import type { IncomingMessage, ServerResponse } from 'node:http'
import { mustBeFunction, mustBeKnown } from '../core/options.ts'
import { CSRF_HEADER, type CsrfOptions, csrfGuard } from '../native/csrf.ts'
import type { Sessions } from '../native/sessions.ts'
import type { Next } from './request-session.ts'

/**
 * Refuses, with 403, what another site has made the browser send. It stands behind `session(sessions)` and the body's parser.
 *
 * @example
 * app.use(csrf(sessions, { origins: ['https://shop.example'], token: req => req.body?._csrf }))
 */
export function csrf<R extends IncomingMessage>(sessions: Sessions<object>, options: CsrfOptions<R> & { property?: string | undefined }) {
  mustBeKnown('csrf', options, ['origins', 'token', 'property'])
  mustBeFunction('token', options.token)
  const { property = 'session', token } = options
  const check = csrfGuard(sessions.csrf, options.origins)
  return (req: R, _res: ServerResponse, next: Next): void => {
    try {
      const header = (name: string) => single(req.headers[name])
      const sent = token ? token(req) : header(CSRF_HEADER)
      check({ method: req.method, header, token: sent }, () => (req as unknown as Record<string, object | null>)[property] ?? null)
    } catch (error) {
      next(error)
      return
    }
    next()
  }
}

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value.join(', ') : value)
