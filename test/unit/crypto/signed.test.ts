import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KeyInput } from '../../../src/crypto/keyring.ts'
import { newId } from '../../../src/crypto/session-id.ts'
import { SignedCodec } from '../../../src/crypto/signed.ts'
import { clock, HOUR, MINUTE, START, secret } from '../support.ts'
import { anyText } from '../text.ts'
import { bitFlips } from './flips.ts'
import { fixedKeys } from './keys.ts'

const codec = (keys: KeyInput[] = [secret(1)], scope = 'sid') => new SignedCodec(fixedKeys(keys), { scope, now: clock().now })
const value = newId()

describe('SignedCodec', () => {
  it('gives back any value of one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 200 }), text => {
        const decoded = codec().decode(codec().encode(text, undefined))
        expect(decoded?.value ?? null).toBe(/[\n\r]/.test(text) ? null : text)
      }),
    )
  })

  it('refuses each token with one bit flipped, and each cut one', () => {
    const reader = codec()
    const token = reader.encode(value, undefined)
    expect(reader.decode(token)?.value).toBe(value)
    expect(bitFlips(token).filter(forged => reader.decode(forged) !== null)).toEqual([])
    for (let length = 0; length < token.length; length++) {
      expect(reader.decode(token.slice(0, length))).toBeNull()
      expect(reader.decode(token.slice(length + 1))).toBeNull()
    }
  })

  it('refuses a signature that is not written in its one way', () => {
    const token = codec().encode(value, undefined)
    const last = token.at(-1) as string
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const same = [...alphabet].filter(char => char !== last).map(char => token.slice(0, -1) + char)
    expect(same.filter(forged => codec().decode(forged))).toEqual([])
    for (const suffix of ['=', '\n', ' ', '.', 'A']) expect(codec().decode(token + suffix)).toBeNull()
  })

  it('binds the scope', () => {
    const token = codec().encode(value, undefined)
    expect(codec(undefined, 'admin.sid').decode(token)).toBeNull()
  })

  it('binds value, key and origin to each other', () => {
    const both = [secret(1), secret(2)]
    const [v, id, , born, mac] = codec(both).encode('value', undefined).split('.') as [string, string, string, string, string]
    const other = codec([secret(2)])
      .encode('value', undefined)
      .split('.')[1] as string
    const writer = codec(both)
    for (const forged of [
      [v, other, id, born, mac],
      [v, id, other, born, mac],
      [v, id, id, String(Number(born) + 1), mac],
      [v, id, id, `0${born}`, mac],
      ['valuf', id, id, born, mac],
      [`${v}.${id}`, id, id, born, mac],
    ])
      expect(writer.decode(forged.join('.'))).toBeNull()
  })

  it('reads under all keys, and says which token is to be issued again', () => {
    const old = codec([secret(1)]).encode(value, undefined)
    const decoded = codec([secret(2), secret(1)]).decode(old)
    expect(decoded).toMatchObject({ value, stale: true })
    const reissued = codec([secret(2), secret(1)]).encode(value, decoded?.line)
    expect(codec([secret(2), secret(1)]).decode(reissued)).toEqual({ value, stale: false, line: decoded?.line })
  })

  it('a removed key ends what it signed; a revoked one also what was re-issued (H6)', () => {
    const forged = codec([secret(1)]).encode(value, undefined)
    const rotated = codec([secret(2), secret(1)])
    const reissued = rotated.encode(value, rotated.decode(forged)?.line)
    const again = codec([secret(3), secret(2)]).encode(value, codec([secret(3), secret(2)]).decode(reissued)?.line)
    expect(codec([secret(2)]).decode(forged)).toBeNull()
    expect(codec([secret(2)]).decode(reissued)?.value).toBe(value)
    const revoked = codec([secret(3), secret(2), { secret: secret(1), revoked: true }])
    expect([forged, reissued, again].map(token => revoked.decode(token))).toEqual([null, null, null])
  })

  it('asks for the keys when it needs them', () => {
    let keys: KeyInput[] = [secret(1)]
    const live = new SignedCodec(
      fixedKeys(() => keys, 'none'),
      { scope: 'sid', now: clock().now },
    )
    const token = live.encode(value, undefined)
    keys = [secret(2)]
    expect(live.decode(token)).toBeNull()
    keys = []
    expect(() => live.decode(token)).toThrow('none')
    expect(live.decode('no token at all')).toBeNull()
  })

  it('takes nothing above 4096 characters', () => {
    const long = codec().encode('x'.repeat(4096 - 73), undefined)
    expect(long.length).toBe(4096)
    expect(codec().decode(long)).not.toBeNull()
    expect(codec().decode(codec().encode('x'.repeat(4097 - 73), undefined))).toBeNull()
  })

  it('never throws on what a client sends', () => {
    const reader = codec()
    const pieces = fc
      .array(fc.constantFrom('.', 'a', 'AAAAAAAA', 'A'.repeat(43), '\0', 'é', '=', ' '), { maxLength: 12 })
      .map(list => list.join(''))
    fc.assert(fc.property(fc.oneof(anyText, pieces), token => reader.decode(token) === null))
  })

  it('rejectIssuedBefore refuses what began earlier, also re-issued; the future is refused only beside it (H6, H11)', () => {
    const time = clock()
    let limit: number | undefined
    const site = new SignedCodec(fixedKeys([secret(1)]), { scope: 'sid', now: time.now, rejectIssuedBefore: () => limit })
    const old = site.encode(value, undefined)
    time.advance(HOUR)
    const reissued = site.encode(value, site.decode(old)?.line)
    limit = START + HOUR
    expect([old, reissued].map(token => site.decode(token))).toEqual([null, null])
    expect(site.decode(site.encode(value, undefined))).not.toBeNull()
    const ahead = (ms: number) =>
      site.encode(value, { origin: site.decode(site.encode(value, undefined))?.line.origin as string, bornAt: time.now() + ms })
    expect(site.decode(ahead(MINUTE))).not.toBeNull()
    expect(site.decode(ahead(MINUTE + 1000))).toBeNull()
    limit = undefined
    expect(site.decode(ahead(24 * HOUR))).not.toBeNull()
    // A limit that is no time refuses all: nothing lives on by mistake.
    limit = Number.NaN
    expect(site.decode(site.encode(value, undefined))).toBeNull()
  })
})
