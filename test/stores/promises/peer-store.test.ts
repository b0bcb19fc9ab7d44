// What holds with a peer's store too, by way of the drop-ins: failures are seen, waiting is bounded, reads are cheap.
import { expect, it, vi } from 'vitest'
import { type Answer, dropInMap, type Handler, logout, read, redirectTo, renew, write } from '../../promises/support.ts'
import { table } from '../../promises/table.ts'
import type { Loose } from '../../support/subjects.ts'
import { updateWith } from '../http/handlers.ts'

const MINUTE = 60_000

const acts: Record<string, Handler> = {
  '/change': write({ name: 'new' }),
  '/redirect': write({ name: 'new' }, t => redirectTo(t, '/redirected')),
  '/save': write({ name: 'new' }, t => t.session.save().then(() => 'done')),
  '/update': updateWith({ name: 'new' }),
  '/renew': renew,
  '/out': logout,
}
const routes = { '/in': write({ name: 'old' }), '/read': read('name'), ...acts }

function expectNoSuccess({ status, headers, setCookie }: Answer, errors: Loose[]): void {
  expect(status).toBeGreaterThanOrEqual(500)
  expect(headers.location).toBeUndefined()
  expect(setCookie.filter(line => !/expires=Thu, 01 Jan 1970/i.test(line))).toEqual([])
  expect(errors.splice(0)).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'SessionStoreError', code: 'HOLDFAST_STORE' })]))
}

table([dropInMap], open => {
  for (const path of Object.keys(acts)) {
    it(`promise 5: the store fails: ${path} is no 2xx or 3xx, and the error is a SessionStoreError`, async () => {
      const site = await open({ routes })
      const visitor = site.visitor()
      await visitor.get('/in')
      for (const method of ['set', 'destroy']) site.store.fail(method, new Error('no space left on the disk'))
      expectNoSuccess(await visitor.get(path, { headers: { cookie: visitor.header() } }), site.errors)
    })

    it(`promise 6: the store never answers: ${path} fails within storeTimeout, and the first request after it is back works`, async () => {
      const site = await open({ routes, options: { storeTimeout: 100 } })
      const visitor = site.visitor()
      await visitor.get('/in')
      const cookie = visitor.header()
      const awake = site.store.target
      const never = () => new Promise(() => {})
      site.store.target = { get: (id: string) => awake.get(id), set: never, destroy: never }
      expectNoSuccess(await visitor.get(path, { headers: { cookie } }), site.errors)
      site.store.target = awake
      expect(await site.visitor().get('/read', { headers: { cookie } })).toMatchObject({ status: 200 })
    })
  }
})

/** How each drop-in is told that not each read shall lengthen a session's life. */
const seldom = { koa: { maxAge: 40 * MINUTE, renew: true }, express: { maxAge: 40 * MINUTE, touchInterval: 20 * MINUTE } }

table([dropInMap], (open, _mode, { framework }) => {
  it('promise 14: 20 reads are no write to the store, and one where a renewal is due', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      const site = await open({ routes, options: seldom[framework as keyof typeof seldom] })
      const visitor = site.visitor()
      await visitor.get('/in')
      site.store.did()
      for (let n = 0; n < 20; n++) expect((await visitor.get('/read')).body).toBe('old')
      expect(site.store.did().filter(method => method !== 'get')).toEqual([])
      vi.setSystemTime(Date.now() + 21 * MINUTE)
      for (let n = 0; n < 20; n++) expect((await visitor.get('/read')).body).toBe('old')
      expect(site.store.did().filter(method => method !== 'get')).toEqual(['set'])
    } finally {
      vi.useRealTimers()
    }
  })
})
