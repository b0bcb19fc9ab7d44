import { userIdOf } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import {
  dropInCookie,
  type Handler,
  logout,
  nativeCookie,
  read,
  refuse,
  type Setup,
  type Site,
  settled,
  storeModes,
  write,
} from './support.ts'
import { table } from './table.ts'

const LIMIT = 4096
const fill: Handler = t => {
  t.session.pad = 'x'.repeat(Number(t.req.headers['x-pad']))
  return 'stored'
}
const routes = { '/fill': fill, '/read': t => String(t.session.pad?.length ?? 'nothing') } satisfies Setup['routes']

const ask = (pad: number) => ({ headers: { 'x-pad': String(pad) } })

/** Octets of name and value of the cookie that comes back, or undefined when the answer is an error. */
async function sizeFor(site: Site, pad: number): Promise<number | undefined> {
  const answer = await site.visitor().get('/fill', ask(pad))
  const line = answer.setCookie.find(cookie => cookie.startsWith(`${site.cookieName}=`))
  return line === undefined ? undefined : (line.split(';')[0] ?? '').length - 1
}

/** The largest pad that is accepted; base64 makes four octets of three. */
async function largest(site: Site): Promise<number> {
  let pad = Math.floor(((LIMIT - ((await sizeFor(site, 0)) ?? 0)) * 3) / 4) - 3
  while ((await sizeFor(site, pad + 1)) !== undefined) pad += 1
  return pad
}

table([dropInCookie, nativeCookie], (open, mode) => {
  it('promise 12: 4096 octets are accepted and 4097 refused, exactly', async () => {
    // Base64 grows in steps: of these names one meets the limit exactly, and one exceeds it by one.
    const sizes = new Set<number>()
    const refused = new Set<number>()
    for (const name of ['sess', 'sess1', 'sess12', 'sess123']) {
      const site = await open({ options: mode.native ? {} : { key: name }, native: { cookie: { name } }, routes })
      const pad = await largest(site)
      sizes.add((await sizeFor(site, pad)) as number)
      await site.visitor().get('/fill', ask(pad + 1))
      refused.add(site.errors.at(-1).size)
    }
    expect(Math.max(...sizes)).toBe(LIMIT)
    expect(Math.min(...refused)).toBe(LIMIT + 1)
  })

  it('promise 12: the error tells the size and the largest keys, and nothing is set', async () => {
    const site = await open({
      routes: {
        ...routes,
        '/much': write({ small: 1, larger: 'y'.repeat(900), 'gr\u00f6\u00dfte\n': 'z'.repeat(5000) }),
        '/read': read('name'),
        '/in': write({ name: 'ann' }),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    const answer = await visitor.get('/much')
    expect(answer).toMatchObject({ status: 500, body: 'Internal Server Error', setCookie: [] })
    expect(site.errors).toHaveLength(1)
    const [error] = site.errors
    expect(error).toMatchObject({ name: 'SessionCookieTooLargeError', code: 'HOLDFAST_COOKIE_TOO_LARGE', limit: LIMIT })
    expect(error.size).toBeGreaterThan(LIMIT)
    expect(error.largestKeys.slice(0, 2)).toEqual([
      { key: 'gr\u00f6\u00dfte\n', octets: 5002 },
      { key: 'larger', octets: 902 },
    ])
    expect(error.message).toContain(`${error.size} octets`)
    expect(error.message).toContain('gr\\u{f6}\\u{df}te\\u{a} (5002), larger (902)')
    expect(error.message).not.toContain('zzz')
    expect((await visitor.get('/read')).body).toBe('ann')
  })

  it('promise 12: an explicit save says so where it is called, and the handler may go on', async () => {
    const site = await open({
      routes: {
        '/in': async t => {
          t.session.pad = 'x'.repeat(9000)
          const error = await t.session.save().catch((failure: Error) => failure)
          t.session.pad = 'short'
          return error.code
        },
        '/read': read('pad'),
      },
    })
    const visitor = site.visitor()
    expect(await visitor.get('/in')).toMatchObject({ status: 200, body: 'HOLDFAST_COOKIE_TOO_LARGE' })
    expect((await visitor.get('/read')).body).toBe('short')
  })
})

table([dropInCookie], open => {
  it('promise 12: octets are counted, not characters', async () => {
    // A site's own encoder may write what it likes; the cookie that it makes is what counts.
    const encode = (data: object) => encodeURIComponent(JSON.stringify(data))
    const decode = (text: string) => JSON.parse(decodeURIComponent(text))
    const site = await open({ options: { encode, decode }, routes: { '*': write({ pad: '\u20ac'.repeat(500) }) } })
    expect((await site.visitor().get('/')).status).toBe(500)
    expect(site.errors[0].size).toBeGreaterThan(500 * 9)
    expect(site.errors[0].largestKeys).toEqual([{ key: 'pad', octets: 1502 }])
  })
})

table(storeModes, open => {
  it('promise 12: with a store, the size of the data does not matter to the cookie', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    expect((await visitor.get('/fill', ask(20_000))).status).toBe(200)
    expect((await visitor.get('/read')).body).toBe('20000')
  })
})

table([nativeCookie], open => {
  const chunked = (): Promise<Site> =>
    open({
      native: { cookie: { chunks: true } },
      routes: {
        ...routes,
        '/out': logout,
        '/fail': async t => {
          t.session.pad = 'x'.repeat(10_000)
          await t.session.save()
          return refuse(418, 'no tea')(t)
        },
      },
    })
  const names = (count: number) => Array.from({ length: count }, (_, n) => (n === 0 ? '__Host-sid' : `__Host-sid.${n}`))

  it('promise 12: with chunks a session travels in up to five cookies, none larger than a browser keeps', async () => {
    const site = await chunked()
    const visitor = site.visitor()
    for (const [pad, count] of [
      [100, 1],
      [10_000, 4],
      [2000, 1],
      [10_500, 4],
      [4000, 2],
    ] as const) {
      const { status, setCookie } = await visitor.get('/fill', ask(pad))
      expect(status).toBe(200)
      for (const line of setCookie) expect((line.split(';')[0] as string).length - 1).toBeLessThanOrEqual(LIMIT)
      // What an earlier session has left beyond is cleared.
      expect([...visitor.cookies.keys()]).toEqual(names(count))
      expect((await visitor.get('/read')).body).toBe(String(pad))
    }
    await visitor.get('/out')
    expect([...visitor.cookies]).toEqual([])
  })

  it('promise 12: a missing, foreign or doubled chunk is a fresh session and an event, and the next write clears the rest', async () => {
    const site = await chunked()
    const visitor = site.visitor()
    await visitor.get('/fill', ask(10_000))
    const whole = [...visitor.cookies]
    await visitor.get('/fill', ask(10_001))
    const other = new Map(visitor.cookies)
    const broken: [string, string][][] = whole.flatMap(([name], place) => [
      ...(place > 0 ? [whole.filter(([own]) => own !== name), [...whole, [name, 'AA'] as [string, string]]] : []),
      whole.map(([own, part]) => [own, own === name ? (other.get(own) as string) : part]),
    ])
    for (const cookies of broken) {
      const cookie = cookies.map(([name, value]) => `${name}=${value}`).join('; ')
      expect(await site.visitor().get('/read', { headers: { cookie } })).toMatchObject({ status: 200, body: 'nothing', setCookie: [] })
    }
    await settled()
    expect(site.events.map(({ name }) => name)).toEqual(Array(broken.length).fill('session:invalid'))
    expect(site.errors).toEqual([])
    visitor.cookies.delete('__Host-sid.2')
    await visitor.get('/fill', ask(10))
    expect([...visitor.cookies.keys()]).toEqual(names(1))
    expect((await visitor.get('/read')).body).toBe('10')
  })

  it('promise 12: over five cookies is the error with the size, and what the browser has stays good', async () => {
    const site = await chunked()
    const visitor = site.visitor()
    await visitor.get('/fill', ask(5000))
    expect(await visitor.get('/fill', ask(16_000))).toMatchObject({ status: 500, setCookie: [] })
    expect(site.errors).toHaveLength(1)
    expect(site.errors[0]).toMatchObject({ code: 'HOLDFAST_COOKIE_TOO_LARGE', limit: 5 * (LIMIT - '__Host-sid'.length - 2) })
    expect(site.errors[0].largestKeys[0]).toEqual({ key: 'pad', octets: 16_002 })
    expect((await visitor.get('/read')).body).toBe('5000')
  })

  it('promise 12: an error’s answer keeps all of them', async () => {
    const site = await chunked()
    const visitor = site.visitor()
    expect(await visitor.get('/fail')).toMatchObject({ status: 418 })
    expect([...visitor.cookies.keys()]).toEqual(names(4))
    expect((await visitor.get('/read')).body).toBe('10000')
  })
})

table([nativeCookie], open => {
  // With a schema as well: what stands in front of the cookies must pass the question on.
  it.each([
    ['', {}],
    [', with a version', { version: 1 }],
  ])('promise 12, H8: a session that is too large for its new cookie ends nothing: no login, no step-up, no factor%s', async (_, more) => {
    const grow =
      (then: Handler): Handler =>
      async t => {
        const { userId } = t.session
        t.session.pad = 'x'.repeat(5000)
        const code = await Promise.resolve(then(t)).then(String, error => error.code)
        delete t.session.pad
        if (userId === undefined) delete t.session.userId
        else t.session.userId = userId
        return code
      }
    let time = Date.now()
    const now = () => time
    const native = { now, revocations: new MemoryStore({ now }), user: (data: { userId?: string }) => data.userId, ...more }
    const as =
      (userId: string): Handler =>
      t => {
        t.session.userId = userId
        return t.session.login(userId)
      }
    const site = await open({
      native,
      routes: {
        '/cart': write({ cart: 1 }),
        '/in': as('ann'),
        '/large/login': grow(as('bob')),
        '/large/again': grow(t => t.session.reauthenticated()),
        '/large/changed': grow(t => t.session.factorChanged()),
        '/large/renew': grow(t => t.session.regenerate()),
        '/large/data': grow(t => {
          t.session.userId = 'bob'
          return t.session.save()
        }),
        '/changed': t => t.session.factorChanged().then(String),
        '/who': t => `${userIdOf(t.session) ?? 'nobody'} ${t.session.cart ?? 0}`,
      },
    })
    const visitor = site.visitor()
    const tries = async (paths: string[], who: string) => {
      for (const path of paths) {
        const cookie = visitor.header()
        const copy = site.visitor()
        const answer = await copy.get(`/large/${path}`, { headers: { cookie } })
        expect([path, answer.body]).toEqual([path, 'HOLDFAST_COOKIE_TOO_LARGE'])
        time += 1
        expect([path, (await visitor.get('/who')).body]).toEqual([path, who])
      }
    }
    await visitor.get('/cart')
    await tries(['login', 'renew', 'data'], 'nobody 1')
    const other = site.visitor()
    for (const one of [visitor, other]) await one.get('/in')
    time += 1
    await tries(['again', 'changed', 'renew'], 'ann 1')
    expect((await other.get('/who')).body).toBe('ann 0')
    expect((await visitor.get('/changed')).status).toBe(200)
    expect([(await visitor.get('/who')).body, (await other.get('/who')).body]).toEqual(['ann 1', 'nobody 0'])
  })
})
