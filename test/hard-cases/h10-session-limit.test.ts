// H10 as a visitor meets it: over HTTP, in both frameworks. What a store has to do for it is in the kit.
import { goneReason, login, reauthenticated, SessionEndedError, SessionLimitError, signalOf, userIdOf } from 'holdfast'
import expressSession from 'holdfast/express'
import koaSession from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import {
  holdfastStores,
  nativeMemory,
  raw,
  read,
  type Setup,
  type Site,
  type Turn,
  until,
  type Visitor,
  write,
} from '../promises/support.ts'
import { table } from '../promises/table.ts'
import { createApp, type Loose } from '../support/subjects.ts'

const MINUTE = 60_000

const routes: Setup['routes'] = {
  '/in/ann': t => login(t.session, 'ann').then(() => 'in'),
  '/in/bob': t => login(t.session, 'bob').then(() => 'in'),
  '/cart': write({ cart: 'a book' }),
  '/read': read('cart'),
  '/who': t => userIdOf(t.session) ?? goneReason(t.session) ?? 'nobody',
  '/renew': t => t.session.regenerate({ keep: true }).then(() => 'renewed'),
  '/events': (t: Turn) => {
    const signal = signalOf(t.session)
    t.takeOver()
    t.res.writeHead(200, { 'Content-Type': 'text/event-stream' })
    t.res.write('data: hello\n\n')
    const tell = () => t.res.end(`data: ended ${signal.reason.reason} ${signal.reason instanceof SessionEndedError}\n\n`)
    signal.addEventListener('abort', tell)
  },
}

const who = async (visitor: Visitor) => (await visitor.get('/who')).body
const enter = async (site: Site, path = '/in/ann'): Promise<Visitor> => {
  const visitor = site.visitor()
  expect(await visitor.get(path)).toMatchObject({ status: 200 })
  return visitor
}
/** A limit stands where the mode has its options. */
const within = (native: boolean, options: object): Loose => (native ? { native: options } : { options })

table(holdfastStores, (open, mode) => {
  it('H10: the device that was evicted is told so by its next request, without another call to the store', async () => {
    const site = await open({ routes, ...within(mode.native, { maxSessionsPerUser: 1 }) })
    const first = await enter(site)
    await first.get('/cart')
    const second = await enter(site)
    const other = await enter(site, '/in/bob')
    for (const path of ['/who', '/read', '/cart', '/who']) {
      site.store.calls.length = 0
      site.events.length = 0
      const answer = await first.get(path)
      expect([answer.status, answer.setCookie]).toEqual([200, []])
      expect(answer.body).toBe({ '/who': 'evicted', '/read': 'nothing', '/cart': 'done' }[path])
      expect(site.store.calls.map(({ method }) => method)).toEqual(['load'])
      expect(site.events[0]).toMatchObject({ name: 'session:gone', event: { reason: 'evicted' } })
    }
    expect([await who(second), await who(other)]).toEqual(['ann', 'bob'])
    // Who signs in again is in, and the reason with it is over.
    expect((await first.get('/in/ann')).status).toBe(200)
    expect([await who(first), await who(second), await who(other)]).toEqual(['ann', 'evicted', 'bob'])
  })

  it('H10: a login that is denied fails with a typed error, and the visitor keeps what they had', async () => {
    const site = await open({ routes, ...within(mode.native, { maxSessionsPerUser: 2, onSessionLimit: 'deny' }) })
    const [first, second] = [await enter(site), await enter(site)]
    const visitor = site.visitor()
    await visitor.get('/cart')
    const before = visitor.header()
    for (const one of [visitor, site.visitor()]) {
      site.events.length = 0
      site.errors.length = 0
      const answer = await one.get('/in/ann')
      expect([answer.status, answer.setCookie]).toEqual([403, []])
      expect(site.errors.at(-1) ?? { code: 'HOLDFAST_SESSION_LIMIT' }).toMatchObject({ code: 'HOLDFAST_SESSION_LIMIT' })
      expect(site.events.at(-1)).toMatchObject({ name: 'session:refused', event: { reason: 'limit' } })
    }
    expect([visitor.header(), await who(visitor), (await visitor.get('/read')).body]).toEqual([before, 'nobody', 'a book'])
    expect([await who(first), await who(second)]).toEqual(['ann', 'ann'])
    expect((await visitor.get('/in/bob')).status).toBe(200)
  })

  it("H3, H10: a second login of the same browser, and a new id, need no place of one's own", async () => {
    for (const onSessionLimit of ['deny', 'evict-oldest']) {
      const more = { '/again': (t: Turn) => reauthenticated(t.session).then(() => 'again') }
      const options = { maxSessionsPerUser: 1, onSessionLimit }
      const site = await open({ routes: { ...routes, ...more }, ...within(mode.native, options) })
      const visitor = await enter(site)
      for (const path of ['/in/ann', '/renew', '/again', '/in/bob', '/in/ann'])
        expect([path, (await visitor.get(path)).status]).toEqual([path, 200])
      expect(await who(visitor)).toBe('ann')
    }
  })

  it('H10: who is logged in by the data alone counts as well', async () => {
    const user = (data: Loose) => data.userId
    const signIn = { '/data': write({ userId: 'ann' }) }
    const openWith = (options: object) =>
      open({ routes: { ...routes, ...signIn }, ...within(mode.native, { user, maxSessionsPerUser: 1, ...options }) })
    const site = await openWith({})
    const [first, second] = [await enter(site, '/data'), await enter(site, '/data')]
    expect([await who(first), await who(second)]).toEqual(['evicted', 'ann'])
    const strict = await openWith({ onSessionLimit: 'deny' })
    const visitor = await enter(strict, '/data')
    const other = strict.visitor()
    await other.get('/cart')
    expect((await other.get('/data')).status).toBe(403)
    expect([await who(visitor), await who(other), (await other.get('/read')).body]).toEqual(['ann', 'nobody', 'a book'])
  })

  it('H10: of 50 logins at once as many are in as the limit says, and each other one is told why not', async () => {
    for (const max of [1, 3]) {
      for (const onSessionLimit of ['evict-oldest', 'deny']) {
        const site = await open({ routes, ...within(mode.native, { maxSessionsPerUser: max, onSessionLimit }) })
        const visitors = Array.from({ length: 50 }, () => site.visitor())
        for (const visitor of visitors.slice(0, 25)) await visitor.get('/cart')
        const answers = await Promise.all(visitors.map(visitor => visitor.get('/in/ann')))
        const deny = onSessionLimit === 'deny'
        expect(tally(answers.map(({ status }) => status))).toEqual(deny ? { 200: max, 403: 50 - max } : { 200: 50 })
        expect(tally(await Promise.all(visitors.map(who)))).toEqual({ ann: max, [deny ? 'nobody' : 'evicted']: 50 - max })
      }
    }
  })

  it('H10: an answer that stays open ends at once with the session that was evicted, and no other does', async () => {
    const site = await open({ routes, ...within(mode.native, { maxSessionsPerUser: 2 }) })
    const [first, second] = [await enter(site), await enter(site)]
    const streams = [first, second].map(visitor => raw(site.port, '/events', { cookie: visitor.header() }))
    await until(async () => streams.every(stream => stream.text().includes('hello')))
    await enter(site)
    expect(await streams[0]?.done).toContain('ended evicted true')
    expect(streams[1]?.text()).not.toContain('ended')
  })
})

/** How often each of them is there. */
function tally(values: Array<string | number>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

table([nativeMemory], open => {
  const begin = (limit: object, more: Setup['routes'] = {}) => open({ routes: { ...routes, ...more }, native: limit })

  it('H7, H10: a login that rests on what was revoked evicts nobody', async () => {
    let letIn = () => {}
    const checked = new Promise<void>(resolve => {
      letIn = resolve
    })
    let arrived = false
    const slow = async (t: Turn) => {
      void t.session.cart
      arrived = true
      await checked
      await login(t.session, 'ann')
      return 'in'
    }
    let time = Date.now()
    const site = await begin({ maxSessionsPerUser: 1, now: () => time }, { '/slow': slow })
    const late = site.visitor()
    const answer = late.get('/slow')
    await until(async () => arrived)
    time += 1
    await site.sessions.revokeAll('ann')
    time += 1
    const own = await enter(site)
    letIn()
    expect(await answer).toMatchObject({ status: 409, setCookie: [] })
    expect([await who(own), await who(late)]).toEqual(['ann', 'nobody'])
  })

  it('H7, H10: one that is revoked between that look and its write is refused too, and whom it has evicted by then must sign in again', async () => {
    const site = await begin({ maxSessionsPerUser: 1 })
    const first = await enter(site)
    const stop = site.store.stop('create')
    const late = site.visitor()
    const answer = late.get('/in/ann')
    await stop.reached
    await site.sessions.revokeAll('ann')
    stop.open()
    expect(await answer).toMatchObject({ status: 409, setCookie: [] })
    expect([await who(first), await who(late), await site.sessions.list('ann')]).toEqual(['revoked', 'nobody', []])
  })

  it('H10: a lost answer of the store neither evicts twice nor denies itself', async () => {
    for (const onSessionLimit of ['deny', 'evict-oldest']) {
      const site = await begin({ maxSessionsPerUser: 2, onSessionLimit })
      const [first, second] = [await enter(site), site.visitor()]
      await second.get('/cart')
      for (const method of ['create', 'replace']) {
        const whole = site.store.target
        let lost = false
        site.store.target = new Proxy(whole, {
          get: (store, name: string) => {
            const member = store[name]
            if (name !== method || lost) return typeof member === 'function' ? member.bind(store) : member
            return async (...args: unknown[]) => {
              lost = true
              await member.apply(store, args)
              throw new Error('the connection was lost')
            }
          },
        })
        const visitor = method === 'create' ? site.visitor() : second
        expect([method, (await visitor.get('/in/ann')).status, lost]).toEqual([method, 200, true])
        expect([await who(first), await who(visitor)]).toEqual(['ann', 'ann'])
        site.store.target = whole
        await visitor.get('/in/bob')
      }
    }
  })

  it('says what else has become of the session that a request came with', async () => {
    let time = Date.now()
    const more: Setup['routes'] = {
      '/out': t => t.session.logout().then(() => 'out'),
      '/all': async t => String(await site.sessions.revokeAll(userIdOf(t.session))),
    }
    const site: Site = await open({ routes: { ...routes, ...more }, native: { now: () => time } })
    expect(await who(site.visitor())).toBe('nobody')
    for (const [path, reason] of [
      ['/out', 'destroyed'],
      ['/all', 'revoked'],
    ] as const) {
      const visitor = await enter(site)
      const copy = visitor.header()
      await visitor.get(path)
      expect((await site.visitor().get('/who', { headers: { cookie: copy } })).body).toBe(reason)
      // A login in the very millisecond of a revokeAll counts as before it.
      time += 1
    }
    const idle = await enter(site)
    // The store's own clock stands where it was: it still has the record.
    time += 30 * MINUTE + 1000
    expect(await who(idle)).toBe('expired')
    expect((await idle.get('/in/ann')).status).toBe(200)
    expect(await who(idle)).toBe('ann')
  })
})

it('SessionLimitError says what it is', () => {
  expect(new SessionLimitError()).toMatchObject({ code: 'HOLDFAST_SESSION_LIMIT', status: 403, expose: true, name: 'SessionLimitError' })
})

it('H10: the drop-ins refuse a limit where nobody could keep to it, and say why', () => {
  const peer = { get: async () => undefined, set: async () => {}, destroy: async () => {} }
  const none = /maxSessionsPerUser needs one of Holdfast's stores/
  const app = createApp(3)
  for (const [store, reason] of [
    [peer, none],
    [undefined, /nobody counts the sessions that live in cookies/],
  ] as const) {
    expect(() => koaSession({ ...(store && { store }), maxSessionsPerUser: 1 }, app)).toThrow(reason)
    expect(() => expressSession({ secret: 'a', ...(store && { store }), maxSessionsPerUser: 1 } as never)).toThrow(none)
  }
  class Context {
    get = peer.get
    set = peer.set
    destroy = peer.destroy
  }
  Object.assign(Context.prototype, peer)
  expect(() => koaSession({ ContextStore: Context as never, maxSessionsPerUser: 1 }, app)).toThrow(none)
  for (const options of [{ maxSessionsPerUser: 0 }, { onSessionLimit: 'deny' }, { maxSessionsPerUser: 1, onSessionLimit: 'no' }]) {
    const all = { ...options, store: new MemoryStore() } as never
    expect(() => koaSession(all, app)).toThrow(TypeError)
    expect(() => expressSession(Object.assign({ secret: 'a' }, all))).toThrow(TypeError)
  }
})
