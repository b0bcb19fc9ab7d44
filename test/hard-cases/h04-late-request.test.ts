import { expect, it } from 'vitest'
import {
  type Gate,
  gate,
  type Handler,
  holdfastStores,
  logout,
  read,
  renew,
  type Site,
  settled,
  type Visitor,
  write,
} from '../promises/support.ts'
import { type Open, table } from '../promises/table.ts'

interface Scene {
  site: Site
  visitor: Visitor
  /** Where the late request waits inside its handler. */
  late: Gate
}

/** A visitor who has an anonymous session (cookie C1), and a site where the late request's handler can be stopped. */
async function scene(open: Open, options = {}): Promise<Scene> {
  const late = gate()
  const site = await open({
    options,
    routes: {
      '/in': write({ cart: 1 }),
      '/login': async t => {
        await t.session.regenerate()
        t.session.user = 'ann'
        return 'in'
      },
      '/out': logout,
      '/count': write({ counter: 1 }),
      '/assign': t => {
        t.session = { counter: 1 }
        return 'assigned'
      },
      '/save': t => t.session.save().then(() => 'saved'),
      '/read': read('user'),
      '/late': stoppedBefore(late, write({ counter: 1 })),
      '/late-assign': stoppedBefore(late, t => {
        t.session = { counter: 1 }
        return 'assigned'
      }),
      '/late-save': stoppedBefore(late, t => t.session.save().then(() => 'saved')),
      '/late-renew': stoppedBefore(late, renew),
    },
  })
  const visitor = site.visitor()
  await visitor.get('/in')
  return { site, visitor, late }
}

function stoppedBefore(late: Gate, then: Handler): Handler {
  return async t => {
    await late.pass()
    return then(t)
  }
}

async function expectStillIn({ visitor }: Scene, cookie: string): Promise<void> {
  expect(visitor.header()).toBe(cookie)
  expect((await visitor.get('/read')).body).toBe('ann')
}

table(holdfastStores, (open, mode, driver) => {
  // express-session's `regenerate()` ends the old session and begins another one.
  const keeps = driver.keepsDataWithNewId(mode)
  const reissues = mode.native ? {} : { rolling: true }

  for (const path of ['/count', '/assign', '/save']) {
    it(`H4: a request that was sent with the old cookie and opens after the login does not log the visitor out (${path})`, async () => {
      const stage = await scene(open, reissues)
      const { site, visitor } = stage
      const old = visitor.header()
      await visitor.get('/login')
      const cookie = visitor.header()
      expect(cookie).not.toBe(old)
      site.store.did()

      const answer = await visitor.get(path, { headers: { cookie: old } })
      expect(answer).toMatchObject({ status: 200, setCookie: [] })
      expect(site.store.wrote()).toEqual([])
      await expectStillIn(stage, cookie)
      await settled()
      expect(site.events.map(({ name, event }) => `${name} ${event.reason}`)).toContain('session:gone regenerated')
    })
  }

  for (const path of ['/late', '/late-assign', '/late-save', '/late-renew']) {
    // Who asks for a new and empty session gets one, whatever has become of the old: it may be another login.
    if (path === '/late-renew' && !keeps) continue
    it(`H4: a request that was opened before the login and writes after it does not log the visitor out (${path})`, async () => {
      const stage = await scene(open, reissues)
      const { site, visitor, late } = stage
      const answer = visitor.get(path)
      await late.reached
      await visitor.get('/login')
      const cookie = visitor.header()
      const records = site.store.size
      late.open()
      // A new id cannot be had for a session that is no more, and the handler is told.
      expect(await answer).toMatchObject({ status: path === '/late-renew' ? 409 : 200, setCookie: [] })
      expect(site.store.size).toBe(records)
      await expectStillIn(stage, cookie)
      await settled()
      expect(site.events.map(({ name }) => name)).toContain('session:gone')
    })
  }

  it('H4: the login is inside the store while the late request loads', async () => {
    const stage = await scene(open, reissues)
    const { site, visitor } = stage
    const old = visitor.header()
    const stop = site.store.stop(keeps ? 'replace' : 'delete')
    const login = visitor.get('/login')
    await stop.reached
    // It loads the old session, is stopped in its own save, and the login lands meanwhile.
    const save = site.store.stop('save')
    const counting = visitor.get('/count', { headers: { cookie: old } })
    await save.reached
    stop.open()
    await login
    const cookie = visitor.header()
    save.open()
    expect(await counting).toMatchObject({ status: 200, setCookie: [] })
    await expectStillIn(stage, cookie)
  })

  it('H4: after a logout a late request brings nothing back and sets nothing', async () => {
    const { site, visitor, late } = await scene(open, reissues)
    await visitor.get('/login')
    const loggedIn = visitor.header()
    const answer = visitor.get('/late')
    await late.reached
    await visitor.get('/out')
    late.open()
    expect(await answer).toMatchObject({ status: 200, setCookie: [] })
    expect(await visitor.get('/count', { headers: { cookie: loggedIn } })).toMatchObject({ setCookie: [] })
    expect((await site.visitor().get('/read', { headers: { cookie: loggedIn } })).body).toBe('nothing')
    expect(visitor.cookies.has(site.cookieName)).toBe(false)
  })
})
