import { describe, expect, it } from 'vitest'
import { holdfastStores, logout, read, renew, type Site, until, write } from '../promises/support.ts'
import { table } from '../promises/table.ts'

const down = new Error('the database is away')

table(holdfastStores, open => {
  const begin = async (options = {}) => {
    const site = await open({
      options,
      routes: { '/in': write({ user: 'ann' }), '/out': logout, '/destroy': t => t.session.destroy(), '/read': read('user') },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    return { site, visitor }
  }
  const isCleared = (site: Site, lines: string[]) => lines.some(line => line.startsWith(`${site.cookieName}=;`))

  for (const path of ['/out', '/destroy']) {
    it(`H17: a logout that the store fails clears the cookie, answers 5xx, and is carried out once the store is back (${path})`, async () => {
      const { site, visitor } = await begin()
      const stolen = visitor.header()
      site.store.fail('delete', down)
      const answer = await visitor.get(path)
      expect(answer.status).toBe(500)
      expect(isCleared(site, answer.setCookie)).toBe(true)
      expect(site.errors).toMatchObject([{ code: 'HOLDFAST_STORE', cause: down }])
      expect(visitor.header()).toBe('')
      site.store.heal()
      await until(async () => (await site.visitor().get('/read', { headers: { cookie: stolen } })).body === 'nothing')
    })
  }
})

describe('onStoreError', () => {
  table(holdfastStores, (open, mode) => {
    const setUp = async (onStoreError: unknown) => {
      const site = await open({
        [mode.native ? 'native' : 'options']: { onStoreError },
        routes: { '/in': write({ user: 'ann' }), '/read': read('user'), '/write': write({ n: 1 }), '/out': logout, '/renew': renew },
      })
      const visitor = site.visitor()
      await visitor.get('/in')
      return { site, visitor, cookie: visitor.header() }
    }

    it("'anonymous': the request goes on with an empty session that leaves no trace, and the login is there afterwards (H4)", async () => {
      const { site, visitor, cookie } = await setUp('anonymous')
      site.store.fail('load', down)
      expect(await visitor.get('/read')).toMatchObject({ status: 200, body: 'nothing', setCookie: [] })
      expect(await visitor.get('/write')).toMatchObject({ status: 200, setCookie: [] })
      expect(visitor.header()).toBe(cookie)
      expect(site.events.map(({ name, event }) => [name, event.reason])).toContainEqual(['store:error', 'load'])
      site.store.heal()
      expect((await visitor.get('/read')).body).toBe('ann')
    })

    for (const [what, path] of [
      ['logout', '/out'],
      ['new id', '/renew'],
    ] as const) {
      it(`'anonymous': a ${what} ends the session also where it could not be loaded`, async () => {
        const { site, visitor, cookie } = await setUp('anonymous')
        site.store.fail('load', down)
        expect((await visitor.get(path)).status).toBe(200)
        expect(visitor.header()).not.toBe(cookie)
        site.store.heal()
        expect((await site.visitor().get('/read', { headers: { cookie } })).body).toBe('nothing')
      })

      it(`'anonymous': a ${what} that the store cannot carry out is no success, and is carried out once it is back`, async () => {
        const { site, visitor, cookie } = await setUp('anonymous')
        for (const method of ['load', 'delete', 'create']) site.store.fail(method, down)
        expect((await visitor.get(path)).status).toBe(500)
        site.store.heal()
        await until(async () => (await site.visitor().get('/read', { headers: { cookie } })).body === 'nothing')
      })
    }

    it("'anonymous': a save that fails is never a success", async () => {
      const { site, visitor } = await setUp('anonymous')
      site.store.fail('save', down)
      expect((await visitor.get('/write')).status).toBe(500)
      site.store.fail('create', down)
      expect(await site.visitor().get('/write')).toMatchObject({ status: 500, setCookie: [] })
    })

    it('a function decides, request by request', async () => {
      const seen: unknown[] = []
      const { site, visitor } = await setUp((error: unknown, ctx: { path: string }) => {
        seen.push(error)
        return ctx.path === '/read' ? 'anonymous' : 'fail'
      })
      site.store.fail('load', down)
      expect((await visitor.get('/read')).status).toBe(200)
      expect((await visitor.get('/write')).status).toBe(500)
      expect(seen).toMatchObject([{ code: 'HOLDFAST_STORE', cause: down }, { code: 'HOLDFAST_STORE' }])
    })

    it("'fail' is the default, and the first request after the store is back works (promise 6)", async () => {
      const { site, visitor } = await setUp(undefined)
      site.store.fail('load', down)
      expect((await visitor.get('/read')).status).toBe(500)
      site.store.heal()
      expect((await visitor.get('/read')).body).toBe('ann')
    })
  })
})
