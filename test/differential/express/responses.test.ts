import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { Conversation, Handler } from '../../support/express/conversation.ts'
import { minute } from '../../support/express/conversation.ts'
import { compare } from '../../support/express/differential.ts'
import { shop } from '../../support/express/handlers.ts'
import { allHosts, expresses, type Host } from '../../support/express/hosts.ts'
import type { Loose } from '../../support/subjects.ts'

// How a handler answers must not matter: the same octets, the same headers, the same cookie.

const root = fileURLToPath(new URL('../../..', import.meta.url))
const change = (req: Loose) => {
  req.session.n = (req.session.n ?? 0) + 1
}
const text = 'Grüße, 世界. '.repeat(50)

const onAll: Record<string, Handler> = {
  'end with a length': (req, res) => {
    change(req)
    res.setHeader('Content-Length', Buffer.byteLength(text))
    res.end(text)
  },
  'end of octets with a length': (req, res) => {
    change(req)
    res.setHeader('Content-Length', Buffer.byteLength(text))
    res.end(Buffer.from(text))
  },
  'end in another encoding': (req, res) => {
    change(req)
    res.setHeader('Content-Length', 5)
    res.end('aGFsbG8=', 'base64')
  },
  'a length of nothing': (req, res) => {
    change(req)
    res.setHeader('Content-Length', 0)
    res.end()
  },
  'no content': (req, res) => {
    change(req)
    res.writeHead(204)
    res.end()
  },
  'write, then end': (req, res) => {
    change(req)
    res.write('one ')
    res.write(Buffer.from('two '))
    res.end('three')
  },
  'write, then end with nothing': (req, res) => {
    change(req)
    res.write(text)
    res.end()
  },
  'write later': async (req, res) => {
    change(req)
    res.write('one ')
    await new Promise(resolve => setImmediate(resolve))
    res.write('two ')
    await new Promise(resolve => setImmediate(resolve))
    res.end('three')
  },
  'writeHead with headers': (req, res) => {
    change(req)
    res.setHeader('X-Before', 'a')
    res.writeHead(201, { 'Content-Type': 'text/plain', 'Content-Length': 2, 'X-Head': ['b', 'c'] })
    res.end('ok')
  },
  'writeHead with a message': (req, res) => {
    change(req)
    res.writeHead(299, 'Quite OK', { 'Content-Length': 2 })
    res.end('ok')
  },
  'writeHead with a Set-Cookie of its own': (req, res) => {
    change(req)
    res.setHeader('Set-Cookie', ['own=1', 'other=2; HttpOnly'])
    res.setHeader('Content-Length', 2)
    res.end('ok')
  },
  'a Set-Cookie that is no list': (req, res) => {
    change(req)
    res.setHeader('Set-Cookie', 'own=1')
    res.setHeader('Content-Length', 2)
    res.end('ok')
  },
  'flushHeaders first': (req, res) => {
    change(req)
    res.flushHeaders()
    res.write('a')
    res.end('b')
  },
  'a redirect by hand': (req, res) => {
    change(req)
    res.writeHead(302, { Location: '/elsewhere', 'Content-Length': 0 })
    res.end()
  },
  'not modified by hand': (req, res) => {
    change(req)
    res.writeHead(304, { ETag: '"x"' })
    res.end()
  },
}

const onExpress: Record<string, Handler> = {
  'res.send of a text': (req, res) => {
    change(req)
    res.send(text)
  },
  'res.send of octets': (req, res) => {
    change(req)
    res.send(Buffer.from(text))
  },
  'res.json of the session': (req, res) => {
    change(req)
    res.json(req.session)
  },
  'res.redirect': (req, res) => {
    change(req)
    res.redirect('/elsewhere')
  },
  'res.sendStatus': (req, res) => {
    change(req)
    res.sendStatus(403)
  },
  'res.sendFile': (req, res) => {
    change(req)
    res.sendFile('tsconfig.json', { root })
  },
  'res.sendFile of what is not there': (req, res) => {
    change(req)
    res.sendFile('nowhere.json', { root })
  },
  'res.cookie beside it': (req, res) => {
    change(req)
    res.cookie('own', 'value', { httpOnly: true }).cookie('two', '2')
    res.send('ok')
  },
  'res.clearCookie of the session': (req, res) => {
    change(req)
    res.clearCookie('connect.sid')
    res.send('ok')
  },
  'a status and a type': (req, res) => {
    change(req)
    res.status(202).type('text').set('X-A', 'b').send('ok')
  },
}

const answering = (handlers: Record<string, Handler>, hosts: Host[]): Conversation[] =>
  Object.entries(handlers).flatMap(([name, handler]) =>
    [{}, { saveUninitialized: true, resave: true, cookie: { maxAge: minute } }].map(
      (options): Conversation => ({
        name: 'resave' in options ? `${name}, always saved` : name,
        options,
        hosts,
        routes: { '/': handler },
        requests: ['/', '/', 'HEAD /'],
      }),
    ),
  )

compare('answers on every host', answering(onAll, allHosts))
compare('answers of Express', answering(onExpress, expresses))

const etag = { 'if-none-match': 'W/"2-eoX0dku9ba8cNUXvu/DyeabcC+s"' }

compare('an answer that the browser has', [
  {
    name: '304 by its ETag',
    routes: {
      '/': (req, res) => {
        change(req)
        res.send('ok')
      },
      '/read': (req, res) => {
        void req.session.n
        res.send('ok')
      },
    },
    requests: ['/', { to: '/', headers: etag }, { to: '/read', headers: etag }, { to: 'HEAD /', headers: etag }, '/read'],
  },
  { name: 'other methods', routes: shop, requests: ['POST /login', 'PUT /look', 'DELETE /look', 'OPTIONS /who', 'HEAD /who'] },
])

compare('caching', [
  {
    name: 'an answer with a cookie, and one that depends on it',
    routes: { ...shop },
    keepsCaching: true,
    requests: ['/idle', '/login', '/who', '/idle'],
    differs: {
      because: 'what depends on a visitor, or carries a cookie, is for nobody else',
      peer: [
        { headers: { vary: 'none', 'cache-control': 'none' } },
        { headers: { vary: 'none', 'cache-control': 'none' } },
        { headers: { vary: 'none', 'cache-control': 'none' } },
        { headers: { vary: 'none', 'cache-control': 'none' } },
      ],
      holdfast: [
        { headers: { vary: 'none', 'cache-control': 'none' } },
        { headers: { vary: 'Cookie', 'cache-control': 'private' } },
        { headers: { vary: 'Cookie', 'cache-control': 'none' } },
        { headers: { vary: 'none', 'cache-control': 'none' } },
      ],
    },
  },
])

compare('an answer without a length', [
  {
    name: 'that ends with its first call',
    routes: {
      '/': (req, res) => {
        change(req)
        res.end('ok')
      },
    },
    requests: ['/'],
    differs: {
      because: 'it leaves as if there were no session: in one piece, and only when the store has answered',
      peer: [{ body: 'ok', headers: { 'transfer-encoding': 'chunked' } }],
      holdfast: [{ body: 'ok', headers: expect.objectContaining({ 'content-length': '2' }) }],
    },
  },
  {
    name: 'res.send of nothing',
    routes: {
      '/': (req, res) => {
        change(req)
        res.send()
      },
    },
    requests: ['/'],
    differs: {
      because: 'it leaves as if there were no session',
      peer: [{ body: '', headers: { 'transfer-encoding': 'chunked' } }],
      holdfast: [{ body: '', headers: expect.not.objectContaining({ 'transfer-encoding': 'chunked' }) }],
    },
  },
])

const late: Handler = (req, res) => {
  res.write('first ')
  change(req)
  res.end('last')
}

compare('a change after the first octet', [
  {
    name: 'of a session that the browser has',
    routes: { ...shop, '/late': late, '/n': req => req.session },
    requests: ['/login', '/late', '/n'],
    differs: {
      because: 'what is there by then is stored or touched before the first octet, what comes later before the last',
      peer: [{}, { body: 'first last', did: ['store.get', 'store.set'] }, { body: expect.stringContaining('"n":1') }],
      holdfast: [{}, { body: 'first last', did: ['store.get', 'store.touch', 'store.set'] }, { body: expect.stringContaining('"n":1') }],
    },
  },
  {
    name: 'of a session that is new',
    routes: { '/late': late },
    requests: ['/late'],
    differs: {
      because: 'its cookie cannot be sent any more: the error handler is told, and no record is left that nobody can reach',
      peer: [{ body: 'first last', did: ['store.set'], setCookie: [] }],
      holdfast: [{ did: ['error handler'], setCookie: [], journal: [{ args: [{ name: 'SessionHeadersSentError' }, 'too late'] }] }],
    },
  },
  {
    name: 'of a session with a life',
    options: { cookie: { maxAge: minute } },
    store: { touch: false },
    routes: { ...shop, '/late': late },
    requests: ['/login', { to: '/late', after: 1_000 }, '/who'],
  },
])
