import { createSecretKey } from 'node:crypto'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signValue, unsignValue } from '../../../src/crypto/cookie-signature.ts'

// The package that express-session itself signs with.
const require = createRequire(createRequire(import.meta.url).resolve('express-session'))
const peer = require('cookie-signature') as {
  sign(value: string, secret: string): string
  unsign(text: string, secret: string): string | false
}

const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const secret = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })

describe('the format of cookie-signature', () => {
  it('signs as it does, octet by octet', () => {
    fc.assert(
      fc.property(text, secret, (value, key) => {
        expect(signValue(value, key)).toBe(peer.sign(value, key))
      }),
    )
  })

  it('takes what it has signed, and it takes ours', () => {
    fc.assert(
      fc.property(text, secret, (value, key) => {
        expect(unsignValue(peer.sign(value, key), [key])).toEqual({ value, stale: false })
        expect(peer.unsign(signValue(value, key), key)).toBe(value)
      }),
    )
  })

  it('takes what any of the secrets has signed, and tells whether it was an older one', () => {
    fc.assert(
      fc.property(text, fc.uniqueArray(secret, { minLength: 1, maxLength: 4 }), fc.nat(3), (value, keys, n) => {
        const signer = n % keys.length
        expect(unsignValue(signValue(value, keys[signer] as string), keys)).toEqual({ value, stale: signer > 0 })
      }),
    )
  })

  it('takes nothing else: another secret, one octet more, less or another, no signature', () => {
    const signed = signValue('id', 'secret')
    expect(unsignValue(signed, ['other'])).toBeUndefined()
    expect(unsignValue(signed, [])).toBeUndefined()
    for (let n = 0; n < signed.length; n++) {
      const other = signed[n] === 'A' ? 'B' : 'A'
      expect(unsignValue(signed.slice(0, n) + other + signed.slice(n + 1), ['secret']), String(n)).toBeUndefined()
      expect(unsignValue(signed.slice(0, n), ['secret']), String(n)).toBeUndefined()
    }
    for (const odd of ['', '.', 'id', 'id.', `${signed}=`, `${signed} `]) expect(unsignValue(odd, ['secret']), odd).toBeUndefined()
  })

  it('takes octets and key objects as secrets, as createHmac does', () => {
    const octets = Buffer.from('secret')
    for (const key of [octets, createSecretKey(octets)]) expect(signValue('id', key)).toBe(peer.sign('id', 'secret'))
  })
})
