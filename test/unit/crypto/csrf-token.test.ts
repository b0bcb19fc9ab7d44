import { createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csrfToken, csrfTokenMatches } from '../../../src/crypto/csrf-token.ts'

describe('the token', () => {
  const key = () => createSecretKey(randomBytes(32))
  const [one, two] = [key(), key()]

  it('is another one each time, and each is good for its subject only', () => {
    const tokens = Array.from({ length: 100 }, () => csrfToken(one, 'id 1'))
    expect(new Set(tokens).size).toBe(100)
    expect(tokens.every(token => csrfTokenMatches([one], 'id 1', token))).toBe(true)
    expect(tokens.some(token => csrfTokenMatches([one], 'id 2', token))).toBe(false)
    expect(tokens.some(token => csrfTokenMatches([two], 'id 1', token))).toBe(false)
  })

  it('is good under an older key that still reads', () => {
    expect(csrfTokenMatches([two, one], 'id', csrfToken(one, 'id'))).toBe(true)
    expect(csrfTokenMatches([], 'id', csrfToken(one, 'id'))).toBe(false)
  })

  it('each flipped bit and each cut makes it worthless', () => {
    const token = csrfToken(one, 'id')
    const octets = Buffer.from(token, 'base64url')
    for (let bit = 0; bit < octets.length * 8; bit++) {
      const flipped = Buffer.from(octets)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(csrfTokenMatches([one], 'id', flipped.toString('base64url'))).toBe(false)
    }
    for (let length = 0; length < token.length; length++) expect(csrfTokenMatches([one], 'id', token.slice(0, length))).toBe(false)
    for (const odd of [`${token}=`, `${token}A`, ` ${token}`, octets.toString('base64')])
      expect(csrfTokenMatches([one], 'id', odd)).toBe(odd === token)
  })

  it('spare bits of its last character are no second way to write it', () => {
    const token = csrfToken(one, 'id')
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const others = [...alphabet].map(letter => token.slice(0, -1) + letter).filter(other => other !== token)
    expect(others.some(other => csrfTokenMatches([one], 'id', other))).toBe(false)
  })

  it('any text is answered, and never thrown at', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => !csrfTokenMatches([one], 'id', text)))
  })
})
