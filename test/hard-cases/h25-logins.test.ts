// H25: a login that was proved again, one that ends with the provider's, and a factor that has changed.
import { authenticatedAtOf, idOf } from 'holdfast'
import { expect, it } from 'vitest'
import { nativeCookie, nativeMemory, type Setup, type Site, type Turn, type Visitor } from '../promises/support.ts'
import { table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'

const MINUTE = 60_000

const login = (userId: string, options?: object) => (t: Turn) => t.session.login(userId, options).then(() => 'in')

const routes: Setup['routes'] = {
  '/ann': login('ann'),
  '/again': t => t.session.reauthenticated({ factor: 'totp' }).then(() => 'again'),
  '/since': t => String(authenticatedAtOf(t.session) ?? 'never'),
  '/id': t => String(idOf(t.session)),
  '/changed': t => t.session.factorChanged().then(String),
}

const asBefore = (site: Site, header: string): Promise<{ body: string }> => site.visitor().get('/since', { headers: { cookie: header } })

table([nativeMemory, nativeCookie], (open, mode) => {
  it('H25: reauthenticated() renews the id and authenticatedAt, and the old id is dead', async () => {
    let time = Date.now()
    const site = await open({ routes, native: { now: () => time } })
    const visitor = site.visitor()
    await visitor.get('/ann')
    const [before, since] = [visitor.header(), (await visitor.get('/since')).body]
    time += MINUTE
    expect((await visitor.get('/again')).setCookie).toHaveLength(1)
    expect(visitor.header()).not.toBe(before)
    expect(Number((await visitor.get('/since')).body)).toBe(Number(since) + MINUTE)
    // In cookie mode a copy lives on; the audit says so.
    if (mode.place === 'memory') expect((await asBefore(site, before)).body).toBe('never')
  })

  it('H25: who is not logged in cannot prove it again', async () => {
    const site = await open({ routes })
    expect((await site.visitor().get('/again')).status).toBe(500)
    expect(site.errors.at(-1)).toBeInstanceOf(TypeError)
  })

  it.each([
    ['an earlier end', 5 * MINUTE, 5 * MINUTE],
    ['a later one', 1000 * MINUTE, 30 * MINUTE],
  ])('H25: login({ expiresAt }) can only lower the end: %s', async (_, given, ends) => {
    let time = Date.now()
    const site = await open({
      routes: { ...routes, '/until': t => login('ann', { expiresAt: time + given })(t) },
      native: { now: () => time, idleTimeout: '30m', absoluteTimeout: '30m' },
    })
    const visitor = site.visitor()
    await visitor.get('/until')
    time += ends
    expect((await visitor.get('/since')).body).not.toBe('never')
    time += 1
    expect((await visitor.get('/since')).body).toBe('never')
  })
})

table([nativeMemory], open => {
  it('H25: factorChanged(session) ends the others of the user, and this one goes on under a new id', async () => {
    const site = await open({ routes })
    const [here, there]: Visitor[] = [site.visitor(), site.visitor()] as Loose
    await here?.get('/ann')
    await there?.get('/ann')
    const before = String(here?.header())
    expect((await here?.get('/changed'))?.body).toBe('1')
    expect((await asBefore(site, before)).body).toBe('never')
    expect([(await here?.get('/since'))?.body, (await there?.get('/since'))?.body]).toEqual([expect.stringMatching(/^\d+$/), 'never'])
  })
})
