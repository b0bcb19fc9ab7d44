import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { expect, it, onTestFinished } from 'vitest'
import { connectDriver, koaDrivers } from './drivers.ts'
import { fastifyDrivers } from './fastify.ts'
import { everyMode, logout, read, refuse, renew, type Site, write } from './support.ts'
import { table } from './table.ts'

interface Answer {
  status: number
  setCookie: string[]
  headers: http2.IncomingHttpHeaders
  body: string
}

/** The same app over HTTP/2 without TLS, through Node's compatibility API. */
async function overHttp2(site: Site): Promise<(path: string, headers?: Record<string, string>) => Promise<Answer>> {
  const server = http2.createServer(site.handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  const cookies = new Map<string, string>()
  return async (path, extra = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const stream = client.request({ ':path': path, ...(cookie && { cookie }), ...extra })
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
    let body = ''
    for await (const piece of stream.setEncoding('utf8')) body += piece
    const setCookie = headers['set-cookie'] ?? []
    for (const line of setCookie) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
    return { status: Number(headers[':status']), setCookie, headers, body }
  }
}

table(
  everyMode,
  (open, mode, driver) => {
    // express-session's `regenerate()` drops the data.
    const keeps = driver.keepsDataWithNewId(mode)

    it('promise 18: a whole visit over HTTP/2', async () => {
      const site = await open({
        routes: {
          '/in': write({ name: 'ann' }),
          '/stream': write({ name: 'bob' }, () => Readable.from(['a', 'b'])),
          '/fail': write({ name: 'cat' }, refuse(403, 'no')),
          '/renew': renew,
          '/out': logout,
          '/read': read('name'),
          '/ping': () => 'pong',
        },
      })
      const get = await overHttp2(site)
      expect(await get('/ping')).toMatchObject({ status: 200, setCookie: [] })
      expect(await get('/in')).toMatchObject({ status: 200, headers: { 'cache-control': 'private', vary: 'Cookie' } })
      expect((await get('/read')).body).toBe('ann')
      expect(await get('/stream')).toMatchObject({ status: 200, body: 'ab' })
      expect((await get('/read')).body).toBe('bob')
      expect(await get('/fail')).toMatchObject({ status: 403, body: 'no' })
      expect((await get('/read')).body).toBe('cat')
      await get('/renew')
      expect((await get('/read')).body).toBe(keeps ? 'cat' : 'nothing')
      expect((await get('/out')).setCookie.length).toBeGreaterThan(0)
      expect((await get('/read')).body).toBe('nothing')
    })

    it('promise 18: over HTTP/2 the cookie survives an error of a new visitor', async () => {
      const site = await open({ routes: { '/fail': write({ name: 'ann' }, refuse(403, 'no')), '/read': read('name') } })
      const get = await overHttp2(site)
      expect((await get('/fail')).setCookie.some(line => line.startsWith(`${site.cookieName}=`))).toBe(true)
      expect((await get('/read')).body).toBe('ann')
    })

    // Koa 2 by itself never answers HEAD over HTTP/2.
    if (driver.name === 'Koa 2') return
    it('promise 18: HEAD over HTTP/2', async () => {
      const site = await open({ routes: { '/in': write({ name: 'ann' }), '/read': read('name') } })
      const get = await overHttp2(site)
      expect(await get('/in', { ':method': 'HEAD' })).toMatchObject({ status: 200, body: '' })
      expect((await get('/read')).body).toBe('ann')
    })
  },
  () => true,
  [...koaDrivers, connectDriver, ...fastifyDrivers],
)
