import { expect } from 'vitest'
import { koaDriver } from '../../promises/koa.ts'
import { nativeCookie, type Turn } from '../../promises/support.ts'
import type { Loose } from '../../support/subjects.ts'
import type { Check } from '../http/check.ts'
import { range, type SiteSetup, type StoreSite } from '../http/stage.ts'

const LOGINS = 20

const login = async (t: Turn) => {
  t.session.name = 'ann'
  await t.session.login('ann')
  return 'in'
}
const routes: SiteSetup['routes'] = {
  '/in': login,
  '/cart': t => {
    t.session.cart = 1
    return 'put'
  },
  '/read': t => String(t.session.name ?? 'nothing'),
  '/out': t => t.session.logout().then(() => 'out'),
}

const stopped: Check = {
  name: 'H7: revokeAll comes while a login is on its way into the store, or is there and not looked at yet: it is none, at each instance',
  doors: ['native'],
  async run(stage) {
    const [one, two] = [await stage.site({ routes }), await stage.site({ routes })]
    for (const [method, before] of [
      ['create', []],
      ['load', []],
      ['replace', ['/cart']],
    ] as const) {
      const visitor = one.visitor()
      for (const path of before) await visitor.get(path)
      const stop = one.store.stop(method)
      const answer = visitor.get('/in')
      await stop.reached
      await two.sessions.revokeAll('ann')
      stop.open()
      expect(await answer, method).toMatchObject({ status: 409, setCookie: [] })
      expect([await two.sessions.list('ann'), (await visitor.get('/read')).body], method).toEqual([[], 'nothing'])
    }
    expect((await one.visitor().get('/in')).status).toBe(200)
  },
}

const butThisOne: Check = {
  name: 'H7 and promise 16: revokeAll with except leaves the session in hand, and ends the others and a login on its way into the store',
  doors: ['native'],
  async run(stage) {
    const one = await stage.site({ routes })
    const two: StoreSite = await stage.site({
      routes: { ...routes, '/others': async t => String(await two.sessions.revokeAll('ann', { except: t.session })) },
    })
    const [own, elsewhere] = [two.visitor(), one.visitor()]
    for (const visitor of [own, elsewhere]) await visitor.get('/in')
    const copied = own.header()
    for (const [method, before, ended] of [
      ['create', [], '1'],
      ['load', [], '1'],
      ['replace', ['/cart'], '0'],
    ] as const) {
      const visitor = one.visitor()
      for (const path of before) await visitor.get(path)
      const stop = one.store.stop(method)
      const answer = visitor.get('/in')
      await stop.reached
      const others = await own.get('/others')
      stop.open()
      expect(others, method).toMatchObject({ status: 200, body: ended })
      expect(await answer, method).toMatchObject({ status: 409, setCookie: [] })
      expect(await two.sessions.list('ann'), method).toHaveLength(1)
    }
    const bodies = await Promise.all([own, elsewhere].map(async visitor => (await visitor.get('/read')).body))
    expect(bodies).toEqual(['ann', 'nothing'])
    expect((await one.visitor().get('/read', { headers: { cookie: copied } })).body).toBe('nothing')
  },
}

const racing: Check = {
  name: `H7: ${LOGINS} logins with tickets of before race with revokeAll: when all have been answered, none of them is in`,
  doors: ['native'],
  async run(stage) {
    const sites = [await stage.site({ routes: withTicket() }), await stage.site({ routes: withTicket() })] as const
    const { ticket } = await sites[1].sessions.beginLogin('ann')
    const visitors = range(LOGINS).map(n => sites[n % 2 === 0 ? 0 : 1].visitor())
    for (const visitor of visitors.slice(0, LOGINS / 2)) await visitor.get('/cart')
    const logins = visitors.map(visitor => visitor.get(`/in/${ticket}`))
    const revoking = sites[0].sessions.revokeAll('ann')
    const answers = await Promise.all(logins)
    await revoking
    expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([])
    expect(await sites[1].sessions.list('ann')).toEqual([])
    const bodies = await Promise.all(visitors.map(async visitor => (await visitor.get('/read')).body))
    expect(new Set(bodies)).toEqual(new Set(['nothing']))
  },
}

function withTicket(): SiteSetup['routes'] {
  return {
    ...routes,
    '*': async t => {
      t.session.name = 'ann'
      await t.session.login('ann', { ticket: t.path.slice('/in/'.length) })
      return 'in'
    },
  }
}

const together: Check = {
  name: 'H7: of several that log a user out everywhere at once, from two instances, each has done so when it returns',
  doors: ['native'],
  async run(stage) {
    const sites = [await stage.site({ routes }), await stage.site({ routes })] as const
    const visitors = range(3).map(n => sites[n % 2 === 0 ? 0 : 1].visitor())
    for (const visitor of visitors) await visitor.get('/in')
    const { ticket } = await sites[0].sessions.beginLogin('ann')
    const ended: number[] = await Promise.all(range(6).map(n => sites[n % 2 === 0 ? 0 : 1].sessions.revokeAll('ann')))
    expect(ended.reduce((sum, count) => sum + count)).toBe(3)
    expect((await sites[1].sessions.beginLogin('ann')).ticket).not.toBe(ticket)
    for (const visitor of visitors) expect((await visitor.get('/read')).body).toBe('nothing')
  },
}

const everyone: Check = {
  name: 'H7: revokeEveryone ends the sessions of all users of a site, and of no other site on the store',
  doors: ['native'],
  async run(stage) {
    const one = await stage.site({ routes, native: { scope: 'one' } })
    const two = await stage.site({ routes, native: { scope: 'two' }, beside: one })
    const [mine, theirs, guest] = [one.visitor(), two.visitor(), one.visitor()]
    await mine.get('/in')
    await theirs.get('/in')
    await guest.get('/cart')
    const cart = guest.header()
    expect(await one.sessions.revokeEveryone()).toBe(1)
    const bodies = await Promise.all([mine, theirs].map(async visitor => (await visitor.get('/read')).body))
    expect(bodies).toEqual(['nothing', 'ann'])
    await guest.get('/cart')
    expect(guest.header()).toBe(cart)
  },
}

const inCookies: Check = {
  name: 'H7, H8: sessions in cookies and their ends in the store: a copy is worth nothing after a logout and after revokeAll, at each instance',
  doors: ['native'],
  async run(stage) {
    const time = stage.stopClock()
    const instance = async () => {
      const opened = await stage.open()
      const native: Loose = { revocations: opened.store, now: time.now, storeTimeout: 30_000 }
      return koaDriver(3).open({ mode: nativeCookie, routes, native })
    }
    const sites = [await instance(), await instance()] as const
    const read = async (cookie: string) =>
      Promise.all(sites.map(async site => (await site.visitor().get('/read', { headers: { cookie } })).body))
    const [leaving, staying] = [sites[0].visitor(), sites[1].visitor()]
    await leaving.get('/in')
    await staying.get('/in')
    const [left, stayed] = [leaving.header(), staying.header()]
    expect([await read(left), await read(stayed)]).toEqual([
      ['ann', 'ann'],
      ['ann', 'ann'],
    ])
    await leaving.get('/out')
    // Each has asked within half a minute, or refuses.
    time.advance(31_000)
    expect([await read(left), await read(stayed)]).toEqual([
      ['nothing', 'nothing'],
      ['ann', 'ann'],
    ])
    await sites[0].sessions.revokeAll('ann')
    time.advance(31_000)
    expect(await read(stayed)).toEqual(['nothing', 'nothing'])
    const again = sites[1].visitor()
    await again.get('/in')
    expect(await read(again.header())).toEqual(['ann', 'ann'])
    for (const site of sites) expect(site.errors).toEqual([])
    for (const site of sites) await site.sessions.close()
  },
}

export const loggedOutEverywhere: readonly Check[] = [stopped, butThisOne, inCookies, racing, together, everyone]
