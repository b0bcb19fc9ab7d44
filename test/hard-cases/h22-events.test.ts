import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { dropInModes, everyMode, logout, read, renew, type Site, settled, storeModes, type Visitor, write } from '../promises/support.ts'
import { type Open, onKoa, table } from '../promises/table.ts'

const routes = { '/in': write({ name: 'ann' }), '/read': read('name'), '/out': logout, '/renew': renew, '/ping': () => 'pong' }

async function visited(open: Open, options = {}): Promise<{ site: Site; visitor: Visitor }> {
  const site = await open({ options, routes })
  const visitor = site.visitor()
  await visitor.get('/in')
  return { site, visitor }
}

/** The id in a cookie: all of it in koa-session's, in express-session's what stands between `s:` and the signature, in native mode before it. */
function idIn(site: Site, visitor: Visitor): string {
  const value = decodeURIComponent(visitor.cookies.get(site.cookieName) ?? '')
  return value.startsWith('s:') ? value.slice(2, value.lastIndexOf('.')) : value.split('.').slice(0, 2).join('.')
}

function expectDiscreet(site: Site, secrets: string[]): void {
  expect(site.events.length).toBeGreaterThan(0)
  for (const { event } of site.events) {
    expect(['reason', 'reason,ref']).toContain(Object.keys(event).join())
    if (event.ref !== undefined) expect(event.ref).toMatch(/^[\w-]{11}$/)
    for (const told of [JSON.stringify(event), inspect(event), JSON.stringify({ ...event })]) {
      for (const secret of secrets) expect(told).not.toContain(secret)
    }
  }
}

table(storeModes, (open, mode, { framework }) => {
  it('H22: what is enumerable of an event is its reason and a ref; id and value can be read', async () => {
    const { site, visitor } = await visited(open)
    const id = idIn(site, visitor)
    const before = visitor.header()
    await visitor.get('/out')
    await site.visitor().get('/read', { headers: { cookie: before } })
    await settled()
    expect(site.events).toHaveLength(1)
    const [{ name, event } = { name: '', event: {} }] = site.events
    expect(`${name} ${event.reason}`).toBe(mode.place === 'map' ? 'session:missed missed' : 'session:gone destroyed')
    expect(event.key).toBe(id)
    expectDiscreet(site, [id, ...visitor.cookies.values()])
  })

  it('H22: a ref stands for one session, and is no hash that others could make of its id', async () => {
    const { site, visitor } = await visited(open)
    const other = site.visitor()
    await other.get('/in')
    const [first, second] = [visitor.header(), other.header()]
    await visitor.get('/out')
    await other.get('/out')
    for (const cookie of [first, first, second]) await site.visitor().get('/read', { headers: { cookie } })
    // The same store and the same id, seen by another app.
    const elsewhere = await open({ routes, store: site.store })
    await elsewhere.visitor().get('/read', { headers: { cookie: first } })
    await settled()
    const [once, again, another] = site.events.map(({ event }) => event.ref)
    expect(once).toBe(again)
    expect(once).not.toBe(another)
    expect(elsewhere.events).toHaveLength(1)
    expect(elsewhere.events[0]?.event.ref).not.toBe(once)
  })

  it('H22: an event comes once, and after a listener that throws everything goes on', async () => {
    const { site, visitor } = await visited(open)
    const before = visitor.header()
    await visitor.get('/out')
    const target = mode.native ? site.sessions : framework === 'koa' ? site.app : site.middleware
    target.on(mode.place === 'map' ? 'session:missed' : 'session:gone', () => {
      throw new Error('the listener failed')
    })
    expect(await site.visitor().get('/read', { headers: { cookie: before } })).toMatchObject({ status: 200, body: 'nothing' })
    await settled()
    expect(site.events).toHaveLength(1)
    expect((await site.visitor().get('/ping')).body).toBe('pong')
  })
})

table(everyMode, (open, mode) => {
  it('H22: what a client sends appears in no enumerable field', async () => {
    const site = await open({ routes })
    const sent = `${'A'.repeat(60)}\u009b31m`
    const cookie = `${site.cookieName}=${sent}; ${site.cookieName}.sig=${sent}`
    await site.visitor().get('/read', { headers: { cookie } })
    await settled()
    // In a drop-in a wrong signature is turned away before anybody hears of it, as with the peers.
    if (mode.native) {
      expect(site.events.map(({ name, event }) => `${name} ${event.reason}`)).toEqual(['session:invalid signature'])
      expectDiscreet(site, [sent])
    } else expect(site.events).toEqual([])
  })
})

table(
  dropInModes,
  (open, mode) => {
    it('H22: a session that the valid hook turns away: key, value and ctx can be read, and are not enumerable', async () => {
      const { site, visitor } = await visited(open, { valid: () => false })
      await visitor.get('/read')
      await settled()
      expect(site.events.map(({ name, event }) => `${name} ${event.reason}`)).toEqual(['session:invalid rejected'])
      const [{ event } = { event: {} }] = site.events
      expect(event.ctx.path).toBe('/read')
      expect(event.value).toBeTruthy()
      expect(event.key).toBe(mode.place === 'cookie' ? undefined : idIn(site, visitor))
      expectDiscreet(site, ['ann', ...visitor.cookies.values()])
    })

    it('H22: an expired session', async () => {
      const site = await open({ options: { maxAge: 1 }, routes })
      // A browser would have dropped them by now; this one sends them all the same.
      const { setCookie } = await site.visitor().get('/in')
      const pairs = setCookie.map(line => line.split(';')[0] ?? '')
      const end = Date.now() + 2
      while (Date.now() < end) await new Promise(resolve => setImmediate(resolve))
      await site.visitor().get('/read', { headers: { cookie: pairs.join('; ') } })
      await settled()
      expect(site.events.map(({ name }) => name)).toEqual([mode.place === 'memory' ? 'session:missed' : 'session:expired'])
      expectDiscreet(
        site,
        pairs.map(pair => pair.slice(pair.indexOf('=') + 1)),
      )
    })
  },
  onKoa,
)
