import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { headerTransport } from 'holdfast'
import { expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { Loose } from '../support/subjects.ts'
import { everyMode, holdfastStores, logout, type Mode, read, renew, type Site, storeModes, write } from './support.ts'
import { hasHeaders, table } from './table.ts'

const routes = { '/in': write({ name: 'ann', list: [1] }), '/read': read('name'), '/out': logout, '/renew': renew }

const loaderOf = (site: Site, mode: Mode): ((request: IncomingMessage) => Promise<Loose>) =>
  mode.native ? request => site.sessions.load(request) : request => site.middleware.load(request)

interface Upgrade {
  /** What `load` gave on the server. */
  data: unknown
  /** The headers of the answer to the upgrade. */
  headers: IncomingMessage['headers']
}

/** A real upgrade: the server loads the session, then accepts, and sends it back over the socket. */
async function upgrade(site: Site, mode: Mode, headers: Record<string, string>): Promise<Upgrade> {
  const sockets = new WebSocketServer({ noServer: true })
  const load = loaderOf(site, mode)
  site.server.removeAllListeners('upgrade')
  site.server.on('upgrade', async (request, socket, head) => {
    const outcome = await load(request).then(
      data => {
        // It is the caller's own: what is done to it reaches nobody.
        const told = JSON.stringify({ data })
        if (data) Object.assign(data, { name: 'changed', list: data.list?.push(2) })
        return told
      },
      error => JSON.stringify({ error: error.name }),
    )
    sockets.handleUpgrade(request, socket, head, connection => connection.send(outcome))
  })
  const client = new WebSocket(`ws://127.0.0.1:${site.port}/socket`, { headers })
  const response = once(client, 'upgrade')
  const [message] = await once(client, 'message')
  const [answer] = (await response) as [IncomingMessage]
  client.close()
  await once(client, 'close')
  const { data, error } = JSON.parse(String(message))
  return { data: error ?? data, headers: answer.headers }
}

table(everyMode, (open, mode) => {
  it('promise 17: an upgrade reads the session and changes nothing', async () => {
    // Rolling and touching would be reasons to write.
    const site = await open({ options: mode.native ? {} : { rolling: true }, native: { touchInterval: 1 }, routes })
    const visitor = site.visitor()
    await visitor.get('/in')
    site.store.did()
    for (let i = 0; i < 2; i++) {
      const { data, headers } = await upgrade(site, mode, { cookie: visitor.header() })
      expect(data).toEqual({ name: 'ann', list: [1] })
      expect(headers['set-cookie']).toBeUndefined()
      expect(site.store.did()).toEqual({ cookie: [], map: ['get'], memory: ['load'] }[mode.place])
    }
    expect((await visitor.get('/read')).body).toBe('ann')
  })

  it('promise 17: without a session there is none, and none is made', async () => {
    const site = await open({ routes })
    const forged = `${site.cookieName}=AAAA; ${site.cookieName}.sig=AAAA`
    for (const headers of [{}, { cookie: 'other=1' }, { cookie: forged }]) {
      const { data, headers: answered } = await upgrade(site, mode, headers as Record<string, string>)
      expect(data).toBeNull()
      expect(answered['set-cookie']).toBeUndefined()
    }
    expect(site.store.wrote()).toEqual([])
    expect(site.store.size).toBe(0)
  })

  it('promise 17: a cookie of an older key is read and not re-issued', async () => {
    const keys = ['an older one of the secrets, 0123456789']
    const site = await open({ keys: mode.native ? () => keys : keys, routes })
    const visitor = site.visitor()
    await visitor.get('/in')
    keys.unshift('the newest of the secrets, 0123456789')
    site.store.did()
    const { data, headers } = await upgrade(site, mode, { cookie: visitor.header() })
    expect(data).toEqual({ name: 'ann', list: [1] })
    expect(headers['set-cookie']).toBeUndefined()
    expect(site.store.wrote()).toEqual([])
  })
})

table(storeModes, (open, mode) => {
  it('promise 17: an ended session gives null and stays as it is', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    await visitor.get('/in')
    const before = visitor.header()
    await visitor.get('/out')
    site.store.did()
    expect((await upgrade(site, mode, { cookie: before })).data).toBeNull()
    expect(site.store.wrote()).toEqual([])
  })

  it('promise 17: a store that fails is an error, not an empty session', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    await visitor.get('/in')
    site.store.fail(mode.place === 'map' ? 'get' : 'load', new Error('down'))
    expect((await upgrade(site, mode, { cookie: visitor.header() })).data).toBe('SessionStoreError')
  })
})

table(
  holdfastStores,
  (open, mode) => {
    it('promise 17: the session of a request in another transport than a cookie', async () => {
      const externalKey = { get: (ctx: Loose) => ctx.get('x-key'), set: (ctx: Loose, id: string) => ctx.set('X-Key', id) }
      const own = mode.native ? { native: { transport: headerTransport('x-key') } } : { options: { externalKey } }
      const site = await open({ ...own, routes })
      const { headers } = await site.visitor().get('/in')
      const { data } = await upgrade(site, mode, { 'x-key': String(headers['x-key']) })
      expect(data).toEqual({ name: 'ann', list: [1] })
      expect((await upgrade(site, mode, { 'x-key': 'unknown' })).data).toBeNull()
    })
  },
  hasHeaders,
)
