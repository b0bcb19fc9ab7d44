import { expect } from 'vitest'
import { type Conversation, called, type Env, type Handler, minute } from '../../support/express/conversation.ts'
import { compare } from '../../support/express/differential.ts'
import { login, logout, look, renew, shop, who } from '../../support/express/handlers.ts'
import { allHosts } from '../../support/express/hosts.ts'
import type { Loose } from '../../support/subjects.ts'

// The methods of a session, by their callbacks; what a promise of theirs does is in test/express.

const of = (req: Loose) => ({ id: req.sessionID, own: req.session?.id, keys: Object.keys(req.session ?? {}), json: req.session })

const regenerating: Record<string, Handler> = {
  'and nothing else': renew,
  'and logs in': async (req, res, env) => {
    await renew(req, res, env)
    req.session.user = 'bea'
    return of(req)
  },
  'and keeps the data': async req => {
    const { cookie: _, ...data } = JSON.parse(JSON.stringify(req.session))
    await called(done => req.session.regenerate(done))
    Object.assign(req.session, data)
    return of(req)
  },
  'and keeps the cookie, as passport does': async req => {
    const old = req.session
    await called(done => req.session.regenerate(done))
    for (const key of Object.keys(old)) req.session[key] = req.session[key] ?? old[key]
    return of(req)
  },
  'after a change': async (req, res, env) => {
    req.session.before = true
    return renew(req, res, env)
  },
  twice: async (req, res, env) => [await renew(req, res, env), await renew(req, res, env)],
  'and sets another life': async (req, res, env) => {
    await renew(req, res, env)
    req.session.cookie.maxAge = 2 * minute
    return of(req)
  },
  'and takes it away': async (req, res, env) => {
    await renew(req, res, env)
    req.session = null
    return 'nothing'
  },
  'by the store': async req => {
    await called(done => req.sessionStore.regenerate(req, done))
    req.session.user = 'cleo'
    return of(req)
  },
  'and looks at its answer': async req => {
    const { session } = req
    let answer: unknown
    const args = await new Promise(resolve => {
      answer = session.regenerate((...given: unknown[]) => resolve(given.filter(item => item !== undefined && item !== null)))
    })
    return { args, same: answer === session, now: req.session !== session, old: session.id, user: session.user }
  },
}

compare(
  'regenerate',
  Object.entries(regenerating).flatMap(([name, handler]) =>
    [undefined, minute].map(
      (maxAge): Conversation => ({
        name: `${name}${maxAge === undefined ? '' : ', with a maxAge'}`,
        options: { cookie: { maxAge } },
        hosts: name === 'and logs in' ? allHosts : ['Express 4', 'Express 5'],
        routes: { ...shop, '/renew': handler },
        requests: ['/renew', '/who', '/login', '/renew', { to: '/who', after: 1_000 }, '/look', '/who'],
      }),
    ),
  ),
)

const saving: Record<string, Handler> = {
  'after a change': async req => {
    req.session.saved = 1
    await called(done => req.session.save(done))
    return of(req)
  },
  'and changes afterwards': async req => {
    req.session.saved = 1
    await called(done => req.session.save(done))
    req.session.later = 2
    return of(req)
  },
  'and looks at what the callback gets': async req => {
    const { session } = req
    session.saved = 1
    return new Promise(resolve => {
      session.save((...given: unknown[]) => resolve(given.filter(item => item !== undefined && item !== null)))
    })
  },
  'in a callback that answers': (req, res) => {
    req.session.saved = 1
    req.session.save(() => res.end('saved'))
  },
  'and destroys': async req => {
    const { session } = req
    session.saved = 1
    await called(done => session.save(done))
    return 'saved'
  },
}

compare(
  'save',
  Object.entries(saving).flatMap(([name, handler]) =>
    [undefined, minute].map(
      (maxAge): Conversation => ({
        name: `${name}${maxAge === undefined ? '' : ', with a maxAge'}`,
        options: { cookie: { maxAge } },
        routes: { ...shop, '/save': handler },
        // From a store without touch: with one, the peer calls it after a save.
        store: { touch: false },
        requests: ['/save', '/who', '/login', { to: '/save', after: 1_000 }, { to: '/who', after: 1_000 }],
      }),
    ),
  ),
)

compare('reload', [
  {
    name: 'what another request has stored',
    routes: {
      '/login': login,
      '/look': look,
      '/reload': async (req, _res, env) => {
        req.session.mine = 'lost'
        await env.pause()
        await called(done => req.session.reload(done))
        return of(req)
      },
      '/who': who,
    },
    requests: ['/login', { to: '/reload', during: ['/look', '/look'] }, '/who'],
    differs: {
      because: 'what was just taken from the store is not written back to it',
      peer: [{}, { did: ['store.get', 'store.get', 'store.set'], body: expect.stringContaining('"views":2') }, {}, {}, {}],
      holdfast: [{}, { did: ['store.get', 'store.get', 'store.touch'], body: expect.stringContaining('"views":2') }, {}, {}, {}],
    },
  },
  {
    name: 'and a change afterwards',
    options: { cookie: { maxAge: minute } },
    routes: {
      '/login': login,
      '/reload': async req => {
        req.session.cookie.maxAge = 5_000
        await called(done => req.session.reload(done))
        const first = of(req)
        req.session.after = true
        return [first, of(req), req.session.cookie.maxAge]
      },
      '/who': who,
    },
    requests: ['/login', { to: '/reload', after: 1_000 }, { to: '/who', after: 1_000 }],
  },
  {
    name: 'a record that is gone',
    routes: {
      '/login': login,
      '/reload': (req, _res, env) => {
        env.store.records.clear()
        return called(done => req.session.reload(done))
      },
      '/who': who,
    },
    options: { resave: true },
    requests: ['/login', '/reload'],
    differs: {
      because: 'what another request has ended is not brought back',
      peer: [{}, { status: 500, body: 'error: failed to load session', did: ['store.get', 'store.get', 'error handler', 'store.set'] }],
      holdfast: [{}, { status: 500, body: 'error: failed to load session', did: ['store.get', 'store.get', 'error handler'] }],
    },
  },
  {
    name: 'a session that was never stored',
    routes: { '/fresh': req => called(done => req.session.reload(done)) },
    requests: ['/fresh'],
    differs: {
      because: 'a store is not asked for what cannot be there; the failure is the same',
      peer: [{ status: 500, body: 'error: failed to load session', did: ['store.get', 'error handler'] }],
      holdfast: [{ status: 500, body: 'error: failed to load session', did: ['error handler'] }],
    },
  },
  {
    name: 'what was saved in this request',
    store: { touch: false },
    routes: {
      '/reload': async req => {
        req.session.a = 1
        await called(done => req.session.save(done))
        req.session.a = 2
        await called(done => req.session.reload(done))
        return of(req)
      },
      '/who': who,
    },
    requests: ['/reload', '/who', '/reload', '/who'],
  },
])

compare('destroy', [
  {
    name: 'a session that was stored',
    hosts: allHosts,
    routes: { '/login': login, '/logout': logout },
    requests: ['/login', '/logout', { to: '/login', as: 'another' }],
    clears: true,
  },
  {
    name: 'by the store, and the request goes on',
    routes: {
      '/login': login,
      '/destroy': async req => {
        await called(done => req.sessionStore.destroy(req.sessionID, done))
        return of(req)
      },
      '/who': who,
    },
    options: { resave: false },
    store: { touch: true },
    requests: ['/login', '/destroy', '/who'],
  },
  {
    name: 'a session that is new',
    routes: { '/logout': logout, '/who': who },
    requests: ['/logout', '/who'],
  },
  {
    name: 'after a change, and the old object still says what it said',
    routes: {
      '/login': login,
      '/logout': async req => {
        const { session } = req
        session.last = true
        session.destroy()
        return { user: session.user, id: session.id === req.sessionID, last: session.last, in: 'session' in req }
      },
    },
    requests: ['/login', '/logout'],
    clears: true,
  },
  {
    name: 'and begins another one at once',
    options: { cookie: { maxAge: minute } },
    routes: {
      '/login': login,
      '/switch': async req => {
        await called(done => req.session.destroy(done))
        req.sessionStore.generate(req)
        req.session.user = 'bea'
        return of(req)
      },
      '/who': who,
    },
    requests: ['/login', '/switch', '/who'],
  },
  {
    name: 'where unset would destroy it too',
    options: { unset: 'destroy' },
    routes: { '/login': login, '/logout': logout },
    requests: ['/login', '/logout'],
    differs: {
      because: 'what has been ended is not ended again',
      peer: [{}, { did: ['store.destroy', 'store.destroy'].toSpliced(0, 0, 'store.get'), setCookie: [] }],
      holdfast: [
        {},
        { did: ['store.get', 'store.destroy'], setCookie: [expect.stringMatching(/^connect\.sid=; Path=\/; Expires=Thu, 01 Jan 1970/)] },
      ],
    },
  },
])

compare('methods that are called in another way', [
  {
    name: 'touch alone, of a session that is new',
    routes: { '/touch': req => ({ same: req.session.touch() === req.session, ...of(req) }) },
    requests: ['/touch', '/touch'],
  },
  {
    name: 'of a session that a request had before',
    routes: {
      '/login': login,
      '/old': async (req, _res, env: Env) => {
        const old = req.session
        await called(done => req.session.regenerate(done))
        env.note('old', old.id, old.user, req.session.id)
        return of(req)
      },
    },
    requests: ['/login', '/old'],
  },
])
