import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import { read, storeModes, Watch, write } from './support.ts'
import { table } from './table.ts'
import { MapStore } from './watch.ts'

const MINUTE = 60_000

table(storeModes, (open, mode) => {
  it('promise 14: reads cost no write to the store, or one in each touchInterval', async () => {
    let ahead = 0
    const now = () => Date.now() + ahead
    const store = new Watch(mode.place === 'map' ? new MapStore() : new MemoryStore({ now }))
    const site = await open({
      store,
      ...(mode.native && { native: { now, touchInterval: '5m', idleTimeout: '30m' } }),
      routes: { '/in': write({ user: 'ann' }), '/read': read('user') },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    store.did()
    for (const interval of [0, 1, 2]) {
      if (interval > 0) ahead += 5 * MINUTE
      const bodies = []
      for (let n = 0; n < 20; n++) bodies.push((await visitor.get('/read')).body)
      expect(new Set(bodies)).toEqual(new Set(['ann']))
      expect(store.wrote()).toEqual(mode.native && interval > 0 ? ['touch'] : [])
    }
  })
})
