import { expect, it } from 'vitest'
import { type Handler, type Mode, read, redirectTo, renew, type Site, storeModes, write } from './support.ts'
import { table } from './table.ts'

const down = new Error('the database is down')

function breakWrites(site: Site, mode: Mode): void {
  for (const method of mode.place === 'map' ? ['set', 'destroy'] : ['create', 'save', 'replace', 'delete']) site.store.fail(method, down)
}

const ways: Record<string, Handler> = {
  'a body': write({ n: 1 }),
  'a redirect': write({ n: 1 }, t => redirectTo(t, '/elsewhere')),
  'no content': write({ n: 1 }, t => {
    t.status(204)
  }),
  'a new id': renew,
  'a logout': t => t.session.destroy().then(() => 'out'),
}

table(storeModes, (open, mode, driver) => {
  for (const way of Object.keys(ways)) {
    for (const known of [true, false]) {
      if (!known && (way === 'a logout' || (way === 'a new id' && !driver.keepsDataWithNewId(mode)))) continue
      it(`promise 5: ${way}, with a save that fails, is no success (${known ? 'a known visitor' : 'a new one'})`, async () => {
        const site = await open({ routes: { '/in': write({ user: 'ann' }), '/act': ways[way] as Handler, '/read': read('n') } })
        const visitor = site.visitor()
        if (known) await visitor.get('/in')
        breakWrites(site, mode)
        const answer = await visitor.get('/act')
        expect(answer.status).toBeGreaterThanOrEqual(500)
        expect(answer.headers.location).toBeUndefined()
        expect(site.errors.length).toBeGreaterThan(0)
        for (const error of site.errors) expect(error).toMatchObject({ name: 'SessionStoreError', code: 'HOLDFAST_STORE', cause: down })
        if (!known) expect(answer.setCookie).toEqual([])
        site.store.heal()
        expect((await visitor.get('/read')).body).toBe('nothing')
      })
    }
  }
})
