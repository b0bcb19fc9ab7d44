import type { IncomingMessage } from 'node:http'
import { type CsrfOptions, csrfGuard } from '../native/csrf.ts'
import type { Sessions } from '../native/sessions.ts'
import type { Next } from './request-session.ts'

/**
 * Refuses, with 403, what another site has made the browser send. It stands behind `session(sessions)` and the body's parser.
 *
 * @example
 * app.use(csrf(sessions, { origins: ['https://shop.example'], token: req => req.body?._csrf }))
 */
export function csrf<R extends Pick<IncomingMessage, 'method' | 'headers'> = IncomingMessage>(
  sessions: Sessions<object>,
  options: CsrfOptions<R> & { property?: string | undefined },
) {
  const { property = 'session' } = options
  const check = csrfGuard(sessions.csrf, options, 'property')
  const sessionOf = (req: R) => (req as unknown as Record<string, object | null>)[property] ?? null
  return (req: R, _res: unknown, next: Next): void => {
    try {
      check(
        req,
        req.method,
        name => single(req.headers[name]),
        () => sessionOf(req),
      )
    } catch (error) {
      next(error)
      return
    }
    next()
  }
}

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value.join(', ') : value)
