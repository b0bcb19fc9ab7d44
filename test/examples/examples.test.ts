import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { io as connect, type Socket } from 'socket.io-client'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { full } from '../support/full.ts'
import { killLeftovers, root, type Server, startServer, Visitor } from './child.ts'

const day = 86_400_000

/** A login behind a counter, in any framework. */
const loginAndCounter = {
  'counts, logs in under a new id, and logs out': async ({ url }: Server) => {
    const visitor = new Visitor(url)
    expect((await visitor.get('/')).body).toBe('nobody: 1 views')
    const before = visitor.cookies.get('__Host-sid')
    expect(before).toBeDefined()
    expect((await visitor.ask('/login', 'POST')).body).toBe('welcome')
    expect(visitor.cookies.get('__Host-sid')).not.toBe(before)
    expect((await visitor.get('/')).body).toBe('ann: 2 views')
    expect((await visitor.ask('/logout', 'POST')).body).toBe('bye')
    expect((await visitor.get('/')).body).toBe('nobody: 1 views')
  },
}

/** What each example must do for its visitors. One entry runs the ES module and its CommonJS twin. */
const examples: Record<string, Record<string, (server: Server) => Promise<void>>> = {
  fastify: loginAndCounter,
  hono: loginAndCounter,
  counter: {
    'counts each visitor apart': async ({ url }) => {
      const [ada, bob] = [new Visitor(url), new Visitor(url)]
      const first = await ada.get()
      expect(first).toMatchObject({ status: 200, body: '1 views' })
      expect(names(first.setCookie)).toEqual(['koa.sess', 'koa.sess.sig'])
      expect(first.setCookie.every(line => /; httponly/i.test(line) && !/; secure/i.test(line))).toBe(true)
      expect((await ada.get()).body).toBe('2 views')
      expect((await bob.get()).body).toBe('1 views')
      expect((await ada.get()).body).toBe('3 views')
    },
    'does not believe a forged cookie': async ({ url }) => {
      const visitor = new Visitor(url)
      await visitor.get()
      visitor.cookies.set('koa.sess', Buffer.from('{"views":999}').toString('base64'))
      expect((await visitor.get()).body).toBe('1 views')
    },
  },
  'counter-options': {
    'counts behind a proxy that speaks https': async server => {
      const visitor = new Visitor(server.url, { 'x-forwarded-proto': 'https' })
      const { status, body, setCookie } = await visitor.get()
      expect([status, body]).toEqual([200, '1 views'])
      expect(names(setCookie)).toEqual(['koa.sess', 'koa.sess.sig'])
      for (const line of setCookie) {
        expect(line).toMatch(/; path=\/(;|$)/)
        expect(line).toMatch(/; secure(;|$)/i)
        expect(line).toMatch(/; httponly(;|$)/i)
        expect(line).not.toMatch(/samesite/i)
        const life = Date.parse(/; expires=([^;]+)/i.exec(line)?.[1] ?? '') - Date.now()
        expect(life).toBeGreaterThan(day - 60_000)
        expect(life).toBeLessThanOrEqual(day)
      }
      expect((await visitor.get()).body).toBe('2 views')
      expect(server.output()).not.toMatch(/secure/i)
    },
    'warns once on plain http and answers 200 without a cookie': async server => {
      const visitor = new Visitor(server.url)
      for (let request = 0; request < 3; request++) {
        expect(await visitor.get()).toEqual({ status: 200, body: '1 views', setCookie: [] })
      }
      await vi.waitFor(() => expect(server.output()).toMatch(/"koa\.sess" has secure: true.*X-Forwarded-Proto: https/))
      const proxied = await new Visitor(server.url, { 'x-forwarded-proto': 'http' }).get()
      expect(proxied).toEqual({ status: 200, body: '1 views', setCookie: [] })
      expect(server.output().match(/\[HOLDFAST_INSECURE\]/g)).toHaveLength(1)
    },
  },
  'set-get-destroy': {
    'sets, gets and destroys': async ({ url }) => {
      const visitor = new Visitor(url)
      expect(await visitor.get('/user')).toEqual({ status: 200, body: '{"name":null}', setCookie: [] })
      const set = await visitor.get('/')
      expect(set.body).toBe('set')
      expect(names(set.setCookie)).toEqual(['koa:sess', 'koa:sess.sig'])
      expect(await visitor.get('/user')).toEqual({ status: 200, body: '{"name":"Ada","visits":1}', setCookie: [] })
      await visitor.get('/')
      expect((await visitor.get('/user')).body).toBe('{"name":"Ada","visits":2}')
      const destroy = await visitor.get('/destroy')
      expect(destroy).toMatchObject({ status: 200, body: 'destroyed' })
      expect(names(destroy.setCookie)).toEqual(['koa:sess', 'koa:sess.sig'])
      expect(visitor.cookies.size).toBe(0)
      expect((await visitor.get('/user')).body).toBe('{"name":null}')
      expect((await visitor.get('/nowhere')).status).toBe(404)
    },
  },
  genid: {
    'puts its own id, and nothing else, into the cookie': async ({ url }) => {
      const visitor = new Visitor(url)
      const before = Date.now()
      expect((await visitor.get()).body).toBe('1 views')
      const id = visitor.cookies.get('koa.sess') ?? ''
      expect(id).toMatch(/^custom-session-id-\d+$/)
      const made = Number(id.slice('custom-session-id-'.length))
      expect(made).toBeGreaterThanOrEqual(before)
      expect(made).toBeLessThanOrEqual(Date.now())
      expect((await visitor.get()).body).toBe('2 views')
      expect(visitor.cookies.get('koa.sess')).toBe(id)
    },
  },
  'external-store': {
    'keeps the data in the store and an id in the cookie': async ({ url }) => {
      const [ada, bob] = [new Visitor(url), new Visitor(url)]
      expect((await ada.get()).body).toBe('1 views, 0 in the store')
      expect((await ada.get()).body).toBe('2 views, 1 in the store')
      expect((await bob.get()).body).toBe('1 views, 1 in the store')
      expect(ada.cookies.get('koa.sess')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/)
      expect(ada.cookies.get('koa.sess')).not.toBe(bob.cookies.get('koa.sess'))
    },
    'a log-out ends the session on the server, for copies of the cookie as well': async ({ url }) => {
      const [ada, thief] = [new Visitor(url), new Visitor(url)]
      await ada.get()
      expect((await ada.get()).body).toBe('2 views, 1 in the store')
      for (const [name, value] of ada.cookies) thief.cookies.set(name, value)
      expect((await ada.get('/logout')).body).toBe('0 views, 1 in the store')
      expect(ada.cookies.size).toBe(0)
      expect((await thief.get()).body).toBe('1 views, 0 in the store')
    },
  },
  generator: {
    'counts in a generator function on Koa 2': async ({ url }) => {
      const visitor = new Visitor(url)
      const first = await visitor.get()
      expect(first).toMatchObject({ status: 200, body: '1 views' })
      expect(names(first.setCookie)).toEqual(['koa.sess', 'koa.sess.sig'])
      expect((await visitor.get()).body).toBe('2 views')
      expect((await visitor.get()).body).toBe('3 views')
    },
  },
  'express-counter': {
    'counts each visitor apart': async ({ url }) => {
      const [ada, bob] = [new Visitor(url), new Visitor(url)]
      const first = await ada.get()
      expect(first).toMatchObject({ status: 200, body: 'Welcome to this page for the first time!' })
      expect(first.setCookie).toEqual([expect.stringMatching(/^connect\.sid=s%3A[\w-]{32}\.\S+; Path=\/; HttpOnly$/)])
      expect(await ada.get()).toEqual({ status: 200, body: 'You visited this page 2 times', setCookie: [] })
      expect((await bob.get()).body).toBe('Welcome to this page for the first time!')
      expect((await ada.get()).body).toBe('You visited this page 3 times')
    },
    'does not believe a forged cookie': async ({ url }) => {
      const visitor = new Visitor(url)
      await visitor.get()
      const cookie = visitor.cookies.get('connect.sid') as string
      visitor.cookies.set('connect.sid', `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}`)
      expect((await visitor.get()).body).toBe('Welcome to this page for the first time!')
    },
  },
  'express-login': {
    'a login is a new id, and the old one is dead': async ({ url }) => {
      const visitor = new Visitor(url)
      expect(await visitor.get()).toEqual({ status: 200, body: 'Please log in', setCookie: [] })
      expect(await visitor.submit('/login', { user: 'Ada', password: 'guessed' })).toMatchObject({ status: 401, setCookie: [] })
      const ids: string[] = []
      for (const user of ['Ada', 'Bob']) {
        expect(await visitor.submit('/login', { user, password: 'open sesame' })).toMatchObject({ status: 302 })
        ids.push(visitor.cookies.get('connect.sid') as string)
        expect((await visitor.get()).body).toBe(`Hello, ${user}`)
      }
      expect(ids[0]).not.toBe(ids[1])
      const planted = new Visitor(url)
      planted.cookies.set('connect.sid', ids[0] as string)
      expect((await planted.get()).body).toBe('Please log in')
    },
    'a logout ends the session, for copies of the cookie as well': async ({ url }) => {
      const [ada, thief] = [new Visitor(url), new Visitor(url)]
      await ada.submit('/login', { user: 'Ada', password: 'open sesame' })
      thief.cookies.set('connect.sid', ada.cookies.get('connect.sid') as string)
      expect((await thief.get()).body).toBe('Hello, Ada')
      expect(await ada.submit('/logout')).toMatchObject({ status: 302 })
      expect(ada.cookies.size).toBe(0)
      expect((await thief.get()).body).toBe('Please log in')
    },
  },
  'koa-and-express': {
    'one login counts in both, and so does a logout': async server => {
      const visitor = new Visitor(server.url)
      expect(await visitor.get()).toEqual({ status: 200, body: 'shop: nobody', setCookie: [] })
      expect(await visitor.get('/account')).toEqual({ status: 200, body: 'account: nobody', setCookie: [] })
      const login = await visitor.get('/account/login')
      expect(login).toMatchObject({ status: 200, body: 'account: ann' })
      expect(names(login.setCookie)).toEqual(['__Host-sid'])
      expect(await visitor.get()).toEqual({ status: 200, body: 'shop: ann', setCookie: [] })
      const copy = visitor.cookies.get('__Host-sid') as string
      expect((await visitor.get('/account/logout')).body).toBe('account: nobody')
      expect(visitor.cookies.size).toBe(0)
      visitor.cookies.set('__Host-sid', copy)
      expect((await visitor.get()).body).toBe('shop: nobody')
      expect(server.output()).not.toMatch(/warning/i)
    },
  },
  'express-websocket': {
    'opens for a visitor who has logged in': async ({ url }) => {
      const visitor = new Visitor(url)
      await visitor.get('/login')
      const socket = new WebSocket(url.replace('http', 'ws'), { headers: { cookie: visitor.cookie() }, origin: url })
      const [data] = await once(socket, 'message')
      expect(String(data)).toBe('Hello, ann')
      socket.close()
      await once(socket, 'close')
    },
    'and for nobody else': async ({ url }) => {
      const visitor = new Visitor(url)
      await visitor.get('/login')
      for (const options of [{ origin: url }, { origin: 'http://elsewhere.example', headers: { cookie: visitor.cookie() } }]) {
        const [error] = await once(new WebSocket(url.replace('http', 'ws'), options), 'error')
        expect(String(error)).toContain('401')
      }
    },
  },
  'socket-io': {
    'events of several sockets count in one session': async ({ url }) => {
      const visitor = new Visitor(url)
      await visitor.get('/login')
      const sockets = [1, 2].map(() => open(url, visitor.cookie()))
      const counts = await Promise.all(sockets.flatMap(socket => [1, 2, 3].map(() => socket.emitWithAck('count'))))
      expect([...counts].sort()).toEqual([1, 2, 3, 4, 5, 6])
      for (const socket of sockets) socket.close()
    },
    'a stranger is sent away': async ({ url }) => {
      const socket = open(url, '')
      const reason = await new Promise(resolve => socket.on('disconnect', resolve))
      expect(reason).toBe('io server disconnect')
    },
  },
}

function open(url: string, cookie: string): Socket {
  return connect(url, { extraHeaders: { cookie }, forceNew: true, reconnection: false })
}

const files = Object.keys(examples).flatMap(name => [`${name}.mjs`, `${name}.cjs`])

afterEach(killLeftovers)

test('every example is in the table, at most 40 lines, and the same program in both module systems', () => {
  expect(readdirSync(`${root}examples`).sort()).toEqual([...files].sort())
  for (const file of files) {
    const text = readFileSync(`${root}examples/${file}`, 'utf8')
    expect(text.trimEnd().split('\n').length, file).toBeLessThanOrEqual(40)
    if (file.endsWith('.cjs')) continue
    const twin = text.replaceAll(/^import (\w+|\{[^}]+\}) from ('[^']+')/gm, 'const $1 = require($2)')
    expect(readFileSync(`${root}examples/${file.replace('.mjs', '.cjs')}`, 'utf8'), file).toBe(twin)
  }
})

for (const [name, behaviours] of Object.entries(examples)) {
  // Its twin in CommonJS is the same program, line by line: `npm run test:full` runs that as well.
  for (const file of full ? [`${name}.mjs`, `${name}.cjs`] : [`${name}.mjs`]) {
    describe(`examples/${file}`, () => {
      for (const [behaviour, check] of Object.entries(behaviours)) {
        test(behaviour, async () => {
          const server = await startServer(`examples/${file}`)
          await check(server)
          expect(server.output().match(/^listening on http:\/\/localhost:\d+$/gm)).toHaveLength(1)
          expect(await server.stop('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' })
        })
      }
    })
  }
}

test('an example listens on the port that PORT names', async () => {
  const free = await startServer('examples/counter.mjs')
  const { port } = new URL(free.url)
  await free.stop('SIGINT')
  const chosen = await startServer('examples/counter.cjs', { PORT: port })
  expect(chosen.url).toBe(free.url)
  expect((await new Visitor(chosen.url).get()).body).toBe('1 views')
  await chosen.stop('SIGINT')
})

function names(setCookie: string[]): string[] {
  return setCookie.map(line => line.slice(0, line.indexOf('=')))
}
