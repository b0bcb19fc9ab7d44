import { MemoryStore } from 'holdfast/stores/memory'
import Keygrip from 'keygrip'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { serve } from '../promises/koa.ts'
import { portOf } from '../promises/serving.ts'
import {
  dropInCookie,
  keys,
  logout,
  nativeCookie,
  nativeMemory,
  refuse,
  type Setup,
  type Site,
  settled,
  Visitor,
  write,
} from '../promises/support.ts'
import { type Open, table } from '../promises/table.ts'
import { createApp, type Loose, peer } from '../support/subjects.ts'

const START = Date.UTC(2030, 0, 1)
const HOUR = 3_600_000
const DAY = 24 * HOUR
const OLD = 'the secret that signed them'

/** What handlers have seen. */
const reads: string[] = []

beforeEach(() => {
  reads.length = 0
  vi.useFakeTimers({ toFake: ['Date'], now: START })
})
afterEach(() => void vi.useRealTimers())

const reader = (part: Loose = {}) => ({
  format: 'koa-session',
  cookieName: 'koa.sess',
  keys: [OLD],
  acceptUntil: START + 30 * DAY,
  ...part,
})

/** What koa-session leaves in a browser that has logged in. */
async function fromKoaSession(options: Loose = {}): Promise<Map<string, string>> {
  const app = createApp(3)
  app.keys = [OLD]
  app.use(peer.session({ key: 'koa.sess', ...options }, app))
  app.use((ctx: Loose) => {
    ctx.session.user = 'ann'
    ctx.body = 'in'
  })
  const visitor = new Visitor(portOf(await serve(app)))
  await visitor.get('/')
  expect([...visitor.cookies.keys()]).toEqual([options.key ?? 'koa.sess', `${options.key ?? 'koa.sess'}.sig`])
  return visitor.cookies
}

/** What Express's cookie-session leaves there: the same signature, and the data alone. */
function fromCookieSession(data: object, name = 'session'): Map<string, string> {
  const value = Buffer.from(JSON.stringify(data)).toString('base64')
  return new Map([
    [name, value],
    [`${name}.sig`, new Keygrip([OLD]).sign(`${name}=${value}`)],
  ])
}

function browser(site: Site, cookies: Iterable<[string, string]>): Visitor {
  const visitor = site.visitor()
  for (const [name, value] of cookies) visitor.cookies.set(name, value)
  return visitor
}

const routes: Setup['routes'] = {
  '/in': write({ user: 'bob' }),
  '/read': t => {
    const user = String(t.session.user ?? 'nothing')
    reads.push(user)
    return user
  },
  '/count': t => String(t.session.n),
  '/out': logout,
  '/fail': async t => {
    t.session.seen = true
    await t.session.save()
    return refuse(418, 'no tea')(t)
  },
}

const ended = (name: string, more = '') => `${name}=; Path=/${more}; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0`

const login = (t: Loose) => t.session.login('ann').then(() => 'in')
const again = (t: Loose) => t.session.reauthenticated().then(() => 'again')
const fresh = (t: Loose) => {
  t.session.requireFresh('10m')
  return 'fresh'
}
const withEnds = (more: Loose) => ({ revocations: new MemoryStore(), ...more })

/** A site that encrypts: in native mode or, on Koa, by the drop-in's `encrypt`; under another name than before, or the same. */
const kinds = [
  { kind: 'under another name', name: 'sealed', endings: [ended('koa.sess'), ended('koa.sess.sig')] },
  { kind: 'under the name that it had', name: 'koa.sess', endings: [ended('koa.sess.sig')] },
]

table([nativeCookie, dropInCookie], (open, mode) => {
  describe.each(kinds)('$kind', ({ name, endings }) => {
    const site = (readers: Loose[] = [reader()], more: Loose = {}) => siteOf(open, mode.native, name, readers, more)
    const fresh = async (visitor: Visitor) => expect(await visitor.get('/read')).toMatchObject({ status: 200, body: 'nothing' })

    it('H5: a cookie of koa-session is taken over without a logout, issued anew at once, and its own two are cleared', async () => {
      const visitor = browser(await site(), await fromKoaSession())
      const answer = await visitor.get('/read')
      expect(answer.body).toBe('ann')
      expect(answer.setCookie.slice(0, -1)).toEqual(endings)
      expect(answer.setCookie.at(-1)).toMatch(new RegExp(`^${name}=A[g-v]`))
      expect([...visitor.cookies.keys()]).toEqual([name])
      expect(await visitor.get('/read')).toMatchObject({ body: 'ann', setCookie: [] })
    })

    it('H5: a removed key, a revoked one, and a signature that is broken or missing are a fresh session', async () => {
      const cookies = await fromKoaSession()
      for (const secrets of [['another'], ['another', { secret: OLD, revoked: true }]])
        await fresh(browser(await site([reader({ keys: secrets })]), cookies))
      const current = await site()
      const [value, signature] = [cookies.get('koa.sess') as string, cookies.get('koa.sess.sig') as string]
      await fresh(browser(current, [['koa.sess', value]]))
      for (const sig of [`${signature.slice(0, -1)}${signature.endsWith('A') ? 'B' : 'A'}`, '', 'x'])
        await fresh(
          browser(current, [
            ['koa.sess', value],
            ['koa.sess.sig', sig],
          ]),
        )
      await settled()
      expect(current.errors).toEqual([])
    })

    it('H5: with a broken seal beside it a good cookie of the peer is not looked at', async () => {
      const current = await site()
      const cookies = await fromKoaSession()
      const own = current.visitor()
      await own.get('/in')
      const sealed = own.cookies.get(name) as string
      const header = [...cookies].map(([key, value]) => `${key}=${value}`).join('; ')
      const broken = [`${sealed.slice(0, -2)}AA`, sealed.slice(0, 40), 'AgAA', ...(name === 'koa.sess' ? [] : ['', 'x'])]
      for (const value of broken)
        for (const cookie of [`${name}=${value}; ${header}`, `${header}; ${name}=${value}`])
          expect((await current.visitor().get('/read', { headers: { cookie } })).body, cookie).toBe('nothing')
    })

    it('H5: after the upgrade a logout leaves nothing that logs in again', async () => {
      const visitor = browser(await site(), await fromKoaSession())
      expect((await visitor.get('/read')).body).toBe('ann')
      const out = await visitor.get('/out')
      expect(out.setCookie.slice(0, -1)).toEqual(endings)
      expect([...visitor.cookies]).toEqual([])
      await fresh(visitor)
    })

    it('H5: a logout clears them on the first request, too, and where the browser has sent none', async () => {
      const current = await site()
      const visitor = browser(current, await fromKoaSession())
      expect((await visitor.get('/out')).setCookie).toEqual(expect.arrayContaining(endings))
      expect([...visitor.cookies]).toEqual([])
      await fresh(visitor)
      const other = current.visitor()
      await other.get('/in')
      expect((await other.get('/out')).setCookie).toEqual(expect.arrayContaining(endings))
    })

    it('H5: from acceptUntil on it is a fresh session, and what was taken over before lives on', async () => {
      const until = START + HOUR / 4
      const current = await site([reader({ acceptUntil: until })])
      const cookies = await fromKoaSession()
      const early = browser(current, cookies)
      const late = browser(current, cookies)
      expect((await early.get('/read')).body).toBe('ann')
      vi.setSystemTime(until)
      await fresh(late)
      expect((await early.get('/read')).body).toBe('ann')
    })

    it('H5: what koa-session has let expire is not taken over', async () => {
      const visitor = browser(await site(), await fromKoaSession({ maxAge: HOUR }))
      vi.setSystemTime(START + HOUR + 1)
      await fresh(visitor)
    })

    it('H5: a reader’s key that is revoked later ends also what was taken over', async () => {
      const before = await site()
      const visitor = browser(before, await fromKoaSession())
      await visitor.get('/read')
      const without = browser(await site([reader({ keys: ['another'] })]), visitor.cookies)
      expect((await without.get('/read')).body).toBe('ann')
      await fresh(browser(await site([reader({ keys: [{ secret: OLD, revoked: true }] })]), visitor.cookies))
    })

    it('H5: Path and Domain with which they were set are those with which they are cleared', async () => {
      const current = await site([reader({ path: '/', domain: 'example.org' })])
      const { setCookie } = await browser(current, await fromKoaSession()).get('/read')
      expect(setCookie.slice(0, -1)).toEqual([ended('koa.sess', '; Domain=example.org'), ended('koa.sess.sig', '; Domain=example.org')])
    })

    it('H5: an error’s answer takes over and clears as well', async () => {
      const visitor = browser(await site(), await fromKoaSession())
      const answer = await visitor.get('/fail')
      expect(answer.status).toBe(418)
      expect([...visitor.cookies.keys()]).toEqual([name])
      expect((await visitor.get('/read')).body).toBe('ann')
    })

    it('H5: an upgrade of the connection reads it, and sets nothing', async () => {
      const current = await site()
      const header = browser(current, await fromKoaSession()).header()
      const load = (cookie: string) => current.middleware.load({ headers: { cookie }, url: '/', method: 'GET', socket: {} })
      expect(await load(header)).toEqual({ user: 'ann' })
      expect(await load(header.slice(0, -1))).toBeNull()
    })

    it('H5: cookies of cookie-session are taken over with all that is in them', async () => {
      const current = await site([reader(), reader({ format: 'cookie-session', cookieName: 'session' })])
      const visitor = browser(current, fromCookieSession({ user: 'eve', n: 1 }))
      expect((await visitor.get('/read')).body).toBe('eve')
      expect([...visitor.cookies.keys()]).toEqual([name])
      expect((await visitor.get('/read')).body).toBe('eve')
      // A reader takes no other reader's cookie: each is bound to its name.
      await fresh(
        browser(
          current,
          [...fromCookieSession({ user: 'eve' })].map(([key, value]) => [key.replace('session', 'koa.sess'), value]),
        ),
      )
    })

    it('H5: a key that signed for a reader encrypts nothing', async () => {
      const shared = [reader({ keys: [OLD, keys[1]] })]
      if (mode.native) {
        await expect(site(shared)).rejects.toMatchObject({ code: 'HOLDFAST_KEYS', message: expect.stringContaining('"koa.sess"') })
        return
      }
      // Koa's keys may be set after session(): it is found out when they are first needed.
      const current = await site(shared)
      const answer = await browser(current, await fromKoaSession()).get('/read')
      expect([answer.status, answer.setCookie, reads]).toEqual([500, [], []])
      expect(current.errors[0]).toMatchObject({ code: 'HOLDFAST_KEYS', message: expect.not.stringContaining(keys[1] as string) })
    })
  })
})

async function siteOf(open: Open, native: boolean, name: string, readers: Loose[], more: Loose): Promise<Site> {
  if (native) return open({ routes, native: { readers, cookie: { name }, ...more } })
  return open({ routes, options: { encrypt: true, key: name, readers, ...more } })
}

table([dropInCookie], open => {
  it('H5: the drop-in keeps the life that koa-session gave, and its `valid` sees what koa-session would show it', async () => {
    const seen: Loose[] = []
    const valid = (_ctx: Loose, data: Loose) => seen.push({ ...data })
    const site = await open({ routes, options: { encrypt: true, key: 'sealed', readers: [reader()], valid } })
    const visitor = browser(site, await fromKoaSession({ maxAge: 2 * HOUR }))
    await visitor.get('/read')
    expect(seen).toEqual([{ user: 'ann', _expire: START + 2 * HOUR, _maxAge: 2 * HOUR }])
    vi.setSystemTime(START + 2 * HOUR + 1)
    expect((await visitor.get('/read')).body).toBe('nothing')
  })

  it('H5: a session until the browser closes stays one', async () => {
    const site = await open({ routes, options: { encrypt: true, key: 'sealed', maxAge: HOUR, readers: [reader()] } })
    const visitor = browser(site, await fromKoaSession({ maxAge: 'session' }))
    const { setCookie } = await visitor.get('/read')
    expect(setCookie.at(-1)).toMatch(/^sealed=[\w-]+; path=\/; httponly$/)
    vi.setSystemTime(START + 2 * HOUR)
    expect((await visitor.get('/read')).body).toBe('ann')
  })

  it('H5: readers without encrypt, or with what cannot work in them, are a TypeError', async () => {
    for (const options of [
      { readers: [reader()] },
      { encrypt: true, readers: reader() },
      { encrypt: true, readers: [reader({ keys: [] })] },
    ])
      await expect(open({ routes, options })).rejects.toThrow(/readers/)
    await expect(open({ routes, options: { encrypt: true, readers: [reader({ acceptUntil: START + 401 * DAY })] } })).rejects.toThrow(
      TypeError,
    )
  })
})

table([nativeMemory], open => {
  it('H5: with a store, or without the cookie, readers are a TypeError', async () => {
    await expect(open({ routes, native: { readers: [reader()] } })).rejects.toThrow(/readers .* with a store/)
  })
})

table([nativeCookie], open => {
  it('H5: with revocations, of two that are taken over in one moment each ends by itself', async () => {
    const revocations = new MemoryStore()
    const site = await siteOf(open, true, 'sealed', [reader()], { revocations })
    const ann = browser(site, await fromKoaSession())
    // Two logins of one millisecond would be one cookie.
    vi.setSystemTime(START + 1)
    const other = browser(site, await fromKoaSession())
    await ann.get('/read')
    await other.get('/read')
    const copies = [...ann.cookies]
    await ann.get('/out')
    expect((await browser(site, copies).get('/read')).body).toBe('nothing')
    expect((await other.get('/read')).body).toBe('ann')
    await other.get('/out')
    expect([...other.cookies.keys()]).toEqual([])
  })

  const byUser = { user: (data: Loose) => data.user }

  for (const [what, more] of Object.entries({ 'without the option user': {}, 'with it': byUser })) {
    for (const path of ['/out', '/renew', '/login']) {
      it(`H5, H8: with revocations, a copy of a cookie that was taken over is worth nothing after ${path}, ${what}`, async () => {
        const revocations = new MemoryStore()
        const all = { ...routes, '/renew': (t: Loose) => t.session.regenerate().then(() => 'new'), '/login': login }
        const one = () => open({ routes: all, native: { readers: [reader()], cookie: { name: 'sealed' }, revocations, ...more } })
        const [site, elsewhere] = [await one(), await one()]
        const copy = [...(await fromKoaSession({ maxAge: 60 * DAY }))]
        const [ann, thief] = [browser(site, copy), browser(site, copy)]
        // Requests of one page are taken over side by side.
        expect((await Promise.all([ann.get('/read'), ann.get('/read'), thief.get('/read')])).map(({ body }) => body)).toEqual([
          'ann',
          'ann',
          'ann',
        ])
        const taken = [...thief.cookies]
        await ann.get(path)
        expect((await ann.get('/read')).body).toBe(path === '/out' ? 'nothing' : 'ann')
        const worthless = async () => {
          for (const place of [site, elsewhere])
            for (const cookies of [copy, taken]) expect((await browser(place, cookies).get('/read')).body).toBe('nothing')
        }
        await worthless()
        // As long as the older cookie could be taken over at all.
        for (const later of [HOUR, 29 * DAY]) {
          vi.setSystemTime(START + later)
          await worthless()
        }
      })
    }
  }

  it('H5, H7: with revocations and user, revokeAll ends the older cookies of a user, and what was taken over from them', async () => {
    const site = await siteOf(open, true, 'sealed', [reader()], withEnds({ ...byUser, rememberTimeout: '1d' }))
    const copy = [...(await fromKoaSession({ maxAge: 60 * DAY }))]
    const ann = browser(site, copy)
    await ann.get('/read')
    await site.sessions.revokeAll('ann')
    for (const cookies of [copy, [...ann.cookies]]) expect((await browser(site, cookies).get('/read')).body).toBe('nothing')
    vi.setSystemTime(START + 29 * DAY)
    expect((await browser(site, copy).get('/read')).body).toBe('nothing')
  })

  it('H5: with user, what is taken over is no fresh login, and its user can prove themselves again', async () => {
    const more = { '/fresh': fresh, '/again': again }
    const site = await open({
      routes: { ...routes, ...more },
      native: { readers: [reader()], cookie: { name: 'sealed' }, ...withEnds(byUser) },
    })
    const ann = browser(site, await fromKoaSession())
    expect((await ann.get('/read')).body).toBe('ann')
    expect((await ann.get('/fresh')).status).toBe(401)
    expect((await ann.get('/again')).status).toBe(200)
    expect((await ann.get('/fresh')).body).toBe('fresh')
  })

  it('H5: guests whose cookies are alike do not end each other’s', async () => {
    const site = await siteOf(open, true, 'sealed', [reader({ format: 'cookie-session', cookieName: 'session' })], withEnds(byUser))
    const [one, other] = [browser(site, fromCookieSession({ n: 1 })), browser(site, fromCookieSession({ n: 1 }))]
    await one.get('/read')
    await one.get('/in')
    await one.get('/out')
    expect((await other.get('/count')).body).toBe('1')
  })

  it('H5: no use of what was taken over goes past the end that the peer had given', async () => {
    const site = await siteOf(open, true, 'sealed', [reader()], {})
    const ann = browser(site, await fromKoaSession({ maxAge: 10 * 60_000 }))
    for (const minutes of [0, 5, 10]) {
      vi.setSystemTime(START + minutes * 60_000)
      expect((await ann.get('/read')).body).toBe('ann')
    }
    vi.setSystemTime(START + 10 * 60_000 + 1)
    expect((await ann.get('/read')).body).toBe('nothing')
  })
})
