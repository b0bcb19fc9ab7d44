// H24: `inspect` says what a cookie is, and prints no key, no id and, unless asked for, no data.
import http from 'node:http'
import { createRequire } from 'node:module'
import { createSessions } from 'holdfast'
import holdfastKoa from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import Koa from 'koa'
import { describe, expect, it } from 'vitest'
import { listening, portOf } from '../promises/serving.ts'
import type { Loose } from '../support/subjects.ts'
import { holdfast, objectsIn } from './support.ts'

const require = createRequire(import.meta.url)
const NEW = 'a secret of at least thirty-two octets, the newest'
const OLD = 'a secret of at least thirty-two octets, the older one'
const KEYS = JSON.stringify([NEW, OLD])
const DATA = 'what-the-visitor-has-in-the-cart'

/** The cookies that an app sets, as a Cookie header. */
async function cookiesOf(listener: http.RequestListener): Promise<string> {
  const server = await listening(http.createServer(listener))
  const answer = await fetch(`http://127.0.0.1:${portOf(server)}/`, { headers: { 'x-forwarded-proto': 'https' } })
  return answer.headers
    .getSetCookie()
    .map(line => line.split(';')[0])
    .join('; ')
}

function koaApp(mount: (app: Loose) => void): http.RequestListener {
  const app = new Koa({ proxy: true }) as Loose
  app.keys = [OLD]
  mount(app)
  app.use((ctx: Loose) => {
    ctx.session.cart = DATA
    ctx.body = 'ok'
  })
  return app.callback()
}

function expressApp(session: Loose): http.RequestListener {
  const app = require('express')() as Loose
  app.use(session({ secret: [OLD], resave: false, saveUninitialized: false }))
  app.get('/', (req: Loose, res: Loose) => {
    req.session.cart = DATA
    res.end('ok')
  })
  return app
}

async function inspect(cookie: string, ...args: string[]) {
  const { status, out, err } = await holdfast(['inspect', '--json', ...args], { input: `${cookie}\n`, env: { KEYS } })
  expect([status, err]).toEqual([0, ''])
  return { out, report: objectsIn(out)[0] as Record<string, unknown> }
}

const idIn = (cookie: string) => /=(?:s%3A)?([^.;]+(?:\.[\w-]{43})?)/.exec(cookie)?.[1] as string

describe('H24: inspect', () => {
  it('of an encrypted cookie says its key, its issue and its end; opened only by a key, data only with --data', async () => {
    const sessions = createSessions({ keys: [OLD], idleTimeout: '30m', absoluteTimeout: '12h' })
    const cookie = await cookiesOf(koaApp(app => app.use(holdfastKoa(sessions, app))))
    const blind = (await inspect(cookie)).report
    expect(blind).toMatchObject({ format: 'holdfast-sealed', name: '__Host-sid' })
    expect(blind).not.toHaveProperty('opens')
    const { report, out } = await inspect(cookie, '--keys-env', 'KEYS')
    expect(report).toMatchObject({ keyId: blind.keyId, opens: true, olderKey: true, expired: false })
    expect(Date.parse(report.expiresAt as string) - Date.now()).toBeGreaterThan(29 * 60_000)
    expect(Date.now() - Date.parse(report.issuedInHour as string)).toBeLessThan(3_700_000)
    expect(out).not.toContain(DATA)
    expect((await inspect(cookie, '--keys-env', 'KEYS', '--data')).report.data).toEqual({ cart: DATA })
  })

  it('of an encrypted cookie that has expired says so, and opens it all the same', async () => {
    const sessions = createSessions({ keys: [NEW], idleTimeout: '30m', absoluteTimeout: '12h' })
    const cookie = await cookiesOf(koaApp(app => app.use(holdfastKoa(sessions, app))))
    const later = await holdfast(['inspect', '--json', '--keys-env', 'KEYS'], {
      input: cookie,
      env: { KEYS },
      now: () => Date.now() + 86_400_000,
    })
    expect(objectsIn(later.out)[0]).toMatchObject({ opens: true, olderKey: false, expired: true })
  })

  it('says that a key does not open it', async () => {
    const sessions = createSessions({ keys: ['another secret, of at least thirty-two octets too'] })
    const cookie = await cookiesOf(koaApp(app => app.use(holdfastKoa(sessions, app))))
    expect((await inspect(cookie, '--keys-env', 'KEYS')).report.opens).toBe(false)
    // Of another name: the scope is part of what is signed.
    expect((await inspect(`other=${cookie.split('=')[1]}`, '--keys-env', 'KEYS')).report.opens).toBe(false)
  })

  it('of a signed cookie of Holdfast, express-session and koa-session prints no id', async () => {
    const native = createSessions({ keys: [OLD], store: new MemoryStore() })
    const store = {
      map: new Map(),
      get: (id: string) => store.map.get(id),
      set: (id: string, data: unknown) => void store.map.set(id, data),
      destroy() {},
    }
    for (const [format, cookie] of [
      ['holdfast-signed', await cookiesOf(koaApp(app => app.use(holdfastKoa(native, app))))],
      ['express-session', await cookiesOf(expressApp(require('express-session')))],
      ['koa-session-id', await cookiesOf(koaApp(app => app.use(require('koa-session').createSession({ store }, app))))],
    ] as const) {
      const { out, report } = await inspect(cookie, '--keys-env', 'KEYS', '--data')
      expect(report).toMatchObject({ format, opens: true, olderKey: true })
      const id = idIn(cookie)
      expect(id.length).toBeGreaterThan(20)
      expect(out).not.toContain(id)
      // The last letter of the signature is another, and none of `%2B`.
      const forged = cookie.replace(/(?<!%|%[\dA-F])[A-Za-z](?!.*(?<!%|%[\dA-F])[A-Za-z])/, letter => (letter === 'A' ? 'B' : 'A'))
      expect(forged).not.toBe(cookie)
      expect((await inspect(forged, '--keys-env', 'KEYS')).report.opens).toBe(false)
    }
  })

  it("of koa-session's cookie says when it was issued and when it ends", async () => {
    const cookie = await cookiesOf(koaApp(app => app.use(require('koa-session').createSession({ maxAge: 600_000 }, app))))
    const { report, out } = await inspect(cookie, '--keys-env', 'KEYS')
    expect(report).toMatchObject({ format: 'koa-session', name: 'koa.sess', opens: true, expired: false })
    expect(Date.parse(report.expiresAt as string) - Date.parse(report.issuedAt as string)).toBe(600_000)
    expect(out).not.toContain(DATA)
  })

  it('reads a value alone, a Cookie header, Set-Cookie lines and cookies in chunks', async () => {
    const sessions = createSessions({ keys: [NEW], cookie: { chunks: true } })
    const app = koaApp(app => {
      app.use(holdfastKoa(sessions, app))
      app.use((ctx: Loose, next: Loose) => {
        ctx.session.large = 'x'.repeat(6000)
        return next()
      })
    })
    const chunks = await cookiesOf(app)
    expect(chunks).toContain('__Host-sid.1=')
    for (const text of [
      chunks,
      `Cookie: other=1; ${chunks}`,
      chunks
        .split('; ')
        .map(one => `Set-Cookie: ${one}; Path=/; Secure`)
        .join('\n'),
    ]) {
      expect((await inspect(text, '--keys-env', 'KEYS', '--name', '__Host-sid')).report).toMatchObject({ opens: true })
    }
    const single = await cookiesOf(koaApp(app => app.use(holdfastKoa(createSessions({ keys: [NEW] }), app))))
    expect((await inspect(single.split('=')[1] as string, '--keys-env', 'KEYS')).report).toMatchObject({ opens: true })
  })

  it.each(['', 'x', '{}', 'bm90IGpzb24', '%', 'a=b; c=d', `s:${'x'.repeat(10)}`, 'A'.repeat(30_000)])(
    'of %j says that it knows no such format, or asks',
    async cookie => {
      const { status, out } = await holdfast(['inspect', '--json'], { input: cookie })
      expect(status).toBe(cookie === '' || cookie.includes('; ') ? 2 : 0)
      if (status === 0) expect(objectsIn(out)[0]).toMatchObject({ format: 'unknown' })
    },
  )

  it('never repeats a cookie or a key, whatever is wrong with them', async () => {
    const { status, err } = await holdfast(['inspect', '--keys-env', 'KEYS'], {
      input: `AgAAAAAA${'A'.repeat(80)}`,
      env: { KEYS: 'too-short-a-secret' },
    })
    expect([status, err]).toEqual([1, expect.stringContaining('at least 32 octets')])
    expect(err).not.toContain('too-short-a-secret')
  })

  it('says the same in words', async () => {
    const cookie = await cookiesOf(expressApp(require('express-session')))
    const { out } = await holdfast(['inspect', '--keys-env', 'KEYS'], { input: cookie, env: { KEYS } })
    expect(out).toContain('express-session: an id, signed as express-session does')
    expect(out).toContain('yes, by an older key')
    expect(out).not.toContain(idIn(cookie))
  })
})
