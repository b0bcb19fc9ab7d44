import { createSessions, idOf } from 'holdfast'
import { afterEach, expect, it, vi } from 'vitest'
import { gate, keys, nativeMemory, type Setup, type Site, settled, tellAll, until, type Visitor, write } from '../promises/support.ts'
import { table } from '../promises/table.ts'

const MINUTE = 60_000

afterEach(() => void vi.useRealTimers())

async function scene(open: (setup: Omit<Setup, 'mode'>) => Promise<Site>, routes: Setup['routes'] = {}) {
  let time = Date.now()
  // The store's own clock moves along, or it would keep what has long ended for us.
  vi.useFakeTimers({ toFake: ['Date'], now: time })
  const site = await open({
    routes: {
      '/in': write({ name: 'ann' }),
      '/set': write({ note: 'set' }),
      '/id': t => String(idOf(t.session)),
      '/all': tellAll,
      '/out': t => t.session.logout().then(() => 'out'),
      ...routes,
    },
    native: { rotate: { every: '15m', grace: '30s' }, idleTimeout: '1h' },
  })
  const visitor = site.visitor()
  await visitor.get('/in')
  const pass = (ms: number) => {
    time += ms
    vi.setSystemTime(time)
  }
  return { site, visitor, pass, old: visitor.header() }
}

const sameCookie = (site: Site, visitor: Visitor): Visitor => {
  const other = site.visitor()
  other.take([...visitor.cookies].map(([name, value]) => `${name}=${value}`))
  return other
}

table([nativeMemory], open => {
  it('H3, H17: a logout that the store fails ends what the id has become meanwhile, once the store is back', async () => {
    const { site, visitor, pass } = await scene(open)
    pass(15 * MINUTE)
    const leaving = sameCookie(site, visitor)
    const door = site.store.stop('load')
    const out = leaving.get('/out')
    await door.reached
    // Both have the old id: this one renews it, and the other one logs out by it.
    const held = visitor.get('/all')
    door.open()
    site.store.fail('delete', new Error('away'))
    expect((await out).status).toBe(500)
    await held
    site.store.heal()
    await until(async () => (await site.store.target.list()).records.length === 0)
    expect((await visitor.get('/all')).body).toBe('{}')
  })

  it('H3: the id is renewed when its time has come, once, and the session goes on', async () => {
    const { site, visitor, pass, old } = await scene(open)
    pass(15 * MINUTE - 1)
    expect((await visitor.get('/all')).setCookie).toEqual([])
    pass(1)
    expect((await visitor.get('/all')).setCookie).toHaveLength(1)
    expect(visitor.header()).not.toBe(old)
    expect(JSON.parse((await visitor.get('/all')).body)).toEqual({ name: 'ann' })
    expect((await visitor.get('/all')).setCookie).toEqual([])
    expect((await site.store.target.list()).records).toHaveLength(1)
  })

  it('H3: the answer with the new id is lost on the way: within the grace the old one leads to it, and says it again', async () => {
    const { visitor, pass, site } = await scene(open)
    pass(15 * MINUTE)
    const lost = sameCookie(site, visitor)
    const renewed = await lost.get('/all')
    pass(30_000)
    const answer = await visitor.get('/all')
    expect(JSON.parse(answer.body)).toEqual({ name: 'ann' })
    expect(answer.setCookie).toHaveLength(1)
    expect(visitor.header()).toBe(lost.header())
    expect(renewed.setCookie).toHaveLength(1)
  })

  it('H3: the answer is lost more than once: each request of the grace is told the new id, whatever another one has touched', async () => {
    const { visitor, pass, site } = await scene(open)
    pass(15 * MINUTE)
    const lost = sameCookie(site, visitor)
    await lost.get('/all')
    for (let n = 0; n < 3; n++) {
      pass(2000)
      const copy = sameCookie(site, visitor)
      expect((await copy.get('/all')).setCookie).toHaveLength(1)
      expect(copy.header()).toBe(lost.header())
    }
  })

  it('H3: after the grace the old id is worth nothing; that it comes once more is told only if the new one was used', async () => {
    const { visitor, pass, site, old } = await scene(open)
    pass(15 * MINUTE)
    await visitor.get('/all')
    pass(31_000)
    const told = async () => {
      await settled()
      return site.events.map(({ name }) => name).filter(name => name === 'session:reuse').length
    }
    const stranger = { headers: { cookie: old } }
    expect((await site.visitor().get('/all', stranger)).body).toBe('{}')
    expect(await told()).toBe(0)
    await visitor.get('/set')
    expect(await site.visitor().get('/all', stranger)).toMatchObject({ body: '{}', setCookie: [] })
    expect(await told()).toBe(1)
    expect(JSON.parse((await visitor.get('/all')).body)).toEqual({ name: 'ann', note: 'set' })
  })

  it('H3: two requests rotate at once: one record, one id, and what both have written', async () => {
    const doors = { '/a': gate(), '/b': gate() }
    const racing =
      (path: '/a' | '/b'): Setup['routes'][string] =>
      async t => {
        t.session[path] = 1
        await doors[path].pass()
        return 'done'
      }
    const { site, visitor, pass } = await scene(open, { '/a': racing('/a'), '/b': racing('/b') })
    pass(15 * MINUTE)
    const browsers = [sameCookie(site, visitor), sameCookie(site, visitor)] as const
    const answers = [browsers[0].get('/a'), browsers[1].get('/b')]
    await Promise.all([doors['/a'].reached, doors['/b'].reached])
    const stop = site.store.stop('replace')
    doors['/a'].open()
    await stop.reached
    doors['/b'].open()
    await answers[1]
    stop.open()
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200])
    expect((await site.store.target.list()).records).toHaveLength(1)
    for (const browser of browsers) expect(JSON.parse((await browser.get('/all')).body)).toEqual({ name: 'ann', '/a': 1, '/b': 1 })
    expect(browsers[0].header()).toBe(browsers[1].header())
  })

  it('H3: a slow request that has the old id saves into the renewed session, and a logout by it ends that', async () => {
    const late = gate()
    const leaving = gate()
    const { site, visitor, pass } = await scene(open, {
      '/late': async t => {
        t.session.late = 1
        await late.pass()
        return 'late'
      },
      '/leave': async t => {
        void t.session.name
        await leaving.pass()
        await t.session.logout()
        return 'out'
      },
    })
    pass(14 * MINUTE)
    const slow = sameCookie(site, visitor).get('/late')
    const logout = sameCookie(site, visitor).get('/leave')
    await Promise.all([late.reached, leaving.reached])
    pass(MINUTE)
    await visitor.get('/all')
    late.open()
    expect((await slow).status).toBe(200)
    expect(JSON.parse((await visitor.get('/all')).body)).toEqual({ name: 'ann', late: 1 })
    leaving.open()
    expect((await logout).status).toBe(200)
    expect((await visitor.get('/all')).body).toBe('{}')
    expect((await site.store.target.list()).records).toHaveLength(0)
  })

  it('H3: regenerate() leaves no way from the old id, rotation or not', async () => {
    const { site, visitor, old } = await scene(open, { '/renew': t => t.session.regenerate().then(() => 'renewed') })
    await visitor.get('/renew')
    expect((await site.visitor().get('/all', { headers: { cookie: old } })).body).toBe('{}')
  })
})

it.each([
  [{ rotate: '15m' }, /store/],
  [{ rotate: { every: '15m', grace: '2m' }, store: true }, /grace/],
  [{ rotate: { every: '30s', grace: '30s' }, store: true }, /every/],
])('createSessions refuses %o', async (options, message) => {
  const { MemoryStore } = await import('holdfast/stores/memory')
  expect(() => createSessions({ keys, ...options, store: 'store' in options ? new MemoryStore() : undefined } as never)).toThrow(message)
})
