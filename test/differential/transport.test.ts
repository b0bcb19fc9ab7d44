import { describe, expect, it } from 'vitest'
import { type Conversation, type Env, type Handler, idForm, plant, play } from '../support/conversation.ts'
import { compare } from '../support/differential.ts'
import { type Ctx, holdfast, koaMajors, type Loose, peer } from '../support/subjects.ts'

const put: Handler = ctx => {
  ctx.session.user = 'ann'
  return { isNew: ctx.session.isNew, key: ctx.session.externalKey }
}

const read: Handler = ctx => ({ session: ctx.session, isNew: ctx.session.isNew, key: ctx.session.externalKey })

const out: Handler = ctx => {
  ctx.session = null
  return 'out'
}

const routes = { '/put': put, '/read': read, '/out': out, '/untouched': () => 'ok' }

const inHeader = (env: Env) => ({
  store: env.store,
  genid: env.genid,
  externalKey: {
    get: env.spy('externalKey.get', (ctx: Ctx) => ctx.get('x-session') || undefined),
    set: env.spy('externalKey.set', (ctx: Ctx, key: string) => ctx.set('x-session', key)),
  },
})

const header = (id: string) => ({ headers: { 'x-session': id } })

/** A class with the three methods on its prototype, over the records of the conversation. */
function contextStore(env: Env, calls: (name: string, ...args: unknown[]) => void = env.note): Loose {
  return class {
    ctx: Ctx
    constructor(...args: unknown[]) {
      calls('new ContextStore', ...args)
      this.ctx = args[0] as Ctx
    }
    async get(key: string, ...rest: unknown[]) {
      calls(`get ${this.ctx.path}`, key, ...rest)
      return env.memory.get(key)
    }
    async set(key: string, data: unknown, ...rest: unknown[]) {
      calls(`set ${this.ctx.path}`, key, data, ...rest)
      env.memory.set(key, data)
    }
    async destroy(key: string, ...rest: unknown[]) {
      calls(`destroy ${this.ctx.path}`, key, ...rest)
      env.memory.delete(key)
    }
  }
}

compare('externalKey', [
  {
    name: 'the id travels in a header; no cookie is set',
    options: inHeader,
    routes,
    requests: [
      '/untouched',
      '/read',
      '/put',
      { to: '/read', ...header('id-3') },
      { to: '/put', ...header('id-3') },
      { to: '/untouched', ...header('id-3') },
    ],
  },
  {
    name: 'an id in a header that the store does not know is not adopted',
    options: inHeader,
    routes,
    requests: [
      { to: '/put', ...header('chosen') },
      { to: '/read', ...header('chosen') },
    ],
  },
  {
    name: 'cookies under the session’s name mean nothing',
    options: inHeader,
    routes,
    requests: ['/put', { to: '/read', first: (_, jar) => plant(jar, 'id-1') }],
  },
  {
    name: 'the id travels in the query',
    options: env => ({
      store: env.store,
      genid: env.genid,
      externalKey: { get: (ctx: Ctx) => ctx.query.sid, set: (ctx: Ctx, key: string) => ctx.set('location', `/?sid=${key}`) },
    }),
    routes,
    requests: ['/put', '/read?sid=id-1', '/put?sid=id-1', '/read'],
  },
  {
    name: 'externalKey without a store is not used',
    options: env => ({ externalKey: inHeader(env).externalKey }),
    routes,
    requests: ['/put', '/read'],
  },
  {
    name: 'an externalKey whose get throws',
    options: env => ({ ...inHeader(env), externalKey: { get: () => JSON.parse('{'), set: () => {} } }),
    routes,
    requests: ['/put'],
  },
  {
    name: 'logging out of a session whose id travels in a header',
    options: env => {
      const { externalKey, ...options } = inHeader(env)
      return {
        ...options,
        externalKey: { ...externalKey, clear: env.spy('externalKey.clear', (ctx: Ctx) => ctx.set('x-session', 'none')) },
      }
    },
    routes,
    requests: ['/put', { to: '/out', ...header('id-1') }],
    differs: {
      because: 'the transport is told to forget the id, and no cookie is touched that never carried it',
      peer: [
        {},
        {
          did: ['externalKey.get', 'externalKey.get gave', 'store.get', 'store.destroy'],
          setCookie: [expect.stringMatching(/^koa\.sess=; .*expires=Thu, 01 Jan 1970/), expect.stringMatching(/^koa\.sess\.sig=/)],
        },
      ],
      holdfast: [
        {},
        {
          did: ['externalKey.get', 'externalKey.get gave', 'store.get', 'store.destroy', 'externalKey.clear', 'externalKey.clear gave'],
          setCookie: [],
          headers: { 'x-session': 'none' },
        },
      ],
    },
  },
])

compare('ContextStore', [
  {
    name: 'it is made with ctx for every request, once',
    options: env => ({ genid: env.genid, ContextStore: contextStore(env) }),
    routes,
    requests: ['/untouched', '/read', '/put', '/read', '/put', '/out', '/read'],
  },
  {
    name: 'it goes before a store',
    options: env => ({ genid: env.genid, ContextStore: contextStore(env), store: env.store }),
    routes,
    requests: ['/put', '/read'],
  },
  {
    name: 'two requests at once have one each',
    options: env => ({ genid: env.genid, ContextStore: contextStore(env) }),
    routes: {
      ...routes,
      '/slow': async (ctx, env) => {
        ctx.session.slow = true
        await env.pause()
        return ctx.session
      },
    },
    requests: ['/put', { to: '/slow', during: ['/read', { to: '/put', as: 'other' }] }, '/read'],
  },
  {
    name: 'with externalKey',
    options: env => ({ ...inHeader(env), store: undefined, ContextStore: contextStore(env) }),
    routes,
    requests: ['/put', { to: '/read', ...header('id-1') }],
  },
  {
    name: 'a constructor that throws',
    options: env => ({
      ContextStore: class extends contextStore(env) {
        constructor(ctx: Ctx) {
          super(ctx)
          throw new Error('no store for you')
        }
      },
    }),
    routes,
    requests: ['/put'],
  },
])

compare('genid and prefix', [
  {
    name: 'genid gets ctx, and is asked for each new session',
    options: env => ({ store: env.store, genid: env.spy('genid', env.genid) }),
    routes,
    requests: ['/untouched', '/read', '/put', '/read', '/out', '/put'],
  },
  {
    name: 'genid is not asked in cookie mode',
    options: env => ({ genid: env.spy('genid', env.genid) }),
    routes,
    requests: ['/put', '/read'],
  },
  {
    name: 'prefix has no effect beside genid',
    options: env => ({ store: env.store, genid: env.genid, prefix: 'shop:' }),
    routes,
    requests: ['/put', '/read'],
  },
  {
    name: 'a genid that throws',
    options: env => ({ store: env.store, genid: () => JSON.parse('{') }),
    routes,
    requests: ['/put'],
  },
  {
    name: 'the default id',
    randomIds: true,
    options: env => ({ store: env.store }),
    routes,
    requests: ['/put', '/read', '/out', '/put', '/read'],
  },
  {
    name: 'prefix in front of the default id',
    randomIds: true,
    options: env => ({ store: env.store, prefix: 'shop:' }),
    routes,
    requests: ['/put', '/read', '/out'],
  },
  { name: 'an empty prefix', randomIds: true, options: env => ({ store: env.store, prefix: '' }), routes, requests: ['/put', '/read'] },
])

/** Visitors at one time with one and the same request. */
const visits = (count: number): Conversation => ({
  name: `${count} visitors`,
  options: env => ({ store: env.store }),
  routes: { '/': ctx => Object.assign(ctx.session, { user: 'ann' }) },
  requests: Array.from({ length: count }, (_, index) => ({ to: '/', as: `visitor ${index}` })),
})

for (const koa of koaMajors) {
  describe(`default ids, on Koa ${koa}`, () => {
    it('of koa-session and of Holdfast have the 8-4-4-4-12 form', async () => {
      for (const subject of [peer, holdfast]) {
        const ids = Object.keys((await play(visits(10), koa, subject)).records)
        expect(ids, subject.name).toHaveLength(10)
        for (const id of ids) expect(id, subject.name).toMatch(new RegExp(`^${idForm.source}$`))
      }
    })

    it('of Holdfast differ between 1,000 visitors who sent the same at the same time, with all digits in every place', async () => {
      const ids = Object.keys((await play(visits(1_000), koa, holdfast)).records)
      expect(ids).toHaveLength(1_000)
      const digits = ids.map(id => id.replaceAll('-', ''))
      for (let place = 0; place < 32; place++) {
        expect(new Set(digits.map(id => id[place])).size, `place ${place}`).toBe(16)
      }
    })
  })
}
