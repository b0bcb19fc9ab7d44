import { expect } from 'vitest'
import type { Conversation, Env, Handler } from '../support/conversation.ts'
import { compare, inStore } from '../support/differential.ts'
import type { Ctx, Loose } from '../support/subjects.ts'

const put: Handler = ctx => {
  ctx.session.user = 'ann'
  return 'put'
}

const read: Handler = ctx => ({ session: ctx.session, isNew: ctx.session?.isNew })

const routes = { '/put': put, '/read': read }

type Throwing = (ctx: Ctx) => never

const ways: Record<string, Throwing> = {
  'ctx.throw(403)': ctx => ctx.throw(403, 'not you'),
  'an Error': () => {
    throw new Error('handler failed')
  },
  'an Error with a status and headers': () => {
    throw Object.assign(new Error('slow down'), { status: 429, expose: true, headers: { 'retry-after': '5', 'x-own': 'yes' } })
  },
  'an Error with a Set-Cookie of its own': () => {
    throw Object.assign(new Error('teapot'), { status: 418, headers: { 'Set-Cookie': ['own=1; path=/'] } })
  },
  'a text, which is no Error': () => {
    throw 'a text'
  },
  'an object, which is no Error': () => {
    throw { code: 1 }
  },
}

compare('a handler that throws and did not change the session', [
  ...Object.entries(ways).flatMap(([name, fail]): Conversation[] => [
    { name, routes: { ...routes, '/fail': fail }, requests: ['/fail', '/put', '/fail', '/read'] },
    {
      name: `${name}, with a store`,
      options: inStore,
      routes: { ...routes, '/fail': fail },
      requests: ['/fail', '/put', '/fail', '/read'],
    },
    {
      name: `${name}, after it read the session`,
      routes: {
        ...routes,
        '/fail': ctx => {
          ctx.state.user = ctx.session.user
          fail(ctx)
        },
      },
      requests: ['/fail', '/put', '/fail', '/read'],
    },
  ]),
])

const changeAnd =
  (fail: Throwing): Handler =>
  ctx => {
    ctx.session.user = 'bob'
    fail(ctx)
  }

const both = [expect.stringMatching(/^koa\.sess=/), expect.stringMatching(/^koa\.sess\.sig=/)]
const cleared = [expect.stringMatching(/^koa\.sess=; .*1970/), expect.stringMatching(/^koa\.sess\.sig=/)]
const because = 'record and cookie both exist or neither does: Set-Cookie survives the throw (promise 8)'

compare('a handler that throws and changed the session', [
  ...Object.entries(ways).flatMap(([name, fail]): Conversation[] => {
    const own = name.includes('Set-Cookie') ? [expect.stringMatching(/^own=1/)] : []
    return [
      {
        name,
        routes: { ...routes, '/fail': changeAnd(fail) },
        requests: ['/fail', '/read'],
        differs: {
          because,
          peer: [{ setCookie: own }, { body: '{"session":{},"isNew":true}' }],
          holdfast: [{ setCookie: expect.arrayContaining([...both, ...own]) }, { body: '{"session":{"user":"bob"},"isNew":false}' }],
        },
      },
      {
        name: `${name}, with a store`,
        options: inStore,
        routes: { ...routes, '/fail': changeAnd(fail) },
        requests: ['/fail', '/read'],
        differs: {
          because,
          peer: [{ setCookie: own, did: ['store.set', 'error'] }, { body: '{"session":{},"isNew":true}' }],
          holdfast: [
            { setCookie: expect.arrayContaining([...both, ...own]), did: ['store.set', 'error'] },
            { body: '{"session":{"user":"bob"},"isNew":false}' },
          ],
        },
      },
    ]
  }),
  {
    name: 'an app that answers for the error itself keeps all headers',
    before: async (ctx, next) => {
      try {
        await next()
      } catch (error) {
        ctx.status = 400
        ctx.body = `handled: ${(error as Error).message}`
      }
    },
    routes: { ...routes, '/fail': changeAnd(ways['an Error'] as Throwing) },
    requests: ['/fail', '/read'],
  },
  {
    name: 'an app that answers for the error itself, with a store',
    options: inStore,
    before: async (ctx, next) => {
      try {
        await next()
      } catch (error) {
        ctx.body = `handled: ${(error as Error).message}`
      }
    },
    routes: { ...routes, '/fail': changeAnd(ways['an Error'] as Throwing) },
    requests: ['/fail', '/read'],
  },
  {
    name: 'an error after the logout',
    routes: {
      ...routes,
      '/out': ctx => {
        ctx.session = null
        ctx.throw(400)
      },
    },
    requests: ['/put', '/out', '/read'],
    differs: {
      because,
      peer: [{}, { status: 400, setCookie: [] }, { body: '{"session":{"user":"ann"},"isNew":false}' }],
      holdfast: [{}, { status: 400, setCookie: cleared }, { body: '{"session":{},"isNew":true}' }],
    },
  },
  {
    name: 'other cookies of a handler that throws go, as Koa has it',
    routes: {
      ...routes,
      '/fail': ctx => {
        ctx.cookies.set('other', '1')
        ctx.set('x-other', '1')
        ctx.session.user = 'bob'
        ctx.throw(400)
      },
    },
    requests: ['/fail'],
    differs: { because, peer: [{ status: 400, setCookie: [] }], holdfast: [{ status: 400, setCookie: both }] },
  },
  {
    name: 'autoCommit: false and an error: nothing is committed by itself',
    options: () => ({ autoCommit: false }),
    routes: { ...routes, '/fail': changeAnd(ways['an Error'] as Throwing) },
    requests: ['/fail', '/read'],
  },
  {
    name: 'a handler that throws and a store that fails as well',
    options: inStore,
    routes: { ...routes, '/fail': changeAnd(ways['ctx.throw(403)'] as Throwing) },
    requests: [
      {
        to: '/fail',
        first: env => {
          env.store.fails.set = new Error('the store is down')
        },
      },
    ],
    differs: {
      because: 'the handler’s error survives a commit that fails as well (promise 7)',
      peer: [{ status: 500, journal: [{}, { what: 'error', args: [{ message: 'the store is down' }, '<ctx>'] }] }],
      holdfast: [{ status: 403, body: 'not you', setCookie: [], journal: expect.arrayContaining([thrown('not you')]) }],
    },
  },
  {
    name: 'a handler that throws and a beforeSave that throws as well',
    options: () => ({
      beforeSave: () => {
        throw new Error('beforeSave failed')
      },
    }),
    routes: { ...routes, '/fail': changeAnd(ways['ctx.throw(403)'] as Throwing) },
    requests: ['/fail'],
    differs: {
      because: 'the handler’s error survives a commit that fails as well (promise 7)',
      peer: [{ status: 500, journal: [{ what: 'error', args: [{ message: 'beforeSave failed' }, '<ctx>'] }] }],
      holdfast: [{ status: 403, body: 'not you', setCookie: [], journal: expect.arrayContaining([thrown('not you')]) }],
    },
  },
  {
    name: 'one Error object thrown for two visitors at once',
    prepare: env => env.memory.set('error', Object.assign(new Error('shared'), { status: 400, expose: true })),
    routes: {
      ...routes,
      '/slow': async (ctx, env) => {
        ctx.session.user = 'slow'
        await env.pause()
        throw env.memory.get('error')
      },
      '/fast': (ctx, env) => {
        ctx.session.user = 'fast'
        throw env.memory.get('error')
      },
    },
    requests: [{ to: '/slow', during: [{ to: '/fast', as: 'other' }] }, '/read', { to: '/read', as: 'other' }],
    differs: {
      because,
      peer: [{ setCookie: [] }, { setCookie: [] }, { body: '{"session":{},"isNew":true}' }, { body: '{"session":{},"isNew":true}' }],
      holdfast: [
        { setCookie: both, body: 'shared' },
        { setCookie: both, body: 'shared' },
        { body: '{"session":{"user":"slow"},"isNew":false}' },
        { body: '{"session":{"user":"fast"},"isNew":false}' },
      ],
    },
  },
  {
    name: 'the Error object is not written to',
    prepare: env => env.memory.set('error', new Error('shared')),
    routes: {
      '/fail': (ctx: Ctx, env: Env) => {
        ctx.session.user = 'ann'
        throw env.memory.get('error')
      },
      '/look': (_: Ctx, env: Env) => Reflect.ownKeys(env.memory.get('error')).filter(key => key !== 'stack') as Loose,
    },
    requests: ['/fail', '/look'],
    differs: {
      because,
      peer: [{ setCookie: [] }, { body: '["message","status"]' }],
      holdfast: [{ setCookie: both }, { body: '["message","status"]' }],
    },
  },
])

function thrown(message: string): object {
  return { what: 'error', args: [expect.objectContaining({ message }), '<ctx>'] }
}
