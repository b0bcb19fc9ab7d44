import { inspect } from 'node:util'
import { headerTransport } from 'holdfast'
import Keygrip from 'keygrip'
import { describe, expect, it } from 'vitest'
import type { Loose } from '../support/subjects.ts'
import { koaDrivers } from './drivers.ts'
import {
  type Answer,
  dropInCookie,
  dropInMap,
  dropInMemory,
  everyMode,
  gate,
  type Handler,
  keys,
  logout,
  nativeCookie,
  nativeMemory,
  read,
  refuse,
  type Site,
  storeModes,
  write,
} from './support.ts'
import { onKoa, table } from './table.ts'

const throwing = (error: unknown): Handler =>
  write({ name: 'ann' }, () => {
    throw error
  })

const ways: Record<string, () => Handler> = {
  'what the framework throws': () => write({ name: 'ann' }, refuse(403, 'no')),
  'an Error': () => throwing(new Error('no')),
  'an Error with a status and headers': () => throwing(Object.assign(new Error('no'), { status: 429, headers: { 'Retry-After': '5' } })),
  'an Error with a Set-Cookie of its own': () => throwing(Object.assign(new Error('no'), { headers: { 'Set-Cookie': ['own=1'] } })),
  'a text': () => throwing('no'),
  'an object that is no Error': () => throwing({ status: 400 }),
  'an Error whose code is ENOENT': () => throwing(Object.assign(new Error('no'), { code: 'ENOENT' })),
}

const setsSession = (site: Site, answer: Answer) => answer.setCookie.some(line => line.startsWith(`${site.cookieName}=`))

table(everyMode, (open, mode) => {
  it.each(Object.keys(ways))('promise 8: after %s, record and cookie both exist', async way => {
    const site = await open({ routes: { '/fail': (ways[way] as () => Handler)(), '/read': read('name') } })
    const visitor = site.visitor()
    const answer = await visitor.get('/fail')
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(setsSession(site, answer)).toBe(true)
    expect(answer.headers['cache-control']).toBe('private')
    expect(answer.headers.vary).toMatch(/Cookie/)
    expect((await visitor.get('/read')).body).toBe('ann')
    if (way.includes('own')) expect(answer.setCookie).toContain('own=1')
    if (way.includes('headers')) expect(answer.headers['retry-after']).toBe('5')
  })

  it('promise 8: a logout survives an error as well', async () => {
    const site = await open({
      routes: { '/in': write({ name: 'ann' }), '/out': t => t.fail(400, String(logout(t))), '/read': read('name') },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    const before = visitor.header()
    expect(setsSession(site, await visitor.get('/out'))).toBe(true)
    expect(visitor.cookies.has(site.cookieName)).toBe(false)
    if (mode.place !== 'cookie') expect((await site.visitor().get('/read', { headers: { cookie: before } })).body).toBe('nothing')
  })

  it('promise 8: one Error thrown for two visitors carries nothing from one to the other', async () => {
    const shared = Object.assign(new Error('no'), { status: 400, headers: { 'X-Own': '1' } })
    const waiting = gate()
    const site = await open({
      routes: {
        '/slow': write({ name: 'slow' }, async () => {
          await waiting.pass()
          throw shared
        }),
        '/fast': throwing(shared),
        '/read': read('name'),
      },
    })
    const [slow, fast] = [site.visitor(), site.visitor()]
    const answers = slow.get('/slow')
    await waiting.reached
    const second = await fast.get('/fast')
    waiting.open()
    const first = await answers
    expect((await slow.get('/read')).body).toBe('slow')
    expect((await fast.get('/read')).body).toBe('ann')
    const told = inspect(shared, { showHidden: true, depth: 5 })
    for (const answer of [first, second]) {
      expect(answer.headers['x-own']).toBe('1')
      expect(answer.setCookie.filter(line => line.startsWith(`${site.cookieName}=`))).toHaveLength(1)
    }
    for (const value of [...slow.cookies.values(), ...fast.cookies.values()]) expect(told).not.toContain(value)
    expect(shared.headers).toEqual({ 'X-Own': '1' })
    // A third visitor, who writes nothing, gets nothing.
    const site2 = await open({
      routes: {
        '*': () => {
          throw shared
        },
      },
    })
    expect((await site2.visitor().get('/')).setCookie).toEqual([])
  })
})

table(
  everyMode,
  open => {
    it('promise 8: an error after the session was committed takes nothing back', async () => {
      const site = await open({
        around: async (t, next) => {
          await next()
          if (t.path === '/late') t.fail(500, 'outside')
        },
        routes: { '/late': write({ name: 'ann' }), '/read': read('name') },
      })
      const visitor = site.visitor()
      const answer = await visitor.get('/late')
      expect(answer).toMatchObject({ status: 500, headers: { 'cache-control': 'private' } })
      expect((await visitor.get('/read')).body).toBe('ann')
    })

    it("promise 8: the app's own answer to errors keeps the cookie", async () => {
      const site = await open({
        prepare: app => {
          app.context.onerror = function onerror(this: Loose, error: unknown) {
            if (error == null) return
            for (const name of this.res.getHeaderNames()) this.res.removeHeader(name)
            this.res.statusCode = 418
            this.res.end('our own page')
          }
        },
        routes: { '/fail': throwing(new Error('no')), '/read': read('name') },
      })
      const visitor = site.visitor()
      expect(await visitor.get('/fail')).toMatchObject({ status: 418, body: 'our own page' })
      expect((await visitor.get('/read')).body).toBe('ann')
    })
  },
  onKoa,
)

table(storeModes, (open, mode) => {
  it('promise 8: where the store refuses, neither record nor cookie exist', async () => {
    const site = await open({ routes: { '*': throwing(new Error('no')) } })
    site.store.fail(mode.place === 'map' ? 'set' : 'create', new Error('down'))
    expect((await site.visitor().get('/')).setCookie).toEqual([])
    expect(await site.store.living()).toBe(0)
  })
})

table([dropInCookie], open => {
  const signed = { cookie: `koa.sess=broken; koa.sess.sig=${new Keygrip([...keys]).sign('koa.sess=broken')}` }
  const decode = () => {
    throw new TypeError('cannot decode')
  }

  it.each([undefined, true])(
    'promise 8: the cookie that cannot be decoded is cleared by the answer that says so (secure: %s)',
    async secure => {
      const site = await open({ options: { decode, secure }, routes: { '*': read('name') } })
      const answer = await site.visitor().get('/', { headers: signed })
      expect(answer.status).toBe(500)
      expect(site.errors).toMatchObject([{ message: 'cannot decode' }])
      // On plain http no browser would take a Secure cookie, not even an empty one.
      const cleared = secure ? [] : [expect.stringMatching(/^koa\.sess=; .*1970/), expect.stringMatching(/^koa\.sess\.sig=/)]
      expect(answer.setCookie).toEqual(cleared)
    },
  )
})

const external = {
  get: (ctx: Loose) => ctx.get('x-key'),
  set: (ctx: Loose, id: string) => ctx.set('X-Key', id),
  clear: (ctx: Loose) => ctx.set('X-Key', 'none'),
}

describe('promise 8: an id that travels in a header', () => {
  for (const driver of koaDrivers) {
    for (const mode of [dropInMap, dropInMemory, nativeMemory, nativeCookie]) {
      it(`survives an error (${driver.name}, ${mode.name})`, async () => {
        const own = mode.native ? { native: { transport: headerTransport('x-key') } } : { options: { externalKey: external } }
        const site = await driver.open({ mode, ...own, routes: { '/fail': throwing(new Error('no')), '/read': read('name') } })
        const { status, headers, setCookie } = await site.visitor().get('/fail')
        expect({ status, setCookie }).toEqual({ status: 500, setCookie: [] })
        const again = await site.visitor().get('/read', { headers: { 'x-key': String(headers['x-key']) } })
        expect(again.body).toBe('ann')
      })
    }
  }
})
