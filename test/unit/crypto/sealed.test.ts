import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Key, type KeyInput, Keyring, keyringOf } from '../../../src/crypto/keyring.ts'
import { SealedCodec } from '../../../src/crypto/sealed.ts'
import { clock, DAY, HOUR, MINUTE, secret } from '../support.ts'
import { anyText } from '../text.ts'
import { bitFlips } from './flips.ts'

const HEADER = 29
const TAG = 16

function sealed({
  keys = [secret(1)],
  scope = 'sid',
  life = 12 * HOUR,
  time = clock(),
}: {
  keys?: KeyInput[]
  scope?: string
  life?: number
  time?: ReturnType<typeof clock>
} = {}) {
  return new SealedCodec(keyringOf(keys, ''), { scope, longestLifeMs: life, now: time.now })
}

/** A ring that counts how often a key is derived. */
function counting(): { ring: () => Keyring; count: () => number } {
  let count = 0
  const ring = new Keyring([secret(1)])
  const derive = Key.prototype.derive
  Object.assign(ring.newest, {
    derive(this: Key, info: string) {
      count++
      return derive.call(this, info)
    },
  })
  return { ring: () => ring, count: () => count }
}

describe('SealedCodec', () => {
  it('gives back any text', () => {
    const codec = sealed()
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), text => {
        expect(codec.decode(codec.encode(text, undefined))).toMatchObject({ value: text, stale: false })
      }),
    )
  })

  it('shows nothing of the text, and writes it differently each time', () => {
    const codec = sealed()
    const tokens = [1, 2, 3].map(() => codec.encode('{"user":"alice"}', undefined))
    expect(new Set(tokens).size).toBe(3)
    expect(tokens.map(token => Buffer.from(token, 'base64url').length)).toEqual(Array(3).fill(HEADER + 16 + TAG))
    expect(tokens.some(token => Buffer.from(token, 'base64url').includes('alice'))).toBe(false)
  })

  it('refuses a cookie of 300 octets with one bit flipped, each of them, also below the text', () => {
    const codec = sealed()
    const token = codec.encode('x'.repeat(225 - HEADER - TAG), undefined)
    expect(token.length).toBe(300)
    expect(bitFlips(token).filter(forged => codec.decode(forged) !== null)).toEqual([])
    const octets = Buffer.from(token, 'base64url')
    for (let bit = 0; bit < octets.length * 8; bit++) {
      const forged = Buffer.from(octets)
      forged[bit >> 3] = (forged[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(codec.decode(forged.toString('base64url'))).toBeNull()
    }
    expect(codec.decode(token)).not.toBeNull()
  })

  it('refuses each cut one', () => {
    const codec = sealed()
    const token = codec.encode('x'.repeat(180), undefined)
    for (let length = 0; length < token.length; length++) {
      expect(codec.decode(token.slice(0, length))).toBeNull()
      expect(codec.decode(token.slice(length + 1))).toBeNull()
    }
  })

  it('has one spelling: spare bits, padding and the other alphabet are refused', () => {
    const codec = sealed()
    // 46 octets: the last character has four spare bits.
    const token = codec.encode('x', undefined)
    const octets = Buffer.from(token, 'base64url')
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const spelt = [...alphabet]
      .map(char => token.slice(0, -1) + char)
      .filter(other => other !== token && Buffer.from(other, 'base64url').equals(octets))
    expect(spelt.length).toBe(15)
    for (const other of [...spelt, `${token}==`, ` ${token}`, `${token}\n`, octets.toString('base64')])
      expect(codec.decode(other)).toBeNull()
  })

  it('binds the scope', () => {
    expect(sealed({ scope: 'admin.sid' }).decode(sealed().encode('x', undefined))).toBeNull()
  })

  it('reads under all keys, re-issues with the origin, and ends with its key (H6)', () => {
    const forged = sealed().encode('x', undefined)
    const rotated = sealed({ keys: [secret(2), secret(1)] })
    const decoded = rotated.decode(forged)
    expect(decoded).toEqual({ value: 'x', stale: true, origin: new Key(secret(1)).id })
    const reissued = rotated.encode('x', decoded?.origin)
    expect(rotated.decode(reissued)).toEqual({ value: 'x', stale: false, origin: new Key(secret(1)).id })
    expect(sealed({ keys: [secret(2)] }).decode(forged)).toBeNull()
    expect(sealed({ keys: [secret(2)] }).decode(reissued)?.value).toBe('x')
    const revoked = sealed({ keys: [secret(2), { secret: secret(1), revoked: true }] })
    expect([forged, reissued].map(token => revoked.decode(token))).toEqual([null, null])
  })

  it('refuses another version, also of its own making', () => {
    const octets = Buffer.from(sealed().encode('x', undefined), 'base64url')
    for (let version = 0; version < 256; version++) {
      octets[0] = version
      expect(sealed().decode(octets.toString('base64url')) !== null).toBe(version === 1)
    }
  })

  it('refuses an hour of issue outside its window before any key is derived (H15)', () => {
    const { ring, count } = counting()
    const time = clock()
    const codec = new SealedCodec(ring, { scope: 'sid', longestLifeMs: 12 * HOUR, now: time.now })
    const token = codec.encode('x', undefined)
    const derived = count()
    expect(derived).toBe(1)
    const at = (hours: number) => {
      const octets = Buffer.from(token, 'base64url')
      octets.writeUInt32BE(octets.readUInt32BE(13) + hours, 13)
      return octets.toString('base64url')
    }
    for (const hours of [-1000, -15, 2, 1000]) expect(codec.decode(at(hours))).toBeNull()
    expect(count()).toBe(derived)
    // Within the window a key is derived, the forgery found, and nothing is kept for it.
    for (let i = 0; i < 3; i++) expect(codec.decode(at(-3))).toBeNull()
    expect(count()).toBe(derived + 3)
  })

  it('ends with the longest life, and not before', () => {
    const time = clock()
    const codec = sealed({ time })
    time.advance(59 * MINUTE)
    const token = codec.encode('x', undefined)
    time.advance(12 * HOUR)
    expect(codec.decode(token)).not.toBeNull()
    time.advance(2 * HOUR)
    expect(codec.decode(token)).toBeNull()
  })

  it('is read by a server whose clock is behind by less than an hour, not by one an hour and more behind', () => {
    const [ahead, behind] = [clock(), clock()]
    ahead.advance(59 * MINUTE)
    expect(sealed({ time: behind }).decode(sealed({ time: ahead }).encode('x', undefined))).not.toBeNull()
    ahead.advance(2 * HOUR)
    expect(sealed({ time: behind }).decode(sealed({ time: ahead }).encode('x', undefined))).toBeNull()
  })

  it('derives once an hour, and keeps at most a thousand keys', () => {
    const { ring, count } = counting()
    const time = clock()
    const codec = new SealedCodec(ring, { scope: 'sid', longestLifeMs: 400 * DAY, now: time.now })
    const first = codec.encode('x', undefined)
    for (let i = 0; i < 10; i++) codec.decode(codec.encode('x', undefined))
    expect(count()).toBe(1)
    for (let i = 0; i < 999; i++) {
      time.advance(HOUR)
      codec.encode('x', undefined)
    }
    expect(count()).toBe(1000)
    codec.decode(first)
    expect(count()).toBe(1000)
    time.advance(HOUR)
    codec.encode('x', undefined)
    codec.decode(first)
    expect(count()).toBe(1002)
  })

  it('never throws on what a client sends, and opens nothing above five cookies', () => {
    const codec = sealed()
    fc.assert(fc.property(fc.oneof(anyText, fc.base64String()), token => codec.decode(token) === null))
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: HEADER + TAG, maxLength: 100 }),
        octets => codec.decode(Buffer.from([1, ...octets]).toString('base64url')) === null,
      ),
    )
    const token = codec.encode('x'.repeat(15_360 - HEADER - TAG), undefined)
    expect(token.length).toBe(5 * 4096)
    expect(codec.decode(token)).not.toBeNull()
    expect(codec.decode(codec.encode('x'.repeat(15_361 - HEADER - TAG), undefined))).toBeNull()
  })
})
