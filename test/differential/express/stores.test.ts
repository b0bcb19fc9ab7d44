import { EventEmitter } from 'node:events'
import { inherits } from 'node:util'
import { type Conversation, called, type Env, type Handler, minute } from '../../support/express/conversation.ts'
import { compare } from '../../support/express/differential.ts'
import { login, look, shop, who } from '../../support/express/handlers.ts'
import { allHosts } from '../../support/express/hosts.ts'
import type { StoreKind } from '../../support/express/store.ts'
import type { Loose } from '../../support/subjects.ts'

// Stores: how they answer, what they inherit, what else of them an app calls, and the one that is there without any.

const visit = ['/who', '/login', '/look', '/renew', '/look', '/idle', { to: '/who', after: 1_000 }]

const kinds: Record<string, StoreKind> = {
  'that answers at once': { atOnce: true },
  'that answers at once and has no touch': { atOnce: true, touch: false },
}

compare(
  'a store',
  Object.entries(kinds).flatMap(([name, store]) =>
    [false, true].map(
      (always): Conversation => ({
        name: always ? `${name}, with resave and saveUninitialized` : name,
        options: { resave: always, saveUninitialized: always, cookie: { maxAge: minute } },
        store,
        hosts: allHosts,
        routes: shop,
        requests: visit,
      }),
    ),
  ),
)

/** A store of an app's own, in the style that `inherit` gives it. */
function ownStore(env: Env, inherit: (Base: Loose) => Loose): Loose {
  const Base = env.session.Store
  const Own = inherit(Base)
  Object.assign(Own.prototype, {
    get(id: string, done: Loose) {
      env.note('get', id, this instanceof Base, this instanceof EventEmitter)
      done(null, env.memory.has(id) ? JSON.parse(env.memory.get(id)) : null)
    },
    set(id: string, session: Loose, done: Loose) {
      env.note('set', id, JSON.stringify(session))
      env.memory.set(id, JSON.stringify(session))
      done?.()
    },
    destroy(id: string, done: Loose) {
      env.note('destroy', id)
      env.memory.delete(id)
      done?.()
    },
  })
  return new Own()
}

const styles: Record<string, (Base: Loose) => Loose> = {
  extends: Base => class extends Base {},
  'util.inherits and Store.call': Base => {
    function Own(this: object) {
      Base.call(this)
    }
    inherits(Own as Loose, Base)
    return Own
  },
  'util.inherits and Store.call with options': Base => {
    function Own(this: object, options = {}) {
      Base.call(this, options)
    }
    inherits(Own as Loose, Base)
    return Own
  },
  'Object.setPrototypeOf': Base => {
    const Own = class {}
    Object.setPrototypeOf(Own.prototype, Base.prototype)
    return Own
  },
}

compare(
  'what a store inherits',
  Object.entries(styles).map(
    ([name, inherit]): Conversation => ({
      name,
      options: env => ({ store: ownStore(env, inherit) }),
      routes: {
        ...shop,
        '/load': async (req, _res, env) => {
          const loaded: Loose = await called(done => env.options.store.load(req.sessionID, done))
          const nothing = await called(done => env.options.store.load('unknown', done))
          return { id: loaded?.id, user: loaded?.user, keys: Object.keys(loaded ?? {}), json: loaded, nothing: nothing ?? 'nothing' }
        },
      },
      requests: ['/login', '/look', '/load', '/renew', '/who'],
    }),
  ),
)

compare('methods of a store', [
  {
    name: 'load, and the methods of what it gives',
    options: { cookie: { maxAge: minute } },
    routes: {
      '/login': login,
      '/load': async (req, _res, env) => {
        const loaded: Loose = await called(done => env.store.load(req.sessionID, done))
        loaded.user = 'by load'
        await called(done => loaded.save(done))
        const touched = loaded.touch() === loaded
        return {
          touched,
          age: loaded.cookie.maxAge,
          same: loaded === req.session,
          own: loaded.req.sessionID,
          store: loaded.req.sessionStore === env.store,
        }
      },
      '/who': who,
    },
    requests: ['/login', { to: '/load', after: 1_000 }, '/who'],
  },
  {
    name: 'load, and destroy of what it gives',
    routes: {
      '/login': login,
      '/end': async (req, _res, env) => {
        const loaded: Loose = await called(done => env.store.load(req.headers['x-id'], done))
        await called(done => loaded.destroy(done))
        return { here: typeof req.session, there: typeof loaded.req.session }
      },
      '/who': who,
    },
    requests: ['/login', { to: '/end', as: 'operator', headers: { 'x-id': 'id-1' } }, '/who'],
  },
  {
    name: 'createSession for a request of an own making',
    routes: {
      '/make': (_req, _res, env) => {
        const req: Loose = { sessionID: 'made', sessionStore: env.store }
        const made = env.store.createSession(req, { cookie: { originalMaxAge: minute, expires: '2025-01-01T00:00:30.000Z' }, user: 'ann' })
        return {
          same: made === req.session,
          id: made.id,
          json: made,
          keys: Object.keys(made),
          expires: made.cookie.expires instanceof Date,
          left: made.cookie.maxAge,
          instance: made instanceof env.session.Session || made.constructor.name,
        }
      },
    },
    // With the peer's base the session is the peer's too.
    hosts: ['Express 5'],
    requests: ['/make'],
  },
  {
    name: 'generate for the request',
    options: { cookie: { maxAge: minute }, saveUninitialized: true },
    routes: {
      '/generate': req => {
        const before = req.sessionID
        req.sessionStore.generate(req)
        return { before, id: req.sessionID, own: req.session.id, keys: Object.keys(req.session), age: req.session.cookie.maxAge }
      },
      '/who': who,
    },
    requests: ['/generate', '/who', '/generate', '/who'],
  },
  {
    name: 'set and destroy for another id, as operators do',
    routes: {
      '/login': login,
      '/edit': async (_req, _res, env) => {
        const record: Loose = await called(done => env.store.get('id-1', done))
        record.user = 'edited'
        await called(done => env.store.set('id-1', { ...record, cookie: new env.session.Cookie(record.cookie) }, done))
        return record.user
      },
      '/who': who,
      '/end': (_req, _res, env) => called(done => env.store.destroy('id-1', done)),
    },
    requests: ['/login', { to: '/edit', as: 'operator' }, '/who'],
  },
])

const flip = (event: string) => (env: Env) => void env.store.emit(event)

compare('a store that says whether it is connected', [
  {
    name: 'disconnect and connect',
    hosts: allHosts,
    routes: {
      ...shop,
      '/see': req => ({ type: typeof req.session, in: 'session' in req, id: typeof req.sessionID, store: typeof req.sessionStore }),
    },
    requests: [
      '/login',
      { to: '/see', first: flip('disconnect') },
      '/see',
      { to: '/who', first: flip('connect') },
      { to: '/see', first: flip('disconnect') },
      { to: '/look', first: flip('connect') },
    ],
  },
  {
    name: 'in the middle of a request',
    routes: {
      '/login': login,
      '/look': async (req, res, env) => {
        env.store.emit('disconnect')
        return look(req, res, env)
      },
      '/off': req => typeof req.session,
    },
    requests: ['/login', '/look', '/off'],
  },
  {
    name: 'disconnected from the beginning',
    build: env => {
      env.app.use(env.session(env.options))
      env.store.emit('disconnect')
    },
    routes: { '/off': req => typeof req.session, '/login': login },
    requests: ['/off', { to: '/login', first: flip('connect') }],
  },
])

const inMemory = { store: undefined }
const asked: Handler = async req => {
  const store = req.sessionStore
  const all: Loose = await called(done => store.all(done))
  const length = await called(done => store.length(done))
  return { length, ids: Object.keys(all).sort(), all: JSON.stringify(all) }
}

const memoryRoutes = {
  ...shop,
  '/all': asked,
  '/clear': async (req: Loose) => {
    await called(done => req.sessionStore.clear(done))
    return called(done => req.sessionStore.length(done))
  },
  '/get': async (req: Loose) => ({
    known: await called(done => req.sessionStore.get('id-1', done)),
    unknown: (await called(done => req.sessionStore.get('x', done))) ?? 'nothing',
  }),
  '/kind': (req: Loose, _res: Loose, env: Env) => ({
    memory: req.sessionStore instanceof env.session.MemoryStore,
    store: req.sessionStore instanceof env.session.Store,
    emitter: req.sessionStore instanceof EventEmitter,
    methods: ['all', 'clear', 'destroy', 'get', 'length', 'set', 'touch', 'createSession', 'generate', 'load', 'regenerate'].filter(
      name => typeof req.sessionStore[name] === 'function',
    ),
  }),
}

compare('the store in memory', [
  {
    name: 'that is there without any',
    options: inMemory,
    hosts: allHosts,
    routes: memoryRoutes,
    requests: ['/login', { to: '/login', as: 'b' }, '/who', '/all', '/get', '/look', '/renew', '/look', '/all', '/clear', '/who', '/kind'],
  },
  {
    name: 'made by the app',
    options: env => ({ store: new env.session.MemoryStore() }),
    routes: memoryRoutes,
    requests: ['/login', '/look', '/all', '/who', '/kind'],
  },
  {
    name: 'lets go of what has run out',
    options: { ...inMemory, cookie: { maxAge: minute } },
    routes: memoryRoutes,
    requests: [
      '/login',
      { to: '/login', as: 'b', after: 30_000 },
      { to: '/all', as: 'operator', after: 29_999 },
      { to: '/all', as: 'operator', after: 1 },
      { to: '/who', as: 'b' },
      { to: '/all', as: 'operator', after: 45_000 },
      { to: '/who', as: 'b', after: 20_000 },
    ],
  },
  {
    name: 'shares no object with a handler',
    options: inMemory,
    routes: {
      '/put': async req => {
        req.session.list = [1]
        await called(done => req.session.save(done))
        req.session.list.push(2)
        const kept: Loose = await called(done => req.sessionStore.get(req.sessionID, done))
        kept.list.push(3)
        return { kept: kept.list, again: (await called<Loose>(done => req.sessionStore.get(req.sessionID, done))).list }
      },
      '/get': req => req.session.list,
    },
    requests: ['/put', '/get'],
  },
  {
    name: 'without callbacks',
    options: inMemory,
    routes: {
      '/quiet': async req => {
        const store = req.sessionStore
        const answers = [
          store.set('a', { cookie: {} }),
          store.touch('a', { cookie: {} }),
          store.set('b', { cookie: {} }),
          store.destroy('b'),
        ]
        const length = await called(done => store.length(done))
        return { answers: answers.map(answer => typeof answer), length, cleared: typeof store.clear() }
      },
    },
    requests: ['/quiet'],
  },
])
