import { createSessions, idOf, userIdOf } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it } from 'vitest'
import {
  type Gate,
  gate,
  type Handler,
  keys,
  logout,
  nativeCookie,
  type Setup,
  type Site,
  settled,
  until,
  Watch,
  write,
} from '../promises/support.ts'
import { table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
/** After so long a process asks the store before it judges a cookie. */
const OUT_OF_DATE = 31 * SECOND

function clock() {
  let time = Date.now()
  return {
    now: () => time,
    pass: (ms: number) => {
      time += ms
    },
  }
}

const stoppedAt =
  (door: Gate, then: Handler): Handler =>
  async t => {
    void t.session.cart
    await door.pass()
    return then(t)
  }

const routes: Setup['routes'] = {
  '/in': t => t.session.login('ann').then(() => 'in'),
  '/cart': write({ cart: 1 }),
  '/more': write({ cart: 2 }),
  '/who': t => `${userIdOf(t.session) ?? 'nobody'} ${t.session.cart ?? 0}`,
  '/out': t => t.session.logout().then(() => 'out'),
  '/renew': t => t.session.regenerate().then(() => 'renewed'),
  '/again': t => t.session.reauthenticated().then(() => 'again'),
  // Without a look at what there is.
  '/null': logout,
}

const increment: Handler = async t => {
  await t.session.update((draft: Loose) => {
    draft.n = (draft.n ?? 0) + 1
  })
  return 'counted'
}

const ends = (path: string) => path === '/out' || path === '/null'
const copyAt = async (site: Site, cookie: string) => (await site.visitor().get('/who', { headers: { cookie } })).body
const told = (site: Site) => site.events.map(({ name, event }) => `${name} ${event.reason}`)

table([nativeCookie], open => {
  const begin = async (more: Setup['routes'] = {}, native: Loose = {}) => {
    const time = clock()
    const shared = new Watch(new MemoryStore({ now: time.now }))
    const one = () =>
      open({ routes: { ...routes, ...more }, native: { now: time.now, touchInterval: '1s', revocations: shared.store, ...native } })
    const [site, other] = [await one(), await one()]
    const visitor = site.visitor()
    await visitor.get('/in')
    return { time, shared, site, other, visitor, cookie: visitor.header() }
  }

  for (const path of ['/out', '/null', '/renew', '/in', '/again']) {
    it(`H8: a copy of a cookie is worth nothing after ${path}: here at once, in another process when it has asked`, async () => {
      const { time, site, other, visitor, cookie } = await begin()
      expect(await copyAt(other, cookie)).toBe('ann 0')
      expect((await visitor.get(path)).status).toBe(200)
      expect(await copyAt(site, cookie)).toBe('nobody 0')
      time.pass(OUT_OF_DATE)
      expect(await copyAt(other, cookie)).toBe('nobody 0')
      expect((await visitor.get('/who')).body).toBe(ends(path) ? 'nobody 0' : 'ann 0')
      // It stays so as long as a copy could live.
      time.pass(29 * MINUTE)
      for (const one of [site, other]) expect(await copyAt(one, cookie)).toBe('nobody 0')
      await settled()
      expect(told(site)).toContain(`session:gone ${ends(path) ? 'destroyed' : 'regenerated'}`)
    })
  }

  for (const [what, act] of [
    ['only reads', () => 'read'],
    ['writes', write({ cart: 2 })],
  ] as const) {
    it(`H8: a slow request that ${what} does not undo a logout`, async () => {
      const door = gate()
      const { time, site, visitor, cookie } = await begin({ '/slow': stoppedAt(door, act) })
      time.pass(2 * SECOND)
      const slow = site.visitor().get('/slow', { headers: { cookie } })
      await door.reached
      await visitor.get('/out')
      door.open()
      expect(await slow).toMatchObject({ status: 200, setCookie: [] })
      await settled()
      expect(told(site)).toContain('session:gone gone')
    })
  }

  it('H8: a slow request in another process may issue the cookie again, and what it issues is worth nothing', async () => {
    const door = gate()
    const { time, site, other, visitor, cookie } = await begin({ '/slow': stoppedAt(door, write({ cart: 2 })) })
    const slow = other.visitor()
    const answer = slow.get('/slow', { headers: { cookie } })
    await door.reached
    await visitor.get('/out')
    door.open()
    expect((await answer).setCookie).not.toEqual([])
    expect(await copyAt(site, slow.header())).toBe('nobody 0')
    time.pass(OUT_OF_DATE)
    expect(await copyAt(other, slow.header())).toBe('nobody 0')
  })

  for (const [what, native, path, kept] of [
    ['a guest, where user says who is none', { user: (data: Loose) => data.name }, '/cart', 0],
    ['a guest under a guarded key', { user: (data: Loose) => data.name }, '/role', 1],
    ['anybody, where nothing says who is a guest', {}, '/cart', 1],
  ] as const) {
    it(`H8: of the logout of ${what} ${kept} entries are kept`, async () => {
      const { shared, site } = await begin({ '/in': () => 'in', '/role': write({ roles: ['editor'] }) }, native)
      for (const out of ['/out', '/null']) {
        const guest = site.visitor()
        await guest.get(path)
        shared.did()
        expect((await guest.get(out)).status).toBe(200)
        expect(guest.cookies.size).toBe(0)
        expect(shared.wrote().length).toBe(kept)
      }
    })
  }

  it('H7, H8: the same by the option user alone: a login and a logout by the data are ones', async () => {
    const door = gate()
    const named =
      (name: string | null): Handler =>
      t => {
        t.session.name = name
        return 'set'
      }
    const byName = { user: (data: Loose) => data.name }
    const { time, site, visitor } = await begin(
      { '/ann': named('ann'), '/leave': named(null), '/slow': stoppedAt(door, named('ann')), '/in': write({ cart: 1 }) },
      byName,
    )
    const guest = visitor.header()
    await visitor.get('/ann')
    const cookie = visitor.header()
    expect([await copyAt(site, guest), await copyAt(site, cookie)]).toEqual(['nobody 0', 'ann 1'])
    const late = site.visitor()
    await late.get('/in')
    const answer = late.get('/slow')
    await door.reached
    time.pass(5)
    await site.sessions.revokeAll('ann')
    door.open()
    expect(await answer).toMatchObject({ status: 409, setCookie: [] })
    expect(await copyAt(site, cookie)).toBe('nobody 0')
    time.pass(5)
    const again = site.visitor()
    await again.get('/ann')
    const last = again.header()
    await again.get('/leave')
    expect([await copyAt(site, last), await copyAt(site, again.header())]).toEqual(['nobody 0', 'nobody 0'])
  })

  it('H8: of a logout and a login that meet, and of two logins, one cookie is left that counts', async () => {
    const { shared, time, site, other, visitor, cookie } = await begin()
    expect(await copyAt(other, cookie)).toBe('ann 0')
    // Both have seen the session alive, and each is stopped on its way to end it.
    const stop = shared.stop('create')
    const renewing = visitor.get('/renew')
    await stop.reached
    const leaving = await other.visitor().get('/out', { headers: { cookie } })
    expect(leaving.status).toBe(200)
    stop.open()
    expect((await renewing).status).toBe(409)
    time.pass(OUT_OF_DATE)
    for (const one of [site, other]) expect(await copyAt(one, visitor.header())).toBe('nobody 0')
  })

  it('H8: a visitor whose session was ended elsewhere gets a new one after a minute, and may log in at once', async () => {
    const { time, site, other, visitor, cookie } = await begin()
    await other.visitor().get('/out', { headers: { cookie } })
    time.pass(OUT_OF_DATE)
    expect(await visitor.get('/cart')).toMatchObject({ status: 200, setCookie: [] })
    expect((await visitor.get('/in')).status).toBe(200)
    expect((await visitor.get('/who')).body).toBe('ann 0')
    time.pass(MINUTE)
    const late = site.visitor()
    expect((await late.get('/cart', { headers: { cookie } })).setCookie).not.toEqual([])
    expect((await late.get('/who')).body).toBe('nobody 1')
  })

  it('H8: who could not ask the store for half a minute refuses sessions, and takes them again when it is back', async () => {
    const { time, shared, site, visitor } = await begin()
    shared.fail('listByUser', new Error('away'))
    time.pass(29 * SECOND)
    expect((await visitor.get('/who')).body).toBe('ann 0')
    time.pass(2 * SECOND)
    expect((await visitor.get('/who')).status).toBe(500)
    expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_STORE', cause: { code: 'HOLDFAST_STORE' } })
    // Who brings no cookie needs no judgement.
    expect((await site.visitor().get('/who')).body).toBe('nobody 0')
    shared.heal()
    expect((await visitor.get('/who')).body).toBe('ann 0')
  })

  it('H8: the same is decided by onStoreError, and leaves the cookie alone', async () => {
    const { time, shared, site, visitor, cookie } = await begin({}, { onStoreError: 'anonymous' })
    shared.fail('listByUser', new Error('away'))
    time.pass(OUT_OF_DATE)
    expect(await visitor.get('/more')).toMatchObject({ status: 200, setCookie: [] })
    await settled()
    expect(told(site)).toContain('store:error load')
    expect(visitor.header()).toBe(cookie)
    shared.heal()
    expect((await visitor.get('/who')).body).toBe('ann 0')
  })

  it('H8: a process that has never reached the store takes no session', async () => {
    const { time, cookie } = await begin()
    const away = new Watch(new MemoryStore())
    away.fail('listByUser', new Error('away'))
    const site = await open({ routes, native: { now: time.now, revocations: away.store } })
    expect((await site.visitor().get('/who', { headers: { cookie } })).status).toBe(500)
    away.heal()
    expect(await copyAt(site, cookie)).toBe('ann 0')
  })

  it('H8, H17: a logout that the store fails clears the cookie, answers 5xx, counts here at once, and everywhere once the store is back', async () => {
    const { time, shared, site, other, visitor, cookie } = await begin()
    expect(await copyAt(other, cookie)).toBe('ann 0')
    shared.fail('create', new Error('away'))
    const answer = await visitor.get('/out')
    expect(answer.status).toBe(500)
    expect(visitor.cookies.has(site.cookieName)).toBe(false)
    expect(await copyAt(site, cookie)).toBe('nobody 0')
    shared.heal()
    await until(async () => (await shared.living()) > 0)
    time.pass(OUT_OF_DATE)
    expect(await copyAt(other, cookie)).toBe('nobody 0')
  })

  it('H8: a new id that the store fails is none, and the old cookie still counts', async () => {
    const { shared, visitor, cookie } = await begin()
    shared.fail('create', new Error('away'))
    expect(await visitor.get('/renew')).toMatchObject({ status: 500, setCookie: [] })
    expect(visitor.header()).toBe(cookie)
    shared.heal()
    expect((await visitor.get('/who')).body).toBe('ann 0')
  })

  it('H8: what the store is told of an ended session leads to none', async () => {
    const { shared, visitor, cookie } = await begin()
    await visitor.get('/out')
    const held = JSON.stringify((await shared.target.list()).records)
    expect(held).not.toContain(cookie.slice(cookie.indexOf('=') + 1))
    expect(held).not.toContain('"ann"')
  })
})

describe('without revocations', () => {
  table([nativeCookie], open => {
    const visit = async (path: string, ms: number) => {
      const time = clock()
      const late =
        (then: Handler): Handler =>
        t => {
          // It looks at its session late; what it has is as old as the request.
          time.pass(ms)
          return then(t)
        }
      const site = await open({
        routes: { ...routes, '/late': late(routes['/who'] as Handler), '/write': late(write({ cart: 2 })) },
        native: { now: time.now, touchInterval: '1s' },
      })
      const visitor = site.visitor()
      await visitor.get('/in')
      time.pass(MINUTE)
      return visitor.get(path)
    }

    it('H8: a request that took more than a second and changed nothing does not issue the cookie again', async () => {
      expect((await visit('/late', 1000)).setCookie).toHaveLength(1)
      expect(await visit('/late', 1001)).toMatchObject({ status: 200, body: 'ann 0', setCookie: [] })
      expect((await visit('/write', 5000)).setCookie).toHaveLength(1)
    })

    it('H8: a form’s token is worth nothing after each new login, although no store knows the session', async () => {
      const tokens: string[] = []
      let sessions: Loose
      const site = await open({
        routes: {
          ...routes,
          '/token': t => {
            tokens.push(sessions.csrfToken(t.session))
            return 'ok'
          },
          '/valid': t => String(tokens.map(token => sessions.csrf.valid(t.session, token))),
        },
      })
      sessions = site.sessions
      const visitor = site.visitor()
      await visitor.get('/in')
      await visitor.get('/token')
      expect((await visitor.get('/valid')).body).toBe('true')
      await visitor.get('/cart')
      expect((await visitor.get('/valid')).body).toBe('true')
      await visitor.get('/renew')
      await visitor.get('/token')
      expect((await visitor.get('/valid')).body).toBe('false,true')
    })
  })
})

describe('overflow', () => {
  table([nativeCookie], open => {
    const big = 'x'.repeat(6000)
    const begin = async (native: Loose = {}) => {
      const time = clock()
      const [shared, large] = [new Watch(new MemoryStore({ now: time.now })), new Watch(new MemoryStore({ now: time.now }))]
      const more: Setup['routes'] = {
        '/grow': write({ big }),
        '/shrink': t => {
          delete t.session.big
          return 'small'
        },
        '/size': t => `${t.session.big?.length ?? 0} ${userIdOf(t.session) ?? 'nobody'} ${idOf(t.session)}`,
        '/count': increment,
        '/n': t => String(t.session.n ?? 0),
        '/bob': t => t.session.login('bob').then(() => 'in'),
        '/changed': t => t.session.factorChanged().then(String),
      }
      const one = () =>
        open({
          routes: { ...routes, ...more },
          native: { now: time.now, touchInterval: '1s', revocations: shared.store, overflow: large.store, ...native },
        })
      const [site, other] = [await one(), await one()]
      const visitor = site.visitor()
      await visitor.get('/in')
      return { time, shared, large, site, other, visitor }
    }
    const sizeAt = async (site: Site, cookie: string) => (await site.visitor().get('/size', { headers: { cookie } })).body

    it('H8: a session that is too large for its cookie goes to the store, one way, and is the same in every process', async () => {
      const { large, time, site, other, visitor } = await begin()
      expect(await large.living()).toBe(0)
      const small = visitor.header()
      expect((await visitor.get('/grow')).status).toBe(200)
      expect(visitor.header().length).toBeLessThan(400)
      expect(await large.living()).toBe(1)
      expect((await visitor.get('/size')).body).toBe('6000 ann undefined')
      expect(await sizeAt(other, visitor.header())).toBe('6000 ann undefined')
      // What the older, smaller cookie holds is over: a copy of it would be another session.
      time.pass(OUT_OF_DATE)
      for (const one of [site, other]) expect(await sizeAt(one, small)).toBe('0 nobody undefined')
      await visitor.get('/shrink')
      expect((await visitor.get('/size')).body).toBe('0 ann undefined')
      expect(await large.living()).toBe(1)
    })

    it('H8: in the store it is as any other there: no update is lost, a logout is final', async () => {
      const { large, other, site, visitor } = await begin()
      await visitor.get('/grow')
      const cookie = visitor.header()
      const here = Array.from({ length: 10 }, (_, n) => (n % 2 ? site : other).visitor().get('/count', { headers: { cookie } }))
      expect((await Promise.all(here)).map(({ status }) => status)).toEqual(Array(10).fill(200))
      expect((await visitor.get('/n')).body).toBe('10')
      expect((await visitor.get('/out')).status).toBe(200)
      expect(await large.living()).toBe(0)
      for (const one of [site, other]) expect(await sizeAt(one, cookie)).toBe('0 nobody undefined')
    })

    it('H7: revokeAll and factorChanged end those in the store and those in cookies', async () => {
      const { time, large, site, other, visitor } = await begin()
      await visitor.get('/grow')
      const plain = other.visitor()
      await plain.get('/in')
      time.pass(5)
      expect((await plain.get('/changed')).body).toBe('1')
      expect(await large.living()).toBe(0)
      expect((await visitor.get('/size')).body).toBe('0 nobody undefined')
      expect((await plain.get('/size')).body).toBe('0 ann undefined')
      await plain.get('/grow')
      time.pass(5)
      expect((await plain.get('/changed')).body).toBe('0')
      expect((await plain.get('/size')).body).toBe('6000 ann undefined')
      time.pass(5)
      expect(await site.sessions.revokeAll('ann')).toBe(1)
      expect((await plain.get('/size')).body).toBe('0 nobody undefined')
    })

    it('H8: another user who logs in by it has another record, and the old one is dead', async () => {
      const { large, site, visitor } = await begin()
      await visitor.get('/grow')
      const cookie = visitor.header()
      await visitor.get('/bob')
      expect((await visitor.get('/size')).body).toBe('0 bob undefined')
      expect(await sizeAt(site, cookie)).toBe('0 nobody undefined')
      expect(await large.living()).toBe(1)
    })

    it('H8: it is migrated and checked as any other', async () => {
      const migrate = (data: Loose) => ({ ...data, moved: true })
      const { site, visitor } = await begin({ version: 2, migrate })
      await visitor.get('/grow')
      await visitor.get('/count')
      expect((await visitor.get('/n')).body).toBe('1')
      expect((await visitor.get('/out')).status).toBe(200)
      expect(site.errors).toEqual([])
    })

    it('H8: it lives as long as it is used, and not longer', async () => {
      const { time, visitor } = await begin()
      await visitor.get('/grow')
      for (let n = 0; n < 4; n++) {
        time.pass(20 * MINUTE)
        expect((await visitor.get('/size')).body).toBe('6000 ann undefined')
      }
      time.pass(31 * MINUTE)
      expect((await visitor.get('/size')).body).toBe('0 nobody undefined')
    })

    it('H8: the older cookie cannot be ended: nothing moves, and the store keeps nothing', async () => {
      const { shared, large, visitor } = await begin()
      const cookie = visitor.header()
      shared.fail('create', new Error('away'))
      expect(await visitor.get('/grow')).toMatchObject({ status: 500, setCookie: [] })
      expect([visitor.header(), await large.living()]).toEqual([cookie, 0])
      shared.heal()
      expect((await visitor.get('/size')).body).toBe('0 ann undefined')
    })

    it('H8: a logout comes while it moves: it stays logged out, and the store keeps nothing', async () => {
      const { time, large, site, other, visitor } = await begin()
      const cookie = visitor.header()
      expect(await sizeAt(other, cookie)).toBe('0 ann undefined')
      const stop = large.stop('create')
      const growing = visitor.get('/grow')
      await stop.reached
      await other.visitor().get('/out', { headers: { cookie } })
      stop.open()
      expect(await growing).toMatchObject({ status: 200, setCookie: [] })
      expect(await large.living()).toBe(0)
      time.pass(OUT_OF_DATE)
      expect(await sizeAt(site, cookie)).toBe('0 nobody undefined')
    })
  })
})

it.each<[string, Loose, RegExp]>([
  ['overflow without revocations', { overflow: new MemoryStore() }, /overflow needs revocations/],
  ['revocations beside a store', { store: new MemoryStore(), revocations: new MemoryStore() }, /revocations is for sessions in cookies/],
  ['revocations that keep no index', { revocations: { load() {} } }, /revocations must be a Holdfast store that keeps an index/],
  ['overflow that keeps no index', { revocations: new MemoryStore(), overflow: {} }, /overflow must be a Holdfast store/],
  ['the option user in the cookie alone', { user: () => 'ann' }, /user needs a store/],
])('H8: createSessions refuses %s', (_, options, words) => {
  expect(() => createSessions({ keys, ...options })).toThrow(TypeError)
  expect(() => createSessions({ keys, ...options })).toThrow(words)
})

it('H8: with revocations the audit says that a logout is final, and policies take it', () => {
  const sessions = createSessions({ keys, revocations: new MemoryStore(), policy: 'aal2' })
  const of = (id: string) => sessions.audit().findings.find(finding => finding.id === id)?.status
  expect([of('7.4.1'), of('5.1 logout'), of('7.4.2'), of('7.4.3'), of('7.4.5'), of('7.5.2')]).toEqual([
    'met',
    'met',
    'app',
    'app',
    'app',
    'unmet',
  ])
})
