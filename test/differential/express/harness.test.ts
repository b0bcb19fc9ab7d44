import { describe, expect, it } from 'vitest'
import { type Conversation, called, minute, play } from '../../support/express/conversation.ts'
import { login, look, renew, who } from '../../support/express/handlers.ts'
import { peer, type SessionFunction, type Subject } from '../../support/express/subjects.ts'
import type { Loose } from '../../support/subjects.ts'

// A harness that cannot see a difference proves nothing. Each subject here is express-session with one thing wrong.

const conversation: Conversation = {
  name: 'a visitor logs in, looks around, gets another id, meets a store that fails, logs out',
  options: env => ({ cookie: { maxAge: minute, sameSite: 'lax' }, genid: env.spy('genid', (_req: Loose) => env.genid()) }),
  routes: {
    '/login': login,
    '/look': look,
    '/who': who,
    '/renew': renew,
    '/out': async req => {
      await called(done => req.session.destroy(done))
      return 'out'
    },
  },
  requests: [
    '/login',
    '/look',
    { to: '/who', after: 1_000 },
    '/renew',
    '/login',
    { to: '/who', first: env => void Object.assign(env.store.fails, { touch: new Error('the store is down') }) },
    { to: '/out', first: env => void delete env.store.fails.touch },
  ],
}

type Sabotage = (options: Loose) => ((req: Loose, res: Loose, next: Loose) => void) | undefined

function sabotaged(sabotage: Sabotage): Subject {
  const session = (given: Loose) => {
    const options = { ...given, cookie: { ...given.cookie } }
    const extra = sabotage(options)
    const middleware = peer.session(options)
    return (req: Loose, res: Loose, next: Loose) => (extra ? extra(req, res, () => middleware(req, res, next)) : middleware(req, res, next))
  }
  return { name: 'sabotaged', session: Object.assign(session, { ...peer.session }) as SessionFunction }
}

/** A store whose method does something else first. */
const instead = (options: Loose, method: string, change: (own: Loose, ...args: Loose[]) => unknown) => {
  const own = options.store[method].bind(options.store)
  options.store = Object.assign(Object.create(options.store), { [method]: (...args: Loose[]) => change(own, ...args) })
  return undefined
}

const sabotages: Record<string, Sabotage> = {
  'a Set-Cookie too many': options => {
    options.rolling = true
    return undefined
  },
  'a missing attribute': options => {
    options.cookie.httpOnly = false
    return undefined
  },
  'another order of Set-Cookie': () => (_req, res, next) => {
    res.setHeader('Set-Cookie', 'own=1')
    next()
  },
  'a life that is one millisecond longer': options => {
    options.cookie.maxAge += 1
    return undefined
  },
  'a write too many': options => {
    options.resave = true
    return undefined
  },
  'a touch that does not come': options => {
    options.store = Object.assign(Object.create(options.store), { touch: undefined })
    return undefined
  },
  'a record in another order': options =>
    instead(options, 'set', (own, id, session, done) => {
      const turned = Object.fromEntries(Object.entries(session).reverse())
      own(id, Object.assign(Object.create(Object.getPrototypeOf(session)), turned), done)
    }),
  'an end that is no Date': options =>
    instead(options, 'set', (own, id, session, done) => {
      own(
        id,
        {
          ...session,
          cookie: Object.create(session.cookie, { expires: { value: '2025' }, data: { value: {} }, serialize: { value: () => '' } }),
        },
        done,
      )
    }),
  'a record that is not destroyed': options => instead(options, 'destroy', (_own, _id, done) => done()),
  'an error that nobody is told': options =>
    instead(options, 'touch', (own, id, session, done) => {
      own(id, session, () => done())
    }),
  'an id that is never renewed': options => {
    options.genid = () => 'id-1'
    return undefined
  },
  "another request's object for genid": options => {
    const { genid } = options
    options.genid = () => genid({ url: '/' })
    return undefined
  },
  'another status': () => (_req, res, next) => {
    res.statusCode = 201
    next()
  },
  'another header': () => (_req, res, next) => {
    res.setHeader('X-Other', '1')
    next()
  },
  'a session that is not there': () => (req, res, next) => {
    if (req.url === '/who') req.headers.cookie = ''
    void res
    next()
  },
}

describe('the harness', () => {
  it('finds no difference between express-session and express-session', async () => {
    const same = sabotaged(() => undefined)
    expect(await play(conversation, 'Express 5', same)).toStrictEqual(await play(conversation, 'Express 5', peer))
  })

  for (const [name, sabotage] of Object.entries(sabotages)) {
    it(`sees ${name}`, { timeout: 10_000 }, async () => {
      const theirs = await play(conversation, 'Express 5', peer)
      const ours = await play(conversation, 'Express 5', sabotaged(sabotage))
      expect(() => expect(ours).toStrictEqual(theirs)).toThrow()
    })
  }

  it('sees what the peer does in this very conversation', async () => {
    const { exchanges, records } = await play(conversation, 'Express 5', peer)
    expect(exchanges.map(exchange => exchange.did)).toEqual([
      ['genid', 'store.set'],
      ['store.get', 'store.set'],
      ['store.get', 'store.touch'],
      ['store.get', 'store.destroy', 'genid', 'store.set'],
      ['store.get', 'store.set'],
      ['store.get', 'store.touch', 'error handler'],
      ['store.get', 'store.destroy'],
    ])
    expect(exchanges.map(exchange => exchange.setCookie.length)).toEqual([1, 1, 0, 1, 1, 0, 0])
    expect(records).toEqual({})
  })
})
