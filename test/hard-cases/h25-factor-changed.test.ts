// H25: after a change of a password the others are out, whatever becomes of the session that has asked for it.
import { userIdOf } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import { nativeMemory, type Setup, type Site, settled, type Visitor, Watch } from '../promises/support.ts'
import { table } from '../promises/table.ts'

const routes: Setup['routes'] = {
  '/in': t => t.session.login('ann').then(() => 'in'),
  '/who': t => userIdOf(t.session) ?? 'nobody',
  '/changed': t => t.session.factorChanged().then(String),
  '/renew': t => t.session.regenerate().then(() => 'renewed'),
  '/again': t => t.session.reauthenticated().then(() => 'again'),
  '/out': t => t.session.logout().then(() => 'out'),
}

const enter = async (site: Site): Promise<Visitor> => {
  const visitor = site.visitor()
  expect((await visitor.get('/in')).status).toBe(200)
  return visitor
}
const copyOf = (site: Site, visitor: Visitor): Visitor => {
  const copy = site.visitor()
  copy.take([...visitor.cookies].map(([name, value]) => `${name}=${value}`))
  return copy
}
const whoIs = async (visitor: Visitor) => (await visitor.get('/who')).body

table([nativeMemory], open => {
  for (const rival of ['/changed', '/renew', '/again', '/out', '/in']) {
    it(`H25: factorChanged() ends the others also where ${rival} of the same session is quicker`, async () => {
      const site = await open({ routes, store: new Watch(new MemoryStore()) })
      const [elsewhere, ann] = [await enter(site), await enter(site)]
      const slow = copyOf(site, ann)
      const door = site.store.stop('replace')
      const changing = slow.get('/changed')
      await door.reached
      const answer = await copyOf(site, ann).get(rival)
      expect(answer.status).toBe(200)
      door.open()
      expect((await changing).status).toBe(409)
      expect([await whoIs(elsewhere), await whoIs(slow)]).toEqual(['nobody', 'nobody'])
      await settled()
    })
  }

  it('H25: factorChanged() that could not be stored has changed nothing, and may be called again', async () => {
    const site = await open({ routes, store: new Watch(new MemoryStore()) })
    const [elsewhere, ann] = [await enter(site), await enter(site)]
    site.store.fail('replace', new Error('away'))
    expect(await ann.get('/changed')).toMatchObject({ status: 500, setCookie: [] })
    site.store.heal()
    expect([await whoIs(elsewhere), await whoIs(ann)]).toEqual(['ann', 'ann'])
    expect((await ann.get('/changed')).body).toBe('1')
    expect([await whoIs(elsewhere), await whoIs(ann)]).toEqual(['nobody', 'ann'])
  })

  it('H25: factorChanged() that a revokeAll overtakes ends with it', async () => {
    const site = await open({ routes, store: new Watch(new MemoryStore()) })
    const ann = await enter(site)
    const door = site.store.stop('replace')
    const changing = ann.get('/changed')
    await door.reached
    await site.sessions.revokeAll('ann')
    door.open()
    expect((await changing).status).toBe(409)
    expect([await whoIs(ann), await site.sessions.list('ann')]).toEqual(['nobody', []])
  })

  it('H25: factorChanged() and reauthenticated() of a session that has ended meanwhile are a 409', async () => {
    const site = await open({ routes })
    const ann = await enter(site)
    const copy = copyOf(site, ann)
    await ann.get('/out')
    for (const path of ['/changed', '/again'])
      expect(await copyOf(site, copy).get(path), path).toMatchObject({ status: 409, setCookie: [] })
  })
})
