import { expect } from 'vitest'
import type { Conversation, Env, Handler } from '../support/conversation.ts'
import { compare } from '../support/differential.ts'

const put: Handler = ctx => {
  ctx.session.user ??= 'ann'
  ctx.session.puts = (ctx.session.puts ?? 0) + 1
  return String(ctx.session.maxAge)
}

const read: Handler = ctx => ({ session: ctx.session, isNew: ctx.session.isNew })

const out: Handler = ctx => {
  ctx.session = null
  return 'out'
}

const routes = { '/put': put, '/read': read, '/out': out }

/** Requests whose handler first writes `changes` to ctx.sessionOptions. */
function writing(changes: Record<string, unknown>, extra: Partial<Conversation> = {}): Conversation[] {
  const script: Conversation = {
    name: `ctx.sessionOptions: ${JSON.stringify(changes)}`,
    routes: {
      ...routes,
      '/write': ctx => {
        Object.assign(ctx.sessionOptions, changes)
        return put(ctx, {} as Env)
      },
      '/writeOut': ctx => {
        Object.assign(ctx.sessionOptions, changes)
        return out(ctx, {} as Env)
      },
      '/writeRead': ctx => {
        Object.assign(ctx.sessionOptions, changes)
        return read(ctx, {} as Env)
      },
    },
    requests: ['/write', '/put', '/write', '/writeRead', '/read', '/writeOut', '/put'],
    ...extra,
  }
  return [
    { ...script, name: `${script.name}, in cookie mode` },
    { ...script, name: `${script.name}, with a store`, options: env => ({ store: env.store, genid: env.genid }) },
  ]
}

compare('ctx.sessionOptions', [
  ...writing({ maxAge: 5_000 }),
  ...writing({ maxAge: 0 }),
  ...writing({ path: '/write' }),
  ...writing({ domain: 'example.com' }, { host: 'shop.example.com' }),
  ...writing({ sameSite: 'strict' }),
  ...writing({ secure: false }),
  ...writing({ httpOnly: false }),
  ...writing({ overwrite: false }),
  ...writing({ signed: false }),
  ...writing({ rolling: true }),
  ...writing({ key: 'other' }),
  ...writing({ priority: 'high', partitioned: true }),
  ...writing({ expires: new Date('2030-01-01T00:00:00Z') }),
  {
    name: "ctx.sessionOptions: maxAge 'session'",
    options: () => ({ maxAge: 1_000 }),
    routes: {
      ...routes,
      '/write': ctx => {
        ctx.sessionOptions.maxAge = 'session'
        return put(ctx, {} as Env)
      },
    },
    requests: ['/write', '/read'],
  },
  {
    name: 'secure written to ctx.sessionOptions at https',
    prepare: env => {
      env.app.proxy = true
    },
    routes: {
      '/write': ctx => {
        ctx.sessionOptions.secure = true
        ctx.session.user = 'ann'
        return 'ok'
      },
      '/read': read,
    },
    requests: [{ to: '/write', secure: true }, { to: '/read', secure: true }, '/read'],
  },
  {
    name: 'hooks written to ctx.sessionOptions',
    routes: {
      '/write': (ctx, env) => {
        ctx.sessionOptions.beforeSave = env.spy('beforeSave', () => {})
        ctx.sessionOptions.encode = env.spy('encode', () => 'e30=')
        ctx.session.user = 'ann'
        return 'ok'
      },
      '/read': read,
    },
    requests: ['/write', '/read'],
  },
  {
    name: 'they are a copy: the next request and the app’s object know nothing of it',
    options: () => ({ maxAge: 1_000 }),
    routes: {
      ...routes,
      '/write': (ctx, env) => {
        ctx.sessionOptions.maxAge = 9_000
        ctx.sessionOptions.own = true
        return { own: env.options.own ?? 'none', maxAge: env.options.maxAge }
      },
      '/see': ctx => ({ maxAge: ctx.sessionOptions.maxAge, own: ctx.sessionOptions.own ?? 'none', key: ctx.sessionOptions.key }),
    },
    requests: ['/write', '/see', '/put'],
  },
  {
    name: 'they show the life of this session',
    options: () => ({ maxAge: 1_000 }),
    routes: {
      ...routes,
      '/set': ctx => {
        ctx.session.user = 'ann'
        ctx.session.maxAge = 5_000
        return String(ctx.sessionOptions.maxAge)
      },
      '/see': ctx => {
        const before = ctx.sessionOptions.maxAge
        return { before, user: ctx.session.user, after: ctx.sessionOptions.maxAge }
      },
    },
    requests: ['/set', '/see'],
  },
  {
    name: 'secure: true written to ctx.sessionOptions on plain http',
    routes: {
      '/write': ctx => {
        ctx.sessionOptions.secure = true
        ctx.session.user = 'ann'
        return 'ok'
      },
    },
    requests: ['/write'],
    differs: {
      because: 'one warning and no cookie, not a 500',
      peer: [{ status: 500, body: 'Internal Server Error', setCookie: [] }],
      holdfast: [{ status: 200, body: expect.stringMatching('ok'), setCookie: [] }],
    },
  },
])
