import { idOf } from 'holdfast'
import { expect, it } from 'vitest'
import { type Driver, nativeCookie, nativeMemory, type Setup, type Site, settled, write } from '../promises/support.ts'
import { table } from '../promises/table.ts'

const ORIGIN = 'https://shop.example'

/** A site whose handlers stand behind the guard, as a middleware would: `open` has no place for a second one. */
const guarded = (driver: Driver, site: () => Site): NonNullable<Setup['routes']['/x']> => {
  const options = { origins: [ORIGIN] }
  return async t => {
    await driver.guard(site(), options)(t)
    return 'passed'
  }
}

table([nativeCookie, nativeMemory], (open, _mode, driver) => {
  async function shop(): Promise<Site> {
    const site: Site = await open({
      routes: {
        '/in': write({ cart: 1 }),
        '/form': t => site.sessions.csrfToken(t.session),
        '/post': guarded(driver, () => site),
        '/login': t => t.session.login('ann').then(() => 'in'),
      },
    })
    return site
  }

  it('H19: the browser’s own word decides, for visitors without a session too: the login form is guarded', async () => {
    const visitor = (await shop()).visitor()
    const post = (headers: Record<string, string>) => visitor.get('/post', { method: 'POST', headers })
    expect((await post({ 'sec-fetch-site': 'same-origin' })).body).toBe('passed')
    expect((await post({ origin: ORIGIN })).body).toBe('passed')
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: ORIGIN },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      {},
    ]) {
      expect(await post(headers as Record<string, string>)).toMatchObject({ status: 403, setCookie: [] })
    }
    expect((await visitor.get('/post', { headers: { 'sec-fetch-site': 'cross-site' } })).body).toBe('passed')
  })

  it('H19: where the browser says nothing a token decides; it is this session’s, and a new id ends it', async () => {
    const site = await shop()
    const [ann, eve] = [site.visitor(), site.visitor()]
    await ann.get('/in')
    await new Promise(resolve => setTimeout(resolve, 2))
    await eve.get('/in')
    const post = (token: string) => ann.get('/post', { method: 'POST', headers: { 'x-csrf-token': token } })
    const token = (await ann.get('/form')).body
    expect((await post(token)).body).toBe('passed')
    expect((await post((await eve.get('/form')).body)).status).toBe(403)
    expect((await post('A'.repeat(86))).status).toBe(403)
    await ann.get('/login')
    expect((await post(token)).status).toBe(403)
    expect((await post((await ann.get('/form')).body)).body).toBe('passed')
  })

  it('H19: an upgrade from a page of another site gets null and an event', async () => {
    const site = await shop()
    const visitor = site.visitor()
    await visitor.get('/in')
    const load = (origin?: string) =>
      site.sessions.load({ headers: { cookie: visitor.header(), ...(origin && { origin }) } }, { origins: [ORIGIN] })
    expect(await load(ORIGIN)).toEqual({ cart: 1 })
    expect(await load()).toEqual({ cart: 1 })
    expect(await load('https://evil.example')).toBeNull()
    expect(await load('null')).toBeNull()
    await settled()
    expect(site.events.filter(({ name, event }) => name === 'session:refused' && event.reason === 'origin')).toHaveLength(2)
  })
})

table([nativeMemory], (open, _mode, driver) => {
  it('H19: a token outlives the ids that are renewed behind it, and not the new ids that the site asks for', async () => {
    let now = Date.UTC(2030, 0, 1)
    const ids: string[] = []
    const site: Site = await open({
      native: { now: () => now, rotate: { every: '2m', grace: '20s' }, idleTimeout: '1h' },
      routes: {
        '/in': t => t.session.login('ann').then(() => 'in'),
        '/form': t => {
          ids.push(String(idOf(t.session)))
          return site.sessions.csrfToken(t.session)
        },
        '/post': guarded(driver, () => site),
        '/again': t => t.session.regenerate().then(() => 'again'),
        '/proved': t => t.session.reauthenticated().then(() => 'proved'),
        '/out': t => t.session.logout().then(() => 'out'),
      },
    })
    const visitor = site.visitor()
    const post = async (token: string) => (await visitor.get('/post', { method: 'POST', headers: { 'x-csrf-token': token } })).status
    await visitor.get('/in')
    const tokens = [(await visitor.get('/form')).body]
    for (let times = 0; times < 3; times++) {
      now += 130_000
      const form = await visitor.get('/form')
      expect(form.setCookie).toHaveLength(1)
      tokens.push(form.body)
      for (const token of tokens) expect(await post(token)).toBe(200)
    }
    const stored = JSON.stringify((await site.store.target.list()).records)
    expect(new Set(ids).size).toBe(3)
    expect(ids.filter(id => stored.includes(id))).toEqual([])
    for (const path of ['/again', '/proved', '/in']) {
      const token = (await visitor.get('/form')).body
      await visitor.get(path)
      expect([path, await post(token)]).toEqual([path, 403])
      now += 130_000
      const next = (await visitor.get('/form')).body
      expect([path, await post(next), await post(token)]).toEqual([path, 200, 403])
    }
    const last = (await visitor.get('/form')).body
    await visitor.get('/out')
    expect(await post(last)).toBe(403)
  })
})

table([nativeCookie, nativeMemory], open => {
  it('H19: load of the middleware looks at the origins as the manager’s does', async () => {
    const site = await open({ routes: { '/in': write({ cart: 1 }) } })
    const visitor = site.visitor()
    await visitor.get('/in')
    const load = (origin: string) => site.middleware.load({ headers: { cookie: visitor.header(), origin } }, { origins: [ORIGIN] })
    expect(await load(ORIGIN)).toEqual({ cart: 1 })
    expect(await load('https://evil.example')).toBeNull()
  })
})
