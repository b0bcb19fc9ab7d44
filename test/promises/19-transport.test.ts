import { headerTransport, update } from 'holdfast'
import { expect, it } from 'vitest'
import type { Loose } from '../support/subjects.ts'
import {
  type Answer,
  dropInMap,
  dropInMemory,
  type Handler,
  logout,
  nativeCookie,
  nativeMemory,
  read,
  refuse,
  renew,
  type Setup,
  type Site,
  write,
} from './support.ts'
import { hasHeaders, onKoa, table } from './table.ts'

// One header carries the token both ways, by Holdfast's transport (native) or by koa-session's externalKey (drop-in).

const clear = (ctx: Loose) => ctx.set('X-Token', '')
const externalKey = { get: (ctx: Loose) => ctx.get('x-token'), set: (ctx: Loose, id: string) => ctx.set('X-Token', id), clear }

const routes: Record<string, Handler> = {
  '/in': write({ name: 'ann' }),
  '/read': read('name'),
  '/change': t => write({ name: 'bob' }, () => update(t.session, draft => Object.assign(draft, { n: 1 })).then(() => 'done'))(t),
  '/renew': renew,
  '/fail': write({ name: 'cat' }, refuse(403, 'no')),
  '/out': logout,
  '/out-and-in': t => {
    t.session = null
    t.session = { name: 'dan' }
    return 'again'
  },
}

/** A client that sends back what it got in the header, and has no cookies. */
class Client {
  token: string | undefined
  readonly #site: Site

  constructor(site: Site) {
    this.#site = site
  }

  async get(path: string): Promise<Answer> {
    const headers: Record<string, string> = this.token ? { 'x-token': this.token } : {}
    const answer = await this.#site.visitor().get(path, { headers })
    if (answer.headers['x-token'] !== undefined) this.token = String(answer.headers['x-token'])
    expect(answer.setCookie, path).toEqual([])
    return answer
  }
}

table(
  [dropInMap, dropInMemory, nativeCookie, nativeMemory],
  (open, mode) => {
    const transport: Partial<Setup> = mode.native ? { native: { transport: headerTransport('X-Token') } } : { options: { externalKey } }

    it('promise 19: a whole visit by header, and never a Set-Cookie', async () => {
      const site = await open({ ...transport, routes })
      const client = new Client(site)
      expect((await client.get('/read')).body).toBe('nothing')
      expect(client.token).toBeUndefined()
      await client.get('/in')
      const first = client.token
      expect(first).toBeTruthy()
      expect((await client.get('/read')).body).toBe('ann')
      await client.get('/change')
      expect((await client.get('/read')).body).toBe('bob')
      await client.get('/renew')
      expect(client.token).not.toBe(first)
      expect((await client.get('/fail')).status).toBe(403)
      expect((await client.get('/read')).body).toBe('cat')
      await client.get('/out-and-in')
      expect((await client.get('/read')).body).toBe('dan')
    })

    it('promise 19: a logout clears the token and kills it', async () => {
      const site = await open({ ...transport, routes })
      const client = new Client(site)
      await client.get('/in')
      const old = client.token
      expect((await client.get('/out')).headers['x-token']).toBe('')
      expect(client.token).toBe('')
      if (mode.place === 'cookie') return
      client.token = old
      expect((await client.get('/read')).body).toBe('nothing')
    })

    it('promise 19: a token that is worth nothing is never adopted', async () => {
      const site = await open({ ...transport, routes })
      const client = new Client(site)
      client.token = '../../etc/passwd'
      expect((await client.get('/read')).body).toBe('nothing')
      await client.get('/in')
      expect(client.token).not.toContain('passwd')
      expect((await client.get('/read')).body).toBe('ann')
    })

    it('promise 19: a session cookie that comes along is not read', async () => {
      const cookies = await open({ routes })
      const visitor = cookies.visitor()
      await visitor.get('/in')
      const site = await open({ ...transport, store: cookies.store, routes })
      expect((await site.visitor().get('/read', { headers: { cookie: visitor.header() } })).body).toBe('nothing')
    })

    it('promise 19: the answer is private, and caches learn what it depends on', async () => {
      const site = await open({ ...transport, routes })
      const answer = await new Client(site).get('/in')
      expect(answer.headers['cache-control']).toBe('private')
      // Only the app knows where an externalKey comes from.
      expect(answer.headers.vary).toBe(mode.native ? 'X-Token' : undefined)
    })
  },
  hasHeaders,
)

table(
  [dropInMap],
  open => {
    it('promise 19: without clear, as in koa-session, the client forgets the id by itself', async () => {
      const { clear: _, ...peers } = externalKey
      const site = await open({ options: { externalKey: peers }, routes })
      const client = new Client(site)
      await client.get('/in')
      expect((await client.get('/out')).headers['x-token']).toBeUndefined()
      expect((await client.get('/read')).body).toBe('nothing')
    })
  },
  onKoa,
)
