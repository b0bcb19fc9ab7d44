import { expect } from 'vitest'
import type { Conversation, Env, Handler } from '../support/conversation.ts'
import { compare } from '../support/differential.ts'

const count: Handler = ctx => {
  ctx.session.views = (ctx.session.views ?? 0) + 1
  return `${ctx.session.views} views`
}

const out: Handler = ctx => {
  ctx.session = null
  return 'out'
}

const read: Handler = ctx => String(ctx.session.views)

type Extra = Partial<Omit<Conversation, 'name' | 'options'>>

/** Count, count, read, log out, count: in cookie mode and with a store. */
function visit(options: Record<string, unknown>, extra: Extra = {}, name = JSON.stringify(options)): Conversation[] {
  const common = { routes: { '/': count, '/read': read, '/out': out }, requests: ['/', '/', '/read', '/out', '/'], ...extra }
  return [
    { ...common, name: `${name}, in cookie mode`, options: () => ({ ...options }) },
    { ...common, name: `${name}, with a store`, options: (env: Env) => ({ ...options, store: env.store, genid: env.genid }) },
  ]
}

/** The same, seen by a browser at https behind a proxy that the app trusts. */
const atHttps: Extra = {
  prepare: env => {
    env.app.proxy = true
  },
  requests: ['/', '/', '/read', '/out', '/'].map(to => ({ to, secure: true })),
}

compare('options of the cookie', [
  { name: 'no options at all', routes: { '/': count, '/out': out }, requests: ['/', '/', '/out', '/'] },
  ...visit({ key: 'koa:sess' }),
  ...visit({ key: 'a.b[c]*' }),
  ...visit({ key: 'bad=name' }),
  ...visit({ httpOnly: false }),
  ...visit({ signed: false }),
  ...visit({ signed: false, key: 'koa:sess' }),
  ...visit({ overwrite: false }),
  ...visit({ path: '/', domain: 'example.com' }, { host: 'shop.example.com' }),
  ...visit({ domain: '.example.com' }, { host: 'shop.example.com' }),
  ...visit({ domain: 'not a domain' }),
  ...visit(
    { path: '/admin' },
    { routes: { '/': count, '/admin': count, '/admin/x': count }, requests: ['/admin', '/admin', '/admin/x', '/', '/admin'] },
  ),
  ...visit({ path: '/bad;path' }),
  ...visit({ sameSite: 'lax' }),
  ...visit({ sameSite: 'Strict' }),
  ...visit({ sameSite: 'none' }),
  ...visit({ sameSite: 'sideways' }),
  ...visit({ priority: 'high' }),
  ...visit({ priority: 'urgent' }),
  ...visit({ partitioned: true }),
  ...visit({ sameSite: 'none', partitioned: true, secure: true, priority: 'low' }, atHttps, 'all attributes at https'),
  ...visit({ secure: false }, atHttps, 'secure: false at https'),
  ...visit({ secure: true }, atHttps, 'secure: true at https'),
  ...visit({}, atHttps, 'secure not said, at https'),
  ...visit(
    { secure: true },
    { before: bySetting('secure', true), requests: atHttps.requests ?? [] },
    'secure: true and ctx.cookies.secure = true',
  ),
  ...visit({}, { before: bySetting('secure', true), requests: atHttps.requests ?? [] }, 'secure not said and ctx.cookies.secure = true'),
  ...visit({}, { ...atHttps, before: bySetting('secure', false) }, 'secure not said and ctx.cookies.secure = false at https'),
  ...visit({ secureProxy: true }, atHttps, 'the deprecated secureProxy'),
  ...visit({ expires: new Date('2030-01-01T00:00:00Z') }, {}, 'expires as a date of the app'),
  ...visit({ unknown: 'option', name: 'other', value: 'other' }, {}, 'options that nobody knows'),
  {
    name: 'secure: true on plain http',
    options: () => ({ secure: true }),
    routes: { '/': count, '/out': out },
    requests: ['/', '/', '/out'],
    differs: {
      because: 'one warning and no cookie, not a 500',
      peer: [{ status: 500, setCookie: [], did: ['error'] }, { status: 500 }, { status: 500 }],
      holdfast: [
        { status: 200, setCookie: [], did: [], body: '1 views' },
        { status: 200, setCookie: [], did: [], body: '1 views' },
        { status: 200, setCookie: [], did: [], body: 'out' },
      ],
    },
  },
  {
    name: 'secure: true on plain http, with a store',
    options: env => ({ secure: true, store: env.store, genid: env.genid }),
    routes: { '/': count },
    requests: ['/', '/'],
    differs: {
      because: 'no record per request that no visitor can ever reach',
      peer: [
        { status: 500, did: ['store.set', 'error'] },
        { status: 500, did: ['store.set', 'error'] },
      ],
      holdfast: [
        { status: 200, setCookie: [], did: [] },
        { status: 200, setCookie: [], did: [] },
      ],
    },
  },
  {
    name: 'a session too large for a cookie',
    routes: {
      '/': ctx => {
        ctx.session.text = 'x'.repeat(4_000)
        return 'ok'
      },
    },
    requests: ['/'],
    differs: {
      because: 'no browser keeps a cookie over 4096 octets',
      peer: [
        { status: 200, body: 'ok', setCookie: [expect.stringMatching(/^koa\.sess=.{4096}/), expect.stringMatching(/^koa\.sess\.sig=/)] },
      ],
      holdfast: [
        { status: 500, setCookie: [], did: ['error'], journal: [{ args: [{ message: expect.stringContaining('text') }, '<ctx>'] }] },
      ],
    },
  },
  {
    name: 'the largest session that fits a cookie',
    options: () => ({ maxAge: 1_000 }),
    routes: {
      '/': ctx => {
        ctx.session.text = 'x'.repeat(2_990)
        return 'ok'
      },
      '/length': ctx => String(ctx.session.text?.length),
    },
    requests: ['/', '/length'],
  },
  {
    name: 'cookies of the app stay in their place beside the session’s',
    routes: {
      '/': ctx => {
        ctx.cookies.set('before', '1', { signed: false })
        ctx.session.a = 1
        ctx.cookies.set('after', '2')
        ctx.set('Set-Cookie', [...ctx.response.get('Set-Cookie'), 'plain=3'])
        return 'ok'
      },
      '/read': ctx => ({ before: ctx.cookies.get('before', { signed: false }), after: ctx.cookies.get('after'), session: ctx.session }),
    },
    requests: ['/', '/read'],
  },
  {
    name: 'a cookie that the app sets under the session’s name is overwritten',
    routes: {
      '/': ctx => {
        ctx.cookies.set('koa.sess', 'mine', { signed: false })
        ctx.session.a = 1
        return 'ok'
      },
      '/show': ctx => ctx.session,
    },
    requests: ['/', '/show'],
  },
  {
    name: 'a cookie that the app sets under the session’s name stays beside it with overwrite: false',
    options: () => ({ overwrite: false }),
    routes: {
      '/': ctx => {
        ctx.cookies.set('koa.sess', 'mine', { signed: false })
        ctx.session.a = 1
        return 'ok'
      },
      '/show': ctx => ctx.session,
    },
    requests: ['/', '/show'],
  },
])

function bySetting(name: string, value: unknown): NonNullable<Conversation['before']> {
  return (ctx, next) => {
    ctx.cookies[name] = value
    return next()
  }
}
