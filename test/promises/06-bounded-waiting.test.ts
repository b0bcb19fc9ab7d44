import { expect, it } from 'vitest'
import { type Mode, read, type Site, storeModes, write } from './support.ts'
import { table } from './table.ts'

const names = (mode: Mode) => (mode.place === 'map' ? { load: 'get', save: 'set' } : { load: 'load', save: 'save' })

table(storeModes, (open, mode) => {
  const begin = async () => {
    const site: Site = await open({
      [mode.native ? 'native' : 'options']: { storeTimeout: 100 },
      routes: { '/in': write({ user: 'ann' }), '/read': read('user'), '/write': write({ n: 1 }), '/see': t => typeof t.session },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    return { site, visitor }
  }

  for (const operation of ['load', 'save'] as const) {
    it(`promise 6: a store that never answers a ${operation} fails within storeTimeout, and works again at once`, async () => {
      const { site, visitor } = await begin()
      const stuck = site.store.stop(names(mode)[operation])
      const answer = await visitor.get('/write')
      expect(answer.status).toBe(500)
      expect(site.errors).toMatchObject([{ code: 'HOLDFAST_STORE', outcome: 'unknown', message: expect.stringContaining('within 100 ms') }])
      // The store is back for others, while the first call is stuck for ever.
      expect((await visitor.get('/read')).body).toBe('ann')
      expect((await visitor.get('/write')).status).toBe(200)
      stuck.open()
    })
  }

  it('promise 6: the session is never undefined', async () => {
    const { site, visitor } = await begin()
    expect((await visitor.get('/see')).body).toBe('object')
    expect((await site.visitor().get('/see')).body).toBe('object')
  })
})
