import { expect, it } from 'vitest'
import { gate, nativeMemory, read, write } from './support.ts'
import { table } from './table.ts'

table([nativeMemory], open => {
  const begin = async () => {
    const door = gate()
    const site = await open({
      native: { user: (data: { userId?: string }) => data.userId },
      routes: {
        '/ann': write({ userId: 'ann' }),
        '/bob': write({ userId: 'bob' }),
        '/read': read('userId'),
        '/late': async t => {
          JSON.stringify(t.session)
          await door.pass()
          t.session.n = 1
          return 'late'
        },
      },
    })
    const enter = async (who: string) => {
      const visitor = site.visitor()
      await visitor.get(`/${who}`)
      return visitor
    }
    return { site, door, enter }
  }

  it('promise 16: the sessions of a user are listed and ended, those of others stay', async () => {
    const { site, enter } = await begin()
    const anns = await Promise.all(Array.from({ length: 5 }, () => enter('ann')))
    const bob = await enter('bob')
    const listed = await site.sessions.list('ann')
    expect(listed).toHaveLength(5)
    expect(Object.keys(listed[0])).toEqual(['createdAt', 'touchedAt', 'expiresAt'])
    expect(await site.sessions.revokeAll('ann')).toBe(5)
    for (const visitor of anns) expect((await visitor.get('/read')).body).toBe('nothing')
    expect((await bob.get('/read')).body).toBe('bob')
    expect([await site.sessions.list('ann'), (await site.sessions.list('bob')).length]).toEqual([[], 1])
    expect(await site.sessions.revokeAll('ann')).toBe(0)
  })

  it('promise 16: a request that is under way does not bring a revoked session back', async () => {
    const { site, door, enter } = await begin()
    const ann = await enter('ann')
    const late = ann.get('/late')
    await door.reached
    await site.sessions.revokeAll('ann')
    door.open()
    await late
    expect((await ann.get('/read')).body).toBe('nothing')
    expect(await site.sessions.list('ann')).toEqual([])
  })

  it('promise 16: users whose names differ in case, accent or blanks are different', async () => {
    const { site, enter } = await begin()
    await enter('ann')
    for (const other of ['Ann', 'ann ', 'änn', 'an']) expect(await site.sessions.list(other), other).toEqual([])
  })

  it.each(['', 'x'.repeat(256), 'a\0b', '\ud800', 7, null])('promise 16: %j is no user id', async id => {
    const { site } = await begin()
    await expect(site.sessions.revokeAll(id)).rejects.toMatchObject({ code: 'HOLDFAST_DATA' })
  })
})
