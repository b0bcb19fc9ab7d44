import { type Conversation, type Env, encoded, type Handler, plant, start } from '../support/conversation.ts'
import { compare } from '../support/differential.ts'
import type { Jar } from '../support/jar.ts'

const inStore = (env: Env) => ({ store: env.store, genid: env.genid, maxAge: 60_000 })

const put: Handler = ctx => {
  ctx.session.user = 'ann'
  return { isNew: ctx.session.isNew, key: ctx.session.externalKey }
}

const read: Handler = ctx => ({ session: ctx.session, isNew: ctx.session.isNew, key: ctx.session.externalKey })

const out: Handler = ctx => {
  ctx.session = null
  return 'out'
}

const change: Handler = ctx => {
  ctx.session.changes = (ctx.session.changes ?? 0) + 1
  return 'changed'
}

const routes = { '/put': put, '/change': change, '/read': read, '/out': out, '/untouched': () => 'ok' }

/** A visitor with a good cookie whose record in the store is `record`. */
const recordIs = (record: unknown) => (env: Env, jar: Jar) => {
  env.store.records.set('known', record)
  plant(jar, 'known')
}

function odd(what: string, record: unknown): Conversation {
  return {
    name: `a record that is ${what}`,
    options: inStore,
    routes,
    requests: [{ to: '/read', first: recordIs(record) }, '/put', '/read'],
  }
}

function failing(method: 'get' | 'set' | 'destroy', to: string, status: number[]): Conversation[] {
  return ['later', 'at once'].map(how => ({
    name: `a store whose ${method} fails ${how}`,
    options: inStore,
    routes,
    requests: [
      '/put',
      {
        to,
        first: (env: Env) => {
          env.store.answersAtOnce = how === 'at once'
          env.store.fails[method] = new Error('the store is down')
        },
      },
      {
        to: '/read',
        first: (env: Env) => {
          delete env.store.fails[method]
        },
      },
    ],
    differs: {
      because: 'the error is a SessionStoreError that has the store’s own as its cause',
      peer: [200, ...status].map((code, index) => ({
        status: code,
        ...(index === 1 && {
          setCookie: [],
          journal: [...before(method), {}, { what: 'error', args: [{ message: 'the store is down' }, '<ctx>'] }],
        }),
      })),
      holdfast: [200, ...status].map((code, index) => ({
        status: code,
        ...(index === 1 && {
          setCookie: [],
          body: 'Internal Server Error',
          journal: [...before(method), {}, { what: 'error', args: [{ name: 'SessionStoreError', cause: 'the store is down' }, '<ctx>'] }],
        }),
      })),
    },
  }))
}

/** The calls of a request before the one that fails. */
function before(method: string): object[] {
  return method === 'get' ? [] : [{ what: 'store.get' }]
}

compare('a store with get, set and destroy', [
  {
    name: 'each call, with its arguments, from the first visit to the logout',
    options: inStore,
    routes,
    requests: ['/put', '/read', '/put', '/out', '/read', '/put'],
  },
  {
    name: 'a request that does not touch the session loads it and saves nothing',
    options: inStore,
    routes,
    requests: ['/untouched', '/put', '/untouched'],
  },
  {
    name: 'a store that answers without promises',
    options: env => {
      env.store.answersAtOnce = true
      return inStore(env)
    },
    routes,
    requests: ['/put', '/read', '/put', '/out', '/read'],
  },
  {
    name: 'a store that is a plain object, with this as its own',
    options: env => ({
      genid: env.genid,
      store: {
        records: env.memory,
        async get(key: string) {
          return this.records.get(key)
        },
        async set(key: string, data: unknown) {
          this.records.set(key, JSON.parse(JSON.stringify(data)))
        },
        async destroy(key: string) {
          this.records.delete(key)
        },
      },
    }),
    routes,
    requests: ['/put', '/read', '/out', '/read'],
  },
  {
    name: 'what a handler changes after the store got the data does not reach the store',
    options: env => ({
      ...inStore(env),
      store: {
        get: (key: string) => env.memory.get(key),
        set: async (key: string, data: unknown) => void env.memory.set(key, data),
        destroy: async () => {},
      },
    }),
    routes: {
      '/put': async ctx => {
        ctx.session.user = 'ann'
        await ctx.session.save()
        ctx.session.late = true
        ctx.session = { user: 'ann' }
        return 'ok'
      },
      '/read': read,
    },
    requests: ['/put', '/read'],
  },
  {
    name: 'a record that is missing: session:missed, a new id, the old one is not adopted',
    options: inStore,
    routes,
    requests: ['/put', { to: '/read', first: env => env.store.records.clear() }, '/put', '/read'],
  },
  {
    name: 'an id that the visitor made up, with a good signature',
    options: inStore,
    routes,
    requests: [{ to: '/put', first: (_, jar) => plant(jar, '../../etc/passwd') }, '/read'],
  },
  {
    name: 'an id that the visitor made up, without a signature',
    options: inStore,
    routes,
    requests: [{ to: '/put', first: (_, jar) => jar.set('koa.sess', 'id-99') }, '/read'],
  },
  {
    name: 'an id that the visitor made up, unsigned sessions',
    options: env => ({ ...inStore(env), signed: false }),
    routes,
    requests: [{ to: '/put', first: (_, jar) => jar.set('koa.sess', 'chosen') }, '/read'],
  },
  {
    name: 'the cookie of cookie mode brought to a store',
    options: inStore,
    routes,
    requests: [{ to: '/read', first: (_, jar) => plant(jar, encoded({ user: 'ann', _expire: start + 1_000, _maxAge: 1_000 })) }, '/put'],
  },
  {
    name: 'two visitors, two records',
    options: inStore,
    routes: { ...routes, '/bob': ctx => Object.assign(ctx.session, { user: 'bob' }) },
    requests: ['/put', { to: '/bob', as: 'bob' }, '/read', { to: '/read', as: 'bob' }, '/out', { to: '/read', as: 'bob' }, '/read'],
  },
  {
    name: 'an old cookie replayed after the logout finds nothing',
    options: inStore,
    routes,
    requests: [
      '/put',
      {
        to: '/out',
        first: (env, jar) => {
          env.memory.set('cookies', jar.snapshot())
        },
      },
      { to: '/read', first: (env, jar) => jar.restore(env.memory.get('cookies')) },
    ],
  },
  {
    name: 'two requests of one visitor at once: both load, both save, the later wins',
    options: inStore,
    routes: {
      ...routes,
      '/slow': async (ctx, env) => {
        ctx.session.slow = true
        await env.pause()
        return ctx.session
      },
      '/fast': ctx => Object.assign(ctx.session, { fast: true }),
    },
    requests: ['/put', { to: '/slow', during: ['/fast', '/read'] }, '/read'],
  },
  {
    name: 'two visitors at once get their own answers',
    options: inStore,
    routes: {
      '/slow': async (ctx, env) => {
        ctx.session.user = 'slow'
        await env.pause()
        return ctx.session.user
      },
      '/fast': ctx => {
        ctx.session.user = 'fast'
        return ctx.session.user
      },
      '/read': read,
    },
    requests: [{ to: '/slow', during: [{ to: '/fast', as: 'other' }] }, '/read', { to: '/read', as: 'other' }],
  },
  odd('null', null),
  odd('undefined', undefined),
  odd('an empty text', ''),
  odd('false', false),
  odd('a text', 'abc'),
  odd('a number', 5),
  odd('an array', ['a', 'b']),
  odd('an empty object', {}),
  odd('expired', { user: 'ann', _expire: start - 1, _maxAge: 60_000 }),
  odd('expiring in this millisecond', { user: 'ann', _expire: start, _maxAge: 60_000 }),
  odd('bookkeeping alone', { _expire: start + 5_000, _maxAge: 5_000 }),
  ...failing('get', '/read', [500, 200]),
  ...failing('set', '/change', [500, 200]),
  ...failing('destroy', '/out', [500, 200]),
])
