import { expect, it } from 'vitest'
import { dropInMap, dropInMemory, type Gate, gate, logout, newStore, settled, type Turn, Watch, write } from '../promises/support.ts'
import { koaTable as table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'
import { heldAt, outcomes } from './overtake.ts'

const login = write({ user: 'ann' })

table([dropInMemory], open => {
  const setup = (ids: string[]) => {
    let last = ''
    const genid = () => {
      last = ids.shift() ?? last
      return last
    }
    return {
      options: { genid },
      routes: {
        '/in': login,
        '/renew': async (t: Loose) => {
          const told = await outcomes(() => t.session.regenerate())
          t.session.x = 1
          return told
        },
        '/read': (t: Loose) => `${t.session.externalKey} ${t.session.user} ${t.session.x}`,
      },
    }
  }

  it('regenerate() takes another id where genid gives one that is taken', async () => {
    const site = await open(setup(['first', 'first', 'second']))
    const visitor = site.visitor()
    await visitor.get('/in')
    const old = visitor.header()
    expect((await visitor.get('/renew')).body).toBe('done')
    expect((await visitor.get('/read')).body).toBe('second ann 1')
    expect((await visitor.get('/read', { headers: { cookie: old } })).body).toContain('undefined undefined')
  })

  it('regenerate() fails where genid knows one id only, and the session goes on under the old one', async () => {
    const site = await open(setup(['only']))
    const visitor = site.visitor()
    await visitor.get('/in')
    expect(await visitor.get('/renew')).toMatchObject({ status: 200, body: 'SessionStoreError' })
    expect((await visitor.get('/read')).body).toBe('only ann 1')
    await settled()
    expect(site.events).toEqual([])
  })
})

table([dropInMap], open => {
  const routes = (late: Gate) => ({
    '/in': login,
    '/out': logout,
    '/slow': heldAt(late, write({ n: 1 })),
    '/write': write({ n: 2 }),
    '/read': (t: Turn) => `${t.session.user} ${t.session.n}`,
  })

  it('a request under way brings nothing back after a logout whose answer the store lost', async () => {
    const late = gate()
    const { target, store } = newStore(dropInMap)
    const lossy = new Watch(
      Object.assign(Object.create(target), {
        async destroy(id: string) {
          await store.destroy(id)
          throw new Error('read ECONNRESET')
        },
      }),
    )
    const site = await open({ store: lossy, routes: routes(late) })
    const visitor = site.visitor()
    await visitor.get('/in')
    const slow = visitor.get('/slow')
    await late.reached
    expect((await visitor.get('/out')).status).toBe(500)
    late.open()
    expect(await slow).toMatchObject({ status: 200, setCookie: [] })
    expect(target.records.size).toBe(0)
    expect((await visitor.get('/read')).body).toBe('undefined undefined')
  })

  it('after a logout that the store refused, later requests have the session as it is, and may log out', async () => {
    const store = newStore(dropInMap)
    const site = await open({ store, routes: routes(gate()) })
    const visitor = site.visitor()
    await visitor.get('/in')
    const old = visitor.header()
    store.fail('destroy', new Error('the store is down'))
    expect((await visitor.get('/out')).status).toBe(500)
    store.heal()
    await visitor.get('/write')
    expect((await visitor.get('/read')).body).toBe('ann 2')
    expect((await visitor.get('/out')).status).toBe(200)
    expect((await visitor.get('/read', { headers: { cookie: old } })).body).toBe('undefined undefined')
  })

  it('a handler that caught the failure of its regenerate() goes on with the old session', async () => {
    const store = newStore(dropInMap)
    const site = await open({
      store,
      routes: {
        ...routes(gate()),
        '/renew': async t => {
          store.fail('destroy', new Error('the store is down'))
          const told = await outcomes(() => t.session.regenerate())
          store.heal()
          t.session.n = 3
          return told
        },
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    expect(await visitor.get('/renew')).toMatchObject({ status: 200, body: 'SessionStoreError' })
    expect((await visitor.get('/read')).body).toBe('ann 3')
  })
})
