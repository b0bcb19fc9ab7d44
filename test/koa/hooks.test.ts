import { expect, it } from 'vitest'
import { dropInCookie, dropInMap, dropInMemory, dropInModes, type Gate, gate, read, settled, write } from '../promises/support.ts'
import { koaTable as table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'

table(dropInModes, (open, mode) => {
  const ban = (ctx: Loose) => {
    if (ctx.path.startsWith('/ban')) ctx.session = null
  }

  for (const path of ['/ban', '/ban-save', '/ban-update']) {
    it(`a beforeSave that ends the session has the last word (${path})`, async () => {
      const site = await open({
        options: { beforeSave: ban },
        routes: {
          '/in': write({ user: 'ann' }),
          '/ban': write({ seen: 1 }),
          '/ban-save': t => t.session.save().then(() => 'saved'),
          '/ban-update': async t => {
            await t.session.update((draft: Loose) => {
              draft.seen = 1
            })
            return 'updated'
          },
          '/read': read('user'),
        },
      })
      const visitor = site.visitor()
      await visitor.get('/in')
      const old = visitor.header()
      site.store.did()
      expect((await visitor.get(path)).status).toBe(200)
      expect(site.store.did().filter(method => method === 'set' || method === 'save')).toEqual([])
      expect(visitor.cookies.has(site.cookieName)).toBe(false)
      expect((await visitor.get('/read')).body).toBe('nothing')
      if (mode.place === 'cookie') return
      expect((await visitor.get('/read', { headers: { cookie: old } })).body).toBe('nothing')
    })
  }

  it('a beforeSave that ends a session which was never stored leaves no record and no cookie', async () => {
    const site = await open({ options: { beforeSave: ban }, routes: { '/ban': write({ user: 'ann' }) } })
    const visitor = site.visitor()
    expect((await visitor.get('/ban')).status).toBe(200)
    expect(visitor.cookies.has(site.cookieName)).toBe(false)
    expect(site.store.wrote().filter(method => method === 'set' || method === 'create')).toEqual([])
  })
})

table([dropInMap, dropInMemory], open => {
  for (const method of ['save', 'manuallyCommit']) {
    it(`a beforeSave may call ${method}() and wait for it: the write that it belongs to takes its changes along`, async () => {
      const site = await open({
        options: {
          beforeSave: async (_ctx: Loose, session: Loose) => {
            await settled()
            session.stamp = 'by the hook'
            await session[method]()
          },
        },
        routes: { '/write': write({ user: 'ann' }), '/read': t => `${t.session.user} ${t.session.stamp}` },
      })
      const visitor = site.visitor()
      expect((await visitor.get('/write')).status).toBe(200)
      expect(site.store.wrote()).toHaveLength(1)
      expect((await visitor.get('/read')).body).toBe('ann by the hook')
    })
  }

  for (const method of ['update', 'reload']) {
    it(`${method}() in a beforeSave is refused, and the request does not hang`, async () => {
      const told: string[] = []
      const site = await open({
        options: {
          beforeSave: async (_ctx: Loose, session: Loose) => {
            await settled()
            await session[method](() => undefined).catch((error: Error) => told.push(`${error.name}: ${error.message}`))
          },
        },
        routes: { '/write': write({ user: 'ann' }), '/read': read('user') },
      })
      const visitor = site.visitor()
      expect((await visitor.get('/write')).status).toBe(200)
      expect(told).toEqual([expect.stringMatching(new RegExp(`^TypeError: ${method}\\(\\).*beforeSave`))])
      expect((await visitor.get('/read')).body).toBe('ann')
    })
  }
})

table([dropInCookie], open => {
  it('an encode that gives a promise is a typed error, and nothing is set', async () => {
    const failing = async () => {
      throw new Error('late')
    }
    for (const encode of [async () => 'text', failing]) {
      const site = await open({ options: { encode }, routes: { '/write': write({ user: 'ann' }) } })
      expect(await site.visitor().get('/write')).toMatchObject({ status: 500, setCookie: [] })
      expect(site.errors.map(error => error.name)).toEqual(['SessionAsyncHookError'])
      expect(site.errors[0].message).toContain('encode')
    }
  })

  it('a save() that nobody waits for sets no cookie behind an encode that gives a promise', async () => {
    const refused: string[] = []
    const site = await open({
      options: { encode: async () => 'text', autoCommit: false },
      routes: {
        '/write': t => {
          t.session.user = 'ann'
          t.session.save().catch((error: Error) => refused.push(error.name))
          return 'done'
        },
      },
    })
    expect(await site.visitor().get('/write')).toMatchObject({ status: 200, setCookie: [] })
    expect(refused).toEqual(['SessionAsyncHookError'])
  })

  it('an encode that gives a number or a Buffer gives their text', async () => {
    for (const answer of [123, Buffer.from('123')]) {
      const site = await open({ options: { encode: () => answer }, routes: { '/write': write({ user: 'ann' }) } })
      const visitor = site.visitor()
      expect((await visitor.get('/write')).status).toBe(200)
      expect(visitor.cookies.get(site.cookieName)).toBe('123')
    }
  })
})

table([dropInMap, dropInMemory], open => {
  /** Goes on once the handler's own calls have been made. */
  const slowHook = (late: Gate) => async (_ctx: Loose, session: Loose) => {
    await late.pass()
    session.stamp = 'by the hook'
  }

  it('the end of the request waits for a save() that nobody waited for, and for its hook', async () => {
    const late = gate()
    const site = await open({
      options: { beforeSave: slowHook(late) },
      routes: {
        '/write': t => {
          t.session.user = 'ann'
          void t.session.save()
          return 'written'
        },
        '/read': t => `${t.session.user} ${t.session.stamp}`,
      },
    })
    const visitor = site.visitor()
    const answer = visitor.get('/write')
    await late.reached
    await settled()
    late.open()
    expect((await answer).setCookie).not.toEqual([])
    expect((await visitor.get('/read')).body).toBe('ann by the hook')
  })

  it('regenerate() behind a save() whose hook is under way gives a new id all the same', async () => {
    const late = gate()
    const site = await open({
      options: { beforeSave: slowHook(late) },
      routes: {
        '/in': write({ user: 'guest' }),
        '/login': async t => {
          t.session.user = 'ann'
          void t.session.save()
          await t.session.regenerate()
          return 'in'
        },
        '/read': read('user'),
      },
    })
    late.open()
    const visitor = site.visitor()
    await visitor.get('/in')
    const planted = visitor.header()
    await visitor.get('/login')
    expect(visitor.header()).not.toBe(planted)
    expect((await visitor.get('/read')).body).toBe('ann')
    expect((await visitor.get('/read', { headers: { cookie: planted } })).body).toBe('nothing')
  })

  it('a logout behind a save() whose hook is under way is a logout', async () => {
    const late = gate()
    const site = await open({
      options: { beforeSave: slowHook(late) },
      routes: {
        '/in': write({ user: 'ann' }),
        '/out': t => {
          t.session.n = 1
          void t.session.save()
          t.session = null
          return 'out'
        },
        '/read': read('user'),
      },
    })
    late.open()
    const visitor = site.visitor()
    await visitor.get('/in')
    const old = visitor.header()
    await visitor.get('/out')
    expect(visitor.cookies.has(site.cookieName)).toBe(false)
    expect((await visitor.get('/read', { headers: { cookie: old } })).body).toBe('nothing')
  })

  it('regenerate() in a beforeSave is refused', async () => {
    const told: string[] = []
    const site = await open({
      options: {
        beforeSave: (_ctx: Loose, session: Loose) =>
          session.regenerate().catch((error: Error) => told.push(`${error.name}: ${error.message}`)),
      },
      routes: { '/write': write({ user: 'ann' }) },
    })
    expect((await site.visitor().get('/write')).status).toBe(200)
    expect(told).toEqual([expect.stringMatching(/^TypeError: regenerate\(\).*beforeSave/)])
  })
})
