// login() and what comes of it in the drop-ins, as functions of `holdfast`: their session has no such methods, since an app may ask
// `if (ctx.session.login)` of its own data.
import {
  authenticatedAtOf,
  factorChanged,
  idOf,
  login as logIn,
  logout as logOut,
  reauthenticated,
  regenerate,
  requireFresh,
  userIdOf,
} from 'holdfast'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { dropInModes, type Handler, read, type Setup, type Turn, tellAll, write } from './support.ts'
import { koaTable, table } from './table.ts'

const START = Date.UTC(2030, 0, 1)
const MINUTE = 60_000
const DAY = 1440 * MINUTE

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START })
})

afterEach(() => {
  vi.useRealTimers()
})

const login =
  (userId: string, options?: object): Handler =>
  (t: Turn) =>
    logIn(t.session, userId, options).then(() => 'in')

const routes: Setup['routes'] = {
  '/cart': write({ cart: 1 }),
  '/login': login('ann'),
  '/bob': login('bob'),
  '/remember': login('ann', { remember: true }),
  '/out': t => logOut(t.session).then(() => 'out'),
  '/clean': t => logOut(t.session, { clearSiteData: true }).then(() => 'out'),
  '/who': t => `${userIdOf(t.session) ?? 'nobody'} ${t.session.cart ?? 0}`,
  '/since': t => String(authenticatedAtOf(t.session) ?? 'never'),
  '/pay': t => {
    requireFresh(t.session, '10m')
    return 'paid'
  },
  '/again': t => reauthenticated(t.session, { factor: 'totp' }).then(() => 'again'),
  '/keep': t => regenerate(t.session, { keep: ['kept'] }).then(() => 'kept'),
  '/all': tellAll,
}

/** Of the session's cookies, the lines that set one. */
const lifeOf = (lines: string[]) => /expires=([^;]+)/i.exec(lines[0] ?? '')?.[1]

table(dropInModes, (open, mode, { framework }) => {
  it('promise 9: login() gives a new id, keeps what the visitor had, and knows the user and the time', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    await visitor.get('/cart')
    const before = visitor.header()
    vi.setSystemTime(START + MINUTE)
    expect((await visitor.get('/login')).body).toBe('in')
    expect(visitor.header()).not.toBe(before)
    expect((await visitor.get('/who')).body).toBe('ann 1')
    expect((await visitor.get('/since')).body).toBe(String(START + MINUTE))
    if (mode.place !== 'cookie') expect((await site.visitor().get('/who', { headers: { cookie: before } })).body).toBe('nobody 0')
  })

  it('promise 9: the user stays with the session through later writes, and what was one user’s is not the next one’s', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    await visitor.get('/login')
    await visitor.get('/cart')
    expect((await visitor.get('/who')).body).toBe('ann 1')
    await visitor.get('/bob')
    expect((await visitor.get('/who')).body).toBe('bob 0')
  })

  it('promise 9: logout() ends it, and says Clear-Site-Data when asked', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    await visitor.get('/login')
    const stolen = visitor.header()
    expect((await visitor.get('/out')).headers).not.toHaveProperty('clear-site-data')
    expect(visitor.cookies.has(site.cookieName)).toBe(false)
    if (mode.place !== 'cookie') expect((await site.visitor().get('/who', { headers: { cookie: stolen } })).body).toBe('nobody 0')
    await visitor.get('/login')
    expect((await visitor.get('/clean')).headers['clear-site-data']).toBe('"cache", "storage"')
    expect(visitor.cookies.has(site.cookieName)).toBe(false)
  })

  it('promise 9: requireFresh() is a 401 for nobody and for a login that is too old, and passes after reauthenticated()', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    const anonymous = await visitor.get('/pay')
    expect(anonymous).toMatchObject({ status: 401, body: 'sign in to go on' })
    expect(anonymous.headers['www-authenticate']).toContain('max_age=600')
    await visitor.get('/login')
    vi.setSystemTime(START + 10 * MINUTE)
    expect((await visitor.get('/pay')).body).toBe('paid')
    vi.setSystemTime(START + 10 * MINUTE + 1)
    expect((await visitor.get('/pay')).status).toBe(401)
    const before = visitor.header()
    expect((await visitor.get('/again')).body).toBe('again')
    expect(visitor.header()).not.toBe(before)
    expect((await visitor.get('/pay')).body).toBe('paid')
    expect((await visitor.get('/who')).body).toBe('ann 0')
  })

  it('promise 9: remember is a longer life in the browser too, and the next login without it has the configured one', async () => {
    const site = await open({ routes, options: { maxAge: 60 * MINUTE } })
    const visitor = site.visitor()
    const lines = async (path: string) => (await visitor.get(path)).setCookie
    expect(lifeOf(await lines('/remember'))).toBe(new Date(START + 30 * DAY).toUTCString())
    expect(lifeOf(await lines('/bob'))).toBe(new Date(START + 60 * MINUTE).toUTCString())
  })

  it('promise 9: a life that the handler has chosen goes before the configured one', async () => {
    const chosen: Handler = async t => {
      if (framework === 'koa') t.session.maxAge = DAY
      else t.session.cookie.maxAge = DAY
      return login('ann')(t)
    }
    const site = await open({ routes: { ...routes, '/chosen': chosen }, options: { maxAge: 60 * MINUTE } })
    expect(lifeOf((await site.visitor().get('/chosen')).setCookie)).toBe(new Date(START + DAY).toUTCString())
  })

  it('promise 9: regenerate({ keep }) keeps what is named, under a new id', async () => {
    const site = await open({ routes: { ...routes, '/fill': write({ kept: 1, dropped: 2 }) } })
    const visitor = site.visitor()
    await visitor.get('/fill')
    const before = visitor.header()
    expect((await visitor.get('/keep')).body).toBe('kept')
    expect(visitor.header()).not.toBe(before)
    expect(JSON.parse((await visitor.get('/all')).body)).toEqual({ kept: 1 })
    if (mode.place !== 'cookie') expect((await site.visitor().get('/all', { headers: { cookie: before } })).body).toBe('{}')
  })

  it('promise 9: regenerate(options, callback), and regenerate(callback) as the peer has it', async () => {
    const done = (t: Turn, ...before: unknown[]) =>
      new Promise<string>((resolve, reject) =>
        t.session.regenerate(...before, (error?: unknown) =>
          error ? reject(error) : resolve(JSON.stringify({ ...t.session, cookie: 0 })),
        ),
      )
    const site = await open({
      routes: {
        '/fill': write({ a: 1, b: 2 }),
        '/some': t => done(t, { keep: ['a'] }),
        '/all': t => done(t, { keep: true }),
        '/peer': t => done(t),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/fill')
    expect(JSON.parse((await visitor.get('/all')).body)).toMatchObject({ a: 1, b: 2 })
    expect(JSON.parse((await visitor.get('/some')).body)).toEqual({ a: 1, cookie: 0 })
    expect(JSON.parse((await visitor.get('/peer')).body)).toEqual(framework === 'koa' ? { a: 1, cookie: 0 } : { cookie: 0 })
  })

  it('promise 9: the id that the handler sees is the new one at once', async () => {
    if (mode.place === 'cookie') return
    const known = (t: Turn): string => (framework === 'koa' ? t.session.externalKey : t.own.req.sessionID)
    const site = await open({
      routes: {
        '/cart': write({ cart: 1 }),
        '/login': async t => {
          const before = known(t)
          await logIn(t.session, 'ann')
          return `${known(t) !== before} ${known(t) === idOf(t.session)}`
        },
        '/keep': async t => {
          const before = known(t)
          await regenerate(t.session, { keep: true })
          return `${known(t) !== before} ${known(t) === idOf(t.session)}`
        },
      },
    })
    const visitor = site.visitor()
    for (const path of ['/cart', '/login', '/keep']) expect((await visitor.get(path)).body).toBe(path === '/cart' ? 'done' : 'true true')
  })

  it('promise 9: regenerate({ keep }) of a session that was ended brings nothing back', async () => {
    const site = await open({
      routes: {
        ...routes,
        '/ended': async t => {
          const { session } = t
          t.session = null
          return regenerate(session, { keep: ['cart'] }).then(
            () => 'renewed',
            (error: { code: string }) => error.code,
          )
        },
      },
    })
    const visitor = site.visitor()
    await visitor.get('/cart')
    const before = visitor.header()
    expect((await visitor.get('/ended')).body).toBe('HOLDFAST_GONE')
    if (mode.place !== 'cookie') expect((await site.visitor().get('/who', { headers: { cookie: before } })).body).toBe('nobody 0')
  })

  it('promise 9: a login that the store fails leaves nobody logged in', async () => {
    if (mode.place === 'cookie') return
    const site = await open({ routes, options: { storeTimeout: 200 } })
    const visitor = site.visitor()
    await visitor.get('/cart')
    const failure = Object.assign(new Error('down'), { outcome: 'not-applied' })
    for (const method of ['set', 'destroy', 'replace']) site.store.fail(method, failure)
    expect((await visitor.get('/remember')).status).toBeGreaterThanOrEqual(500)
    site.store.heal()
    expect((await visitor.get('/who')).body).toMatch(/^nobody/)
  })

  it('promise 9: a login that a peer’s store cannot keep leaves what the visitor had; regenerate() calls it as the peer does', async () => {
    if (mode.place !== 'map') return
    const site = await open({ routes: { ...routes, '/renew': t => regenerate(t.session, { keep: ['cart'] }).then(() => 'renewed') } })
    const visitor = site.visitor()
    await visitor.get('/cart')
    const before = visitor.header()
    site.store.fail('set', Object.assign(new Error('down'), { outcome: 'not-applied' }))
    expect((await visitor.get('/login')).status).toBeGreaterThanOrEqual(500)
    site.store.heal()
    expect((await site.visitor().get('/who', { headers: { cookie: before } })).body).toBe('nobody 1')
    const fresh = site.visitor()
    await fresh.get('/cart')
    site.store.did()
    await fresh.get('/login')
    expect(site.store.wrote()).toEqual(['set', 'destroy'])
    await fresh.get('/renew')
    expect(site.store.wrote()).toEqual(['destroy', 'set'])
    expect((await fresh.get('/who')).body).toBe('ann 1')
  })

  it('promise 9: data under these names are data, and nothing else answers to them', async () => {
    const names = ['login', 'logout', 'requireFresh', 'reauthenticated', 'factorChanged']
    const site = await open({
      routes: {
        '/names': t => names.filter(name => name in t.session).join() || 'none',
        '/set': write({ login: 'ann', logout: 1 }),
        '/login': read('login'),
      },
    })
    const visitor = site.visitor()
    expect((await visitor.get('/names')).body).toBe('none')
    await visitor.get('/set')
    expect((await visitor.get('/login')).body).toBe('ann')
  })
})

table(
  dropInModes.filter(({ place }) => place === 'memory'),
  open => {
    it('promise 9: factorChanged() ends the user’s other sessions', async () => {
      const site = await open({ routes: { ...routes, '/changed': t => factorChanged(t.session).then(String) } })
      const [here, there] = [site.visitor(), site.visitor()]
      for (const visitor of [here, there]) await visitor.get('/login')
      expect((await here.get('/changed')).body).toBe('1')
      expect([(await here.get('/who')).body, (await there.get('/who')).body]).toEqual(['ann 0', 'nobody 0'])
    })
  },
)

koaTable(
  dropInModes.filter(({ place }) => place === 'cookie'),
  open => {
    describe('with signed: false', () => {
      it('promise 9: login() is a TypeError, since anybody could write that cookie; encrypted it works', async () => {
        const site = await open({ routes, options: { signed: false } })
        const visitor = site.visitor()
        expect((await visitor.get('/login')).status).toBe(500)
        expect(site.errors[0]).toMatchObject({ name: 'TypeError', message: expect.stringContaining('signed: false') })
        const sealed = (await open({ routes, options: { signed: false, encrypt: true } })).visitor()
        await sealed.get('/login')
        expect((await sealed.get('/who')).body).toBe('ann 0')
      })
    })
  },
)
