import { expect, it } from 'vitest'
import { dropInMap, gate, type Turn, Watch, write } from '../promises/support.ts'
import { koaTable as table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'
import { heldAt } from './overtake.ts'

/** A peer's store that hands out the very objects it keeps. */
class Shelf {
  readonly records = new Map<string, Loose>()

  async get(id: string): Promise<unknown> {
    return this.records.get(id)
  }

  async set(id: string, data: unknown): Promise<void> {
    this.records.set(id, data)
  }

  async destroy(id: string): Promise<void> {
    this.records.delete(id)
  }

  get only(): Loose {
    return [...this.records.values()][0]
  }
}

const writes: Record<string, (session: Loose) => Promise<unknown>> = {
  save: session => session.save(),
  manuallyCommit: session => session.manuallyCommit(),
  regenerate: session => session.regenerate(),
  update: session =>
    session.update((draft: Loose) => {
      draft.updated = true
    }),
}

const cart = (t: Turn) => JSON.stringify(t.session.cart)

table([dropInMap], open => {
  for (const [name, put] of Object.entries(writes)) {
    it(`a nested change after ${name}() is stored, in a new session and in a loaded one`, async () => {
      const site = await open({
        routes: {
          '/add': async t => {
            t.session.cart ??= { items: [] }
            const { items } = t.session.cart
            items.push(items.length + 1)
            await put(t.session)
            t.session.cart.items.push(items.length + 1)
            return 'added'
          },
          '/read': cart,
        },
      })
      const visitor = site.visitor()
      await visitor.get('/add')
      expect((await visitor.get('/read')).body).toBe('{"items":[1,2]}')
      await visitor.get('/add')
      expect((await visitor.get('/read')).body).toBe('{"items":[1,2,3,4]}')
    })
  }

  it('what the store does to its own object under a running request is no change of that request', async () => {
    const shelf = new Shelf()
    const late = gate()
    const site = await open({
      store: new Watch(shelf),
      routes: { '/add': write({ cart: { items: [1] } }), '/slow': heldAt(late, cart) },
    })
    const visitor = site.visitor()
    await visitor.get('/add')
    site.store.did()
    const slow = visitor.get('/slow')
    await late.reached
    shelf.only.cart.items.push('by the store')
    late.open()
    expect((await slow).body).toBe('{"items":[1]}')
    expect(site.store.wrote()).toEqual([])
  })

  it('a change of the request is stored, though the store has made the same one to its own object', async () => {
    const shelf = new Shelf()
    const late = gate()
    const site = await open({
      store: new Watch(shelf),
      routes: {
        '/add': write({ cart: { items: [1] } }),
        '/slow': heldAt(late, t => {
          t.session.cart.items.push(2)
          return 'pushed'
        }),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/add')
    site.store.did()
    const slow = visitor.get('/slow')
    await late.reached
    shelf.only.cart.items.push(2)
    late.open()
    await slow
    expect(site.store.wrote()).toEqual(['set'])
  })

  it('the handler and the store share no object, neither after a load nor after a save', async () => {
    const shelf = new Shelf()
    const site = await open({
      store: new Watch(shelf),
      options: { autoCommit: false },
      routes: {
        '/add': async t => {
          t.session.cart ??= { items: [] }
          await t.session.save()
          t.session.cart.items.push('unsaved')
          return 'added'
        },
      },
    })
    const visitor = site.visitor()
    await visitor.get('/add')
    await visitor.get('/add')
    expect(shelf.only.cart).toEqual({ items: [] })
  })

  it('a Map, a Set, and functions in them are stored as JSON writes them', async () => {
    const site = await open({
      routes: {
        '/odd': write({ map: new Map([['key', () => 1]]), set: new Set([() => 1]), nested: { map: new Map([[{}, Symbol('s')]]) } }),
        '/again': write({ n: 1 }),
        '/read': t => JSON.stringify(t.session),
      },
    })
    const visitor = site.visitor()
    expect((await visitor.get('/odd')).status).toBe(200)
    expect((await visitor.get('/again')).status).toBe(200)
    expect((await visitor.get('/read')).body).toBe('{"map":{},"set":{},"nested":{"map":{}},"n":1}')
    expect(site.errors).toEqual([])
  })
})
