// What is kept of the device that somebody has logged in from, over HTTP, by each framework's own rules of which proxy to trust.
import http from 'node:http'
import { createSessions, login } from 'holdfast'
import session from 'holdfast/express'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it } from 'vitest'
import type { Loose } from '../support/subjects.ts'
import { connectDriver, drivers } from './drivers.ts'
import { listening, portOf } from './serving.ts'
import { dropInMemory, gate, keys, nativeMemory, type Setup, type Site, Visitor, warnings } from './support.ts'
import { table } from './table.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0'
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'

const routes: Setup['routes'] = {
  '/in': t => login(t.session, 'ann').then(() => 'in'),
  '/data': t => {
    t.session.userId = 'ann'
    return 'in'
  },
  '/write': t => {
    t.session.n = (t.session.n ?? 0) + 1
    return 'written'
  },
}
const user = (data: Loose) => data.userId

const devices = async (site: Site): Promise<Loose[]> =>
  (await (site.sessions ?? site.middleware).list('ann')).map(({ device }: Loose) => device)
const from = (userAgent: string, more: Record<string, string> = {}) => ({ headers: { 'user-agent': userAgent, ...more } })

table([nativeMemory], open => {
  it('a login keeps its device: a label, and the network of its address', async () => {
    const site = await open({ routes })
    await site.visitor().get('/in', from(FIREFOX))
    await site.visitor().get('/in', from(IPHONE))
    await site.visitor().get('/in')
    expect(await devices(site)).toEqual([
      { label: 'Firefox on Linux', ip: '127.0.0.0' },
      { label: 'Safari on iPhone', ip: '127.0.0.0' },
      { label: 'Unknown device', ip: '127.0.0.0' },
    ])
  })

  it('a login by its data does so as well, and what follows from another browser’s name changes nothing', async () => {
    const site = await open({ routes, native: { user, device: { ip: 'full' } } })
    const visitor = site.visitor()
    await visitor.get('/write', from(IPHONE))
    await visitor.get('/data', from(FIREFOX))
    await visitor.get('/write', from(IPHONE))
    expect(await devices(site)).toEqual([{ label: 'Firefox on Linux', ip: '127.0.0.1' }])
  })

  it('one who logs in again has the device that it is now', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    await visitor.get('/in', from(IPHONE))
    const [{ handle }] = await site.sessions.list('ann')
    await visitor.get('/in', from(FIREFOX))
    const [listed] = await site.sessions.list('ann')
    expect(listed.device.label).toBe('Firefox on Linux')
    expect(listed.handle).not.toBe(handle)
  })

  it('behind a proxy that is believed it is the client’s address, else the proxy’s', async () => {
    const forwarded = from(FIREFOX, { 'x-forwarded-for': '203.0.113.77' })
    const ips = async (proxy: boolean) => {
      const site = await open({ routes, proxy, native: { device: { ip: 'full' } } })
      await site.visitor().get('/in', forwarded)
      return (await devices(site))[0].ip
    }
    expect([await ips(true), await ips(false)]).toEqual(['203.0.113.77', '127.0.0.1'])
  })

  it.each(['<script>alert(1)</script>', 'x'.repeat(12_000), `Mozilla/5.0 (${'(;'.repeat(5000)}`, '\u00ff\u00ad\u0085 evil', '__proto__'])(
    'H23: a hostile user agent is harmless: %.20j',
    async userAgent => {
      const site = await open({ routes, proxy: true })
      const answer = await site.visitor().get('/in', from(userAgent, { 'x-forwarded-for': '<script>alert(1)</script>' }))
      expect(answer).toMatchObject({ status: 200, body: 'in' })
      const [device] = await devices(site)
      expect(device.label).toMatch(/^[^\p{C}<>&"'`]{1,80}$/u)
      expect(JSON.stringify(device)).not.toMatch(/script>|\\u/)
      expect(device.ip).toBeUndefined()
    },
  )

  it('a place is what locate says of the whole address; a login waits for it', async () => {
    const door = gate()
    const asked: string[] = []
    const locate = async (ip: string) => {
      asked.push(ip)
      await door.pass()
      return 'Berlin'
    }
    const site = await open({ routes, native: { device: { locate } } })
    const answer = site.visitor().get('/in', from(FIREFOX))
    await door.reached
    expect(await devices(site)).toEqual([])
    door.open()
    expect((await answer).status).toBe(200)
    expect([await devices(site), asked]).toEqual([[{ label: 'Firefox on Linux', ip: '127.0.0.0', place: 'Berlin' }], ['127.0.0.1']])
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['never answers', () => new Promise(() => undefined)],
    ['lies', () => ({ toString: () => '<script>' })],
  ])('a locate that %s costs the place and not the login', async (_, locate) => {
    warnings()
    const site = await open({ routes, native: { device: { locate }, storeTimeout: 50 } })
    expect((await site.visitor().get('/in', from(FIREFOX))).status).toBe(200)
    expect(await devices(site)).toEqual([{ label: 'Firefox on Linux', ip: '127.0.0.0' }])
  })

  it('false keeps nothing of it', async () => {
    const site = await open({ routes, native: { device: false } })
    await site.visitor().get('/in', from(FIREFOX))
    expect(await devices(site)).toEqual([undefined])
    expect(JSON.stringify((await site.store.target.list()).records)).not.toMatch(/Firefox|127\.0/)
  })
})

table([dropInMemory], open => {
  it('a drop-in keeps it if it is asked to, and a peer’s options are as they were', async () => {
    const site = await open({ routes, options: { device: true } })
    await site.visitor().get('/in', from(FIREFOX))
    expect(await devices(site)).toEqual([{ label: 'Firefox on Linux', ip: '127.0.0.0' }])
    const silent = await open({ routes, options: {} })
    await silent.visitor().get('/in', from(FIREFOX))
    expect(await devices(silent)).toEqual([undefined])
  })

  it('a misspelt option is refused', async () => {
    await expect(open({ routes, options: { device: { address: 'full' } } })).rejects.toThrow(/^device: there is no option "address"/)
  })
})

describe('without a framework', () => {
  it('connect tells the address of the socket, whatever a header says', async () => {
    const site = await connectDriver.open({ mode: nativeMemory, routes, native: { device: { ip: 'full' } } })
    await site.visitor().get('/in', from(FIREFOX, { 'x-forwarded-for': '203.0.113.77' }))
    expect(await devices(site)).toEqual([{ label: 'Firefox on Linux', ip: '127.0.0.1' }])
  })

  it('node:http does so, too', async () => {
    const sessions = createSessions({ keys, store: new MemoryStore(), device: { ip: 'full' } })
    const middleware = session(sessions)
    const server = await listening(
      http.createServer((req: Loose, res) =>
        middleware(req, res, async () => {
          await login(req.session, 'ann')
          res.end('in')
        }),
      ),
    )
    const visitor = new Visitor(portOf(server))
    expect((await visitor.get('/', from(IPHONE, { 'x-forwarded-for': '203.0.113.77' }))).body).toBe('in')
    expect(await sessions.list('ann')).toMatchObject([{ device: { label: 'Safari on iPhone', ip: '127.0.0.1' } }])
  })

  it('every framework of the suites says who asks', async () => {
    for (const driver of drivers) {
      const site = await driver.open({ mode: nativeMemory, routes })
      await site.visitor().get('/in', from(FIREFOX))
      expect(await devices(site), driver.name).toEqual([{ label: 'Firefox on Linux', ip: '127.0.0.0' }])
    }
  })
})
