import type { Context, Next } from 'koa'
import { type CsrfOptions, csrfGuard } from '../native/csrf.ts'
import type { Sessions } from '../native/sessions.ts'

/**
 * Refuses, with 403, what another site has made the browser send. It stands behind `session(sessions, app)`.
 *
 * @example
 * app.use(csrf(sessions, { origins: ['https://shop.example'], token: ctx => ctx.request.body?._csrf }))
 */
export function csrf(sessions: Sessions<object>, options: CsrfOptions<Context> & { property?: string | undefined }) {
  const { property = 'session' } = options
  const check = csrfGuard(sessions.csrf, options, 'property')
  return async (ctx: Context, next: Next): Promise<void> => {
    check(
      ctx,
      ctx.method,
      name => single(ctx.req.headers[name]),
      () => ctx[property] as object | null,
    )
    await next()
  }
}

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value.join(', ') : value)
