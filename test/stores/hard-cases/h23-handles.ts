import { expect } from 'vitest'
import type { Loose } from '../../support/subjects.ts'
import type { Check } from '../http/check.ts'
import type { SiteSetup, StoreSite } from '../http/stage.ts'

const routes: SiteSetup['routes'] = {
  '/in/ann': t => t.session.login('ann').then(() => 'in'),
  '/in/bob': t => t.session.login('bob').then(() => 'in'),
  '/cart': t => {
    t.session.cart = 1
    return 'put'
  },
  '/renew': t => t.session.regenerate().then(() => 'renewed'),
  '*': t => String(t.session.cart ?? 'nothing'),
}

const enter = async (site: StoreSite, user: string) => {
  const visitor = site.visitor()
  await visitor.get(`/in/${user}`)
  await visitor.get('/cart')
  return visitor
}
const handlesOf = async (site: StoreSite, user: string): Promise<string[]> =>
  (await site.sessions.list(user)).map((one: Loose) => one.handle)

const bound: Check = {
  name: 'H23: a handle ends one session of its user at each instance, and of nobody else; those who run the site see each once',
  doors: ['native'],
  async run(stage) {
    const [one, two] = [await stage.site({ routes }), await stage.site({ routes })]
    const other = await stage.site({ routes, native: { scope: 'another site' }, beside: one })
    const visitors = [await enter(one, 'ann'), await enter(two, 'ann'), await enter(one, 'bob')] as const
    await enter(other, 'ann')
    await one.visitor().get('/cart')
    await one.sessions.revokeAll('carl')
    const [first = '', second = ''] = await handlesOf(two, 'ann')
    const [bobs = ''] = await handlesOf(one, 'bob')
    const [elsewhere = ''] = await handlesOf(other, 'ann')
    expect(new Set([first, second, bobs, elsewhere]).size).toBe(4)
    for (const handle of [bobs, elsewhere, '', 'x', `${first}x`]) expect(await one.sessions.revoke('ann', handle), handle).toBe(false)
    const seen: string[] = []
    let cursor: string | null | undefined
    for (let pages = 0; cursor !== null && pages < 50; pages++) {
      const page: Loose = await two.sessions.list(cursor === undefined ? { limit: 2 } : { limit: 2, cursor })
      for (const { userId, handle } of page.sessions) seen.push(`${userId} ${handle}`)
      cursor = page.cursor
    }
    expect([...new Set(seen)].sort()).toEqual([`ann ${first}`, `ann ${second}`, `bob ${bobs}`].sort())
    expect([await one.sessions.count(), await other.sessions.count()]).toEqual([3, 1])
    expect(await two.sessions.revoke('ann', first)).toBe(true)
    expect(await one.sessions.revoke('ann', first)).toBe(false)
    const bodies = await Promise.all(visitors.map(async visitor => (await visitor.get('/')).body))
    expect([bodies, await handlesOf(one, 'ann'), await other.sessions.count()]).toEqual([['nothing', '1', '1'], [second], 1])
    await Promise.all([one, two].map(site => expect(site.errors).toEqual([])))
  },
}

const renewed: Check = {
  name: 'H23 and promise 2: a session is ended by its handle also where another instance gives it a new id at that moment, before or after',
  doors: ['native'],
  async run(stage) {
    const [one, two] = [await stage.site({ routes }), await stage.site({ routes })]
    // The index was read, and its record is ended after the session has got another one.
    const first = await enter(one, 'ann')
    const [handle = ''] = await handlesOf(two, 'ann')
    const ending = two.store.stop('delete')
    const revoking = two.sessions.revoke('ann', handle)
    await ending.reached
    expect(await first.get('/renew')).toMatchObject({ status: 200, body: 'renewed' })
    expect(await handlesOf(one, 'ann')).toEqual([handle])
    ending.open()
    expect(await revoking).toBe(true)
    expect([await handlesOf(one, 'ann'), (await first.get('/')).body]).toEqual([[], 'nothing'])
    // The other way round.
    const second = await enter(one, 'ann')
    const [next = ''] = await handlesOf(two, 'ann')
    const renewing = one.store.stop('replace')
    const answer = second.get('/renew')
    await renewing.reached
    expect(await two.sessions.revoke('ann', next)).toBe(true)
    renewing.open()
    expect(await answer).toMatchObject({ status: 409, setCookie: [] })
    expect([await handlesOf(one, 'ann'), (await second.get('/')).body]).toEqual([[], 'nothing'])
  },
}

export const handles: readonly Check[] = [bound, renewed]
