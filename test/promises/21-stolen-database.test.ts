import { expect, it } from 'vitest'
import { holdfastStores, read, write } from './support.ts'
import { table } from './table.ts'

table(holdfastStores, open => {
  it('promise 21: nothing that the store holds is a cookie, an id, or leads to one', async () => {
    const site = await open({ routes: { '/in': write({ user: 'ann' }), '/read': read('user') } })
    const visitor = site.visitor()
    await visitor.get('/in')
    const arguments_ = JSON.stringify(site.store.calls)
    const { records } = await site.store.target.list()
    const held = JSON.stringify(records)
    expect(records).toHaveLength(1)
    for (const value of visitor.cookies.values()) {
      for (const piece of [value, decodeURIComponent(value), value.split('.')[1] ?? value]) {
        expect(piece.length).toBeGreaterThan(20)
        expect(held).not.toContain(piece)
        expect(arguments_).not.toContain(piece)
      }
    }
    // What is there is no way in, whole or in parts.
    for (const key of [records[0].key, records[0].key.split('.')[1], records[0].version]) {
      const headers = { cookie: `${site.cookieName}=${key}` }
      expect((await site.visitor().get('/read', { headers })).body).toBe('nothing')
    }
  })
})
