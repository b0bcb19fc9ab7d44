import { save } from 'holdfast'
import { expect, it } from 'vitest'
import { dropInModes, everyMode, type Handler, logout, read, renew, storeModes, write } from './support.ts'
import { onKoa, table } from './table.ts'

const routes = { '/in': write({ name: 'ann' }), '/read': read('name'), '/ping': () => 'pong' }

/** Whatever a handler does to the session of a request that shall have none. */
const attempts: Record<string, Handler> = {
  'reads and writes': t => {
    t.session.name = `${t.session.name}!`
    return String(t.session.name)
  },
  'saves explicitly': write({ name: 'bob' }, t => save(t.session).then(() => 'done')),
  'asks for a new id': write({ name: 'bob' }, renew),
  'logs out': logout,
  'begins anew and saves': t => {
    t.session = null
    t.session = { name: 'bob' }
    return save(t.session).then(() => 'done')
  },
  throws: write({ name: 'bob' }, t => t.fail(400, 'no')),
}

table(everyMode, open => {
  it.each(Object.keys(attempts))('promise 15: a skipped request that %s costs no store call and no cookie', async attempt => {
    const site = await open({
      options: { skip: (ctx: { path: string }) => ctx.path === '/skip' },
      routes: { ...routes, '/skip': attempts[attempt] as Handler },
    })
    for (const known of [false, true]) {
      const visitor = site.visitor()
      if (known) await visitor.get('/in')
      site.store.did()
      const answer = await visitor.get('/skip')
      expect(answer.setCookie).toEqual([])
      expect(answer.status).toBe(attempt === 'throws' ? 400 : 200)
      expect(site.store.did()).toEqual([])
      expect((await visitor.get('/read')).body).toBe(known ? 'ann' : 'nothing')
    }
  })

  it('promise 15: anonymous visitors write nothing', async () => {
    const site = await open({ routes })
    for (const path of ['/read', '/ping', '/read']) {
      expect((await site.visitor().get(path)).setCookie).toEqual([])
    }
    expect(site.store.wrote()).toEqual([])
    expect(site.store.size).toBe(0)
  })

  it('promise 15: a visitor whose cookie is worth nothing writes nothing', async () => {
    const site = await open({ routes })
    const headers = { cookie: `${site.cookieName}=AAAA; ${site.cookieName}.sig=forged` }
    const answer = await site.visitor().get('/read', { headers })
    expect(answer).toMatchObject({ status: 200, body: 'nothing' })
    // Koa itself clears a signature that is wrong.
    expect(answer.setCookie.filter(line => line.startsWith(`${site.cookieName}=`))).toEqual([])
    expect(site.store.wrote()).toEqual([])
  })

  it('promise 15: Vary names the cookie exactly where the session was looked at', async () => {
    const site = await open({ routes: { ...routes, '/fail': t => t.fail(404, String(t.session.name)) } })
    const visitor = site.visitor()
    expect((await visitor.get('/ping')).headers.vary).toBeUndefined()
    expect((await visitor.get('/read')).headers.vary).toBe('Cookie')
    expect((await visitor.get('/in')).headers.vary).toBe('Cookie')
    expect((await visitor.get('/ping')).headers.vary).toBeUndefined()
    expect((await visitor.get('/fail')).headers.vary).toBe('Cookie')
  })

  it("promise 15: Vary is added to the app's own", async () => {
    const site = await open({
      routes: {
        '/read': t => {
          t.header('Vary', 'Accept-Language')
          return String(t.session.name)
        },
      },
    })
    expect((await site.visitor().get('/read')).headers.vary).toBe('Accept-Language, Cookie')
  })

  it('promise 15: an answer with Set-Cookie is private, and only that', async () => {
    const site = await open({ routes: { ...routes, '/out': logout, '/renew': renew } })
    const visitor = site.visitor()
    expect((await visitor.get('/read')).headers['cache-control']).toBeUndefined()
    for (const path of ['/in', '/renew', '/out']) {
      const answer = await visitor.get(path)
      expect(answer.setCookie.length).toBeGreaterThan(0)
      expect(answer.headers['cache-control']).toBe('private')
    }
  })

  it.each(['no-store', 'public, max-age=60'])('promise 15: what the app says of caching stands (%s)', async own => {
    const site = await open({
      routes: {
        '/before': t => {
          t.header('Cache-Control', own)
          return write({ name: 'ann' })(t)
        },
        '/after': t =>
          write({ name: 'ann' }, async () => {
            await save(t.session)
            t.header('Cache-Control', own)
            return 'done'
          })(t),
      },
    })
    for (const path of ['/before', '/after']) {
      const answer = await site.visitor().get(path)
      expect(answer.setCookie.length).toBeGreaterThan(0)
      expect(answer.headers['cache-control']).toBe(own)
    }
  })
})

table(storeModes, open => {
  it('promise 15: reading writes nothing', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    await visitor.get('/in')
    site.store.did()
    for (let i = 0; i < 3; i++) expect(await visitor.get('/read')).toMatchObject({ body: 'ann', setCookie: [] })
    expect(site.store.wrote()).toEqual([])
  })
})

table(
  dropInModes,
  open => {
    it('promise 15: the signature that Koa renews under a new key makes the answer private as well', async () => {
      const keys = ['an older one of the secrets, 0123456789']
      const site = await open({ keys, routes })
      const visitor = site.visitor()
      await visitor.get('/in')
      keys.unshift('the newest of the secrets, 0123456789')
      const answer = await visitor.get('/read')
      expect(answer.setCookie).toEqual([expect.stringMatching(/^koa\.sess\.sig=/)])
      expect(answer.headers['cache-control']).toBe('private')
    })
  },
  onKoa,
)

table(dropInModes, open => {
  it('promise 15: a skip that cannot answer at once is refused, not ignored', async () => {
    const site = await open({ options: { skip: async () => true }, routes })
    expect((await site.visitor().get('/in')).status).toBe(500)
    expect(site.store.did()).toEqual([])
    expect(site.errors[0]?.message).toMatch(/skip/)
  })
})
