import { type Conversation, called, day, type Env, minute, type Step, start } from '../../support/express/conversation.ts'
import { compare } from '../../support/express/differential.ts'
import { look, shop } from '../../support/express/handlers.ts'
import { allHosts } from '../../support/express/hosts.ts'
import type { Loose } from '../../support/subjects.ts'

// The attributes of the session's cookie: what the options say, what the request decides, and what a handler changes.

const visit: (Step | string)[] = [
  '/who',
  '/login',
  '/who',
  { to: '/look', after: 1_000 },
  { to: '/idle', after: 1_000 },
  { to: '/look', after: minute },
]

const attributes: Record<string, Loose> = {
  'maxAge of a minute': { maxAge: minute },
  'maxAge of ten years': { maxAge: 3650 * day },
  'maxAge zero': { maxAge: 0 },
  'maxAge below zero': { maxAge: -1_000 },
  'maxAge with a fraction': { maxAge: 1_234.56 },
  'maxAge null': { maxAge: null },
  'maxAge undefined': { maxAge: undefined },
  'maxAge as a Date': { maxAge: new Date(start + minute) },
  'expires as a Date': { expires: new Date(start + minute) },
  'expires in the past': { expires: new Date(start - minute) },
  'expires null': { expires: null },
  'expires before maxAge': { expires: new Date(start + day), maxAge: minute },
  'maxAge before expires': { maxAge: minute, expires: new Date(start + day) },
  originalMaxAge: { originalMaxAge: minute },
  'originalMaxAge beside maxAge': { originalMaxAge: 2 * minute, maxAge: minute },
  'httpOnly false': { httpOnly: false },
  'path null': { path: null },
  'path undefined': { path: undefined },
  'domain empty': { domain: '' },
  'sameSite true': { sameSite: true },
  'sameSite false': { sameSite: false },
  'sameSite lax': { sameSite: 'lax' },
  'sameSite Strict, in another case': { sameSite: 'Strict' },
  'sameSite none': { sameSite: 'none' },
  'priority high': { priority: 'high' },
  'priority low': { priority: 'low' },
  'secure false': { secure: false },
  'secure auto': { secure: 'auto' },
  'sameSite auto': { sameSite: 'auto' },
  'an option that cookies do not have': { colour: 'blue' },
  'an option called data': { data: { path: '/nowhere' } },
  'an object with a prototype': Object.create({ maxAge: minute, sameSite: 'lax' }),
}

compare(
  'attributes of the cookie',
  Object.entries(attributes).map(([name, cookie]): Conversation => ({ name, options: { cookie }, routes: shop, requests: visit })),
)

const secureVisit = visit.map((step): Step => ({ ...(typeof step === 'string' ? { to: step } : step), secure: true }))
const auto = { secure: 'auto', sameSite: 'auto' }

/** The options of a connection: what the site sets, and what the middleware is told. */
const connections: Record<
  string,
  { cookie: Loose; proxy?: Loose; trust?: Loose; requests?: (Step | string)[]; headers?: Record<string, string> }
> = {
  'secure, behind a proxy that the option trusts': { cookie: { secure: true }, proxy: true },
  'secure, behind a proxy that Express trusts': { cookie: { secure: true }, trust: 1 },
  'partitioned and secure': { cookie: { secure: true, partitioned: true, sameSite: 'none' }, proxy: true },
  'both auto, proxy trusted by the option': { cookie: auto, proxy: true },
  'both auto, proxy trusted by Express': { cookie: auto, trust: true },
  'both auto, proxy trusted by nobody': { cookie: auto },
  'both auto, proxy refused by the option and trusted by Express': { cookie: auto, proxy: false, trust: true },
  'both auto, proxy of another type': { cookie: auto, proxy: 1, trust: true },
  'both auto, from a function': { cookie: () => auto, proxy: true, requests: ['/who'] },
  'both auto, over plain http': { cookie: auto, proxy: true, requests: visit },
  'several protocols, https first': { cookie: auto, proxy: true, headers: { 'x-forwarded-proto': 'HTTPS , http' } },
  'several protocols, http first': { cookie: auto, proxy: true, headers: { 'x-forwarded-proto': 'http, https' } },
  'a protocol with blanks': { cookie: auto, proxy: true, headers: { 'x-forwarded-proto': '  https  ' } },
}

compare(
  'cookies of a connection',
  Object.entries(connections).map(
    ([name, { cookie, proxy, trust, requests, headers }]): Conversation => ({
      name,
      options: { cookie, proxy },
      prepare: ({ app }) => {
        if (trust !== undefined) app.set('trust proxy', trust)
      },
      routes: shop,
      requests: requests ?? secureVisit.map(step => ({ ...step, ...(headers && { headers }) })),
    }),
  ),
)

compare('a domain and a path', [
  {
    name: 'a domain',
    options: { cookie: { domain: 'example.test' } },
    address: 'shop.example.test',
    routes: shop,
    requests: visit,
  },
  {
    name: 'a path below which the session is',
    options: { cookie: { path: '/shop' } },
    routes: {
      '/': req => ({ in: 'session' in req, store: 'sessionStore' in req, id: 'sessionID' in req }),
      '/shop': look,
      '/shop/basket': req => req.session.views,
      '/shopping': look,
      '/SHOP': req => ({ in: 'session' in req }),
    },
    requests: ['/', '/shop', '/', '/shop/basket', '/shopping', '/shop?path=/other', '/SHOP', '/shop/basket'],
  },
  {
    name: 'a target in absolute form',
    options: { cookie: { path: '/shop' } },
    hosts: allHosts,
    before: (req, _res, next) => {
      // What a proxy passes on; `http.request` would not send it.
      req.url = `http://shop.test${req.url}`
      req.originalUrl = req.url
      next()
    },
    after: (req, _res, next) => {
      req.url = req.url.slice('http://shop.test'.length)
      req.originalUrl = req.url
      next()
    },
    routes: { '/shop': req => ({ in: 'session' in req, id: req.sessionID }), '/': req => ({ in: 'session' in req }) },
    requests: ['/shop', '/'],
  },
])

const perUser = (env: Env) => ({
  cookie: env.spy('cookie', (req: Loose) => ({
    maxAge: Number(req.headers['x-age'] ?? minute),
    path: req.headers['x-path'] ?? '/',
    sameSite: req.headers['x-site'],
  })),
})

compare('a function of the request', [
  {
    name: 'its age and attributes',
    options: perUser,
    routes: shop,
    requests: [
      '/login',
      { to: '/look', headers: { 'x-age': '1000' } },
      { to: '/look', headers: { 'x-age': '1000', 'x-site': 'lax' }, as: 'another' },
      { to: '/renew', headers: { 'x-age': '5000', 'x-site': 'strict' } },
      '/who',
      { to: '/who', headers: { 'x-path': '/elsewhere' }, as: 'third' },
    ].map(step => step as Step),
  },
  {
    name: 'that throws',
    options: (env: Env) => ({
      cookie: () => {
        if (env.memory.get('broken')) throw new Error('no cookie today')
        return {}
      },
    }),
    routes: shop,
    requests: [
      '/login',
      { to: '/look', first: env => void env.memory.set('broken', true) },
      { to: '/look', first: env => void env.memory.clear() },
    ],
  },
])

/** What a handler does to `req.session.cookie`. */
const changes: Record<string, (cookie: Loose, req: Loose) => unknown> = {
  'maxAge set': cookie => {
    cookie.maxAge = 5_000
  },
  'maxAge null': cookie => {
    cookie.maxAge = null
  },
  'maxAge false': cookie => {
    cookie.maxAge = false
  },
  'maxAge a string': cookie => {
    cookie.maxAge = '5000'
  },
  'expires set': cookie => {
    cookie.expires = new Date(Date.now() + 7_000)
  },
  'expires false': cookie => {
    cookie.expires = false
  },
  'originalMaxAge set': cookie => {
    cookie.originalMaxAge = 9_000
  },
  'path and domain set': cookie => {
    cookie.path = '/look'
    cookie.domain = '127.0.0.1'
  },
  'httpOnly and sameSite set': cookie => {
    cookie.httpOnly = false
    cookie.sameSite = 'strict'
  },
  'another property': cookie => {
    cookie.colour = 'blue'
  },
  'Object.assign of options': cookie => {
    Object.assign(cookie, { maxAge: 4_000, secure: false })
  },
  'another cookie of the class': (_cookie, req) => {
    const { Cookie } = req.sessionClass
    req.session.cookie = new Cookie({ maxAge: 3_000, path: '/', sameSite: 'lax' })
  },
}

const changing = (cookie: Loose, change: (cookie: Loose, req: Loose) => unknown): Conversation['routes'] => ({
  ...shop,
  '/change': (req, _res, env) => {
    req.sessionClass = env.session
    change(req.session.cookie, req)
    return {
      maxAge: req.session.cookie.maxAge,
      original: req.session.cookie.originalMaxAge,
      expires: req.session.cookie.expires,
      of: cookie,
    }
  },
  '/change-and-set': (req, _res, env) => {
    req.sessionClass = env.session
    change(req.session.cookie, req)
    req.session.changed = true
    return 'changed'
  },
})

const changed = ['/login', '/change', '/who', { to: '/who', after: 1_000 }, '/change-and-set', { to: '/who', after: 1_000 }, '/look']

compare(
  'a handler changes the cookie',
  Object.entries(changes).flatMap(([name, change]) =>
    [{}, { maxAge: minute }].map(
      (cookie): Conversation => ({
        name: `${name}, of ${JSON.stringify(cookie)}`,
        options: { cookie },
        routes: changing(cookie, change),
        requests: changed,
      }),
    ),
  ),
)

compare('the cookie of a session', [
  {
    name: 'its members, as a handler sees them',
    options: { cookie: { maxAge: minute, domain: 'a.test', sameSite: 'lax', priority: 'high' } },
    routes: {
      '/see': (req, _res, env) => {
        const { cookie } = req.session
        const inherited: string[] = []
        for (const key in cookie) inherited.push(key)
        return {
          keys: Object.keys(cookie),
          inherited,
          json: cookie,
          text: JSON.stringify(cookie),
          data: cookie.data,
          line: cookie.serialize('a', 'b c'),
          instance: cookie instanceof env.session.Cookie,
          maxAge: cookie.maxAge,
          expires: cookie.expires instanceof Date,
        }
      },
      '/login': req => {
        req.session.user = 'ann'
        return 'in'
      },
    },
    address: 'a.test',
    requests: ['/see', '/login', { to: '/see', after: 1_500 }],
  },
  {
    name: 'touch and resetMaxAge give it its whole life, to whoever looks',
    options: { cookie: { maxAge: minute } },
    routes: {
      '/login': shop['/login'],
      '/age': req => {
        const before = req.session.cookie.maxAge
        const same = req.session.touch() === req.session
        const touched = req.session.cookie.maxAge
        req.session.cookie.originalMaxAge = 2 * minute
        return [before, same, touched, req.session.resetMaxAge() === req.session, req.session.cookie.maxAge]
      },
    },
    requests: ['/login', { to: '/age', after: 10_000 }, { to: '/age', after: 10_000 }],
  },
  {
    name: 'a record that has run out, in a store that does not know of time',
    options: { cookie: { maxAge: minute } },
    routes: shop,
    requests: ['/login', { to: '/who', after: 2 * minute, headers: {} }],
  },
  {
    name: 'saved before its life is changed',
    options: { cookie: { maxAge: minute } },
    routes: {
      '/login': async req => {
        req.session.user = 'ann'
        await called(done => req.session.save(done))
        req.session.cookie.maxAge = 1_000
        return 'saved'
      },
      '/who': shop['/who'],
    },
    requests: ['/login', '/who'],
  },
])
