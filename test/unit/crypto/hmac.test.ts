import { createHmac, createSecretKey, randomBytes, randomInt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type HmacAlgorithm, hmac } from '../../../src/crypto/hmac.ts'

const algorithms: HmacAlgorithm[] = ['sha1', 'sha256']
const node = (algorithm: HmacAlgorithm, secret: Parameters<typeof createHmac>[1], text: string) =>
  createHmac(algorithm, secret).update(text).digest('base64url')

describe('HMAC by one-shot hashes', () => {
  // RFC 2202, section 3, and RFC 4231, section 4.3.
  test.each([
    ['sha1', 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79'],
    ['sha256', '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
  ] as const)('%s gives what its RFC says', (algorithm, hex) => {
    expect(hmac(algorithm, 'Jefe', 'what do ya want for nothing?', 'base64')).toBe(Buffer.from(hex, 'hex').toString('base64'))
  })

  test.each(algorithms)('%s is what Node makes, whatever is signed and by whatever', algorithm => {
    const letters = ['a', '=', '\u0000', '\u00e9', '\u20ac', '\ud83d\ude00', '\ud83d']
    const textOf = (length: number) => Array.from({ length }, () => letters[randomInt(letters.length)]).join('')
    for (const length of [0, 1, 19, 63, 64, 65, 200, 1000, 2047, 2048, 2729, 2730, 2731, 4000, 8190, 8192, 9000]) {
      for (const secret of [textOf(randomInt(1, 200)), createSecretKey(randomBytes(randomInt(1, 200))), randomBytes(20)]) {
        for (const text of [textOf(length), 'x'.repeat(length)]) {
          const expected = node(algorithm, secret, text)
          // Twice, and a shorter one between: nothing of an earlier text is in a later one.
          expect(hmac(algorithm, secret, text, 'base64url')).toBe(expected)
          expect(hmac(algorithm, secret, 'short', 'base64url')).toBe(node(algorithm, secret, 'short'))
          expect(hmac(algorithm, secret, text, 'base64url')).toBe(expected)
        }
      }
    }
  })

  test('secrets that change without end, and octets that change in their place, are never taken for another one', () => {
    for (let n = 0; n < 100; n++) expect(hmac('sha256', `secret ${n}`, 'text', 'base64url')).toBe(node('sha256', `secret ${n}`, 'text'))
    expect(hmac('sha256', 'secret 0', 'text', 'base64url')).toBe(node('sha256', 'secret 0', 'text'))
    const octets = randomBytes(32)
    const before = hmac('sha256', octets, 'text', 'base64url')
    octets.fill(0)
    expect(hmac('sha256', octets, 'text', 'base64url')).not.toBe(before)
    expect(hmac('sha256', octets, 'text', 'base64url')).toBe(node('sha256', octets, 'text'))
  })
})
