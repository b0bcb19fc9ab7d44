import { expect, it } from 'vitest'
import { holdfastStores, read, tellAll, write } from '../promises/support.ts'
import { table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'

const increment = (draft: Loose) => {
  draft.n = (draft.n ?? 0) + 1
}

table(holdfastStores, open => {
  it('H18: an async function is a TypeError, and nothing is written', async () => {
    const site = await open({
      routes: { '/in': write({ n: 1 }), '/async': t => t.session.update(async (draft: Loose) => increment(draft)), '/read': read('n') },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    expect((await visitor.get('/async')).status).toBe(500)
    expect(site.errors).toMatchObject([{ name: 'TypeError', message: expect.stringContaining('synchronous') }])
    expect((await visitor.get('/read')).body).toBe('1')
  })

  it('H18: an update in the function of another throws there, at once, and nothing is written', async () => {
    const seen: unknown[] = []
    const site = await open({
      routes: {
        '/in': write({ n: 1 }),
        '/nested': t =>
          t.session.update((draft: Loose) => {
            increment(draft)
            try {
              t.session.update(increment)
            } catch (error) {
              seen.push(error)
              throw error
            }
          }),
        '/read': read('n'),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    expect((await visitor.get('/nested')).status).toBe(500)
    expect(seen).toMatchObject([{ name: 'TypeError', message: expect.stringContaining('another update') }])
    expect(site.errors).toEqual(seen)
    expect((await visitor.get('/read')).body).toBe('1')
  })

  it('H18: a hundred wait for one session, one more is told 503 and when to come back', async () => {
    const site = await open({
      routes: { '/in': write({ n: 0 }), '/add': t => t.session.update(increment).then(() => 'added'), '/read': read('n') },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    // The first one is held inside the store, so that the others queue behind it.
    const stop = site.store.stop('save')
    const ask = () => visitor.get('/add')
    const first = ask()
    await stop.reached
    const others = Array.from({ length: 101 }, ask)
    const refused = await Promise.race(others)
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    stop.open()
    const answers = await Promise.all([first, ...others])
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(101).fill(200), 503])
    expect((await visitor.get('/read')).body).toBe('101')
  })

  it('H18: after 20 conflicts it is a 409, and nothing is written', async () => {
    const site = await open({ routes: { '/in': write({ n: 1 }), '/add': t => t.session.update(increment), '/read': read('n') } })
    const visitor = site.visitor()
    await visitor.get('/in')
    // Whenever this store is to save, somebody else was there first.
    const inner = site.store.target
    let tries = 0
    const save = async (record: Loose, expected: string) => {
      const current = await inner.load(record.key)
      await inner.save({ ...current, version: `somebody's ${++tries}` }, expected)
      return inner.save(record, expected)
    }
    site.store.target = new Proxy(inner, { get: (target, name) => (name === 'save' ? save : Reflect.get(target, name).bind(target)) })
    expect((await visitor.get('/add')).status).toBe(409)
    expect(tries).toBe(20)
    expect(site.errors).toMatchObject([{ code: 'HOLDFAST_CONFLICT' }])
    site.store.target = inner
    expect((await visitor.get('/read')).body).toBe('1')
  })

  it("H18: the handler's pending changes are laid over the fresh record first", async () => {
    const site = await open({
      routes: {
        '/in': write({ n: 1 }),
        '/other': write({ other: 'kept' }),
        '/add': async t => {
          t.session.mine = 'pending'
          await other()
          await t.session.update(increment)
          return tellAll(t)
        },
      },
    })
    const visitor = site.visitor()
    const other = () => visitor.get('/other')
    await visitor.get('/in')
    expect(JSON.parse((await visitor.get('/add')).body)).toEqual({ n: 2, other: 'kept', mine: 'pending' })
  })
})
