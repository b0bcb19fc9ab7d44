import { authenticatedAtOf, idOf, userIdOf } from 'holdfast'
import { describe, expect, it } from 'vitest'
import { gate, nativeCookie, nativeMemory, read, type Setup, type Site, type Turn, tellAll, write } from './support.ts'
import { table } from './table.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const modes = [nativeCookie, nativeMemory]

/** A clock that moves when told to. It starts now: browsers of these tests drop a cookie whose end has passed. */
function clock() {
  let time = Date.now()
  return {
    now: () => time,
    pass: (ms: number) => {
      time += ms
    },
  }
}

const login = (userId: string, options?: object) => (t: Turn) => t.session.login(userId, options).then(() => 'in')

const routes: Setup['routes'] = {
  '/cart': write({ cart: 1 }),
  '/login': login('ann'),
  '/bob': login('bob'),
  '/remember': login('ann', { remember: true }),
  '/out': t => t.session.logout().then(() => 'out'),
  '/who': t => `${userIdOf(t.session) ?? 'nobody'} ${t.session.cart ?? 0}`,
  '/since': t => String(authenticatedAtOf(t.session) ?? 'never'),
  '/pay': t => {
    t.session.requireFresh('10m')
    return 'paid'
  },
  '/again': t => t.session.reauthenticated({ factor: 'totp' }).then(() => 'again'),
  '/all': tellAll,
}

const cookieLine = (site: Site, lines: string[]) => lines.filter(line => line.startsWith(`${site.cookieName}=`))

table(modes, (open, mode) => {
  it('promise 9: login() gives a new id, keeps what the visitor had, and knows the user and the time', async () => {
    const time = clock()
    const site = await open({ routes, native: { now: time.now } })
    const visitor = site.visitor()
    await visitor.get('/cart')
    const before = visitor.header()
    time.pass(MINUTE)
    const answer = await visitor.get('/login')
    expect(cookieLine(site, answer.setCookie)).toHaveLength(1)
    expect(visitor.header()).not.toBe(before)
    expect((await visitor.get('/who')).body).toBe('ann 1')
    expect((await visitor.get('/since')).body).toBe(String(time.now()))
    if (mode.place === 'memory') expect((await site.visitor().get('/who', { headers: { cookie: before } })).body).toBe('nobody 0')
  })

  it('promise 9: an anonymous session has no user, and login() needs none before it', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    expect((await visitor.get('/who')).body).toBe('nobody 0')
    expect((await visitor.get('/login')).setCookie).toHaveLength(1)
    expect((await visitor.get('/who')).body).toBe('ann 0')
  })

  it('promise 9: what was one user’s is not the next one’s; what the login itself has set is', async () => {
    const site = await open({
      routes: {
        ...routes,
        '/bob': t => {
          t.session.note = 'welcome'
          return login('bob')(t)
        },
      },
    })
    const visitor = site.visitor()
    await visitor.get('/login')
    await visitor.get('/cart')
    await visitor.get('/bob')
    expect((await visitor.get('/who')).body).toBe('bob 0')
    expect(JSON.parse((await visitor.get('/all')).body)).toEqual({ note: 'welcome' })
  })

  it('promise 9: logout() ends it, and says Clear-Site-Data when asked', async () => {
    const site = await open({ routes: { ...routes, '/clean': t => t.session.logout({ clearSiteData: true }).then(() => 'out') } })
    const visitor = site.visitor()
    await visitor.get('/login')
    expect((await visitor.get('/out')).headers).not.toHaveProperty('clear-site-data')
    expect(visitor.cookies.has(site.cookieName)).toBe(false)
    await visitor.get('/login')
    const answer = await visitor.get('/clean')
    expect(answer.headers['clear-site-data']).toBe('"cache", "storage"')
    expect(visitor.cookies.has(site.cookieName)).toBe(false)
    expect(site.store.size).toBe(mode.place === 'memory' ? site.store.size : 0)
    expect((await visitor.get('/who')).body).toBe('nobody 0')
  })

  it('promise 9: requireFresh() is a 401 for nobody and for a login that is too old, and passes after reauthenticated() (H25)', async () => {
    const time = clock()
    const site = await open({ routes, native: { now: time.now } })
    const visitor = site.visitor()
    const anonymous = await visitor.get('/pay')
    expect(anonymous).toMatchObject({ status: 401, body: 'sign in to go on' })
    expect(anonymous.headers['www-authenticate']).toBe('Session error="insufficient_user_authentication", max_age=600')
    await visitor.get('/login')
    expect((await visitor.get('/pay')).body).toBe('paid')
    time.pass(10 * MINUTE)
    expect((await visitor.get('/pay')).body).toBe('paid')
    time.pass(1)
    expect(await visitor.get('/pay')).toMatchObject({ status: 401, body: 'sign in again to go on' })
    expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_NOT_FRESH', reason: 'stale' })
    const before = visitor.header()
    expect((await visitor.get('/again')).setCookie).toHaveLength(1)
    expect(visitor.header()).not.toBe(before)
    expect((await visitor.get('/pay')).body).toBe('paid')
    expect((await visitor.get('/since')).body).toBe(String(time.now()))
  })

  it('promise 13: a login begins a new life; reauthenticated() does not move the absolute end', async () => {
    const time = clock()
    const site = await open({ routes, native: { now: time.now, idleTimeout: '12h', absoluteTimeout: '12h', anonymousTimeout: '12h' } })
    const visitor = site.visitor()
    await visitor.get('/cart')
    time.pass(11 * HOUR)
    await visitor.get('/login')
    time.pass(11 * HOUR)
    expect((await visitor.get('/who')).body).toBe('ann 1')
    await visitor.get('/again')
    time.pass(HOUR)
    expect((await visitor.get('/who')).body).toBe('ann 1')
    time.pass(1)
    expect((await visitor.get('/who')).body).toBe('nobody 0')
  })

  it('promise 13: who wants to be remembered is, for rememberTimeout in all and not longer; the cookie outlives the browser', async () => {
    const time = clock()
    const site = await open({ routes, native: { now: time.now, rememberTimeout: '30d' } })
    const visitor = site.visitor()
    const answer = await visitor.get('/remember')
    expect(cookieLine(site, answer.setCookie)[0]).toMatch(/; Expires=/)
    time.pass(29 * DAY)
    expect((await visitor.get('/who')).body).toBe('ann 0')
    time.pass(DAY)
    expect((await visitor.get('/who')).body).toBe('ann 0')
    time.pass(1)
    expect((await visitor.get('/who')).body).toBe('nobody 0')
  })

  it('promise 13: a login that is not to be remembered ends the longer life of the one before', async () => {
    const time = clock()
    const site = await open({ routes, native: { now: time.now } })
    const visitor = site.visitor()
    await visitor.get('/remember')
    const answer = await visitor.get('/login')
    expect(cookieLine(site, answer.setCookie)[0]).not.toMatch(/; Expires=/)
    time.pass(30 * MINUTE + 1)
    expect((await visitor.get('/who')).body).toBe('nobody 0')
  })

  it('promise 13: expiresAt only lowers the end (H25)', async () => {
    const time = clock()
    const start = time.now()
    const site = await open({
      routes: {
        ...routes,
        '/short': login('ann', { expiresAt: start + 20 * MINUTE }),
        '/long': login('ann', { expiresAt: new Date(start + 400 * DAY) }),
      },
      native: { now: time.now },
    })
    const [short, long] = [site.visitor(), site.visitor()]
    await short.get('/short')
    await long.get('/long')
    time.pass(20 * MINUTE)
    expect((await short.get('/cart')).status).toBe(200)
    expect((await short.get('/who')).body).toBe('ann 1')
    time.pass(1)
    expect((await short.get('/who')).body).toBe('nobody 0')
    time.pass(20 * MINUTE)
    expect((await long.get('/who')).body).toBe('nobody 0')
  })

  it('promise 9: regenerate({ keep }) takes all, none, or the listed keys along', async () => {
    const site = await open({
      routes: {
        '/in': write({ a: 1, b: 2, c: 3 }),
        '/none': t => t.session.regenerate({ keep: false }).then(() => tellAll(t)),
        '/some': t => t.session.regenerate({ keep: ['a', 'c', 'z'] }).then(() => tellAll(t)),
        '/all': t => t.session.regenerate({ keep: true }).then(() => tellAll(t)),
        '/odd': t => t.session.regenerate({ keep: 'a' }),
        '/read': tellAll,
      },
    })
    for (const [path, kept] of [
      ['/none', {}],
      ['/some', { a: 1, c: 3 }],
      ['/all', { a: 1, b: 2, c: 3 }],
    ] as const) {
      const visitor = site.visitor()
      await visitor.get('/in')
      expect(JSON.parse((await visitor.get(path)).body)).toEqual(kept)
      expect(JSON.parse((await visitor.get('/read')).body)).toEqual(kept)
    }
    expect(await site.visitor().get('/odd')).toMatchObject({ status: 500 })
  })

  it.each([
    ['no user id', ''],
    ['a number', 7],
    ['an unknown option', 'ann', { rember: true }],
    ['an end that has passed', 'ann', { expiresAt: 1 }],
    ['an end that is no time', 'ann', { expiresAt: Number.NaN }],
    ['longer than rememberTimeout', 'ann', { remember: '31d' }],
    ['half an idp', 'ann', { idp: { iss: 'https://id.example' } }],
  ] as const)('promise 9: login() refuses %s before anything is stored', async (_, userId, options?: object) => {
    const site = await open({ routes: { ...routes, '/login': login(userId as string, options) } })
    const visitor = site.visitor()
    await visitor.get('/cart')
    const before = visitor.header()
    site.store.did()
    expect(await visitor.get('/login')).toMatchObject({ status: 500, setCookie: [] })
    expect(site.store.wrote()).toEqual([])
    expect(visitor.header()).toBe(before)
    expect((await visitor.get('/who')).body).toBe('nobody 1')
  })
})

table([nativeMemory], open => {
  it('promise 9: a login that cannot be stored is none: no cookie, no user, and the data as they were', async () => {
    const site = await open({
      routes: {
        ...routes,
        '/try': async t => {
          await t.session.login('bob').catch(() => undefined)
          return `${userIdOf(t.session)} ${t.session.cart}`
        },
      },
    })
    const visitor = site.visitor()
    await visitor.get('/login')
    await visitor.get('/cart')
    site.store.fail('replace', new Error('down'))
    expect(await visitor.get('/try')).toMatchObject({ body: 'ann 1', setCookie: [] })
    site.store.heal()
    expect((await visitor.get('/who')).body).toBe('ann 1')
  })

  it('promise 9: a save that lands meanwhile goes along with regenerate({ keep }) only where its key is listed', async () => {
    for (const [keep, kept] of [
      [false, {}],
      [['late'], { late: 1 }],
      [true, { a: 1, late: 1 }],
    ] as const) {
      const waiting = gate()
      const site = await open({
        routes: {
          '/in': write({ a: 1 }),
          '/late': write({ late: 1 }),
          '/renew': async t => {
            void t.session.a
            await waiting.pass()
            await t.session.regenerate({ keep })
            return 'renewed'
          },
          '/all': tellAll,
        },
      })
      const visitor = site.visitor()
      await visitor.get('/in')
      const renewing = visitor.get('/renew')
      await waiting.reached
      await visitor.get('/late')
      waiting.open()
      await renewing
      expect(JSON.parse((await visitor.get('/all')).body)).toEqual(kept)
    }
  })

  it('H3: a save that is acknowledged during a login is in the session of the user', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    await visitor.get('/cart')
    const stop = site.store.stop('replace')
    const loggingIn = visitor.get('/login')
    await stop.reached
    const old = visitor.header()
    await site.visitor().get('/cart', { headers: { cookie: old } })
    stop.open()
    await loggingIn
    expect((await visitor.get('/who')).body).toBe('ann 1')
  })

  it('H4: a request that was sent before the login and opens after it does not log the visitor out', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    await visitor.get('/cart')
    const old = visitor.header()
    await visitor.get('/login')
    expect((await visitor.get('/cart', { headers: { cookie: old } })).setCookie).toEqual([])
    expect((await visitor.get('/who')).body).toBe('ann 1')
  })

  it('H7: what a login proves, it proves as of the moment its request began', async () => {
    const time = clock()
    const site = await open({
      routes: {
        ...routes,
        '/slow': t => {
          time.pass(5000)
          return login('ann')(t)
        },
      },
      native: { now: time.now },
    })
    const visitor = site.visitor()
    const began = time.now()
    await visitor.get('/slow')
    expect((await visitor.get('/since')).body).toBe(String(began))
  })

  it('H25: factorChanged() gives this session a new id and ends the user’s others, and nobody else’s', async () => {
    const site = await open({ routes: { ...routes, '/changed': t => t.session.factorChanged().then(String) } })
    const [here, there, bob] = [site.visitor(), site.visitor(), site.visitor()]
    await here.get('/login')
    await there.get('/login')
    await bob.get('/bob')
    const before = here.header()
    expect((await here.get('/changed')).body).toBe('1')
    expect(here.header()).not.toBe(before)
    const whos = await Promise.all([here, there, bob].map(visitor => visitor.get('/who')))
    expect(whos.map(({ body }) => body)).toEqual(['ann 0', 'nobody 0', 'bob 0'])
  })

  it('promise 16: who logs in by login() is listed and logged out everywhere, without the option user', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    await visitor.get('/login')
    expect(await site.sessions.list('ann')).toHaveLength(1)
    expect(await site.sessions.revokeAll('ann')).toBe(1)
    expect((await visitor.get('/who')).body).toBe('nobody 0')
  })

  it('promise 9: with the option user, data and login() must say the same', async () => {
    const routesOf = (first: string): Setup['routes'] => ({
      ...routes,
      '/login': t => {
        t.session.name = first
        return login('ann')(t)
      },
    })
    const native = { user: (data: { name?: string }) => data.name }
    const right = await open({ routes: routesOf('ann'), native })
    const visitor = right.visitor()
    await visitor.get('/login')
    expect((await visitor.get('/who')).body).toBe('ann 0')
    const wrong = await open({ routes: routesOf('eve'), native })
    // What the handler had put into the data before is saved all the same, as after any error of its own (promise 8).
    expect((await wrong.visitor().get('/login')).status).toBe(500)
    expect(wrong.errors.at(-1)).toMatchObject({ name: 'TypeError', message: expect.stringContaining('option user') })
  })

  it('promise 9: by the option user alone, a login is known with its time, and a logout forgets it', async () => {
    const site = await open({
      routes: { ...routes, '/in': write({ name: 'ann' }), '/leave': write({ name: null }), '/name': read('name') },
      native: { user: (data: { name?: string | null }) => data.name },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    expect((await visitor.get('/pay')).body).toBe('paid')
    await visitor.get('/leave')
    expect((await visitor.get('/pay')).status).toBe(401)
  })
})

describe('ids', () => {
  table([nativeMemory], open => {
    it('promise 9: within the handler the id is the new one once login() has returned', async () => {
      const ids: unknown[] = []
      const site = await open({
        routes: {
          ...routes,
          '/login': async t => {
            ids.push(idOf(t.session))
            await t.session.login('ann')
            ids.push(idOf(t.session))
            return 'in'
          },
        },
      })
      const visitor = site.visitor()
      await visitor.get('/cart')
      await visitor.get('/login')
      expect(new Set(ids).size).toBe(2)
      expect(visitor.cookies.get(site.cookieName)).toContain(ids[1])
    })
  })
})
