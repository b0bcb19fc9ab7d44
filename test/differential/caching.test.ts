import type { Env, Handler } from '../support/conversation.ts'
import { compare, inBothModes, type Script } from '../support/differential.ts'

// `Vary` and `Cache-Control`, which Holdfast adds and every other conversation leaves out of its trace.

const put: Handler = ctx => {
  ctx.session.user = 'ann'
  return 'put'
}

const read: Handler = ctx => String(ctx.session.user)

const routes = {
  '/put': put,
  '/read': read,
  '/untouched': () => 'ok',
  '/public': (ctx => {
    ctx.set('Cache-Control', 'public, max-age=60')
    return put(ctx, {} as Env)
  }) as Handler,
  '/noStore': (ctx => {
    ctx.set('Cache-Control', 'no-store')
    return put(ctx, {} as Env)
  }) as Handler,
  '/vary': (ctx => {
    ctx.set('Vary', 'Accept-Encoding')
    return read(ctx, {} as Env)
  }) as Handler,
  '/varyAll': (ctx => {
    ctx.set('Vary', '*')
    return read(ctx, {} as Env)
  }) as Handler,
  '/varyCookie': (ctx => {
    ctx.set('Vary', 'accept, cookie')
    return read(ctx, {} as Env)
  }) as Handler,
}

function seen(vary: string, cacheControl: string) {
  return { headers: { vary, 'cache-control': cacheControl } }
}

const because = 'a shared cache must not hand one visitor’s page to another (promise 15)'

const both = (script: Omit<Script, 'routes' | 'keepsCaching'>) => inBothModes({ ...script, routes, keepsCaching: true })

compare('caching headers', [
  ...both({ name: 'an untouched request gets none', requests: ['/untouched'] }),
  ...both({
    name: 'a read varies by Cookie, and an answer that sets a cookie is private',
    requests: ['/read', '/put', '/read'],
    differs: {
      because,
      peer: [seen('none', 'none'), seen('none', 'none'), seen('none', 'none')],
      holdfast: [seen('Cookie', 'none'), seen('Cookie', 'private'), seen('Cookie', 'none')],
    },
  }),
  ...both({
    name: 'what the app says stands',
    requests: ['/public', '/noStore', '/vary', '/varyAll', '/varyCookie'],
    differs: {
      because,
      peer: [
        seen('none', 'public, max-age=60'),
        seen('none', 'no-store'),
        seen('Accept-Encoding', 'none'),
        seen('*', 'none'),
        seen('accept, cookie', 'none'),
      ],
      holdfast: [
        seen('Cookie', 'public, max-age=60'),
        seen('Cookie', 'no-store'),
        seen('Accept-Encoding, Cookie', 'none'),
        seen('*', 'none'),
        seen('accept, cookie', 'none'),
      ],
    },
  }),
])
