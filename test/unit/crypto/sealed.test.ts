import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Key, type KeyInput, Keyring, type KeySource } from '../../../src/crypto/keyring.ts'
import { SealedCodec, type SealedOptions } from '../../../src/crypto/sealed.ts'
import { clock, DAY, HOUR, MINUTE, SECOND, START, secret } from '../support.ts'
import { anyText } from '../text.ts'
import { bitFlips } from './flips.ts'
import { fixedKeys } from './keys.ts'

const HEADER = 33
const FRAME = 9
const TAG = 16
const OVERHEAD = HEADER + FRAME + TAG
/** No end in sight. */
const LATER = START + 400 * DAY

function sealed({
  keys = [secret(1)],
  scope = 'sid',
  life = 12 * HOUR,
  time = clock(),
  ...others
}: {
  keys?: KeyInput[]
  scope?: string
  life?: number
  time?: ReturnType<typeof clock>
} & Partial<SealedOptions> = {}) {
  return new SealedCodec(fixedKeys(keys), { scope, longestLifeMs: life, now: time.now, ...others })
}

/** A ring that counts how often a key is derived. */
function counting(): { keys: KeySource; count: () => number } {
  let count = 0
  const ring = new Keyring([secret(1)])
  const derive = Key.prototype.derive
  Object.assign(ring.newest, {
    derive(this: Key, info: string) {
      count++
      return derive.call(this, info)
    },
  })
  return { keys: { ready: true, prepare: () => undefined, ring: () => ring, close: () => undefined }, count: () => count }
}

describe('SealedCodec', () => {
  it('gives back any text', () => {
    const codec = sealed()
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), text => {
        expect(codec.decode(codec.encode(text, undefined, LATER))).toMatchObject({ value: text, stale: false })
      }),
    )
  })

  it('shows nothing of the text, and writes it differently each time', () => {
    const codec = sealed()
    const tokens = [1, 2, 3].map(() => codec.encode('{"user":"alice"}', undefined, LATER))
    expect(new Set(tokens).size).toBe(3)
    expect(tokens.map(token => Buffer.from(token, 'base64url').length)).toEqual(Array(3).fill(OVERHEAD + 16))
    expect(tokens.some(token => Buffer.from(token, 'base64url').includes('alice'))).toBe(false)
  })

  it('refuses a cookie of 300 octets with one bit flipped, each of them, also below the text', () => {
    const codec = sealed()
    const token = codec.encode('x'.repeat(225 - OVERHEAD), undefined, LATER)
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
    const token = codec.encode('x'.repeat(225 - OVERHEAD), undefined, LATER)
    for (let length = 0; length < token.length; length++) {
      expect(codec.decode(token.slice(0, length))).toBeNull()
      expect(codec.decode(token.slice(length + 1))).toBeNull()
    }
  })

  it('has one spelling: spare bits, padding and the other alphabet are refused', () => {
    const codec = sealed()
    // 61 octets: the last character has four spare bits.
    const token = codec.encode('xxx', undefined, LATER)
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
    expect(sealed({ scope: 'admin.sid' }).decode(sealed().encode('x', undefined, LATER))).toBeNull()
  })

  it('reads under all keys, re-issues with the origin, and ends with its key (H6)', () => {
    const forged = sealed().encode('x', undefined, LATER)
    const rotated = sealed({ keys: [secret(2), secret(1)] })
    const decoded = rotated.decode(forged)
    expect(decoded).toEqual({ value: 'x', stale: true, line: { origin: new Key(secret(1)).id, bornAt: START }, expiresAt: LATER })
    const reissued = rotated.encode('x', decoded?.line, LATER)
    expect(rotated.decode(reissued)).toEqual({
      value: 'x',
      stale: false,
      line: { origin: new Key(secret(1)).id, bornAt: START },
      expiresAt: LATER,
    })
    expect(sealed({ keys: [secret(2)] }).decode(forged)).toBeNull()
    expect(sealed({ keys: [secret(2)] }).decode(reissued)?.value).toBe('x')
    const revoked = sealed({ keys: [secret(2), { secret: secret(1), revoked: true }] })
    expect([forged, reissued].map(token => revoked.decode(token))).toEqual([null, null])
  })

  it('refuses another version, also of its own making', () => {
    const octets = Buffer.from(sealed().encode('x', undefined, LATER), 'base64url')
    for (let version = 0; version < 256; version++) {
      octets[0] = version
      expect(sealed().decode(octets.toString('base64url')) !== null).toBe(version === 2)
    }
  })

  it('refuses an hour of issue outside its window before any key is derived (H15)', () => {
    const { keys, count } = counting()
    const time = clock()
    const codec = new SealedCodec(keys, { scope: 'sid', longestLifeMs: 12 * HOUR, now: time.now })
    const token = codec.encode('x', undefined, LATER)
    const derived = count()
    expect(derived).toBe(1)
    const at = (hours: number) => {
      const octets = Buffer.from(token, 'base64url')
      octets.writeUInt32BE(octets.readUInt32BE(17) + hours, 17)
      return octets.toString('base64url')
    }
    for (const hours of [-1000, -14, 1, 1000]) expect(codec.decode(at(hours))).toBeNull()
    expect(count()).toBe(derived)
    // Within the window a key is derived, the forgery found, and nothing is kept for it.
    for (let i = 0; i < 3; i++) expect(codec.decode(at(-3))).toBeNull()
    expect(count()).toBe(derived + 3)
  })

  it('ends with the longest life, and not before', () => {
    const time = clock()
    const codec = sealed({ time })
    time.advance(59 * MINUTE)
    const token = codec.encode('x', undefined, LATER)
    time.advance(12 * HOUR)
    expect(codec.decode(token)).not.toBeNull()
    time.advance(61 * MINUTE)
    expect(codec.decode(token)).toBeNull()
  })

  it('is read by a server whose clock is behind by a minute, not by one that is further behind (H6)', () => {
    const [ahead, behind] = [clock(), clock()]
    ahead.advance(MINUTE)
    expect(sealed({ time: behind }).decode(sealed({ time: ahead }).encode('x', undefined, LATER))).not.toBeNull()
    ahead.advance(SECOND)
    expect(sealed({ time: behind }).decode(sealed({ time: ahead }).encode('x', undefined, LATER))).toBeNull()
  })

  it('derives once an hour, and keeps at most a thousand keys', () => {
    const { keys, count } = counting()
    const time = clock()
    const codec = new SealedCodec(keys, { scope: 'sid', longestLifeMs: 400 * DAY, now: time.now })
    const first = codec.encode('x', undefined, LATER)
    for (let i = 0; i < 10; i++) codec.decode(codec.encode('x', undefined, LATER))
    expect(count()).toBe(1)
    for (let i = 0; i < 999; i++) {
      time.advance(HOUR)
      codec.encode('x', undefined, LATER)
    }
    expect(count()).toBe(1000)
    codec.decode(first)
    expect(count()).toBe(1000)
    time.advance(HOUR)
    codec.encode('x', undefined, LATER)
    codec.decode(first)
    expect(count()).toBe(1002)
  })

  it('never throws on what a client sends, and opens nothing above five cookies', () => {
    const codec = sealed()
    fc.assert(fc.property(fc.oneof(anyText, fc.base64String()), token => codec.decode(token) === null))
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: OVERHEAD - 1, maxLength: 120 }),
        octets => codec.decode(Buffer.from([2, ...octets]).toString('base64url')) === null,
      ),
    )
    const token = codec.encode('x'.repeat(15_360 - OVERHEAD), undefined, LATER)
    expect(token.length).toBe(5 * 4096)
    expect(codec.decode(token)).not.toBeNull()
    expect(codec.decode(codec.encode('x'.repeat(15_361 - OVERHEAD), undefined, LATER))).toBeNull()
  })

  it('carries the beginning of its line through each re-issue, and no rotation makes it younger (H6)', () => {
    const time = clock()
    const all = [1, 2, 3].map(secret)
    let codec = sealed({ keys: [all[0] as string], time, life: 400 * DAY })
    let token = codec.encode('x', undefined, LATER)
    for (let n = 1; n <= 3; n++) {
      time.advance(DAY)
      codec = sealed({ keys: all.slice(0, n).reverse(), time, life: 400 * DAY })
      const decoded = codec.decode(token)
      expect(decoded?.line).toEqual({ origin: new Key(secret(1)).id, bornAt: START })
      token = codec.encode('x', decoded?.line, LATER)
    }
  })

  it('rejectIssuedBefore refuses what began earlier, also re-issued, and takes what began later', () => {
    const time = clock()
    let limit: number | undefined
    const codec = sealed({ time, rejectIssuedBefore: () => limit })
    const old = codec.encode('x', undefined, LATER)
    time.advance(HOUR)
    const reissued = codec.encode('x', codec.decode(old)?.line, LATER)
    limit = time.now()
    expect([old, reissued].map(token => codec.decode(token))).toEqual([null, null])
    expect(codec.decode(codec.encode('x', undefined, LATER))).not.toBeNull()
    // What began nobody knows when began before any time, and before none.
    const unknown = codec.encode('x', { origin: new Key(secret(1)).id, bornAt: 0 }, LATER)
    expect(codec.decode(unknown)).toBeNull()
    limit = undefined
    expect(codec.decode(unknown)?.line.bornAt).toBe(0)
  })

  it('refuses what was issued in the future, although its line began long ago (H6)', () => {
    const [ahead, here] = [clock(), clock()]
    const line = { origin: new Key(secret(1)).id, bornAt: START }
    ahead.advance(MINUTE)
    expect(sealed({ time: here }).decode(sealed({ time: ahead }).encode('x', line, LATER))).not.toBeNull()
    ahead.advance(SECOND)
    expect(sealed({ time: here }).decode(sealed({ time: ahead }).encode('x', line, LATER))).toBeNull()
  })

  it('refuses a line from the future, before any key is derived', () => {
    const { keys, count } = counting()
    const codec = new SealedCodec(keys, { scope: 'sid', longestLifeMs: HOUR, now: clock().now })
    const born = (bornAt: number) => codec.encode('x', { origin: keys.ring().newest.id, bornAt }, LATER)
    expect(codec.decode(born(START + MINUTE))).not.toBeNull()
    const late = born(START + MINUTE + SECOND)
    const before = count()
    expect(codec.decode(late)).toBeNull()
    expect(count()).toBe(before)
  })

  it('refuses what came from a revoked key of a peer, under whichever key it is now', () => {
    const line = { origin: new Key(secret(9)).id, bornAt: 0 }
    const token = sealed().encode('x', line, LATER)
    expect(sealed().decode(token)?.line).toEqual(line)
    expect(sealed({ revokedOrigins: new Set([line.origin]) }).decode(token)).toBeNull()
  })

  it('binds the purpose', () => {
    expect(sealed({ purpose: 'login-ticket' }).decode(sealed().encode('x', undefined, LATER))).toBeNull()
    // No purpose and scope run into each other.
    expect(() => sealed({ purpose: 'a\0b' })).toThrow(/purpose/)
  })

  it('pads to buckets: within one, no length tells another', () => {
    for (const padTo of [1, 64, 256, 1024]) {
      const codec = sealed({ padTo })
      const lengths = new Set<number>()
      for (let n = 0; n <= 512 - FRAME; n += 7) {
        const text = '\0'.repeat(n % 3) + 'x'.repeat(n - (n % 3)) + '\0'.repeat(n % 2)
        const token = codec.encode(text, undefined, LATER)
        expect(codec.decode(token)?.value).toBe(text)
        lengths.add(Buffer.from(token, 'base64url').length - HEADER - TAG)
      }
      expect([...lengths].every(length => length % padTo === 0)).toBe(true)
      if (padTo > 1) expect(lengths.size).toBe(Math.ceil(512 / padTo))
    }
    for (const padTo of [0, -1, 1.5, Number.NaN, 1025]) expect(() => sealed({ padTo })).toThrow(/padTo/)
  })

  it('opens what was padded otherwise: the option can change without a logout', () => {
    expect(sealed().decode(sealed({ padTo: 256 }).encode('x', undefined, LATER))?.value).toBe('x')
  })

  it('an end that is none, or no number, is written as the last time there is, or as over', () => {
    const ends = (at: number) => sealed().decode(sealed().encode('x', undefined, at))?.expiresAt
    expect(ends(Number.POSITIVE_INFINITY)).toBe(0xffff_ffff * 1000)
    expect(ends(Number.NaN)).toBe(0)
    expect(ends(START + 1)).toBe(START + 1000)
  })

  it('a key object of a new ring is not served from the cache of the old one', () => {
    let keys = fixedKeys([secret(1)])
    const source: KeySource = { ready: true, prepare: () => undefined, ring: () => keys.ring(), close: () => undefined }
    const codec = new SealedCodec(source, { scope: 'sid', longestLifeMs: HOUR, now: clock().now })
    const token = codec.encode('x', undefined, LATER)
    keys = fixedKeys([secret(1)])
    expect(codec.decode(token)?.value).toBe('x')
    keys = fixedKeys([secret(2)])
    expect(codec.decode(token)).toBeNull()
  })
})
