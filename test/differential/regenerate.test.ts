import { expect } from 'vitest'
import type { Conversation, Env, Handler } from '../support/conversation.ts'
import { compare, inBothModes, inStore } from '../support/differential.ts'
import type { Ctx } from '../support/subjects.ts'

const put: Handler = ctx => {
  ctx.session.user = 'ann'
  return 'put'
}

const change: Handler = ctx => {
  ctx.session.changes = (ctx.session.changes ?? 0) + 1
  return 'changed'
}

const read: Handler = ctx => ({ session: ctx.session, isNew: ctx.session?.isNew })

const routes = { '/put': put, '/change': change, '/read': read }

const fill: Conversation['routes'] = {
  ...routes,
  '/regenerate': async (ctx, env) => {
    const before = ctx.session.externalKey
    const result = ctx.session.regenerate()
    env.note('called', result)
    env.note('settled', await result)
    env.memory.set('keys', [before, ctx.session.externalKey])
    return { session: ctx.session, isNew: ctx.session.isNew }
  },
  '/callback': async (ctx, env) => {
    await new Promise<void>((resolve, reject) => {
      const result = ctx.session.regenerate((error?: Error) => (error ? reject(error) : resolve()))
      env.note('called', result)
    })
    env.note('called back')
    return ctx.session
  },
}

/** After regenerate, a thief brings the cookies of before. */
function replayed(name: string, options: (env: Env) => object): Conversation {
  return {
    name,
    options,
    routes: fill,
    requests: [
      '/put',
      { to: '/regenerate', first: (env, jar) => void env.memory.set('cookies', jar.snapshot()) },
      '/read',
      { to: '/read', as: 'thief', first: (env, jar) => jar.restore(env.memory.get('cookies')) },
    ],
  }
}

compare('regenerate', [
  ...inBothModes({
    name: 'an existing session gets a new id and keeps its data; the old record is gone before the new one is there',
    routes: fill,
    requests: ['/put', '/regenerate', '/read', '/callback', '/read'],
  }),
  replayed('an old cookie is worth nothing after regenerate, with a store', inStore),
  replayed('an old cookie goes on being good after regenerate, in cookie mode, where nothing could know better', () => ({})),
  ...inBothModes({
    name: 'regenerate and a change after it',
    routes: {
      ...fill,
      '/login': async ctx => {
        await ctx.session.regenerate()
        ctx.session.user = 'bob'
        return 'in'
      },
    },
    requests: ['/put', '/login', '/read'],
  }),
  ...inBothModes({
    name: 'regenerate with autoCommit: false has done its work when it returns',
    options: { autoCommit: false },
    routes: {
      ...fill,
      '/put': async ctx => {
        ctx.session.user = 'ann'
        await ctx.session.manuallyCommit()
        return 'put'
      },
    },
    requests: ['/put', '/regenerate', '/read', '/callback', '/read'],
  }),
  ...inBothModes({ name: 'regenerate of a new, empty session', routes: fill, requests: ['/regenerate', '/read'] }),
  {
    name: 'regenerate of a new session with data',
    options: inStore,
    routes: {
      ...fill,
      '/login': async ctx => {
        ctx.session.user = 'ann'
        await ctx.session.regenerate()
        return 'in'
      },
    },
    requests: ['/login', '/read'],
    differs: {
      because: 'the automatic commit has nothing left to write (promise 18)',
      peer: [{ did: ['store.destroy', 'store.set', 'store.set'] }, { body: '{"session":{"user":"ann"},"isNew":false}' }],
      holdfast: [{ did: ['store.destroy', 'store.set'] }, { body: '{"session":{"user":"ann"},"isNew":false}' }],
    },
  },
  {
    name: 'regenerate with rolling',
    options: env => ({ store: env.store, genid: env.genid, rolling: true }),
    routes: fill,
    requests: ['/put', '/regenerate', '/read'],
    differs: {
      because: 'the automatic commit has nothing left to write (promise 18)',
      peer: [{}, { did: ['store.get', 'store.destroy', 'called', 'store.set', 'settled', 'store.set'] }, {}],
      holdfast: [{}, { did: ['store.get', 'store.destroy', 'called', 'store.set', 'settled'] }, {}],
    },
  },
  {
    name: 'externalKey after regenerate',
    options: inStore,
    routes: {
      ...fill,
      '/keys': async ctx => {
        const before = ctx.session.externalKey
        await ctx.session.regenerate()
        return [before, ctx.session.externalKey]
      },
    },
    requests: ['/put', '/keys'],
    differs: {
      because: 'externalKey is the new id at once',
      peer: [{}, { body: '["id-1","id-1"]', setCookie: [expect.stringMatching(/^koa\.sess=id-2;/), expect.anything()] }],
      holdfast: [{}, { body: '["id-1","id-2"]', setCookie: [expect.stringMatching(/^koa\.sess=id-2;/), expect.anything()] }],
    },
  },
  {
    name: 'regenerate with default ids',
    randomIds: true,
    options: env => ({ store: env.store }),
    routes: fill,
    requests: ['/put', '/regenerate', '/read', { to: '/put', as: 'second' }, { to: '/callback', as: 'second' }],
  },
  {
    name: 'regenerate with externalKey tells the transport the new id',
    options: env => ({
      store: env.store,
      genid: env.genid,
      externalKey: {
        get: (ctx: Ctx) => ctx.get('x-session'),
        set: env.spy('externalKey.set', (ctx: Ctx, key: string) => ctx.set('x-session', key)),
      },
    }),
    routes: fill,
    requests: ['/put', { to: '/regenerate', headers: { 'x-session': 'id-1' } }, { to: '/read', headers: { 'x-session': 'id-2' } }],
    differs: {
      because: 'no Set-Cookie is ever emitted where no cookie carries the id (promise 19)',
      peer: [{}, { setCookie: [expect.stringMatching(/^koa\.sess=; /), expect.anything()], headers: { 'x-session': 'id-2' } }, {}],
      holdfast: [
        { setCookie: [] },
        { setCookie: [], headers: { 'x-session': 'id-2' } },
        { setCookie: [], body: expect.stringContaining('ann') },
      ],
    },
  },
])
