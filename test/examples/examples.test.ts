import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { killLeftovers, root, type Server, startServer, Visitor } from './child.ts'

const day = 86_400_000

/** What each example must do for its visitors. One entry runs the ES module and its CommonJS twin. */
const examples: Record<string, Record<string, (server: Server) => Promise<void>>> = {
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
}

const files = Object.keys(examples).flatMap(name => [`${name}.mjs`, `${name}.cjs`])

afterEach(killLeftovers)

test('every example is in the table, at most 40 lines, and the same program in both module systems', () => {
  expect(readdirSync(`${root}examples`).sort()).toEqual([...files].sort())
  for (const file of files) {
    const text = readFileSync(`${root}examples/${file}`, 'utf8')
    expect(text.trimEnd().split('\n').length, file).toBeLessThanOrEqual(40)
    if (file.endsWith('.cjs')) continue
    const twin = text.replaceAll(/^import (\w+) from ('[^']+')/gm, 'const $1 = require($2)')
    expect(readFileSync(`${root}examples/${file.replace('.mjs', '.cjs')}`, 'utf8'), file).toBe(twin)
  }
})

for (const [name, behaviours] of Object.entries(examples)) {
  for (const file of [`${name}.mjs`, `${name}.cjs`]) {
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
