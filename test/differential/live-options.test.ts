import type { Env, Handler } from '../support/conversation.ts'
import { compare } from '../support/differential.ts'
import type { Loose } from '../support/subjects.ts'

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

/** A request before which the app changes its options object. */
const changing = (to: string, changes: Loose) => ({
  to,
  first: (env: Env) => {
    Object.assign(env.options, changes)
  },
})

compare('options that the app changes later on its own object', [
  {
    name: 'maxAge',
    options: () => ({ maxAge: 1_000 }),
    routes,
    requests: ['/put', changing('/put', { maxAge: 5_000 }), { ...changing('/put', { maxAge: 'session' }), as: 'second' }, '/read'],
  },
  {
    name: 'key',
    routes,
    options: () => ({}),
    requests: ['/put', changing('/read', { key: 'other' }), '/put', changing('/read', { key: 'koa.sess' })],
  },
  {
    name: 'cookie attributes',
    routes,
    options: () => ({}),
    host: 'shop.example.com',
    requests: [
      '/put',
      changing('/put', { httpOnly: false, sameSite: 'lax' }),
      changing('/put', { path: '/put', priority: 'low' }),
      changing('/put', { domain: 'example.com', overwrite: false }),
      changing('/out', {}),
    ],
  },
  {
    name: 'signed',
    routes,
    options: () => ({}),
    requests: ['/put', changing('/put', { signed: false }), '/read', changing('/read', { signed: true }), '/put'],
  },
  {
    name: 'rolling and renew',
    routes,
    options: () => ({ maxAge: 1_000 }),
    requests: ['/put', '/read', changing('/read', { rolling: true }), '/read'],
  },
  {
    name: 'hooks',
    routes,
    options: () => ({}),
    requests: [
      '/put',
      {
        to: '/put',
        first: env => {
          env.options.beforeSave = env.spy('beforeSave', () => {})
          env.options.valid = env.spy('valid', () => true)
        },
      },
      changing('/read', { valid: () => false }),
    ],
  },
  {
    name: 'encode and decode',
    routes,
    options: () => ({}),
    requests: [
      '/put',
      changing('/put', {
        encode: (data: object) => encodeURIComponent(JSON.stringify(data)),
        decode: (text: string) => JSON.parse(decodeURIComponent(text)),
      }),
      '/read',
    ],
  },
  {
    name: 'a store that is switched off and on again',
    options: env => ({ store: env.store, genid: env.genid, maxAge: 60_000 }),
    routes,
    requests: [
      '/put',
      changing('/read', { store: undefined }),
      '/put',
      '/read',
      { to: '/read', first: env => Object.assign(env.options, { store: env.store }) },
      '/put',
      '/read',
    ],
  },
  {
    name: 'a store that comes only later',
    options: env => ({ genid: env.genid }),
    routes,
    requests: ['/put', { to: '/read', first: env => Object.assign(env.options, { store: env.store }) }, '/put', '/read'],
  },
  {
    name: 'a method of the store that is replaced',
    options: env => ({ genid: env.genid, store: env.store }),
    routes,
    requests: ['/put', { to: '/read', first: env => Object.assign(env.store, { get: env.spy('own get', () => ({ user: 'bob' })) }) }],
  },
  {
    name: 'genid, and prefix, which comes too late',
    options: env => ({ store: env.store, genid: env.genid }),
    routes,
    requests: [
      '/put',
      { ...changing('/put', { genid: () => 'own-id', prefix: 'late:' }), as: 'second' },
      '/read',
      { to: '/read', as: 'second' },
    ],
  },
  {
    name: 'getters that were put on the object after session()',
    options: env => ({ store: env.store, genid: env.genid }),
    routes,
    requests: [
      '/put',
      {
        to: '/put',
        first: env => {
          env.memory.set('maxAge', 5_000)
          Object.defineProperty(env.options, 'maxAge', { get: () => env.memory.get('maxAge'), enumerable: true, configurable: true })
        },
      },
      { to: '/put', first: env => env.memory.set('maxAge', 7_000), as: 'second' },
      { to: '/put', first: env => env.memory.set('maxAge', 9_000), as: 'third' },
    ],
  },
  {
    name: 'getters with setters that were there from the start',
    options: env => {
      env.memory.set('maxAge', 1_000)
      return {
        get maxAge() {
          return env.memory.get('maxAge')
        },
        set maxAge(value: number) {
          env.memory.set('maxAge', value)
        },
      }
    },
    routes,
    requests: ['/put', { to: '/put', first: env => env.memory.set('maxAge', 5_000), as: 'second' }],
  },
  {
    name: 'a change while a request runs counts from the next one',
    options: () => ({ maxAge: 1_000 }),
    routes: {
      ...routes,
      '/change': (ctx, env) => {
        ctx.session.user = 'ann'
        env.options.maxAge = 9_000
        env.options.key = 'other'
        return 'changed'
      },
      '/late': (ctx, env) => {
        env.options.maxAge = 3_000
        ctx.session.user = 'ann'
        return String(ctx.session.maxAge)
      },
    },
    requests: ['/change', '/put', '/late'],
  },
  {
    name: 'what session() leaves on the object',
    options: env => ({ store: env.store, genid: env.genid }),
    routes: {
      '/': (_, env) => {
        const { key, autoCommit, overwrite, httpOnly, signed, rolling, renew, encode, decode } = env.options
        const flags = { key, autoCommit, overwrite, httpOnly, signed, rolling, renew }
        return { ...flags, maxAge: 'maxAge' in env.options, encode: typeof encode, decode: typeof decode }
      },
    },
    requests: ['/'],
  },
])
