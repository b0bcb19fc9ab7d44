import type { Context, Next } from 'koa'
import { mustBeFunction, mustBeKnown } from '../core/options.ts'
import { CSRF_HEADER, type CsrfOptions, csrfGuard } from '../native/csrf.ts'
import type { Sessions } from '../native/sessions.ts'

/**
 * Refuses, with 403, what another site has made the browser send. It stands behind `session(sessions, app)`.
 *
 * @example
 * app.use(csrf(sessions, { origins: ['https://shop.example'], token: ctx => ctx.request.body?._csrf }))
 */
export function csrf(sessions: Sessions<object>, options: CsrfOptions<Context> & { property?: string | undefined }) {
  mustBeKnown('csrf', options, ['origins', 'token', 'property'])
  mustBeFunction('token', options.token)
  const { property = 'session', token } = options
  const check = csrfGuard(sessions.csrf, options.origins)
  return async (ctx: Context, next: Next): Promise<void> => {
    const header = (name: string) => single(ctx.req.headers[name])
    check({ method: ctx.method, header, token: token ? token(ctx) : header(CSRF_HEADER) }, () => ctx[property] as object | null)
    await next()
  }
}

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value.join(', ') : value)
