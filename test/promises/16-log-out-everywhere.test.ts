import { login } from 'holdfast'
import { expect, it } from 'vitest'
import { dropInMap, dropInMemory, gate, nativeMemory, read, type Turn, write } from './support.ts'
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
    expect(Object.keys(listed[0])).toEqual(['handle', 'device', 'createdAt', 'authenticatedAt', 'touchedAt', 'expiresAt', 'current'])
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

table([dropInMemory], open => {
  const routes = {
    '/ann': write({ userId: 'ann' }),
    '/bob': write({ userId: 'bob' }),
    '/login': (t: Turn) => login(t.session, 'ann').then(() => 'in'),
    '/read': read('userId'),
  }

  it('promise 16: the middleware lists and ends a user’s sessions, which the option user tells', async () => {
    const site = await open({ options: { user: (data: { userId?: string }) => data.userId }, routes })
    const [first, second, bob] = [site.visitor(), site.visitor(), site.visitor()]
    await Promise.all([first.get('/ann'), second.get('/ann'), bob.get('/bob')])
    const before = first.header()
    await first.get('/read')
    expect(first.header()).toBe(before)
    expect(await site.middleware.list('ann')).toHaveLength(2)
    expect(await site.middleware.revokeAll('ann')).toBe(2)
    for (const visitor of [first, second]) expect((await visitor.get('/read')).body).toBe('nothing')
    expect((await bob.get('/read')).body).toBe('bob')
  })

  it('promise 16: a session that changes hands by its data gets a new id', async () => {
    const site = await open({ options: { user: (data: { userId?: string }) => data.userId }, routes })
    const visitor = site.visitor()
    await visitor.get('/ann')
    const anns = visitor.header()
    await visitor.get('/bob')
    expect(visitor.header()).not.toBe(anns)
    expect((await visitor.get('/read')).body).toBe('bob')
    expect((await site.visitor().get('/read', { headers: { cookie: anns } })).body).toBe('nothing')
  })

  it('promise 16: login() needs no option for it', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    await visitor.get('/login')
    expect(await site.middleware.revokeAll('ann')).toBe(1)
    expect((await visitor.get('/read')).body).toBe('nothing')
  })
})

table([dropInMap], open => {
  it('a store without an index cannot tell whose sessions there are, and the option user is refused', async () => {
    const site = await open({ routes: {} })
    await expect(site.middleware.list('ann')).rejects.toThrow(TypeError)
    await expect(site.middleware.revokeAll('ann')).rejects.toThrow(/Holdfast's stores/)
    await expect(open({ options: { user: () => 'ann' }, routes: {} })).rejects.toThrow(/^user needs a store/)
  })
})
