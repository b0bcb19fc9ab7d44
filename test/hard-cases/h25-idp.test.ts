// H25: back-channel logout. What the provider says of its own session holds for those that came of it, whichever is quicker.
import { expect, it } from 'vitest'
import { nativeCookie, nativeMemory, read, type Setup, type Turn } from '../promises/support.ts'
import { table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'

const ISS = 'https://idp.example'

/** `/in/ann/s1`: ann logs in by the provider's session s1. */
const login = (t: Turn) => {
  const [, , userId, sid] = t.path.split('/') as [string, string, string, string | undefined]
  t.session.name = userId
  return t.session.login(userId, sid === undefined ? {} : { idp: { iss: ISS, sid } }).then(() => 'in')
}

const routes: Setup['routes'] = {
  '/who': read('name'),
  '/again': t => t.session.reauthenticated().then(() => 'again'),
  '*': login,
}

const recordsOf = async (site: Loose): Promise<Loose[]> => (await site.store.target.list()).records

table([nativeMemory], open => {
  const begin = async () => {
    const site = await open({ routes })
    const enter = async (path: string) => {
      const visitor = site.visitor()
      expect((await visitor.get(`/in/${path}`)).body).toBe('in')
      return visitor
    }
    const who = async (visitor: Loose) => (await visitor.get('/who')).body
    return { site, enter, who }
  }

  it('H25: revokeByIdp ends the sessions that came of the provider’s, and no other', async () => {
    const { site, enter, who } = await begin()
    const [one, two, other, own, bob] = await Promise.all(['ann/s1', 'ann/s1', 'ann/s2', 'ann', 'bob/s1'].map(enter))
    expect(await site.sessions.list('ann')).toHaveLength(4)
    expect(await site.sessions.revokeByIdp('https://other.example', 's1')).toBe(0)
    expect(await site.sessions.revokeByIdp(ISS, 's1')).toBe(3)
    expect(await Promise.all([one, two, other, own, bob].map(who))).toEqual(['nothing', 'nothing', 'ann', 'ann', 'nothing'])
    expect([(await site.sessions.list('ann')).length, await site.sessions.list('bob')]).toEqual([2, []])
    expect(await site.sessions.revokeByIdp(ISS, 's1')).toBe(0)
    expect(await site.sessions.revokeByIdp(ISS, 's2')).toBe(1)
  })

  it('H25: it finds a session after it was given a new id', async () => {
    const { site, enter, who } = await begin()
    const ann = await enter('ann/s1')
    await ann.get('/again')
    expect(await site.sessions.revokeByIdp(ISS, 's1')).toBe(1)
    expect(await who(ann)).toBe('nothing')
  })

  it('H25: a login by a session that the provider has ended is refused, and is none', async () => {
    const { site, enter, who } = await begin()
    await enter('ann/s1')
    await site.sessions.revokeByIdp(ISS, 's1')
    const late = site.visitor()
    expect(await late.get('/in/ann/s1')).toMatchObject({ status: 409, setCookie: [] })
    expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_GONE' })
    expect([await who(late), await site.sessions.list('ann')]).toEqual(['nothing', []])
    expect((await late.get('/in/ann/s2')).body).toBe('in')
  })

  it('H25: a logout that comes before the first login by it counts, too', async () => {
    const { site, who } = await begin()
    expect(await site.sessions.revokeByIdp(ISS, 's1')).toBe(0)
    const visitor = site.visitor()
    expect((await visitor.get('/in/ann/s1')).status).toBe(409)
    expect(await who(visitor)).toBe('nothing')
  })

  it('H25: a logout that arrives while the login is being stored wins', async () => {
    const { site, who } = await begin()
    const marker = site.store.stop('create')
    const visitor = site.visitor()
    const answer = visitor.get('/in/ann/s1')
    await marker.reached
    const session = site.store.stop('create')
    marker.open()
    await session.reached
    expect(await site.sessions.revokeByIdp(ISS, 's1')).toBe(0)
    session.open()
    expect((await answer).status).toBe(409)
    expect([visitor.cookies.size, await who(visitor), await site.sessions.list('ann')]).toEqual([0, 'nothing', []])
    expect((await recordsOf(site)).map(({ meta }) => meta)).toEqual([{ marker: 'idp' }])
  })

  it('H25: a session that is given a new id while it is ended is ended under the new one', async () => {
    const { site, enter, who } = await begin()
    const ann = await enter('ann/s1')
    const ending = site.store.stop('delete')
    const revoked = site.sessions.revokeByIdp(ISS, 's1')
    await ending.reached
    expect((await ann.get('/again')).body).toBe('again')
    ending.open()
    expect(await revoked).toBe(1)
    expect([await who(ann), await site.sessions.list('ann')]).toEqual(['nothing', []])
  })

  it('H25: two logins by one session of the provider, at once, are both found', async () => {
    const { site, enter } = await begin()
    await Promise.all(['ann/s1', 'bob/s1', 'cyd/s1', 'dan/s1'].map(enter))
    expect(await site.sessions.revokeByIdp(ISS, 's1')).toBe(4)
  })

  it('H25: a marker names nobody, is listed for nobody, and lives no longer than a session could', async () => {
    const { site, enter } = await begin()
    await enter('ann/s1')
    const [marker] = (await recordsOf(site)).filter(({ meta }) => meta?.marker)
    expect(JSON.stringify(marker)).not.toMatch(/"ann"|"s1"|idp\.example/)
    expect(marker.expiresAt - marker.createdAt).toBeLessThanOrEqual(12 * 3_600_000 + 60_000)
    expect(await site.sessions.list('ann')).toHaveLength(1)
  })

  it('H25: what names no session of a provider is a TypeError', async () => {
    const { site } = await begin()
    for (const [iss, sid] of [
      [ISS, ''],
      ['', 's1'],
      [ISS, undefined],
      [ISS, 's'.repeat(1025)],
    ] as Loose[]) {
      await expect(site.sessions.revokeByIdp(iss, sid)).rejects.toThrow(TypeError)
    }
  })
})

table([nativeCookie], open => {
  it('H25: without a store revokeByIdp says what it needs; the login keeps its origin all the same', async () => {
    const site = await open({ routes })
    expect((await site.visitor().get('/in/ann/s1')).body).toBe('in')
    await expect(site.sessions.revokeByIdp(ISS, 's1')).rejects.toThrow(/a store that keeps an index/)
  })
})
