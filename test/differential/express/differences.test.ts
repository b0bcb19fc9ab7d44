import { describe, expect, it } from 'vitest'
import { type Conversation, called, minute, play } from '../../support/express/conversation.ts'
import { compare } from '../../support/express/differential.ts'
import { login, logout, look, shop, who } from '../../support/express/handlers.ts'
import { allHosts } from '../../support/express/hosts.ts'
import { holdfast, peer, type Subject } from '../../support/express/subjects.ts'
import type { Loose } from '../../support/subjects.ts'

// Where Holdfast differs on purpose and no other file of this folder is the place: each test states both behaviours.

const cleared = [expect.stringMatching(/^connect\.sid=; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly$/)]
const text = (body: unknown) => expect.stringContaining(JSON.stringify(body).slice(1, -1))

compare('differences on purpose', [
  {
    name: 'destroy()',
    hosts: allHosts,
    routes: { ...shop, '/logout': logout },
    requests: ['/login', '/logout', '/who'],
    differs: {
      because: 'the browser forgets a cookie that leads nowhere',
      peer: [{}, { did: ['store.get', 'store.destroy'], setCookie: [] }, { did: ['store.get'], body: text({ user: 'nobody' }) }],
      holdfast: [{}, { did: ['store.get', 'store.destroy'], setCookie: cleared }, { did: [], body: text({ user: 'nobody' }) }],
    },
  },
  {
    name: 'destroy(), of a cookie with a path and a domain',
    address: 'shop.example.test',
    options: { cookie: { path: '/in', domain: 'example.test', sameSite: 'lax' } },
    routes: { '/in/login': login, '/in/logout': logout, '/in/who': who },
    requests: ['/in/login', '/in/logout', '/in/who'],
    differs: {
      because: 'a browser forgets a cookie only by its own path and domain',
      peer: [{}, { setCookie: [] }, { did: ['store.get'] }],
      holdfast: [
        {},
        { setCookie: ['connect.sid=; Domain=example.test; Path=/in; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax'] },
        { did: [] },
      ],
    },
  },
  {
    name: 'an explicit save()',
    options: { cookie: { maxAge: minute } },
    routes: {
      '/save': async req => {
        req.session.n = (req.session.n ?? 0) + 1
        await called(done => req.session.save(done))
        return req.session.n
      },
    },
    requests: ['/save', '/save'],
    differs: {
      because: 'it and the automatic one are one write, and what was just written is not touched',
      peer: [{ did: ['store.set'] }, { did: ['store.get', 'store.set', 'store.touch'] }],
      holdfast: [{ did: ['store.set'] }, { did: ['store.get', 'store.set'] }],
    },
  },
  {
    name: 'an explicit save() of a session that is new, under resave',
    options: { resave: true },
    routes: {
      '/save': async req => {
        req.session.n = 1
        await called(done => req.session.save(done))
        return 'saved'
      },
    },
    requests: ['/save', '/save'],
    differs: {
      because: 'it and the automatic one are one write',
      peer: [{ did: ['store.set'] }, { did: ['store.get', 'store.set', 'store.touch'] }],
      holdfast: [{ did: ['store.set'] }, { did: ['store.get', 'store.set'] }],
    },
  },
  {
    name: 'regenerate() and an explicit save()',
    routes: {
      '/in': async req => {
        await called(done => req.session.regenerate(done))
        req.session.user = 'ann'
        await called(done => req.session.save(done))
        return 'in'
      },
      '/who': who,
    },
    requests: ['/in', '/who'],
    differs: {
      because: 'an explicit save and the automatic one are one write',
      peer: [{ did: ['store.destroy', 'store.set', 'store.set'] }, { body: text({ user: 'ann' }) }],
      holdfast: [{ did: ['store.destroy', 'store.set'] }, { body: text({ user: 'ann' }) }],
    },
  },
  {
    name: 'an explicit save() of a session that is new and empty',
    routes: {
      '/save': async req => {
        await called(done => req.session.save(done))
        return req.session.id
      },
      '/who': who,
    },
    requests: ['/save', '/who'],
    differs: {
      because: 'whatever was stored under a new id gets its cookie',
      peer: [
        { did: ['store.set'], setCookie: [] },
        { did: [], body: text({ id: 'id-2' }) },
      ],
      holdfast: [
        { did: ['store.set'], setCookie: [expect.stringContaining('id-1')] },
        { did: ['store.get', 'store.touch'], body: text({ id: 'id-1' }) },
      ],
    },
  },
  {
    name: 'a store that writes on the object that it gets',
    store: { scribbles: true },
    routes: {
      '/save': async req => {
        req.session.n = (req.session.n ?? 0) + 1
        await called(done => req.session.save(done))
        return Object.keys(req.session)
      },
    },
    requests: ['/save', '/save'],
    differs: {
      because: 'what it writes there is its own affair, and no data of the session',
      peer: [{ body: '["cookie","n","scribble","__v"]' }, { body: '["cookie","n","scribble","__v"]' }],
      holdfast: [{ body: '["cookie","n"]' }, { body: '["cookie","n"]' }],
    },
  },
  {
    name: 'stored keys that every object has',
    routes: {
      '/put': req => {
        Object.defineProperty(req.session, 'toString', { value: 'kept', enumerable: true, configurable: true, writable: true })
        req.session.valueOf = 'kept too'
        return 'put'
      },
      '/get': req => ({ keys: Object.keys(req.session), text: req.session.toString, value: req.session.valueOf }),
    },
    requests: ['/put', '/get'],
    differs: {
      because: 'a key that was stored is there again',
      peer: [{}, { body: JSON.stringify({ keys: ['cookie'] }) }],
      holdfast: [{}, { body: JSON.stringify({ keys: ['cookie', 'toString', 'valueOf'], text: 'kept', value: 'kept too' }) }],
    },
  },
  {
    name: 'data under the name of a method',
    routes: {
      '/put': req => {
        req.session.reload = undefined
        req.session.touch = 'a text'
        delete req.session.touch
        req.session.regenerate = 'a text'
        return 'put'
      },
      '/get': req => typeof req.session.regenerate,
    },
    requests: ['/login', '/put', '/get'].slice(1),
    differs: {
      because: 'it would be gone at the next request, so it is refused when it is written',
      peer: [
        { status: 200, did: ['store.set'] },
        { status: 200, body: 'function' },
      ],
      holdfast: [
        { status: 500, did: ['error handler'], setCookie: [], journal: [{ args: [{ name: 'SessionDataError' }, 'in time'] }] },
        { status: 200, body: 'function' },
      ],
    },
  },
  {
    name: 'reload()',
    routes: {
      '/login': login,
      '/reload': async req => {
        const { session } = req
        await called(done => session.reload(done))
        return { same: session === req.session, user: req.session.user }
      },
    },
    requests: ['/login', '/reload'],
    differs: {
      because: 'who holds the session goes on holding it',
      peer: [{}, { body: '{"same":false,"user":"ann"}' }],
      holdfast: [{}, { body: '{"same":true,"user":"ann"}' }],
    },
  },
  {
    name: 'a session that another request ends meanwhile',
    routes: {
      ...shop,
      '/slow': async (req, res, env) => {
        await env.pause()
        return look(req, res, env)
      },
      '/logout': logout,
    },
    requests: ['/login', { to: '/slow', during: ['/logout'] }, { to: '/who', first: (_env, jar) => jar.remove('connect.sid') }],
    differs: {
      because: 'what has ended stays ended',
      peer: [{}, { did: ['store.get', 'store.set'] }, {}, {}],
      holdfast: [{}, { did: ['store.get'] }, {}, {}],
    },
  },
])

/** Plays on one of the libraries, for what the other never answers. */
const alone = async (subject: Subject, conversation: Omit<Conversation, 'name'>) =>
  play({ name: '', ...conversation }, 'Express 5', subject)

describe('a plain object in the place of the session', () => {
  const routes: Conversation['routes'] = {
    '/assign': (req, _res, env) => {
      req.session = { cart: [1] }
      if (env.session === peer.session) {
        // The end of the request throws: nothing of the session's is sent or stored.
        return typeof req.session.touch
      }
      return { methods: typeof req.session.touch, cart: req.session.cart, user: req.session.user ?? 'nobody', id: req.session.id }
    },
    '/login': login,
    '/get': req => ({ cart: req.session.cart, user: req.session.user ?? 'nobody' }),
  }

  it('replaces the data under the same id', async () => {
    const { exchanges, records } = await alone(holdfast, { routes, requests: ['/login', '/assign', '/get'] })
    expect(exchanges[1]).toMatchObject({ status: 200, body: '{"methods":"function","cart":[1],"user":"nobody","id":"id-1"}' })
    expect(exchanges[2]?.body).toBe('{"cart":[1],"user":"nobody"}')
    expect(JSON.parse(records['id-1'] as string)).toEqual({ cookie: expect.anything(), cart: [1] })
  })

  it('makes express-session throw in the end of the answer', async () => {
    const thrown: unknown[] = []
    const { records } = await alone(peer, {
      routes: {
        '/login': login,
        '/assign': (req, res) => {
          req.session = { cart: [1] }
          try {
            res.end('assigned')
          } catch (error) {
            thrown.push((error as Error).message)
            res.socket.destroy()
          }
        },
      },
      requests: ['/login', '/assign'],
    }).catch(error => ({ records: { error: error.code } }) as Loose)
    expect(thrown).toEqual(['req.session.touch is not a function'])
    expect(records).toEqual({ error: 'ECONNRESET' })
  })
})

describe('a secure cookie on plain http', () => {
  const conversation: Omit<Conversation, 'name'> = {
    options: { cookie: { secure: true }, saveUninitialized: true, name: 'secure.sid' },
    routes: shop,
    requests: ['/login', '/look', '/idle', '/who', '/renew'],
  }

  async function warned<T>(run: () => Promise<T>): Promise<{ texts: string[]; trace: T }> {
    const texts: string[] = []
    const listener = (warning: Loose) => void (warning.code === 'HOLDFAST_INSECURE' && texts.push(warning.message))
    process.on('warning', listener)
    const trace = await run()
    await new Promise(resolve => setImmediate(resolve))
    process.off('warning', listener)
    return { texts, trace }
  }

  it('is a record at each request and silence with express-session', async () => {
    const { texts, trace } = await warned(() => alone(peer, conversation))
    expect(texts).toEqual([])
    expect(Object.keys(trace.records)).toHaveLength(5)
    expect(trace.exchanges.flatMap(exchange => exchange.setCookie)).toEqual([])
  })

  it('is one warning, no cookie and no record with Holdfast', async () => {
    const { texts, trace } = await warned(() => alone(holdfast, conversation))
    expect(texts).toEqual([expect.stringContaining('"secure.sid" has secure: true')])
    expect(trace.records).toEqual({})
    expect(trace.exchanges.flatMap(exchange => exchange.setCookie)).toEqual([])
    expect(trace.exchanges.map(exchange => exchange.status)).toEqual([200, 200, 200, 200, 200])
  })
})
