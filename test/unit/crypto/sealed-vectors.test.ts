import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { open, vectors } from '../../../scripts/format-vectors.mjs'
import { Key } from '../../../src/crypto/keyring.ts'
import { SealedCodec } from '../../../src/crypto/sealed.ts'
import { DAY } from '../support.ts'
import { fixedKeys } from './keys.ts'

const file = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

function codecOf({ secret, originSecret, purpose, scope, padTo, issuedAt }: ReturnType<typeof vectors>[number]) {
  const keys = originSecret ? [secret, originSecret] : [secret]
  return new SealedCodec(fixedKeys(keys), { scope, purpose, padTo, longestLifeMs: DAY, now: () => issuedAt * 1000 })
}

describe('the test vectors of docs/format.md', () => {
  it('are those that the script makes', () => {
    expect(JSON.parse(file('./sealed-vectors.json'))).toEqual(vectors())
    for (const { token } of vectors()) expect(file('../../../docs/format.md')).toContain(token)
  })

  it.each(vectors())('$name: is opened', vector => {
    const { token, text, origin, bornAt, expiresAt, keyId } = vector
    expect(codecOf(vector).decode(token)).toEqual({
      value: text,
      line: { origin, bornAt: bornAt * 1000 },
      expiresAt: expiresAt * 1000,
      stale: false,
    })
    expect(new Key(vector.secret).id).toBe(keyId)
  })

  it.each(vectors())('$name: what the codec writes is opened by the page alone', vector => {
    const { text, bornAt, origin, expiresAt } = vector
    const token = codecOf(vector).encode(text, { origin, bornAt: bornAt * 1000 }, expiresAt * 1000)
    expect(token.length).toBe(vector.token.length)
    expect(open(token, vector)).toBe(text)
    // All but the nonce, and what depends on it, is the same.
    const [ours, theirs] = [token, vector.token].map(each => Buffer.from(each, 'base64url').subarray(0, 21).toString('hex'))
    expect(ours).toBe(theirs)
  })
})
