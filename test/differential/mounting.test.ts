import { encoded, type Handler, plant } from '../support/conversation.ts'
import { compare, inStore } from '../support/differential.ts'
import type { Ctx } from '../support/subjects.ts'

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

compare('where the session is mounted', [
  {
    name: 'access before the middleware in cookie mode: read, write, log out',
    before: (ctx, next) => {
      if (ctx.path === '/early') ctx.session.early = (ctx.session.early ?? 0) + 1
      if (ctx.path === '/earlyOut') ctx.session = null
      if (ctx.path === '/earlyRead') ctx.set('x-user', String(ctx.session.early))
      return next()
    },
    routes: { '/early': read, '/earlyOut': () => 'out', '/earlyRead': read, '/read': read },
    requests: ['/early', '/early', '/earlyRead', '/earlyOut', '/read'],
  },
  {
    name: 'access after the middleware in cookie mode is not committed any more',
    before: async (ctx, next) => {
      await next()
      if (ctx.path === '/late') ctx.session.late = true
    },
    routes: { ...routes, '/late': () => 'late' },
    requests: ['/put', '/late', '/read'],
  },
  {
    name: 'access where the middleware never runs: readable, not committed',
    before: (ctx, next) => {
      if (ctx.path !== '/outside') return next()
      ctx.session.outside = true
      ctx.body = ctx.session
    },
    routes,
    requests: ['/put', '/outside', '/read'],
  },
  {
    name: 'the session mocked by a test tool on app.context',
    prepare: env => env.memory.set('mock', { user: 'mocked' }),
    before: (_, next, env) => {
      const own = Object.getOwnPropertyDescriptor(env.app.context, 'session')
      env.note('own', own?.configurable, typeof own?.get, typeof own?.set)
      Object.defineProperty(env.app.context, 'session', { get: () => env.memory.get('mock'), set() {}, configurable: true })
      return next()
    },
    routes: { '/read': ctx => ctx.session },
    requests: ['/read'],
  },
  {
    name: 'this.session in a generator middleware',
    koa: 2,
    after: () =>
      function* (this: Ctx, next: unknown) {
        if (this.path === '/count') {
          this.session.views = (this.session.views ?? 0) + 1
          this.body = `${this.session.views} views`
        }
        if (this.path === '/out') this.session = null
        yield next
      },
    routes: { '/read': read },
    requests: ['/count', '/count', '/read', '/out', '/count'],
  },
  {
    name: 'access before the middleware with a store',
    options: inStore,
    before: (ctx, next) => {
      if (ctx.path === '/early') ctx.state.early = ctx.session.user ?? 'nobody'
      return next()
    },
    routes: { '/put': put, '/early': ctx => [ctx.state.early, ctx.session.user] },
    requests: ['/put', '/early'],
    differs: {
      because: 'nothing is loaded yet, and a throwaway session would say that nobody is logged in',
      peer: [{}, { status: 200, body: '["nobody","ann"]' }],
      holdfast: [{}, { status: 500, did: ['error'], setCookie: [] }],
    },
  },
  {
    name: 'a visitor whose cookie was made by hand in a test, as test tools do',
    routes,
    requests: [{ to: '/read', first: (_, jar) => plant(jar, encoded({ user: 'ann' })) }],
  },
])
