import type { Handler } from '../support/conversation.ts'
import { compare, inBothModes } from '../support/differential.ts'
import type { Loose } from '../support/subjects.ts'

const put: Handler = ctx => {
  ctx.session.user = 'ann'
  return 'put'
}

const read: Handler = ctx => ({ session: ctx.session, isNew: ctx.session.isNew })

const out: Handler = ctx => {
  ctx.session = null
  return 'out'
}

const routes = { '/put': put, '/read': read, '/out': out }

/** What of the options given to a cookie's `set` or `get` concerns the cookie. */
function attributes(given: Loose): Record<string, unknown> {
  const { signed, overwrite, httpOnly, path, domain, secure, sameSite, maxAge, expires } = given ?? {}
  return { signed, overwrite, httpOnly, path, domain, secure, sameSite, maxAge, expires }
}

compare('ctx.cookies as an extension point', [
  ...inBothModes({
    name: 'a patched set sees every cookie of the session',
    before: (ctx, next, env) => {
      const { set } = ctx.cookies
      ctx.cookies.set = function (name: string, value: string, options: Loose) {
        env.note('set', name, value, attributes(options))
        return set.call(this, name, value, options)
      }
      return next()
    },
    options: { maxAge: 60_000, sameSite: 'lax' },
    routes,
    requests: ['/put', '/read', '/out'],
  }),
  ...inBothModes({
    name: 'a patched set that adds an attribute',
    before: (ctx, next) => {
      const { set } = ctx.cookies
      ctx.cookies.set = (name: string, value: string, options: Loose) =>
        set.call(ctx.cookies, name, value, { ...options, sameSite: 'strict' })
      return next()
    },
    routes,
    requests: ['/put', '/read', '/out'],
  }),
  ...inBothModes({
    name: 'a patched get is asked for the session’s cookie',
    before: (ctx, next, env) => {
      const { get } = ctx.cookies
      ctx.cookies.get = function (name: string, options: Loose) {
        env.note('get', name, attributes(options))
        return get.call(this, name, options)
      }
      return next()
    },
    routes: { ...routes, '/untouched': () => 'ok' },
    requests: ['/put', '/read', '/untouched'],
  }),
  ...inBothModes({
    name: 'ctx.cookies replaced by an object of the app',
    before: (ctx, next, env) => {
      ctx.cookies = {
        get: (name: string, options: Loose) => {
          env.note('get', name, attributes(options))
          return env.memory.get(name)
        },
        set: (name: string, value: string, options: Loose) => {
          env.note('set', name, value, attributes(options))
          env.memory.set(name, value)
        },
      }
      return next()
    },
    routes,
    requests: ['/put', '/read', '/out', '/read'],
  }),
  ...inBothModes({
    name: 'ctx.cookies replaced between reading and writing',
    routes: {
      ...routes,
      '/swap': (ctx, env) => {
        ctx.session.swapped = true
        const { cookies } = ctx
        ctx.cookies = {
          get: (name: string, options: Loose) => cookies.get(name, options),
          set: (name: string, value: string, options: Loose) => {
            env.note('set', name)
            cookies.set(name, value, options)
          },
        }
        return 'ok'
      },
    },
    requests: ['/put', '/swap', '/read'],
  }),
  ...inBothModes({
    name: 'keys of ctx.cookies replaced for one request',
    before: (ctx, next) => {
      const { keys } = ctx.cookies
      ctx.cookies.keys = { sign: (data: string) => `own${keys.sign(data)}`, index: () => 0, verify: () => true }
      return next()
    },
    routes,
    requests: ['/put', '/read'],
  }),
  ...inBothModes({
    name: 'Set-Cookie set by the app as one text',
    routes: {
      ...routes,
      '/text': ctx => {
        ctx.res.setHeader('Set-Cookie', 'plain=1')
        ctx.session.a = 1
        return 'ok'
      },
    },
    requests: ['/text', '/read'],
  }),
])
