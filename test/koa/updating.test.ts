import { expect, it } from 'vitest'
import { gate, holdfastStores, read, write } from '../promises/support.ts'
import { koaTable as table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'
import { heldAt, overtake } from './overtake.ts'

const increment = (session: Loose) =>
  session.update((draft: Loose) => {
    draft.n = (draft.n ?? 0) + 1
  })

table(holdfastStores, open => {
  it('what the handler sets while update() is under way is kept', async () => {
    const site = await open({
      routes: {
        '/in': write({ user: 'ann' }),
        '/both': async t => {
          const updated = increment(t.session)
          t.session.meanwhile = 'kept'
          await updated
          return String(t.session.meanwhile)
        },
        '/read': t => `${t.session.user} ${t.session.n} ${t.session.meanwhile}`,
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    expect((await visitor.get('/both')).body).toBe('kept')
    expect((await visitor.get('/read')).body).toBe('ann 1 kept')
  })

  it('what the handler sets while update() is in the store is kept, where that meets a change of another request too', async () => {
    const late = gate()
    const inStore = gate()
    const site = await open({
      routes: {
        '/in': write({ user: 'ann', cart: [] }),
        '/other': write({ other: 1 }),
        '/slow': heldAt(late, async t => {
          const updated = increment(t.session)
          await inStore.reached
          t.session.meanwhile = 'kept'
          t.session.cart.push(1)
          inStore.open()
          await updated
          t.session.cart.push(2)
          return 'done'
        }),
        '/read': t => JSON.stringify(t.session),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    const slow = visitor.get('/slow')
    await late.reached
    await visitor.get('/other')
    const stop = site.store.stop('save')
    void stop.reached.then(() => inStore.pass()).then(() => stop.open())
    late.open()
    expect((await slow).status).toBe(200)
    expect(JSON.parse((await visitor.get('/read')).body)).toEqual({ user: 'ann', cart: [1, 2], other: 1, n: 1, meanwhile: 'kept' })
  })

  it('what the handler sets while a failing update() is under way is kept', async () => {
    const site = await open({
      routes: {
        '/in': write({ user: 'ann' }),
        '/both': async t => {
          const updated = t.session.update(() => {
            throw new RangeError('no')
          })
          t.session.meanwhile = 'kept'
          return updated.catch((error: Error) => error.name)
        },
        '/read': read('meanwhile'),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    expect((await visitor.get('/both')).body).toBe('RangeError')
    expect((await visitor.get('/read')).body).toBe('kept')
  })

  it("update() changes no object that is the app's own, also a frozen one", async () => {
    const defaults = { theme: 'light' }
    const site = await open({
      routes: {
        '/in': write({ user: 'ann' }),
        '/dark': async t => {
          t.session.prefs ??= defaults
          t.session.fixed ??= Object.freeze({ theme: 'light' })
          await t.session.update((draft: Loose) => {
            draft.prefs.theme = 'dark'
            draft.fixed.theme = 'dark'
          })
          return `${t.session.prefs.theme} ${t.session.fixed.theme}`
        },
      },
    })
    const [newcomer, visitor] = [site.visitor(), site.visitor()]
    await visitor.get('/in')
    for (const who of [newcomer, visitor, newcomer]) expect((await who.get('/dark')).body).toBe('dark dark')
    expect(defaults).toEqual({ theme: 'light' })
  })

  for (const method of ['save', 'update', 'reload']) {
    it(`an object that the handler took out of the session is still the session's, after a ${method}() that met another request's change`, async () => {
      const late = gate()
      const site = await open({
        routes: {
          '/in': write({ cart: [0], deep: { list: [] } }),
          '/other': write({ other: 1 }),
          '/slow': async t => {
            const { cart, deep } = t.session
            await late.pass()
            if (method === 'save') cart.push(1)
            await (method === 'update' ? increment(t.session) : t.session[method]())
            cart.push(2)
            deep.list.push(3)
            return 'done'
          },
          '/read': t => JSON.stringify([t.session.cart, t.session.deep, t.session.other]),
        },
      })
      const visitor = site.visitor()
      await visitor.get('/in')
      expect((await overtake(visitor, late, '/slow', '/other')).status).toBe(200)
      expect((await visitor.get('/read')).body).toBe(method === 'save' ? '[[0,1,2],{"list":[3]},1]' : '[[0,2],{"list":[3]},1]')
    })
  }
})
