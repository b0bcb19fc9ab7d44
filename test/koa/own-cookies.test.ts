import { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import session, { type CreateSessionOptions } from 'holdfast/koa'
import Keygrip from 'keygrip'
import Koa, { type Context } from 'koa'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

// Two answers are compared: what they say of the time must be the same.
beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 }))
afterAll(() => void vi.useRealTimers())

const KEYS = ['the newest secret, long enough to seal with', 'an older secret, long enough to seal with']

interface Setting {
  options?: CreateSessionOptions
  keys?: unknown
  encrypted?: boolean
  /** Runs before the session's middleware, on a context that may be Koa's of either version. */
  before?: (ctx: Context) => void
  work?: (ctx: Context) => void
  app?: (app: Koa) => void
  Framework?: typeof Koa
}

/** A site through a real Koa. `byKoa`: somebody has used `ctx.cookies` before the session, so that Koa does it all. */
function site({ options = {}, keys = KEYS, encrypted = false, before, work = count, app: change, Framework = Koa }: Setting) {
  const app = new Framework()
  app.silent = true
  Object.assign(app, { keys })
  let byKoa = false
  let last: Context | undefined
  app.use((ctx, next) => {
    last = ctx as Context
    if (byKoa) void ctx.cookies
    before?.(ctx as Context)
    return next()
  })
  app.use(session({ ...options }, app as never) as never)
  app.use(ctx => {
    work(ctx as Context)
    ctx.body = JSON.stringify(ctx.session)
  })
  change?.(app)
  return async (cookie?: string, through: 'koa' | undefined = undefined) => {
    byKoa = through === 'koa'
    const req = new IncomingMessage(Object.assign(new Socket(), { encrypted }))
    Object.assign(req, { method: 'GET', url: '/', headers: { host: 'x', ...(cookie !== undefined && { cookie }) } })
    const res = new ServerResponse(req)
    app.callback()(req, res)
    while (!res.writableEnded) await setImmediate()
    const ctx = last as unknown as Record<symbol, unknown>
    const cookies = Object.getOwnPropertySymbols(ctx).filter(symbol => symbol.description === 'context#cookies')
    const answer = { status: res.statusCode, body: (last as Context).body, headers: { ...res.getHeaders() } }
    return { answer, direct: cookies.length === 0 }
  }
}

function count(ctx: Context): void {
  const data = ctx.session as unknown as { n?: number }
  data.n = (data.n ?? 0) + 1
}

function contextOf(app: Koa): Context {
  const req = new IncomingMessage(new Socket())
  return app.createContext(req, new ServerResponse(req)) as unknown as Context
}

const cookieOf = (answer: { headers: Record<string, unknown> }) =>
  (answer.headers['set-cookie'] as string[]).map(line => line.split(';')[0]).join('; ')

const OPTIONS: CreateSessionOptions[] = [
  {},
  { maxAge: 3_600_000 },
  { maxAge: 'session' },
  { maxAge: 0 },
  { signed: false },
  { encrypt: true },
  { encrypt: true, maxAge: 3_600_000 },
  { key: 'a-b.c', path: '/shop', domain: 'example.com' },
  { httpOnly: false, sameSite: 'lax', priority: 'high' },
  { sameSite: 'Strict', overwrite: false },
  { secure: true, sameSite: 'none', partitioned: true },
  { secure: false },
  { idleTimeout: '10m', maxAge: 3_600_000 },
  { rolling: true, maxAge: 3_600_000 },
]

describe.each([
  ['Koa 2', createRequire(import.meta.url)('koa2') as typeof Koa],
  ['Koa 3', Koa],
])('%s: cookies of its own', (_, Framework) => {
  it.each(OPTIONS)('%j: the same answers by the short way as by ctx.cookies', async options => {
    for (const encrypted of [false, true]) {
      const ask = site({ options, encrypted, Framework })
      const first = await ask()
      expect(first.direct).toBe(true)
      const cookie = first.answer.headers['set-cookie'] ? cookieOf(first.answer) : undefined
      // A cookie that is Secure is refused over plain http, and said so; every other one is set.
      expect(cookie === undefined).toBe(options.secure === true && !encrypted)
      for (const sent of [undefined, cookie, `x=1;${cookie};  y="z"`, `${cookie}; ${cookie}`]) {
        const [direct, byKoa] = [await ask(sent), await ask(sent, 'koa')]
        expect([direct.direct, byKoa.direct]).toEqual([true, false])
        expect(plain(direct.answer, options)).toEqual(plain(byKoa.answer, options))
      }
    }
  })

  it('what is not the plain case is Koa’s: another key, a forgery, no signature, quotes, a cookie set before', async () => {
    const ask = site({ Framework })
    const older = site({ keys: [KEYS[1]], Framework })
    const good = cookieOf((await ask()).answer)
    const [value, signature] = good.split('; ') as [string, string]
    const odd = [
      cookieOf((await older()).answer),
      `${value}; ${signature.slice(0, -1)}${signature.endsWith('A') ? 'B' : 'A'}`,
      `${value}; ${signature}A`,
      value,
      `${value}; koa.sess.sig=`,
      `koa.sess=; ${signature}`,
      `koa.sess="${value.slice('koa.sess='.length)}"; ${signature}`,
    ]
    for (const sent of odd) {
      const [direct, byKoa] = [await ask(sent), await ask(sent, 'koa')]
      expect(direct.direct).toBe(false)
      expect(direct.answer).toEqual(byKoa.answer)
    }
    const second = site({ before: ctx => void ctx.res.setHeader('Set-Cookie', ['a=1', 'koa.sess=old']), Framework })
    expect((await second(good)).answer).toEqual((await second(good, 'koa')).answer)
    expect((await second(good)).answer.headers['set-cookie']).toHaveLength(3)
  })
})

const part = fc.constantFrom('; ', ';', ';   ', ';\t', ' ', ',')
const b64 = (data: unknown) => Buffer.from(JSON.stringify(data)).toString('base64')
const END = { _expire: 1_800_000_001_000, _maxAge: 86_400_000 }

it('of hostile Cookie headers the short way makes what Koa makes', async () => {
  const values = [
    { n: 1, user: 'ann', ...END },
    { n: 1, _holdfast: { createdAt: 1 }, ...END },
    { n: 2, _session: true },
    { isNew: 1, maxAge: 5, ...END },
    { n: 3, _expire: 1, _maxAge: 5 },
    { big: 'x'.repeat(9000), ...END },
    [1, 2],
    null,
  ].map(b64)
  const value = fc.constantFrom(...values, 'garbage', '', '{"n":7}')
  const sign = (keys: string[], text: string) => new Keygrip(keys).sign(text)
  const header = fc
    .tuple(value, fc.nat(7), fc.nat(3), part, fc.constantFrom('', ' ', ';', '\t', ';;  '))
    .map(([text, kind, order, between, before]) => {
      const good = sign(KEYS, `koa.sess=${text}`)
      const signatures = [
        good,
        good,
        sign([KEYS[1] as string], `koa.sess=${text}`),
        '',
        `${good}=`,
        `${good.slice(0, -1)}\u00e9`,
        `${good.slice(0, -1)}\u0141`,
        good.toLowerCase(),
      ]
      const pairs = [`koa.sess=${text}`, `koa.sess.sig=${signatures[kind]}`]
      if (order === 1) pairs.reverse()
      if (order === 2) pairs.unshift('xkoa.sess=1', 'koa.sessx=2', 'koa.sess =3')
      if (order === 3) pairs.push('koa.sess=4')
      return before + pairs.join(between)
    })
  const sites = [{}, { maxAge: 3_600_000 }, { signed: false }].map(options => site({ options }))
  await fc.assert(
    fc.asyncProperty(header, fc.constantFrom(...sites), async (cookie, ask) => {
      // The one before leaves its traces where the short way keeps any.
      expect((await ask(cookie)).answer).toEqual((await ask(cookie, 'koa')).answer)
    }),
    { numRuns: 500 },
  )
})

/** What is sealed is another text each time. */
function plain<T extends { headers: Record<string, unknown> }>(answer: T, { encrypt, key = 'koa.sess' }: CreateSessionOptions): T {
  const lines = answer.headers['set-cookie'] as string[] | undefined
  if (!encrypt || !lines) return answer
  const bare = lines.map(line => line.replace(new RegExp(`^${key}=[^;]+`), `${key}=…`))
  return { ...answer, headers: { ...answer.headers, 'set-cookie': bare } }
}

describe('what an app has put on the way is honoured', () => {
  const signature = { sign: () => 'mine', verify: () => true, index: () => 0 }
  class Fixed {
    get() {
      return undefined
    }
    set() {
      return this
    }
  }
  it.each<[string, Setting]>([
    ['a Keygrip of its own', { keys: signature }],
    ['octets for a secret', { keys: [Buffer.from('secret')] }],
    ['an object in the place of ctx.cookies', { before: ctx => void Object.assign(ctx, { cookies: new Fixed() }) }],
    ['a property of the request', { before: ctx => void Object.defineProperty(ctx, 'cookies', { value: new Fixed() }) }],
    ['a property of the app', { app: app => void Object.defineProperty(app.context, 'cookies', { get: () => new Fixed() }) }],
    ['a set of its own', { before: ctx => void Object.assign(ctx.cookies, { set: () => undefined }) }],
    ['ctx.cookies.secure', { options: { secure: true }, before: ctx => void Object.assign(ctx.cookies, { secure: true }) }],
  ])('%s', async (_, setting) => {
    const ask = site(setting)
    const [one, two] = [await ask(), await ask(undefined, 'koa')]
    expect(one.answer).toEqual(two.answer)
    const lines = one.answer.headers['set-cookie'] as string[] | undefined
    if (_ === 'a Keygrip of its own') expect(lines?.[1]).toMatch(/^koa\.sess\.sig=mine;/)
    else if (_ === 'ctx.cookies.secure') expect(lines?.[0]).toContain('; secure')
    else if (_ === 'octets for a secret') expect(lines).toHaveLength(2)
    else expect(lines).toBeUndefined()
  })

  it('a class that was changed since', async () => {
    const ask = site({})
    const Cookies = Object.getPrototypeOf(contextOf(new Koa()).cookies)
    const { set } = Cookies
    const told: string[] = []
    Cookies.set = function (this: unknown, ...args: unknown[]) {
      told.push(String(args[0]))
      return set.apply(this, args)
    }
    try {
      expect((await ask()).direct).toBe(false)
      expect(told).toEqual(['koa.sess'])
    } finally {
      Cookies.set = set
    }
    expect((await ask()).direct).toBe(true)
  })

  it('keys that are put before the others, or taken away, at any time', async () => {
    const keys = [...KEYS]
    const ask = site({ keys })
    const first = cookieOf((await ask()).answer)
    keys.unshift('a newer secret')
    const again = await ask(first)
    expect(again.direct).toBe(false)
    expect(again.answer.body).toBe('{"n":2}')
    keys.splice(1)
    expect((await ask(first)).answer.body).toBe('{"n":1}')
  })
})
