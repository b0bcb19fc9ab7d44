import { describe, expect, it } from 'vitest'
import { type CookieOptions, CookieTransport } from '../../../src/cookie/transport.ts'
import { DAY } from '../support.ts'

/** Headers of a response, as Node keeps them. */
function response(initial?: string | string[] | number) {
  let lines: string | number | readonly string[] | undefined = initial
  return {
    get: (name: string) => (name === 'Set-Cookie' ? lines : undefined),
    set(name: string, value: string | readonly string[]) {
      expect(name).toBe('Set-Cookie')
      lines = value
    },
    lines: () => lines,
  }
}

/** The lines after one write. */
function written(options: CookieOptions | undefined, token = 'token', expiresAt?: number): unknown {
  const headers = response()
  new CookieTransport(options).write(headers, token, expiresAt)
  return headers.lines()
}

describe('CookieTransport', () => {
  it.each<[CookieOptions | undefined, string]>([
    [undefined, '__Host-sid=token; Path=/; HttpOnly; Secure; SameSite=Lax'],
    [{ path: '/app' }, '__Secure-sid=token; Path=/app; HttpOnly; Secure; SameSite=Lax'],
    [{ domain: 'example.org' }, '__Secure-sid=token; Domain=example.org; Path=/; HttpOnly; Secure; SameSite=Lax'],
    [{ secure: true }, '__Host-sid=token; Path=/; HttpOnly; Secure; SameSite=Lax'],
    [{ name: 'my.sid', httpOnly: false, sameSite: 'strict' }, 'my.sid=token; Path=/; Secure; SameSite=Strict'],
    [
      { sameSite: 'none', partitioned: true, priority: 'high' },
      '__Host-sid=token; Path=/; HttpOnly; Secure; Partitioned; Priority=High; SameSite=None',
    ],
  ])('%j writes %s', (options, line) => {
    expect(written(options)).toEqual([line])
  })

  it('without Secure, for plain http in development, has no prefix and may not need Secure', () => {
    const headers = response()
    const transport = new CookieTransport({}, true)
    transport.write(headers, 'token')
    expect(headers.lines()).toEqual(['sid=token; Path=/; HttpOnly; SameSite=Lax'])
    expect(transport.written).toMatchObject({ name: 'sid', secure: false })
    for (const options of [{ sameSite: 'none' }, { partitioned: true }, { name: '__Secure-sid' }] as const) {
      expect(() => new CookieTransport(options, true)).toThrow(/cookie\.(sameSite|partitioned|name): /)
    }
  })

  it('says when the browser may forget it, at most 400 days ahead', () => {
    const soon = Math.floor(Date.now() / 1000) * 1000 + DAY
    expect(written(undefined, 't', soon)).toEqual([
      `__Host-sid=t; Path=/; HttpOnly; Secure; SameSite=Lax; Expires=${new Date(soon).toUTCString()}`,
    ])
    for (const late of [Date.now() + 4000 * DAY, Number.POSITIVE_INFINITY, 8.64e15 + 1]) {
      const expires = String(written(undefined, 't', late)).split('Expires=')[1] as string
      expect(Math.abs(Date.parse(expires) - Date.now() - 400 * DAY)).toBeLessThan(DAY)
    }
  })

  it.each<[CookieOptions, string]>([
    [{}, '__Host-sid=; Path=/; HttpOnly; Secure; SameSite=Lax; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0'],
    [
      { domain: 'example.org', path: '/app' },
      '__Secure-sid=; Domain=example.org; Path=/app; HttpOnly; Secure; SameSite=Lax; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0',
    ],
  ])('clearing repeats the attributes: %j', (options, line) => {
    const headers = response()
    new CookieTransport(options).clear(headers)
    expect(headers.lines()).toEqual([line])
  })

  it('replaces its own earlier line and leaves all others', () => {
    const transport = new CookieTransport({ name: 'sid' })
    const headers = response(['sid.sig=1', 'sid=old; Path=/', 'other=2', 'sid=older', 'Sid=3'])
    transport.write(headers, 'new')
    transport.clear(headers)
    transport.write(headers, 'newest')
    expect(headers.lines()).toEqual(['sid.sig=1', 'other=2', 'Sid=3', 'sid=newest; Path=/; HttpOnly; Secure; SameSite=Lax'])
  })

  it('takes over a single line', () => {
    const headers = response('other=1')
    new CookieTransport({ name: 'sid' }).write(headers, 'a')
    expect(headers.lines()).toEqual(['other=1', 'sid=a; Path=/; HttpOnly; Secure; SameSite=Lax'])
  })

  it('reads the cookie of its name, up to four if there are several, and says what answers depend on', () => {
    const transport = new CookieTransport()
    const read = (cookie: string | undefined) => transport.read(name => (name === 'cookie' ? cookie : undefined))
    expect([read(undefined), read('a=1'), read('a=1; __Host-sid=x'), read('__host-sid=x'), read('__Host-sid=')]).toEqual([
      undefined,
      undefined,
      'x',
      undefined,
      '',
    ])
    expect(read('__Host-sid=x; a=1; __Host-sid=y')).toEqual(['x', 'y'])
    expect(read('12345'.replace(/./g, '__Host-sid=$&; '))).toEqual(['1', '2', '3', '4'])
    expect([transport.vary, transport.cookieName]).toEqual(['Cookie', '__Host-sid'])
  })

  it.each<[object, RegExp]>([
    [{ name: '__Host-sid', path: '/app' }, /cookie\.name: /],
    [{ secure: false }, /cookie\.secure is always true/],
    [{ name: 'a b' }, /name/],
    [{ name: '' }, /name/],
    [{ path: '/;' }, /path/],
    [{ domain: 'a b' }, /domain/],
    [{ sameSite: 'loose' }, /sameSite/],
    [{ priority: 'urgent' }, /priority/],
  ])('%j is refused at construction', (options, message) => {
    expect(() => new CookieTransport(options)).toThrow(TypeError)
    expect(() => new CookieTransport(options)).toThrow(message)
  })
})
