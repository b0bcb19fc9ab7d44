import { Readable } from 'node:stream'
import type { Handler } from '../support/conversation.ts'
import { compare, inBothModes } from '../support/differential.ts'

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

compare('kinds of answers', [
  ...inBothModes({
    name: 'a stream',
    routes: {
      ...routes,
      '/stream': ctx => {
        ctx.session.seen = (ctx.session.seen ?? 0) + 1
        ctx.type = 'text/plain'
        return Readable.from(['a', 'b', 'c'.repeat(70_000)])
      },
    },
    requests: ['/stream', '/stream', '/read'],
  }),
  ...inBothModes({
    name: 'a Buffer, JSON, an empty text, null and nothing at all',
    routes: {
      ...routes,
      '/buffer': ctx => Buffer.from(String(Object.assign(ctx.session, { a: 1 }).a)),
      '/json': ctx => ({ ...Object.assign(ctx.session, { a: 2 }).toJSON() }),
      '/empty': ctx => (Object.assign(ctx.session, { a: 3 }) ? '' : undefined),
      '/null': ctx => {
        ctx.session.a = 4
        ctx.body = null
      },
      '/nothing': ctx => {
        ctx.session.a = 5
      },
    },
    requests: ['/buffer', '/json', '/empty', '/null', '/nothing', '/read'],
  }),
  ...inBothModes({ name: 'HEAD', routes, requests: ['HEAD /put', '/read', 'HEAD /read', 'HEAD /out', '/read'] }),
  ...inBothModes({ name: 'POST, PUT, DELETE and OPTIONS', routes, requests: ['POST /put', 'PUT /read', 'DELETE /out', 'OPTIONS /read'] }),
  ...inBothModes({
    name: '304 for a fresh answer',
    routes: {
      ...routes,
      '/page': ctx => {
        ctx.session.views = (ctx.session.views ?? 0) + 1
        ctx.status = 200
        ctx.etag = 'v1'
        ctx.body = 'page'
        if (ctx.fresh) ctx.status = 304
      },
    },
    requests: ['/page', { to: '/page', headers: { 'if-none-match': '"v1"' } }, '/read'],
  }),
  ...inBothModes({
    name: 'a redirect after the login, and one after the logout',
    routes: {
      ...routes,
      '/in': ctx => {
        ctx.session.user = 'ann'
        ctx.redirect('/read')
      },
      '/bye': ctx => {
        ctx.session = null
        ctx.redirect('/read')
      },
    },
    requests: ['POST /in', '/read', 'POST /bye', '/read'],
  }),
  ...inBothModes({
    name: 'ctx.respond = false and an answer by hand that only read the session',
    routes: {
      ...routes,
      '/raw': ctx => {
        ctx.respond = false
        ctx.res.statusCode = 200
        ctx.res.end(`raw ${ctx.session.user}`)
      },
    },
    requests: ['/raw', '/put', '/raw'],
  }),
  ...inBothModes({
    name: 'a commit by hand, then an answer by hand',
    options: { autoCommit: false },
    routes: {
      ...routes,
      '/raw': async ctx => {
        ctx.session.user = 'ann'
        await ctx.session.manuallyCommit()
        ctx.respond = false
        ctx.res.statusCode = 200
        ctx.res.end('raw')
      },
    },
    requests: ['/raw', '/read'],
  }),
])
