import { describe, expect, it } from 'vitest'
import { type Conversation, called, type Env, minute, plant, play, type Step } from '../../support/express/conversation.ts'
import { compare } from '../../support/express/differential.ts'
import { login, look, shop, who } from '../../support/express/handlers.ts'
import { holdfast, peer } from '../../support/express/subjects.ts'
import type { Loose } from '../../support/subjects.ts'

// What goes wrong: in a store, in a handler, at setup.

const down = new Error('the store is down')
const coded = (code: string) => Object.assign(new Error(code), { code })
const fails = (method: string, error: unknown) => (env: Env) => {
  env.store.fails = { [method]: error } as Loose
}
const works = (env: Env) => {
  env.store.fails = {}
  env.store.throws = {}
}
const answers = (get: unknown) => (env: Env) => {
  env.store.answers = { get: structuredClone(get) }
}
const throws = (method: string, error: unknown) => (env: Env) => {
  env.store.throws = { [method]: error } as Loose
}

/** The error handler's entry. */
const told = (message: unknown, when: 'in time' | 'too late', name = 'Error', cause: unknown = undefined) => ({
  what: 'error handler',
  args: [{ name, message, cause }, when],
})
const typed = (message: unknown, cause = down.message) => told(message, 'in time', 'SessionStoreError', cause)
const something = expect.any(String)

compare('a store says ENOENT of what is not there', [
  {
    name: 'and a fresh session begins',
    routes: shop,
    requests: ['/login', { to: '/who', first: fails('get', coded('ENOENT')) }, '/look', { to: '/who', first: works }],
  },
  {
    name: 'and a fresh session is stored',
    options: { saveUninitialized: true, resave: true },
    routes: shop,
    requests: ['/login', { to: '/who', first: fails('get', coded('ENOENT')) }, { to: '/look', first: works }],
  },
])

compare('what a store answers of what is not there', [
  ...[null, undefined, false, '', 0].map(
    (get): Conversation => ({
      name: `${JSON.stringify(get)}`,
      routes: shop,
      requests: ['/login', { to: '/who', first: answers(get) }, '/look'],
    }),
  ),
])

const record = (get: unknown, peerMessage: RegExp): Conversation => ({
  name: JSON.stringify(get),
  routes: shop,
  requests: ['/login', { to: '/who', first: answers(get) }],
  differs: {
    because: 'a record without a cookie is nobody’s session, and no reason for a failure at each request',
    peer: [{}, { status: 500, body: expect.stringMatching(peerMessage) }],
    holdfast: [{}, { status: 200, body: expect.stringContaining('nobody'), setCookie: [] }],
  },
})

compare('a record that is none', [
  record({ user: 'ann' }, /expires/),
  record({ user: 'ann', cookie: null }, /expires/),
  record([], /expires/),
  record('text', /expires/),
])

compare('a store fails', [
  {
    name: 'to load',
    routes: shop,
    onError: (_error, req, _res, env) => env.note('then', typeof req.session),
    requests: ['/login', { to: '/who', first: fails('get', down) }, { to: '/who', first: works }],
    differs: {
      because: 'the error has a type, and the error handler finds a session, though one that is never stored',
      peer: [{}, { status: 500, journal: [{}, told(down.message, 'in time'), { args: ['undefined'] }] }, { status: 200 }],
      holdfast: [{}, { status: 500, journal: [{}, typed(something), { args: ['object'] }], setCookie: [] }, { status: 200 }],
    },
  },
  {
    name: 'to save',
    routes: shop,
    requests: ['/who', { to: '/login', first: fails('set', down) }, { to: '/who', first: works }, '/login', '/who'],
    differs: {
      because: 'the visitor is not told that it went well, and gets no cookie of what is not stored',
      peer: [{}, { status: 200, setCookie: [expect.stringContaining('id-2')], did: ['store.set', 'error handler'] }, {}, {}, {}],
      holdfast: [
        {},
        { status: 500, setCookie: [], journal: [{ what: 'store.set' }, typed(something)] },
        { body: expect.stringContaining('nobody') },
        {},
        { body: expect.stringContaining('ann') },
      ],
    },
  },
  {
    name: 'to save behind a redirect',
    routes: {
      ...shop,
      '/go': (req, res) => {
        req.session.went = true
        res.writeHead(302, { Location: '/who', 'X-Of': 'handler' }).end()
      },
    },
    requests: ['/login', { to: '/go', first: fails('set', down) }],
    differs: {
      because: 'nobody is sent on with a session that is not stored',
      peer: [{}, { status: 302, headers: { location: '/who' } }],
      holdfast: [{}, { status: 500, headers: expect.not.objectContaining({ location: '/who' }), journal: [{}, {}, typed(something)] }],
    },
  },
  {
    name: 'to touch',
    options: { cookie: { maxAge: minute } },
    routes: shop,
    requests: ['/login', { to: '/who', first: fails('touch', down) }, { to: '/who', first: works }],
    differs: {
      because: 'a failed touch is told like a failed save: before the answer, and with a type',
      peer: [{}, { status: 200, did: ['store.get', 'store.touch', 'error handler'] }, { status: 200 }],
      holdfast: [{}, { status: 500, journal: [{}, {}, typed(something)] }, { status: 200 }],
    },
  },
  {
    name: 'to destroy, in a method',
    routes: { ...shop, '/logout': req => called(done => req.session.destroy(done)) },
    requests: ['/login', { to: '/logout', first: fails('destroy', down) }],
    differs: {
      because: 'the error has a type',
      peer: [{}, { status: 500, body: `error: ${down.message}` }],
      holdfast: [{}, { status: 500, journal: expect.arrayContaining([typed(something)]) }],
    },
  },
  {
    name: 'to destroy what was unset',
    options: { unset: 'destroy' },
    routes: {
      ...shop,
      '/unset': req => {
        req.session = null
        return 'unset'
      },
    },
    requests: ['/login', { to: '/unset', first: fails('destroy', down) }],
    differs: {
      because: 'a logout that has failed is no 200',
      peer: [{}, { status: 200, did: ['store.get', 'store.destroy', 'error handler'] }],
      holdfast: [{}, { status: 500, journal: [{}, {}, typed(something)] }],
    },
  },
  {
    name: 'to destroy, in regenerate',
    routes: { ...shop, '/renew': req => called(done => req.session.regenerate(done)) },
    onError: (_error, req, _res, env) => env.note('then', req.sessionID, req.session.user ?? 'nobody'),
    requests: ['/login', { to: '/renew', first: fails('destroy', down) }],
    differs: {
      because: 'the error has a type; the new session is there all the same',
      peer: [
        {},
        { status: 500, journal: expect.arrayContaining([told(down.message, 'in time'), { what: 'then', args: ['id-2', 'nobody'] }]) },
      ],
      holdfast: [{}, { status: 500, journal: expect.arrayContaining([typed(something), { what: 'then', args: ['id-2', 'nobody'] }]) }],
    },
  },
  {
    name: 'to save, in a method',
    routes: {
      ...shop,
      '/save': async req => {
        req.session.a = 1
        await called(done => req.session.save(done)).catch(error => {
          req.session.failed = error.name
        })
        return req.session.failed ?? 'saved'
      },
    },
    requests: ['/login', { to: '/save', first: fails('set', down) }],
    differs: {
      because: 'the error has a type, and the end of the request says it again',
      peer: [{}, { status: 200, body: 'Error' }],
      holdfast: [{}, { status: 500, journal: expect.arrayContaining([typed(something)]) }],
    },
  },
  {
    name: 'to load, in reload',
    routes: {
      ...shop,
      '/reload': (req, _res, env) => {
        fails('get', down)(env)
        return called(done => req.session.reload(done))
      },
    },
    requests: ['/login', '/reload'],
    differs: {
      because: 'the error has a type',
      peer: [{}, { status: 500, body: `error: ${down.message}` }],
      holdfast: [{}, { status: 500, journal: expect.arrayContaining([typed(something)]) }],
    },
  },
  {
    name: 'by throwing, to load',
    routes: shop,
    requests: ['/login', { to: '/who', first: throws('get', down) }, { to: '/who', first: works }],
    differs: {
      because: 'a store that throws has failed like one that says so, with a type',
      peer: [{}, { status: 500, journal: [{}, told(down.message, 'in time')] }, {}],
      holdfast: [{}, { status: 500, journal: [{}, typed(something)] }, {}],
    },
  },
])

compare('a handler fails', [
  {
    name: 'by an Error, and its session is stored',
    routes: {
      '/login': login,
      '/fail': req => {
        req.session.failed = true
        throw new Error('the handler')
      },
      '/who': req => ({ failed: req.session.failed, user: req.session.user }),
    },
    requests: ['/login', '/fail', '/who', { to: '/fail', as: 'another' }, { to: '/who', as: 'another' }],
  },
  {
    name: 'after it unset its session',
    options: { unset: 'keep' },
    routes: {
      '/login': login,
      '/fail': req => {
        req.session = null
        throw new Error('the handler')
      },
      '/who': who,
    },
    requests: ['/login', '/fail', '/who'],
  },
  {
    name: 'with a status and headers of its own',
    routes: {
      '/fail': req => {
        req.session.failed = true
        throw Object.assign(new Error('teapot'), { status: 418, headers: { 'X-Tea': 'green' } })
      },
    },
    build: env => env.app.use(env.session(env.options)),
    onError: (error, _req, res) => {
      for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value)
    },
    requests: ['/fail', '/fail'],
  },
  {
    name: 'and the error handler changes the session',
    routes: {
      '/fail': () => {
        throw new Error('the handler')
      },
      '/who': req => req.session.flash ?? 'none',
    },
    onError: (error, req) => {
      req.session.flash = error.message
    },
    requests: ['/fail', '/who'],
  },
  {
    name: 'with what is no error',
    routes: {
      '/fail': req => {
        req.session.failed = true
        throw { message: 'plain' }
      },
      '/who': req => ({ failed: req.session.failed }),
    },
    requests: ['/fail', '/who'],
  },
])

compare('an expiry that is none', [
  {
    name: 'in the options',
    options: { cookie: { expires: new Date('whenever') } },
    routes: shop,
    requests: ['/who', '/login'],
    differs: {
      because: 'the visitor is not told that it went well without a cookie',
      peer: [
        { status: 200 },
        { status: 200, journal: expect.arrayContaining([told('option expires is invalid', 'too late', 'TypeError')]) },
      ],
      holdfast: [
        { status: 200 },
        { status: 500, journal: expect.arrayContaining([told('option expires is invalid', 'in time', 'TypeError')]) },
      ],
    },
  },
])

const setups: Record<string, unknown[]> = {
  'no options': [],
  'options undefined': [undefined],
  'options null': [null],
  'an empty object': [{}],
  'genid is no function': [{ genid: 'id' }],
  'genid is null': [{ genid: null }],
  'unset is another word': [{ unset: 'drop' }],
  'unset is true': [{ unset: true }],
  'unset is empty': [{ unset: '' }],
  'a list of no secrets': [{ secret: [] }],
  'an empty secret': [{ secret: '' }],
  'a cookie that is null': [{ cookie: null }],
}

describe('setup', () => {
  const outcome = (run: () => unknown): unknown => {
    try {
      return typeof run()
    } catch (error) {
      return { name: (error as Error).name, message: (error as Error).message }
    }
  }
  it.each(Object.entries(setups))('%s', (_name, options) => {
    expect(outcome(() => holdfast.session(...(options as [])))).toStrictEqual(outcome(() => peer.session(...(options as []))))
  })

  it('Cookie refuses what the peer refuses', () => {
    for (const options of ['text', 1, true, { maxAge: '1' }, { maxAge: {} }, { maxAge: true }]) {
      const of = ({ session }: typeof peer) => outcome(() => new session.Cookie(options))
      expect(of(holdfast)).toStrictEqual(of(peer))
      expect(of(peer)).toHaveProperty('name', 'TypeError')
    }
  })

  it('the function carries the classes', () => {
    for (const { session } of [peer, holdfast]) {
      for (const name of ['Store', 'Cookie', 'Session', 'MemoryStore'] as const) expect(session[name]).toBeTypeOf('function')
      expect(new session.MemoryStore()).toBeInstanceOf(session.Store)
    }
  })
})

const steps = (...paths: string[]): Step[] => paths.map(to => ({ to }))

compare('a cookie of a record that is gone', [
  {
    name: 'gets a new id, never the one that the browser sent',
    options: { saveUninitialized: true },
    routes: { '/who': who, '/look': look },
    requests: [{ to: '/who', first: (_env, jar) => plant(jar, 'chosen-by-the-browser') }, ...steps('/look', '/who')],
  },
])

describe('what the peer never answers', () => {
  const failing = async (conversation: Omit<Conversation, 'name' | 'routes'>) => {
    const { exchanges } = await play({ name: '', routes: shop, ...conversation }, 'Express 5', holdfast)
    return exchanges.map(({ status, journal, setCookie }) => ({
      status,
      setCookie,
      told: journal.find(entry => entry.what === 'error handler'),
    }))
  }

  it('a store that throws in set: the error handler is told, nothing is sent', async () => {
    const [answer] = await failing({ requests: [{ to: '/login', first: throws('set', down) }] })
    expect(answer).toEqual({ status: 500, setCookie: [], told: typed(something) })
  })

  it('a cookie whose expiry is a text: the error handler is told', async () => {
    const [answer] = await failing({ options: { cookie: { expires: 'whenever' } }, requests: ['/login'] })
    expect(answer).toMatchObject({
      status: 500,
      setCookie: [],
      told: { args: [{ name: 'TypeError', message: 'maxAge must be a number or Date' }, 'in time'] },
    })
  })
})
