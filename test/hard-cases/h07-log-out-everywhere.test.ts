import { userIdOf } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it } from 'vitest'
import {
  type Gate,
  gate,
  type Handler,
  nativeCookie,
  nativeMemory,
  read,
  type Setup,
  type Site,
  settled,
  until,
  type Visitor,
  Watch,
} from '../promises/support.ts'
import { table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'

const MINUTE = 60_000

/** It starts now: browsers of these tests drop a cookie whose end has passed. */
function clock(ahead = 0) {
  let time = Date.now() + ahead
  return {
    now: () => time,
    pass: (ms: number) => {
      time += ms
    },
  }
}

const who: Handler = t => userIdOf(t.session) ?? 'nobody'
const login =
  (options: object = {}): Handler =>
  t =>
    t.session.login(t.path.split('/')[2], options).then(() => 'in')

/** A login whose password was checked, and which is held before it is carried out. */
function slow(door: Gate, options: object = {}): Handler {
  return async t => {
    void t.session.cart
    await door.pass()
    await t.session.login('ann', options)
    return 'in'
  }
}

const routes: Setup['routes'] = {
  '/in/ann': login(),
  '/in/bob': login(),
  '/cart': t => {
    t.session.cart = 1
    return 'put'
  },
  '/kept': read('cart'),
  '/who': who,
  '/renew': t => t.session.regenerate().then(() => 'renewed'),
  '/changed': t => t.session.factorChanged().then(String),
  '/out': t => t.session.logout().then(() => 'out'),
}

const enter = async (site: Site, user: string): Promise<Visitor> => {
  const visitor = site.visitor()
  expect(await visitor.get(`/in/${user}`)).toMatchObject({ status: 200 })
  return visitor
}
const whoIs = async (visitor: Visitor) => (await visitor.get('/who')).body
/** Whom a copy of this browser's cookie is, at this site. */
const copyAt = async (site: Site, visitor: Visitor) => (await site.visitor().get('/who', { headers: { cookie: visitor.header() } })).body
const refused = { status: 409, setCookie: [] }

/** Two processes of one site: sessions in a store, or in cookies and their ends in a store. */
for (const cookies of [false, true]) {
  table([cookies ? nativeCookie : nativeMemory], open => {
    const begin = async (more: Setup['routes'] = {}, native: Loose[] = []) => {
      const shared = new Watch(new MemoryStore())
      const of = (n: number) =>
        open({
          routes: { ...routes, ...more },
          store: shared,
          native: { ...(cookies && { revocations: shared.store }), ...native[n] },
        })
      return { shared, sites: [await of(0), await of(1)] as const }
    }

    it('H7: a login whose password was checked before revokeAll, and which comes after it, is none', async () => {
      const door = gate()
      const time = clock()
      const { sites } = await begin({ '/slow': slow(door) }, [{ now: time.now }, { now: time.now }])
      const [site, other] = sites
      const visitor = site.visitor()
      await visitor.get('/cart')
      const answer = visitor.get('/slow')
      await door.reached
      time.pass(1)
      await other.sessions.revokeAll('ann')
      time.pass(1)
      door.open()
      expect((await answer).status).toBe(409)
      expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_REVOKED', status: 409 })
      expect(await whoIs(visitor)).toBe('nobody')
      await settled()
      expect(site.events.map(({ name, event }) => `${name} ${event.reason}`)).toContain('session:gone revoked')
      // And who logs in after it is in.
      expect(await whoIs(await enter(site, 'ann'))).toBe('ann')
    })

    it('H7: a ticket is exact although the clock of the process that logs in is an hour ahead', async () => {
      const [right, ahead] = [clock(), clock(60 * MINUTE)]
      const tickets: string[] = []
      const withTicket: Handler = t => t.session.login('ann', { ticket: tickets.pop() }).then(() => 'in')
      const { sites } = await begin({ '/ticket': withTicket }, [{ now: right.now }, { now: ahead.now }])
      const [site, fast] = sites
      const take = async (from: Site) => tickets.push((await from.sessions.beginLogin('ann')).ticket)
      await take(fast)
      expect((await fast.visitor().get('/ticket')).status).toBe(200)
      await take(fast)
      right.pass(1000)
      await site.sessions.revokeAll('ann')
      ahead.pass(2000)
      expect((await fast.visitor().get('/ticket')).status).toBe(409)
      await take(fast)
      const visitor = fast.visitor()
      expect((await visitor.get('/ticket')).status).toBe(200)
      expect(await whoIs(visitor)).toBe('ann')
    })

    it('H7: revokeAll and a login in one request need a ticket between them, and then work', async () => {
      const time = clock()
      let sessions: Loose
      const reset =
        (ticket: boolean): Handler =>
        async t => {
          time.pass(10)
          await sessions.revokeAll('ann')
          await t.session.login('ann', ticket ? await sessions.beginLogin('ann') : {})
          return 'in'
        }
      const { sites } = await begin({ '/reset': reset(true), '/blind': reset(false) }, [{ now: time.now }, { now: time.now }])
      const [site] = sites
      sessions = site.sessions
      expect((await site.visitor().get('/blind')).status).toBe(409)
      const visitor = site.visitor()
      expect((await visitor.get('/reset')).status).toBe(200)
      expect(await whoIs(visitor)).toBe('ann')
      expect((await visitor.get('/renew')).status).toBe(200)
      expect(await whoIs(visitor)).toBe('ann')
    })

    it('H7: factorChanged refuses a login that is under way, and keeps this session, also under later ids', async () => {
      const door = gate()
      const time = clock()
      const { sites } = await begin({ '/slow': slow(door) }, [{ now: time.now }, { now: time.now }])
      const [site] = sites
      const [here, there, bob] = [await enter(site, 'ann'), await enter(site, 'ann'), await enter(site, 'bob')]
      const late = site.visitor()
      const answer = late.get('/slow')
      await door.reached
      time.pass(5)
      expect((await here.get('/changed')).status).toBe(200)
      door.open()
      expect(await answer).toMatchObject(refused)
      expect([await whoIs(here), await whoIs(there), await whoIs(bob)]).toEqual(['ann', 'nobody', 'bob'])
      expect((await here.get('/renew')).status).toBe(200)
      expect(await whoIs(here)).toBe('ann')
    })

    it('H7: revokeEveryone ends the sessions of all users, refuses logins under way, and leaves who is nobody alone', async () => {
      const door = gate()
      const time = clock()
      const { sites } = await begin({ '/slow': slow(door) }, [{ now: time.now }, { now: time.now }])
      const [site, other] = sites
      const [ann, bob, guest] = [await enter(site, 'ann'), await enter(other, 'bob'), site.visitor()]
      await guest.get('/cart')
      const answer = site.visitor().get('/slow')
      await door.reached
      time.pass(5)
      expect(await site.sessions.revokeEveryone()).toBe(cookies ? 0 : 2)
      // The other process knows it when it asks next.
      time.pass(31_000)
      door.open()
      expect(await answer).toMatchObject(refused)
      for (const one of sites) expect([await copyAt(one, ann), await copyAt(one, bob)]).toEqual(['nobody', 'nobody'])
      expect((await guest.get('/kept')).body).toBe('1')
      expect(await whoIs(await enter(other, 'bob'))).toBe('bob')
    })

    it('H7: a copied cookie is worthless after revokeAll in every process, and so is one that is issued again from it', async () => {
      const time = clock()
      const { sites } = await begin({}, [{ now: time.now }, { now: time.now }])
      const [site, other] = sites
      const [ann, bob] = [await enter(site, 'ann'), await enter(site, 'bob')]
      expect(await copyAt(other, ann)).toBe('ann')
      time.pass(5)
      await site.sessions.revokeAll('ann')
      expect(await copyAt(site, ann)).toBe('nobody')
      // A cookie is judged by what a process knows, and it asks every five seconds; the slowest has asked within thirty.
      time.pass(31_000)
      expect(await copyAt(other, ann)).toBe('nobody')
      expect([await copyAt(site, bob), await copyAt(other, bob)]).toEqual(['bob', 'bob'])
      // Long after, as well.
      time.pass(20 * MINUTE)
      expect([await copyAt(site, ann), await copyAt(other, ann)]).toEqual(['nobody', 'nobody'])
    })

    it.each(['', 'x', 'a.b.c', '0.0', '0.0.', '0.0.bob', '0.0.ann2', 'x\n0.0.ann', '1.', `1.${'z'.repeat(20)}`, 7, null])(
      'H7: %j is no ticket, and is refused before anything is stored',
      async ticket => {
        const { shared, sites } = await begin({ '/odd': t => t.session.login('ann', { ticket }).then(() => 'in') })
        shared.did()
        expect(await sites[0].visitor().get('/odd')).toMatchObject({ status: 500, setCookie: [] })
        expect(sites[0].errors.at(-1)).toBeInstanceOf(TypeError)
        expect(shared.wrote()).toEqual([])
      },
    )
  })
}

table([nativeMemory], open => {
  const site = (more: Setup['routes'] = {}, native: Loose = {}) => open({ routes: { ...routes, ...more }, native })

  for (const [what, visits] of [
    ['create', []],
    ['replace', ['/cart']],
  ] as const) {
    it(`H7: revokeAll comes while a login is on its way into the store (${what}): it is none, and leaves nothing`, async () => {
      const one = await site()
      const visitor = one.visitor()
      for (const path of visits) await visitor.get(path)
      const stop = one.store.stop(what)
      const answer = visitor.get('/in/ann')
      await stop.reached
      expect(await one.sessions.revokeAll('ann')).toBe(0)
      stop.open()
      expect(await answer).toMatchObject({ status: 409 })
      expect([await one.sessions.list('ann'), await whoIs(visitor)]).toEqual([[], 'nobody'])
    })
  }

  it('H7: revokeAll comes when a login is stored and has not been looked at yet: it is none', async () => {
    const one = await site()
    const visitor = one.visitor()
    // A visitor without a cookie: the first load is that of the epoch.
    const stop = one.store.stop('load')
    const answer = visitor.get('/in/ann')
    await stop.reached
    expect(await one.sessions.revokeAll('ann')).toBe(1)
    stop.open()
    expect(await answer).toMatchObject(refused)
    expect(await whoIs(visitor)).toBe('nobody')
  })

  it('H7: the same by the option user alone', async () => {
    const named: Handler = t => {
      t.session.name = 'ann'
      return 'in'
    }
    const one = await site({ '/name': named }, { user: (data: Loose) => data.name })
    for (const prepare of ['/who', '/cart']) {
      const visitor = one.visitor()
      await visitor.get(prepare)
      const stop = one.store.stop(prepare === '/cart' ? 'replace' : 'create')
      const answer = visitor.get('/name')
      await stop.reached
      await one.sessions.revokeAll('ann')
      stop.open()
      expect(await answer).toMatchObject({ status: 409 })
      expect([await one.sessions.list('ann'), await whoIs(visitor)]).toEqual([[], 'nobody'])
    }
  })

  /** A store that has looked up a user's sessions before one of them gets its new id, and ends those that it has found. */
  class Hasty extends MemoryStore {
    readonly looked = gate()

    override async deleteByUser(userKey: string, options: Loose = {}): Promise<number> {
      const found = await this.listByUser(userKey)
      await this.looked.pass()
      const ended = await Promise.all(found.map(({ key }) => this.delete(key, options.reason ?? 'revoked')))
      return ended.filter(Boolean).length
    }
  }

  it('H7: a session that gets its new id between the look into the index and the end of what was found is ended as well', async () => {
    for (const rotates of [false, true]) {
      const time = clock()
      const store = new Hasty({ now: time.now })
      const one = await open({ routes, store: new Watch(store), native: { now: time.now, rotate: '10m' } })
      const ann = await enter(one, 'ann')
      time.pass(rotates ? 11 * MINUTE : MINUTE)
      const revoking = one.sessions.revokeAll('ann')
      await store.looked.reached
      const answer = await ann.get(rotates ? '/who' : '/renew')
      expect(answer).toMatchObject({ status: rotates ? 200 : 409, setCookie: [] })
      store.looked.open()
      await revoking
      expect([await one.sessions.list('ann'), await whoIs(ann)]).toEqual([[], 'nobody'])
    }
  })

  it('H7: so is one that was rotated meanwhile, and whose answer was lost on the way', async () => {
    const time = clock()
    const hasty = new Hasty({ now: time.now })
    const one = await open({ routes, store: new Watch(hasty), native: { now: time.now, rotate: { every: '10m', grace: '30s' } } })
    const ann = await enter(one, 'ann')
    time.pass(11 * MINUTE)
    const revoking = one.sessions.revokeAll('ann')
    await hasty.looked.reached
    // It is carried out, and nobody hears of it.
    const replace = hasty.replace.bind(hasty)
    hasty.replace = async (...args) => {
      await replace(...args)
      throw new Error('cut')
    }
    expect(await ann.get('/who')).toMatchObject({ status: 500, setCookie: [] })
    hasty.replace = replace
    hasty.looked.open()
    await revoking
    expect(await whoIs(ann)).toBe('nobody')
    expect(await one.sessions.list('ann')).toEqual([])
  })

  it('H3: a logout that meets a step-up ends what the session has become, and no other of its user', async () => {
    const door = gate()
    const time = clock()
    const one = await open({
      routes: {
        ...routes,
        '/again': t => t.session.reauthenticated().then(() => 'again'),
        '/out': async t => {
          void t.session.cart
          await door.pass()
          await t.session.logout()
          return 'out'
        },
      },
      store: new Watch(new MemoryStore({ now: time.now })),
      native: { now: time.now },
    })
    const elsewhere = await enter(one, 'ann')
    time.pass(MINUTE)
    const ann = await enter(one, 'ann')
    const leaving = one.visitor()
    leaving.take([...ann.cookies].map(([name, value]) => `${name}=${value}`))
    const out = leaving.get('/out')
    await door.reached
    expect((await ann.get('/again')).body).toBe('again')
    door.open()
    expect((await out).body).toBe('out')
    expect([await whoIs(ann), await whoIs(elsewhere)]).toEqual(['nobody', 'ann'])
  })

  it('H7: a login that nobody can look at fails, sets no cookie, and leaves no session, also where it cannot be ended at once', async () => {
    for (const broken of [['load'], ['load', 'delete']]) {
      const one = await site()
      const visitor = one.visitor()
      for (const method of broken) one.store.fail(method, new Error('away'))
      expect(await visitor.get('/in/ann')).toMatchObject({ status: 500, setCookie: [] })
      one.store.heal()
      await until(async () => (await one.sessions.list('ann')).length === 0)
      expect(await whoIs(await enter(one, 'ann'))).toBe('ann')
    }
  })

  it('H7: of ten that log a user out everywhere at once each has done so when it returns', async () => {
    const one = await site()
    await enter(one, 'ann')
    const { ticket } = await one.sessions.beginLogin('ann')
    const ended = (await Promise.all(Array.from({ length: 10 }, () => one.sessions.revokeAll('ann')))) as number[]
    expect(ended.reduce((sum, count) => sum + count)).toBe(1)
    expect((await one.sessions.beginLogin('ann')).ticket).not.toBe(ticket)
  })

  it('H7: revokeEveryone ends nobody of another site on the same store', async () => {
    const store = new Watch(new MemoryStore())
    const [a, b] = [await open({ routes, store, native: { scope: 'a' } }), await open({ routes, store, native: { scope: 'b' } })]
    const [inA, inB] = [await enter(a, 'ann'), await enter(b, 'ann')]
    expect(await a.sessions.revokeEveryone()).toBe(1)
    expect([await whoIs(inA), await whoIs(inB)]).toEqual(['nobody', 'ann'])
  })

  it('H7: a login costs one look at the epochs after its write, a request nothing', async () => {
    const one = await site()
    const visitor = one.visitor()
    one.store.did()
    await visitor.get('/in/ann')
    expect(one.store.did()).toEqual(['create', 'load', 'load'])
    await visitor.get('/who')
    expect(one.store.did()).toEqual(['load'])
  })
})

describe('without a place to know it', () => {
  table([nativeCookie], open => {
    it('H7: in cookie mode alone there is no revokeAll, revokeEveryone, beginLogin or factorChanged', async () => {
      const site = await open({ routes })
      for (const call of ['revokeAll', 'revokeEveryone', 'beginLogin', 'list'])
        await expect(site.sessions[call]('ann')).rejects.toThrow(/revocations/)
      const ann = await enter(site, 'ann')
      expect((await ann.get('/changed')).status).toBe(500)
      expect(site.errors.at(-1)).toMatchObject({ name: 'TypeError', message: expect.stringContaining('revocations') })
    })
  })
})
