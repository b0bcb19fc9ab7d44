import { createSessions, userIdOf } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import { holdfastStores, keys, nativeCookie, nativeMemory, read, type Setup, write } from '../promises/support.ts'
import { table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'

const nested = (levels: number): Loose => JSON.parse('['.repeat(levels) + ']'.repeat(levels))

table(holdfastStores, (open, mode) => {
  it('H21: what is nested too deeply is refused with its path, and the session stays as it was', async () => {
    const site = await open({ routes: { '/in': write({ a: 1 }), '/deep': write({ a: { b: nested(63) } }), '/read': read('a') } })
    const visitor = site.visitor()
    await visitor.get('/in')
    expect((await visitor.get('/deep')).status).toBe(500)
    expect(site.errors).toMatchObject([{ code: 'HOLDFAST_DATA', message: expect.stringContaining('a.b.0') }])
    expect((await visitor.get('/read')).body).toBe('1')
  })

  it('H21: what is larger than maxRecordBytes is refused with its largest keys', async () => {
    const own = { maxRecordBytes: 1000 }
    const site = await open({
      [mode.native ? 'native' : 'options']: own,
      routes: { '/in': write({ a: 1 }), '/large': write({ small: 1, notes: 'x'.repeat(1000) }), '/read': read('a') },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    expect((await visitor.get('/large')).status).toBe(500)
    expect(site.errors).toMatchObject([{ code: 'HOLDFAST_TOO_LARGE', limit: 1000, message: expect.stringContaining('notes (1002)') }])
    expect((await visitor.get('/read')).body).toBe('1')
  })

  it('H21: 256 KiB is the limit unless told', async () => {
    const site = await open({ routes: { '*': t => write({ notes: 'x'.repeat(Number(t.path.slice(1))) })(t) } })
    expect((await site.visitor().get('/262100')).status).toBe(200)
    expect((await site.visitor().get('/262144')).status).toBe(500)
  })
})

table([nativeMemory, nativeCookie], (open, mode) => {
  it('H21: onCreate may refuse: the answer goes out, nothing is stored, no cookie is set, and an event says so', async () => {
    const asked: Loose[] = []
    const site = await open({
      native: {
        onCreate: (ctx: Loose) => {
          asked.push(ctx.path)
          return !String(ctx.get('user-agent')).includes('bot')
        },
      },
      routes: { '/in': write({ n: 1 }), '/save': t => write({ n: 1 })(t) && t.session.save().then(() => 'saved'), '/read': read('n') },
    })
    const bot = { headers: { 'user-agent': 'a bot' } }
    for (const path of ['/in', '/save']) {
      expect(await site.visitor().get(path, bot)).toMatchObject({ status: 200, setCookie: [] })
    }
    expect(site.events.map(({ name, event }) => [name, event.reason])).toEqual([
      ['session:refused', 'refused'],
      ['session:refused', 'refused'],
    ])
    if (mode.place === 'memory') expect(site.store.size).toBe(0)
    const visitor = site.visitor()
    await visitor.get('/in')
    expect((await visitor.get('/read')).body).toBe('1')
    // Not asked again of a session that is there.
    await visitor.get('/save')
    expect(asked).toEqual(['/in', '/save', '/in'])
  })
})

table([nativeMemory], open => {
  it('H21: onCreate may ask somebody else, and an error of it fails the request', async () => {
    const site = await open({
      native: {
        onCreate: async (ctx: Loose) => (ctx.path === '/bad' ? Promise.reject(new Error('the gate is shut')) : ctx.path === '/in'),
      },
      routes: { '*': write({ n: 1 }) },
    })
    expect((await site.visitor().get('/in')).setCookie).toHaveLength(1)
    expect((await site.visitor().get('/out')).setCookie).toEqual([])
    expect(await site.visitor().get('/bad')).toMatchObject({ status: 500, setCookie: [] })
  })
})

it('H21: a session that nobody has logged in to ends after anonymousTimeout, one that somebody has does not', async () => {
  let time = Date.UTC(2030, 0, 1)
  const now = () => time
  const store = new MemoryStore({ now })
  const sessions = createSessions({ keys, store, now, idleTimeout: '3d', absoluteTimeout: '30d', user: (data: Loose) => data.account })
  const begin = async (data: Loose) => {
    const session = sessions.manager.fresh({})
    const holder = { ...data }
    session.hold(holder, () => undefined)
    return (await sessions.manager.commit(session, {})).token as string
  }
  const tokens = await Promise.all([{ cart: 1 }, { account: 'ann' }, { userId: 7 }, { user: '' }].map(begin))
  const alive = async () => Promise.all(tokens.map(async token => (await sessions.manager.find(token, {})) !== null))
  time += 2 * 3_600_000
  expect(await alive()).toEqual([true, true, true, true])
  time += 1
  expect(await alive()).toEqual([false, true, true, false])
})

table([nativeMemory, nativeCookie], (open, mode) => {
  it('H21, promise 9: where onCreate refuses the session, a login or a new id is an error and no success', async () => {
    const routes: Setup['routes'] = {
      '/login': t => t.session.login('ann').then(() => 'in'),
      '/renew': t => t.session.regenerate().then(() => 'renewed'),
      '/update': async t => {
        await t.session.update((draft: Loose) => {
          draft.userId = 'ann'
        })
        return 'in'
      },
      '/data': write({ userId: 'ann' }),
      '/caught': async t => {
        await t.session.login('ann').catch(() => undefined)
        return `${userIdOf(t.session) ?? 'nobody'}`
      },
    }
    const kept = mode.place === 'cookie' ? { revocations: new MemoryStore() } : {}
    const user = (data: Loose) => data.userId
    const site = await open({ routes, native: { ...kept, user, onCreate: () => false } })
    for (const path of ['/update', '/data']) {
      expect(await site.visitor().get(path), path).toMatchObject({ status: 403, setCookie: [] })
      expect(site.errors.at(-1)).toMatchObject({ name: 'SessionRefusedError', code: 'HOLDFAST_REFUSED', expose: true })
    }
    const plain = await open({ routes, native: { onCreate: () => false } })
    for (const path of ['/login', '/renew']) expect(await plain.visitor().get(path), path).toMatchObject({ status: 403, setCookie: [] })
    expect(await plain.visitor().get('/caught')).toMatchObject({ status: 200, body: 'nobody', setCookie: [] })
    if (mode.place === 'memory') expect([site.store.size, plain.store.size]).toEqual([0, 0])
  })
})
