// H25, H7: whose a session is, where the data say it: what is a login of now, what is only known now, and what a change of hands ends.
import { createHmac } from 'node:crypto'
import { authenticatedAtOf, userIdOf } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import { nativeCookie, nativeMemory, type Setup, type Site, settled, tellAll, type Visitor, Watch, write } from '../promises/support.ts'
import { table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const OLD = 'the secret that signed them'

const routes: Setup['routes'] = {
  '/ann': write({ userId: 'ann' }),
  '/bob': write({ userId: 'bob' }),
  '/remember': t => {
    t.session.userId = 'ann'
    return t.session.login('ann', { remember: true }).then(() => 'in')
  },
  '/leave': t => {
    delete t.session.userId
    t.session.theme = 'dark'
    return 'left'
  },
  '/note': write({ note: 1 }),
  '/who': t => `${userIdOf(t.session) ?? 'nobody'} ${authenticatedAtOf(t.session) ?? 'never'}`,
  '/pay': t => {
    t.session.requireFresh('5m')
    return 'paid'
  },
  '/again': t => t.session.reauthenticated().then(() => 'again'),
  '/changed': t => t.session.factorChanged().then(String),
  '/all': tellAll,
}

const user = (data: { userId?: string }) => data.userId

/** What koa-session leaves in a browser that has logged in. */
function legacyCookie(time: number): string {
  const value = Buffer.from(JSON.stringify({ userId: 'ann', _expire: time + DAY, _maxAge: DAY })).toString('base64')
  return `koa.sess=${value}; koa.sess.sig=${createHmac('sha1', OLD).update(`koa.sess=${value}`).digest('base64url')}`
}

table([nativeMemory, nativeCookie], (open, mode) => {
  const begin = async () => {
    let time = Date.now()
    const now = () => time
    const shared = new Watch(new MemoryStore({ now }))
    const of = (more: Loose) =>
      open({ routes, store: shared, native: { now, ...(mode.place === 'cookie' && { revocations: shared.store }), ...more } })
    const pass = (ms: number) => {
      time += ms
    }
    return { shared, of, now, pass }
  }

  /** A session of before the option `user`, and the site that has it. */
  const beforeUser = async () => {
    const scene = await begin()
    const before = await scene.of({})
    const visitor = before.visitor()
    await visitor.get('/ann')
    scene.pass(20 * MINUTE)
    const site = await scene.of({ user })
    return { ...scene, site, visitor: moved(site, visitor) }
  }
  const moved = (site: Site, { cookies }: Visitor): Visitor => {
    const visitor = site.visitor()
    for (const [name, value] of cookies) visitor.cookies.set(name, value)
    return visitor
  }

  it.each(['/note', '/who'])('H25: data that have named a user all the while are no fresh login, by the first write (%s)', async path => {
    const { site, visitor, now, pass } = await beforeUser()
    expect((await visitor.get('/pay')).status).toBe(401)
    expect((await visitor.get(path)).status).toBe(200)
    // Half of its life is over: it is a user's by now, and by a token of its own.
    expect((await visitor.get('/who')).body).toBe('ann never')
    expect((await visitor.get('/pay')).status).toBe(401)
    expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_NOT_FRESH', reason: 'stale' })
    // Whoever proves it now has.
    expect((await visitor.get('/again')).status).toBe(200)
    expect((await visitor.get('/who')).body).toBe(`ann ${now()}`)
    expect((await visitor.get('/pay')).body).toBe('paid')
    if (mode.place === 'memory') expect(await site.sessions.list('ann')).toHaveLength(1)
    pass(1)
    await site.sessions.revokeAll('ann')
    expect((await visitor.get('/who')).body).toBe('nobody never')
  })

  it('H25: who is known by the data alone may prove it again, and factorChanged() proves nothing', async () => {
    const { visitor, now } = await beforeUser()
    expect((await visitor.get('/again')).status).toBe(200)
    expect((await visitor.get('/who')).body).toBe(`ann ${now()}`)
    const other = await beforeUser()
    await other.visitor.get('/note')
    expect((await other.visitor.get('/changed')).status).toBe(200)
    expect((await other.visitor.get('/who')).body).toBe('ann never')
  })

  it('H25: a login by the data is one of now, also where they had named another user before', async () => {
    const { visitor, now } = await beforeUser()
    await visitor.get('/bob')
    expect((await visitor.get('/who')).body).toBe(`bob ${now()}`)
  })

  it.each(['/note', '/all'])(
    'H7: a session that becomes a user’s after their revokeAll is none, and nobody is told that they did wrong (%s)',
    async path => {
      const { site, visitor, pass } = await beforeUser()
      await site.sessions.revokeAll('ann')
      pass(1000)
      expect(await visitor.get(path)).toMatchObject({ status: 200, setCookie: [] })
      await settled()
      const reason = mode.place === 'memory' ? 'gone' : 'revoked'
      expect(site.events.map(({ name, event }) => `${name} ${event.reason}`)).toContain(`session:gone ${reason}`)
      expect((await visitor.get('/who')).body).toBe('nobody never')
      expect((await visitor.get('/all')).body).toBe('{}')
    },
  )

  it('H7: the same where this process has not heard of it yet', async () => {
    const { of, visitor, pass, site } = await beforeUser()
    // What it knows of ended ones is of before.
    await site.visitor().get('/who')
    await (await of({ user })).sessions.revokeAll('ann')
    pass(1000)
    const cookie = visitor.header()
    expect(await visitor.get('/note')).toMatchObject({ status: 200, setCookie: [] })
    expect([visitor.header(), (await visitor.get('/who')).body]).toEqual([cookie, 'nobody never'])
  })

  it('promise 13: what one user has asked for is nothing for the next one: remembered is only who said so', async () => {
    const { of, pass } = await begin()
    const site = await of({ user })
    const visitor = site.visitor()
    const ends = (lines: string[]) => lines.map(line => /expires=/i.test(line))
    expect(ends((await visitor.get('/remember')).setCookie)).toEqual([true])
    pass(DAY)
    expect(ends((await visitor.get('/leave')).setCookie)).toEqual([false])
    expect(ends((await visitor.get('/bob')).setCookie)).toEqual([false])
    expect((await visitor.get('/who')).body).toMatch(/^bob/)
    pass(HOUR)
    expect((await visitor.get('/all')).body).toBe('{}')
  })

  it('promise 13: whom a remembered user leaves behind is nobody, for anonymousTimeout, and no new hands put off an absolute end', async () => {
    const { of, pass } = await begin()
    const site = await of({ user, idleTimeout: '6h', absoluteTimeout: '7h', anonymousTimeout: '1h' })
    const visitor = site.visitor()
    await visitor.get('/remember')
    await visitor.get('/leave')
    const other = moved(site, visitor)
    pass(HOUR)
    await visitor.get('/bob')
    pass(1)
    expect((await other.get('/all')).body).toBe('{}')
    pass(4 * HOUR)
    await visitor.get('/ann')
    pass(2 * HOUR - 1)
    expect((await visitor.get('/who')).body).toMatch(/^ann/)
    pass(1)
    expect((await visitor.get('/all')).body).toBe('{}')
  })
})

table([nativeCookie], open => {
  it('H25, H7: a session that is taken over from another library is no fresh login, and none after revokeAll', async () => {
    let time = Date.now()
    const now = () => time
    const readers = [{ format: 'koa-session', cookieName: 'koa.sess', keys: [OLD], acceptUntil: time + 30 * DAY }]
    const site = await open({ routes, native: { now, user, readers, revocations: new MemoryStore({ now }) } })
    const headers = { cookie: legacyCookie(time) }
    const visitor = site.visitor()
    await visitor.get('/note', { headers })
    expect((await visitor.get('/who')).body).toBe('ann never')
    expect((await visitor.get('/pay')).status).toBe(401)
    time += 1000
    await site.sessions.revokeAll('ann')
    time += 1000
    const thief = site.visitor()
    for (const path of ['/all', '/note', '/all']) {
      expect((await thief.get(path, { headers })).body).not.toContain('ann')
      expect(thief.cookies.size).toBe(0)
    }
    expect((await visitor.get('/who')).body).toBe('nobody never')
  })
})
