import { expect, it } from 'vitest'
import { gate, holdfastStores, logout, newStore, read, settled, storeModes, write } from '../promises/support.ts'
import { type Open, koaTable as table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'
import { heldAt, outcomes, overtake } from './overtake.ts'

const login = write({ user: 'ann' })

async function expectGoneEvents(open: Open, options: object, path: string): Promise<Loose> {
  const site = await open({
    ...options,
    routes: { '/in': login, '/out': logout, '/write': write({ user: 'eve' }), '/read': read('user'), '/look': () => 'looked' },
  })
  const visitor = site.visitor()
  await visitor.get('/in')
  const cookie = visitor.header()
  await visitor.get('/out')
  await settled()
  site.events.splice(0)
  site.store.did()
  const answer = await visitor.get(path, { headers: { cookie } })
  await settled()
  return { site, visitor, cookie, answer, reasons: site.events.map(({ event }) => event.reason) }
}

table(storeModes, (open, mode) => {
  it('a session that is ended and begun anew, twice in one request, ends the one that the visitor came with', async () => {
    const site = await open({
      routes: {
        '/in': login,
        '/anew': t => {
          t.session = null
          t.session = { turn: 1 }
          t.session = null
          t.session = { turn: 2 }
          return 'anew'
        },
        '/read': t => `${t.session.user} ${t.session.turn}`,
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    const old = visitor.header()
    await visitor.get('/anew')
    expect((await visitor.get('/read')).body).toBe('undefined 2')
    expect((await visitor.get('/read', { headers: { cookie: old } })).body).toBe('undefined undefined')
  })

  it('an ending that the store refused and the handler caught is tried again at the end of the request', async () => {
    const store = newStore(mode)
    const site = await open({
      store,
      routes: {
        '/in': login,
        '/anew': async t => {
          t.session = null
          t.session = { turn: 1 }
          store.fail(mode.place === 'map' ? 'destroy' : 'delete', new Error('the store is down'))
          const told = await outcomes(() => t.session.save())
          store.heal()
          return told
        },
        '/read': t => `${t.session.user} ${t.session.turn}`,
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    const old = visitor.header()
    expect(await visitor.get('/anew')).toMatchObject({ status: 200, body: 'SessionStoreError' })
    expect((await visitor.get('/read')).body).toBe('undefined 1')
    expect((await visitor.get('/read', { headers: { cookie: old } })).body).toBe('undefined undefined')
  })

  it('no number of regenerate() makes a session of one that another request ended', async () => {
    const late = gate()
    const site = await open({
      routes: {
        '/in': login,
        '/out': logout,
        '/slow': heldAt(late, async t => {
          t.session.n = 1
          const twice = () => t.session.regenerate()
          const told = await outcomes(twice, twice)
          t.session.user = 'ann again'
          return told.split(' ').at(-1)
        }),
        '/read': read('user'),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    expect(await overtake(visitor, late, '/slow', '/out')).toMatchObject({ body: 'SessionGoneError', setCookie: [] })
    expect((await visitor.get('/read')).body).toBe('nothing')
  })

  it('regenerate() after a save() that found the session ended is refused', async () => {
    const late = gate()
    const site = await open({
      routes: {
        '/in': login,
        '/out': logout,
        '/slow': heldAt(late, t => {
          t.session.n = 1
          return outcomes(
            () => t.session.save(),
            () => t.session.regenerate(),
          )
        }),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    expect(await overtake(visitor, late, '/slow', '/out')).toMatchObject({ body: 'done SessionGoneError', setCookie: [] })
  })
})

table(holdfastStores, open => {
  it('regenerate() brings back no identity that another request has changed meanwhile', async () => {
    const late = gate()
    const site = await open({
      routes: {
        '/in': login,
        '/switch': write({ user: 'bob' }),
        '/slow': heldAt(late, t => {
          t.session.user = 'carl'
          return outcomes(
            () => t.session.save(),
            () => t.session.regenerate(),
          )
        }),
        '/read': read('user'),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    expect(await overtake(visitor, late, '/slow', '/switch')).toMatchObject({ body: 'done SessionGoneError', setCookie: [] })
    expect((await visitor.get('/read')).body).toBe('bob')
  })

  it('data for a session that has ended are not stored, and an event says so, once', async () => {
    const { visitor, site, answer, reasons, cookie } = await expectGoneEvents(open, {}, '/write')
    expect(answer).toMatchObject({ status: 200, setCookie: [] })
    expect(site.store.wrote()).toEqual([])
    expect(reasons.filter((reason: string) => reason === 'dropped')).toHaveLength(1)
    expect((await visitor.get('/read', { headers: { cookie } })).body).toBe('nothing')
  })

  it('a request that only looks at a session that has ended drops nothing and says nothing of it', async () => {
    for (const path of ['/read', '/look']) expect((await expectGoneEvents(open, {}, path)).reasons).not.toContain('dropped')
  })
})

table(
  holdfastStores.filter(mode => mode.native),
  open => {
    it("with onGone: 'error', data for a session that has ended are the request's failure", async () => {
      const { answer } = await expectGoneEvents(open, { native: { onGone: 'error' } }, '/write')
      expect(answer).toMatchObject({ status: 409, setCookie: [] })
    })
  },
)
