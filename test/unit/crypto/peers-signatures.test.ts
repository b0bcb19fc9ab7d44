import { describe, expect, it } from 'vitest'
import { signValue, unsignValue } from '../../../src/crypto/cookie-signature.ts'
import { keygripSign, keygripSigner, peerKey } from '../../../src/crypto/keygrip-signature.ts'

/** Each of them takes more octets than there are left, so that a buffer which is used again would keep some of the signature before. */
const LAST = ['\u00e9', '\u0141', '\u20ac', '\ud83d\ude00', '\ud800']
const endings = (signature: string) => LAST.map(last => signature.slice(0, -last.length) + last)

describe('a signature with other letters at its end, after the right one was compared', () => {
  it('of Koa’s cookies, is none', () => {
    const key = peerKey('secret', 'keys')
    const signature = keygripSign('koa.sess', 'value', key.secret)
    for (const forged of endings(signature)) {
      expect(keygripSigner('koa.sess', 'value', signature, [key])).toBe(key)
      expect(forged).toHaveLength(signature.length)
      expect(keygripSigner('koa.sess', 'value', forged, [key])).toBeUndefined()
    }
  })

  it('of express-session’s, is none', () => {
    const signed = signValue('id', 'secret')
    for (const forged of endings(signed)) {
      expect(unsignValue(signed, ['secret'])).toEqual({ value: 'id', stale: false })
      expect(forged).toHaveLength(signed.length)
      expect(unsignValue(forged, ['secret'])).toBeUndefined()
    }
  })
})
