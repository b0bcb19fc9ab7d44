import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nativeFormat } from '../../../src/backends/native-format.ts'
import { LegacyReaders, nativeLife, type ReaderOptions } from '../../../src/backends/readers.ts'
import { Keyring } from '../../../src/crypto/keyring.ts'
import { SealedCodec } from '../../../src/crypto/sealed.ts'
import { fixedKeys } from '../crypto/keys.ts'
import { clock, DAY, HOUR, policy, START, secret } from '../support.ts'

// The package that koa's and Express's cookies are signed with.
const require = createRequire(createRequire(import.meta.url).resolve('koa'))
const Keygrip = require('keygrip') as new (keys: string[]) => { sign(text: string): string }

const OLD = 'peer secret'
const options = (part: Partial<ReaderOptions> = {}): ReaderOptions => ({
  format: 'koa-session',
  cookieName: 'koa.sess',
  keys: [OLD],
  acceptUntil: START + 30 * DAY,
  ...part,
})

function site(list: ReaderOptions[] = [options()], cookieName = '__Host-sid', rejectIssuedBefore?: () => number | undefined) {
  const time = clock()
  const life = nativeLife(policy())
  const readers = new LegacyReaders(list, { cookieName, format: nativeFormat, life, rejectIssuedBefore, now: time.now })
  const codec = new SealedCodec(fixedKeys([secret(1)]), {
    scope: cookieName,
    longestLifeMs: 12 * HOUR,
    now: time.now,
    revokedOrigins: readers.revokedOrigins,
  })
  const open = (header: string | undefined) => {
    return readers.find(header)?.open({}) ?? null
  }
  const dataOf = (header: string) => {
    const decoded = open(header)
    const found = decoded && nativeFormat.decode(decoded.value, {})
    return found && !('absent' in found) ? found.take() : null
  }
  return { time, readers, codec, open, dataOf }
}

/** A cookie and its signature, as the peers write them. */
function peer(data: object, { name = 'koa.sess', key = OLD, value = Buffer.from(JSON.stringify(data)).toString('base64') } = {}): string {
  return `${name}=${value}; ${name}.sig=${new Keygrip([key]).sign(`${name}=${value}`)}`
}

/** Set-Cookie lines of an answer. */
function headers(lines: readonly string[]) {
  const answer = {
    lines: [...lines],
    get: () => answer.lines,
    set: (_name: string, value: string | readonly string[]) => {
      answer.lines = [value].flat()
    },
  }
  return answer
}

function endings(readers: LegacyReaders): string[] {
  const answer = headers([])
  readers.endAll(answer)
  return answer.lines
}

const session = { user: 'ann', _expire: START + DAY, _maxAge: DAY }

describe("readers of a peer's cookies (H5)", () => {
  it('take over what koa-session or cookie-session has signed, without the bookkeeping', () => {
    const { open, dataOf } = site([options(), options({ format: 'cookie-session', cookieName: 'session' })])
    expect(dataOf(`a=b; ${peer(session)}`)).toEqual({ user: 'ann' })
    expect(dataOf(peer({ user: 'ann', _expire: 1 }, { name: 'session' }))).toEqual({ user: 'ann', _expire: 1 })
    expect(open(peer(session))).toMatchObject({ stale: true, line: { bornAt: 0 } })
  })

  it("give no life that the peer had not given, and none beyond the site's own", () => {
    const { open, time } = site()
    expect(open(peer(session))?.expiresAt).toBe(START + HOUR / 2)
    expect(open(peer({ ...session, _expire: START + 1000 }))?.expiresAt).toBe(START + 1000)
    expect(open(peer({ ...session, _expire: 'never' }))).toBeNull()
    time.advance(DAY + 1)
    expect(open(peer(session))).toBeNull()
  })

  it('refuse a removed key, a revoked one, a broken signature, a missing one and two of one name', () => {
    expect(site([options({ keys: ['another'] })]).open(peer(session))).toBeNull()
    expect(site([options({ keys: ['another', { secret: OLD, revoked: true }] })]).open(peer(session))).toBeNull()
    const { open } = site()
    const [cookie, signature] = peer(session).split('; ') as [string, string]
    const other = peer({ user: 'eve' })
    for (const header of [
      cookie,
      signature,
      `${cookie}; ${other}`,
      `${peer(session)}; koa.sess.sig=x`,
      `${cookie}A; ${signature}`,
      `${peer(session)}A`,
      '',
      undefined,
    ])
      expect(open(header), header).toBeNull()
  })

  it('do not run while the written cookie is there, valid or not, nor a part of it', () => {
    const { dataOf } = site()
    for (const own of ['__Host-sid=', '__Host-sid=broken', '__Host-sid=Agx', '__Host-sid.1=x'])
      for (const header of [`${own}; ${peer(session)}`, `${peer(session)}; ${own}`]) expect(dataOf(header), own).toBeNull()
    expect(dataOf(`__host-sid=x; ${peer(session)}`)).toEqual({ user: 'ann' })
  })

  it('under the same name: syntax decides, and what is written as ours never reaches them', () => {
    const { dataOf, codec } = site([options()], 'koa.sess')
    const sealed = codec.encode('x', undefined, START + HOUR)
    expect(dataOf(peer(session))).toEqual({ user: 'ann' })
    expect(dataOf(`koa.sess=${sealed.slice(0, -1)}; ${peer(session)}`)).toBeNull()
    expect(dataOf(peer({}, { value: sealed }))).toBeNull()
    expect(dataOf(`${peer(session)}; koa.sess.1=x`)).toBeNull()
  })

  it('end with acceptUntil, and a site whose reader has ended still starts and still clears', () => {
    const { open, time } = site([options({ acceptUntil: new Date(START + HOUR / 4) })])
    expect(open(peer(session))).not.toBeNull()
    time.advance(HOUR / 4)
    expect(open(peer(session))).toBeNull()
    expect(endings(site([options({ acceptUntil: START - DAY })]).readers).length).toBe(2)
  })

  it('never try a second one: the first whose cookie is there decides', () => {
    const { dataOf } = site([options(), options({ cookieName: 'old.sess' })])
    expect(dataOf(`koa.sess=broken; ${peer(session, { name: 'old.sess' })}`)).toBeNull()
    expect(dataOf(peer(session, { name: 'old.sess' }))).toEqual({ user: 'ann' })
  })

  it('end their cookies at a logout, with Path and Domain, but for the one that is the site’s own', () => {
    const { readers } = site([options({ path: '/app', domain: 'example.org' })], 'koa.sess')
    const end = '; Path=/app; Domain=example.org; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0'
    // Another Path or Domain is another cookie.
    expect(endings(readers)).toEqual([`koa.sess=${end}`, `koa.sess.sig=${end}`])
    expect(endings(site([options()], 'koa.sess').readers).map(line => line.split(';')[0])).toEqual(['koa.sess.sig='])
    expect(endings(site([options({ cookieName: '__Host-old' })]).readers)[0]).toContain('__Host-old=; Path=/; Secure; ')
  })

  it('beside a cookie that is written end them where the browser has sent one, or a logout of the same answer has', () => {
    const { readers } = site([options(), options({ format: 'cookie-session', cookieName: 'session' })])
    const all = ['koa.sess=', 'koa.sess.sig=', 'session=', 'session.sig=']
    const names = (header: string | undefined, ...before: string[]) => {
      const answer = headers(before)
      readers.endSent(answer, header)
      return answer.lines.map(line => line.split(';')[0])
    }
    for (const header of [undefined, '', '__Host-sid=x', 'a=b; koa=1']) expect(names(header, 'a=b')).toEqual(['a=b'])
    for (const header of ['koa.sess=x', 'koa.sess.sig=x', 'a=b; session=']) expect(names(header, 'a=b'), header).toEqual([...all, 'a=b'])
    const out = headers([])
    readers.endAll(out)
    expect(names(undefined, ...out.lines.slice(1))).toEqual(all)
    // Its own cookie under the peer's name says nothing, its signature does.
    const alike = site([options()], 'koa.sess').readers
    const answer = headers([])
    alike.endSent(answer, 'koa.sess=x')
    expect(answer.lines).toEqual([])
    alike.endSent(answer, 'koa.sess=x; koa.sess.sig=y')
    expect(answer.lines.map(line => line.split(';')[0])).toEqual(['koa.sess.sig='])
  })

  it('rejectIssuedBefore ends what began nobody knows when, at once', () => {
    let limit: number | undefined
    const { open } = site([options()], undefined, () => limit)
    expect(open(peer(session))).not.toBeNull()
    for (limit of [1, START, Number.NaN]) expect(open(peer(session))).toBeNull()
  })

  it('a secret that is listed twice is revoked if one entry says so, be it that of another reader', () => {
    const revoked = { secret: OLD, revoked: true }
    expect(site([options({ keys: [OLD, revoked] })]).open(peer(session))).toBeNull()
    expect(site([options(), options({ cookieName: 'other', keys: [revoked] })]).open(peer(session))).toBeNull()
  })

  it("what was taken over ends when the peer's key is revoked (H6)", () => {
    const before = site()
    const decoded = before.open(peer(session))
    const sealed = before.codec.encode(decoded?.value as string, decoded?.line, decoded?.expiresAt as number)
    expect(before.codec.decode(sealed)?.line).toEqual(decoded?.line)
    expect(site([options({ keys: [{ secret: OLD, revoked: true }] })]).codec.decode(sealed)).toBeNull()
  })

  it('share no key with the writer', () => {
    const { readers } = site([options({ keys: ['short', secret(3)] })])
    expect(() => readers.accept(new Keyring([secret(1), secret(2)]))).not.toThrow()
    for (const key of [secret(3), { secret: secret(3), revoked: true }])
      expect(() => readers.accept(new Keyring([secret(1), key]))).toThrow(expect.objectContaining({ code: 'HOLDFAST_KEYS' }))
  })

  it.each<[string, object]>([
    ['format', { format: 'express-session' }],
    ['format', { format: undefined }],
    ['cookieName', { cookieName: 'a b' }],
    ['keys', { keys: [] }],
    ['keys', { keys: [''] }],
    ['keys', { keys: [undefined] }],
    ['acceptUntil', { acceptUntil: START + 401 * DAY }],
    ['acceptUntil', { acceptUntil: 'soon' }],
    ['acceptUntil', { acceptUntil: undefined }],
    ['path', { path: '/; Domain=x' }],
    ['domain', { domain: 'a\r\nb' }],
    ['domain', { domain: 1 }],
    ['"key"', { key: OLD }],
  ])('a wrong %s is a TypeError: %j', (name, part) => {
    expect(() => site([{ ...options(), ...part } as ReaderOptions])).toThrow(TypeError)
    expect(() => site([{ ...options(), ...part } as ReaderOptions])).toThrow(name)
  })

  it('each reader has a cookie of its own, and they are a list of objects', () => {
    expect(() => site([options(), options()])).toThrow(/cookieName of its own/)
    expect(() => site(options() as never)).toThrow(/readers must be a list/)
    for (const none of [null, undefined, 'koa.sess']) expect(() => site([none as never])).toThrow(/readers\[0\] must be/)
  })

  it('never throw on what a client sends, nor on what an old key has signed', () => {
    const { open } = site()
    fc.assert(fc.property(fc.string(), fc.string(), (value, signature) => open(`koa.sess=${value}; koa.sess.sig=${signature}`) === null))
    for (const json of ['[]', '1', 'null', '{"__proto__":{"a":1}}', '{', '"x"']) {
      const value = Buffer.from(json).toString('base64')
      expect(() => open(peer({}, { value }))).not.toThrow()
    }
    expect(({} as { a?: number }).a).toBeUndefined()
    const deep = Buffer.from(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`).toString('base64')
    expect(() => open(peer({}, { value: deep }))).not.toThrow()
  })
})
