import { createSecretKey } from 'node:crypto'
import { createRequire } from 'node:module'
import { expect } from 'vitest'
import { type Conversation, type Env, type Handler, plant, type Step, secret, signed } from '../../support/express/conversation.ts'
import { compare } from '../../support/express/differential.ts'
import { login, look, shop, who } from '../../support/express/handlers.ts'
import { allHosts } from '../../support/express/hosts.ts'
import type { Loose } from '../../support/subjects.ts'

// Who may open a session: secrets, names, ids, signatures, and what cookie-parser makes of the same header.

const require = createRequire(import.meta.url)
const cookieParser = require('cookie-parser')
const visit: (Step | string)[] = ['/who', '/login', '/look', '/who', { to: '/who', as: 'another' }]
const older = 'an older secret'

compare('secrets', [
  { name: 'one', routes: shop, requests: visit, hosts: allHosts },
  { name: 'a list', options: { secret: [secret, older] }, routes: shop, requests: visit },
  { name: 'a list of one', options: { secret: [secret] }, routes: shop, requests: visit },
  { name: 'octets', options: { secret: Buffer.from('octets \u00ff') }, routes: shop, requests: visit },
  { name: 'a key object', options: { secret: createSecretKey(Buffer.from('a key')) }, routes: shop, requests: visit },
  { name: 'with letters of any script', options: { secret: 'schlüssel 鍵' }, routes: shop, requests: visit },
  {
    name: 'a list that is changed by the app later',
    options: (env: Env) => {
      env.memory.set('secrets', [secret])
      return { secret: env.memory.get('secrets') }
    },
    routes: shop,
    requests: [
      '/login',
      { to: '/who', first: env => env.memory.get('secrets').push(older) },
      { to: '/look', as: 'another', first: env => env.memory.get('secrets').reverse() },
      { to: '/who', as: 'another' },
      { to: '/who', as: 'another', first: env => env.memory.get('secrets').splice(0, 1) },
    ],
  },
  {
    name: 'of the request, set by the app',
    options: { secret: undefined },
    before: (req, _res, next) => {
      req.secret = 'of the request'
      next()
    },
    hosts: allHosts,
    routes: shop,
    requests: visit,
  },
  {
    name: 'a list of the request',
    options: { secret: '' },
    before: (req, _res, next) => {
      req.secret = 'of the request'
      next()
    },
    routes: shop,
    requests: visit,
  },
  {
    name: 'of the request, beside one of the options',
    before: (req, _res, next) => {
      req.secret = 'of the request'
      next()
    },
    routes: shop,
    requests: [...visit, { to: '/who', first: (_env, jar) => plant(jar, 'id-1', { key: 'of the request' }) }],
  },
  {
    name: 'none',
    options: { secret: undefined },
    hosts: allHosts,
    routes: shop,
    requests: ['/who', '/login', { to: '/who', first: (_env, jar) => plant(jar, 'id-1') }],
  },
  { name: 'null', options: { secret: null }, routes: shop, requests: ['/who'] },
])

compare('an older secret', [
  {
    name: 'that signed the cookie which the browser has',
    options: { secret: [secret, 'middle', older] },
    routes: shop,
    requests: ['/login', { to: '/who', first: (_env, jar) => plant(jar, 'id-1', { key: older }) }, '/who'],
    differs: {
      because: 'so that the older secret can be taken out one day, the cookie is signed anew',
      peer: [{}, { body: expectUser('ann'), setCookie: [] }, { body: expectUser('ann'), setCookie: [] }],
      holdfast: [
        {},
        { body: expectUser('ann'), setCookie: [`connect.sid=${encodeURIComponent(signed('id-1'))}; Path=/; HttpOnly`] },
        { body: expectUser('ann'), setCookie: [] },
      ],
    },
  },
  {
    name: 'that was taken out of the list',
    options: { secret: [secret] },
    routes: shop,
    requests: ['/login', { to: '/who', first: (_env, jar) => plant(jar, 'id-1', { key: older }) }, '/login', '/who'],
  },
])

function expectUser(user: string): string {
  return JSON.stringify({ user, id: 'id-1', same: true })
}

const names: Record<string, object> = {
  name: { name: 'sid' },
  key: { key: 'sid' },
  'name before key': { name: 'one', key: 'two' },
  'an empty name': { name: '' },
  'a name with every sign that cookies allow': { name: "a!#$%&'*+-.^_`|~9" },
  'a name that objects have': { name: 'toString' },
  'an empty key': { key: '' },
}

compare(
  'names',
  Object.entries(names).map(([name, options]): Conversation => ({ name, options, routes: shop, requests: visit })),
)

const ids: Record<string, (env: Env) => Loose> = {
  'ids with signs that a cookie escapes': env => () => `a b;c/%.${env.genid()}=é`,
  'an id with dots': env => () => `${env.genid()}.x.y`,
  'an id of the request': env => env.spy('genid', (req: Loose) => `${env.genid()}-of-${req.url.slice(1)}`),
  'a number': () => () => 42,
  'no id at all': () => () => undefined,
  'that throws': () => () => {
    throw new Error('no ids left')
  },
}

compare('genid', [
  ...Object.entries(ids).map(
    ([name, genid]): Conversation => ({
      name,
      options: (env: Env) => ({ genid: genid(env) }),
      routes: shop,
      requests: ['/who', '/login', '/look', '/who'],
    }),
  ),
  {
    name: 'the default',
    options: { genid: undefined },
    randomIds: true,
    hosts: allHosts,
    routes: shop,
    requests: ['/who', '/login', '/look', '/renew', '/who', { to: '/login', as: 'b' }],
  },
])

const raw = (value: string): Step => ({ to: '/who', headers: { cookie: value } })
const good = signed('id-1')
const sid = (value: string) => `connect.sid=${value}`

compare('cookies that the browser sends', [
  {
    name: 'forged, unsigned, cut, doubled, and in other clothes',
    hosts: allHosts,
    routes: shop,
    requests: [
      '/login',
      raw(sid('id-1')),
      raw(sid('s:id-1')),
      raw(sid('s:id-1.')),
      raw(sid('s:.')),
      raw(sid('s:')),
      raw(sid('')),
      raw(sid('s%3A')),
      raw(sid(good)),
      raw(sid(good.slice(2))),
      raw(sid(good.slice(0, -1))),
      raw(sid(`${good}=`)),
      raw(sid(`${good}A`)),
      raw(sid(good.replace('id-1', 'id-2'))),
      raw(sid(good.replace('id-1', 'ID-1'))),
      raw(sid(signed('id-1', 'a wrong secret'))),
      raw(sid(signed('unknown'))),
      raw(sid(signed(''))),
      raw(sid(encodeURIComponent(good))),
      raw(sid(encodeURIComponent(good).toLowerCase())),
      raw(sid(`"${encodeURIComponent(good)}"`)),
      raw(sid(`"${good}"`)),
      raw(sid('%E0%A4%A')),
      raw(sid(`s%3Aid-1.%E0%A4%A`)),
      raw(`${sid(encodeURIComponent(good))}; ${sid('s:other.x')}`),
      raw(`a=1; b=2;${sid(encodeURIComponent(good))};c=3`),
      raw(`CONNECT.SID=${encodeURIComponent(good)}`),
      raw(` connect.sid=${encodeURIComponent(good)} `),
      raw(`xconnect.sid=${encodeURIComponent(good)}`),
      raw(`connect.sid`),
      raw(';;;=;=x;'),
      raw(sid('S%3A'.concat(good.slice(2)))),
      raw(sid(`j:${JSON.stringify({ id: 'id-1' })}`)),
    ],
  },
])

const signedIn = { did: ['store.get', 'store.touch'], body: expectUser('ann') }
const encoded = encodeURIComponent(good)

compare('two cookies of one name', [
  {
    name: 'of which the second is the one that is signed (H20)',
    hosts: allHosts,
    routes: shop,
    requests: [
      '/login',
      raw(`${sid('s:other.x')}; ${sid(encoded)}`),
      raw(`${sid('')}; ${sid(encoded)}`),
      raw(`${sid('1')}; ${sid('2')}; ${sid('3')}; ${sid(encoded)}`),
      raw(`${sid('1')}; ${sid('2')}; ${sid('3')}; ${sid('4')}; ${sid(encoded)}`),
    ],
    differs: {
      because: 'one that a subdomain has tossed in, or another path has left, must not log its visitor out',
      peer: [{}, ...Array(4).fill({ did: [], body: expect.stringContaining('nobody') })],
      holdfast: [{}, signedIn, signedIn, signedIn, { did: [], body: expect.stringContaining('nobody') }],
    },
  },
])

const parsers: Record<string, [options: object, before: Loose]> = {
  'before, with the same secret': [{}, () => cookieParser(secret)],
  'before, with another secret': [{}, () => cookieParser('of the parser')],
  'before, with none': [{}, () => cookieParser()],
  'before, whose secret is the only one': [{ secret: undefined }, () => cookieParser('of the parser')],
  'before, with a list that is the only one': [{ secret: undefined }, () => cookieParser(['of the parser', older])],
  'before, without the header': [{}, () => [cookieParser(secret), dropHeader]],
  'before, without the header and without a secret': [{}, () => [cookieParser(), dropHeader]],
  'before, without the header and with another secret': [{}, () => [cookieParser('of the parser'), dropHeader]],
}

function dropHeader(req: Loose, _res: Loose, next: () => void): void {
  req.headers.cookie = undefined
  next()
}

const parsed: Handler = (req, res, env) => ({ ...(look(req, res, env) as object), cookies: req.cookies, signed: req.signedCookies })
const parserVisits: (Step | string)[] = [
  '/login',
  '/parsed',
  '/who',
  { to: '/parsed', first: (_env, jar) => plant(jar, 'id-1', { key: 'of the parser' }) },
  { to: '/parsed', first: (_env, jar) => jar.set('connect.sid', 'id-1') },
]

compare('cookie-parser', [
  ...Object.entries(parsers).map(
    ([name, [options, before]]): Conversation => ({
      name,
      options,
      build: env => {
        for (const middleware of [before()].flat()) env.app.use(middleware)
        env.app.use(env.session(env.options))
      },
      routes: { '/login': login, '/parsed': parsed, '/who': who },
      requests: parserVisits,
    }),
  ),
  {
    name: 'after',
    build: env => {
      env.app.use(env.session(env.options))
      env.app.use(cookieParser(secret))
    },
    hosts: ['Express 4', 'Express 5', 'connect'],
    routes: { '/login': login, '/parsed': parsed, '/who': who },
    requests: parserVisits,
  },
  {
    name: 'cookies that another middleware has put there',
    before: (req, _res, next) => {
      const value = req.headers['x-cookie']
      req.headers.cookie = undefined
      req.cookies = { 'connect.sid': value && `s:${value}` }
      req.signedCookies = { 'connect.sid': req.headers['x-signed'] }
      next()
    },
    routes: shop,
    requests: [
      '/login',
      { to: '/who', headers: { 'x-cookie': good.slice(2) } },
      { to: '/who', headers: { 'x-cookie': 'id-1.x' } },
      { to: '/who', headers: { 'x-signed': 'id-1' } },
      { to: '/who', headers: { 'x-signed': 'unknown', 'x-cookie': good.slice(2) } },
      { to: '/who', headers: { 'x-signed': '' } },
    ],
  },
])

const json = (text: string, key: string): Step => ({
  to: '/who',
  first: (_env, jar) => jar.set('connect.sid', encodeURIComponent(key ? signed(text, key) : text)),
})
const fresh = { status: 200, did: [], body: expect.stringContaining('nobody') }

compare('values that cookie-parser takes for JSON', [
  {
    name: 'are no ids',
    build: env => {
      env.app.use(cookieParser('of the parser'))
      env.app.use(env.session(env.options))
    },
    routes: shop,
    requests: ['/login', json('j:{"a":1}', ''), json('j:{"a":1}', 'of the parser'), json('j:["id-1"]', 'of the parser')],
    differs: {
      because: 'what a browser sends is no reason for a failure, and a store is asked for texts only',
      peer: [
        {},
        { status: 500, body: 'error: raw.substr is not a function' },
        { journal: [{ args: [{ a: 1 }, 'function'] }] },
        { journal: [{ args: [['id-1'], 'function'] }] },
      ],
      holdfast: [{}, fresh, fresh, fresh],
    },
  },
])

compare('a name that a cookie cannot have', [
  {
    name: 'fails at the request that needs the cookie',
    options: { name: 'a b' },
    routes: shop,
    requests: ['/who', '/login'],
    differs: {
      because: 'neither the answer nor a record must count on a cookie that was never sent',
      peer: [{ status: 200 }, { status: 200, setCookie: [], did: ['store.set', 'error handler'] }],
      holdfast: [{ status: 200 }, { status: 500, body: 'error: argument name is invalid', setCookie: [], did: ['error handler'] }],
    },
  },
])
