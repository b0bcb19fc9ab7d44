import { expect } from 'vitest'
import { decoded, type Env, encoded, type Handler, plant, start } from '../support/conversation.ts'
import { compare, inBothModes, type Script } from '../support/differential.ts'
import type { Jar } from '../support/jar.ts'
import type { Ctx, Loose } from '../support/subjects.ts'

const put: Handler = ctx => {
  ctx.session.user = 'ann'
  return { isNew: ctx.session.isNew }
}

const read: Handler = ctx => ({ session: ctx.session, isNew: ctx.session.isNew })

const untouched: Handler = () => 'ok'

const out: Handler = ctx => {
  ctx.session = null
  return 'out'
}

const routes = { '/put': put, '/read': read, '/untouched': untouched, '/out': out }

const both = (script: Omit<Script, 'routes'>) => inBothModes({ ...script, routes })

const keepExpired = (_: Env, jar: Jar) => {
  jar.keepsExpired = true
}

compare('valid', [
  ...both({
    name: 'valid gets ctx and the stored data, and true lets it in',
    options: env => ({ valid: env.spy('valid', () => true) }),
    requests: ['/read', '/put', '/read', '/untouched', '/out', '/read'],
  }),
  ...both({
    name: 'valid that says false: a fresh session and session:invalid',
    options: env => ({ valid: env.spy('valid', (_: Ctx, data: Loose) => data.user !== 'ann') }),
    requests: ['/put', '/read', '/put', '/untouched'],
  }),
  ...both({
    name: 'valid that gives nothing at all counts as false, any truthy value as true',
    options: env => ({ valid: env.spy('valid', (ctx: Ctx) => (ctx.query.odd ? 'yes' : undefined)) }),
    requests: ['/put', '/read?odd=1', '/read'],
  }),
  ...both({
    name: 'valid is not asked about an expired session',
    options: env => ({ maxAge: 1_000, valid: env.spy('valid', () => true) }),
    requests: [
      { to: '/put', first: keepExpired },
      { to: '/read', after: 1_001 },
    ],
  }),
  ...both({
    name: 'what valid changes on the data is in the session',
    options: () => ({
      valid: (_: Ctx, data: Loose) => {
        data.seen = (data.seen ?? 0) + 1
        return true
      },
    }),
    requests: ['/put', '/read', '/put', '/read'],
  }),
  ...both({
    name: 'valid that throws',
    options: () => ({
      valid: (ctx: Ctx) => {
        if (ctx.query.fail) throw new Error('valid failed')
        return true
      },
    }),
    requests: ['/put', '/read?fail=1', '/untouched?fail=1', '/read'],
  }),
  ...both({
    name: 'valid: undefined is no hook',
    options: () => ({ valid: undefined }),
    requests: ['/put', '/read'],
  }),
  {
    name: 'an async valid that says false, with a store',
    options: env => ({ store: env.store, genid: env.genid, valid: async () => false }),
    routes,
    requests: ['/put', '/read'],
    differs: {
      because: 'the answer of an async valid counts',
      peer: [{}, { body: '{"session":{"user":"ann"},"isNew":false}', did: ['store.get'] }],
      holdfast: [{}, { body: '{"session":{},"isNew":true}', did: ['store.get', 'session:invalid'] }],
    },
  },
  {
    name: 'an async valid that says false, in cookie mode',
    options: () => ({ valid: async () => false }),
    routes,
    requests: ['/put', '/read'],
    differs: {
      because: 'where nothing can be awaited, a promise is an error and never acceptance',
      peer: [{}, { status: 200, body: '{"session":{"user":"ann"},"isNew":false}' }],
      holdfast: [{}, { status: 500, did: ['error'], journal: [{ args: [{ message: expect.stringContaining('valid') }, '<ctx>'] }] }],
    },
  },
])

compare('beforeSave', [
  ...both({
    name: 'beforeSave gets ctx and the session before each save, and not without one',
    options: env => ({ beforeSave: env.spy('beforeSave', () => {}) }),
    requests: ['/read', '/put', '/read', '/put', '/out'],
  }),
  ...both({
    name: 'what beforeSave changes is saved',
    options: () => ({
      beforeSave: (ctx: Ctx, session: Loose) => {
        session.saves = (session.saves ?? 0) + 1
        session.by = ctx.path
        session.same = session === ctx.session
      },
    }),
    requests: ['/put', '/read', '/out', '/put', '/read'],
  }),
  ...both({
    name: 'beforeSave that sets maxAge',
    options: () => ({
      beforeSave: (_: Ctx, session: Loose) => {
        session.maxAge = 5_000
      },
    }),
    requests: ['/put', '/read', { to: '/read', after: 5_001 }],
  }),
  ...both({
    name: 'beforeSave with rolling',
    options: env => ({ rolling: true, beforeSave: env.spy('beforeSave', () => {}) }),
    requests: ['/put', '/read'],
  }),
  ...both({
    name: 'beforeSave that throws',
    options: () => ({
      beforeSave: () => {
        throw new Error('beforeSave failed')
      },
    }),
    requests: ['/put', '/read'],
  }),
])

compare('encode and decode', [
  {
    name: 'own encode and decode of cookies',
    options: env => ({
      encode: env.spy('encode', (data: Loose) => Buffer.from(JSON.stringify(data)).toString('hex')),
      decode: env.spy('decode', (text: string) => JSON.parse(Buffer.from(text, 'hex').toString())),
    }),
    routes,
    requests: ['/read', '/put', '/read', '/untouched', '/put', '/out'],
  },
  {
    name: 'encode and decode are not used with a store',
    options: env => ({ store: env.store, genid: env.genid, encode: env.spy('encode', () => ''), decode: env.spy('decode', () => ({})) }),
    routes,
    requests: ['/put', '/read'],
  },
  {
    name: 'encode that gives what no cookie can carry',
    options: () => ({ encode: () => 'a;b' }),
    routes,
    requests: ['/put', '/read'],
  },
  {
    name: 'encode that gives nothing',
    options: () => ({ encode: () => '' }),
    routes,
    requests: ['/put', '/read'],
  },
  {
    name: 'encode that throws',
    options: () => ({
      encode: () => {
        throw new Error('encode failed')
      },
    }),
    routes,
    requests: ['/put', '/read'],
  },
  {
    name: 'decode that throws a SyntaxError gives a fresh session',
    options: () => ({
      decode: () => {
        throw new SyntaxError('not today')
      },
    }),
    routes,
    requests: ['/put', '/read', '/untouched', '/put'],
  },
  {
    name: 'decode that throws another error clears the cookie, and the error surfaces',
    options: () => ({
      decode: () => {
        throw new RangeError('decode failed')
      },
    }),
    routes,
    requests: ['/put', '/untouched', '/read', '/read', '/put'],
  },
  {
    name: 'decode that throws what is no Error gives a fresh session',
    options: () => ({
      decode: () => {
        throw 'a text'
      },
    }),
    routes,
    requests: ['/put', '/read'],
  },
  ...['null', '""', 'false', '0', '5', '"abc"', '["a","b"]', '{}', '{"user":"eve"}'].map(json => ({
    name: `a signed cookie that holds ${json}`,
    routes,
    requests: [{ to: '/read', first: (_: Env, jar: Jar) => plant(jar, Buffer.from(json).toString('base64')) }, '/put', '/read'],
  })),
  ...['!!! no base64 !!!', 'bm90IGpzb24=', 'eyJ1c2VyIjoiYW5uIg==', '%7B%7D', '"e30="', 'e30'].map(value => ({
    name: `a signed cookie with the text ${value}`,
    routes,
    requests: [{ to: '/read', first: (_: Env, jar: Jar) => plant(jar, value) }, '/put', '/read'],
  })),
  {
    name: 'an expired cookie: session:expired, once, with its data',
    options: () => ({ valid: () => true }),
    routes,
    requests: [{ to: '/read', first: (_, jar) => plant(jar, encoded({ user: 'ann', _expire: start - 1, _maxAge: 1 })) }, '/put', '/read'],
  },
  {
    name: 'the text of the cookie is base64 of JSON, in the order of the keys, bookkeeping last',
    options: () => ({ maxAge: 1_000 }),
    routes: {
      ...routes,
      '/': ctx => Object.assign(ctx.session, { b: 1, a: { d: 1, c: 2 } }),
      '/what': ctx => decoded(ctx.cookies.get('koa.sess')),
    },
    requests: ['/', '/what'],
  },
])
