import { afterEach, expect, it, vi } from 'vitest'
import { nativeCookie, nativeMemory, write } from '../promises/support.ts'
import { table } from '../promises/table.ts'

afterEach(() => vi.unstubAllEnvs())

/** What a proxy, or a client, may say of itself. */
const requests: Record<string, string>[] = [
  {},
  { host: 'localhost:3000' },
  { host: '127.0.0.1' },
  { host: '[::1]:80' },
  { host: 'app.localhost' },
  { host: 'example.com', 'x-forwarded-proto': 'http' },
  { host: 'localhost', 'x-forwarded-host': 'localhost', 'x-forwarded-proto': 'https' },
  { host: 'example.com', forwarded: 'proto=http;host=localhost' },
]

table([nativeCookie, nativeMemory], open => {
  it('H12: Secure and the name of the cookie never depend on the request', async () => {
    for (const proxy of [false, true]) {
      const site = await open({ routes: { '/in': write({ name: 'ann' }) }, proxy })
      const forms = new Set<string>()
      for (const headers of requests) {
        const { setCookie } = await site.visitor().get('/in', { headers })
        expect(setCookie).toHaveLength(1)
        forms.add(String(setCookie[0]).replace(/=[^;]*/, ''))
      }
      expect([...forms]).toEqual(['__Host-sid; Path=/; HttpOnly; Secure; SameSite=Lax'])
    }
  })

  it('H12: nor does the cookie of insecure, in development', async () => {
    vi.stubEnv('NODE_ENV', 'development')
    const site = await open({ routes: { '/in': write({ name: 'ann' }) }, native: { insecure: true } })
    for (const headers of requests) {
      const { setCookie } = await site.visitor().get('/in', { headers })
      expect(setCookie.map(line => line.replace(/=[^;]*/, ''))).toEqual(['sid; Path=/; HttpOnly; SameSite=Lax'])
    }
  })

  it('H12: a logout repeats the attributes, so that the browser takes it', async () => {
    const site = await open({ routes: { '/in': write({ name: 'ann' }), '/out': turn => turn.session.destroy().then(() => 'out') } })
    const visitor = site.visitor()
    await visitor.get('/in')
    const { setCookie } = await visitor.get('/out', { headers: { host: 'localhost' } })
    expect(setCookie).toEqual([expect.stringMatching(/^__Host-sid=; Path=\/; HttpOnly; Secure; SameSite=Lax; Expires=Thu, 01 Jan 1970/)])
  })
})
