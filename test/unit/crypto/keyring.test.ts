import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Key, type KeyInput, Keyring } from '../../../src/crypto/keyring.ts'
import { secret } from '../support.ts'
import { fixedKeys } from './keys.ts'

const keyringOf = (keys: Parameters<typeof fixedKeys>[0], missing: string) => {
  const source = fixedKeys(keys, missing)
  return () => source.ring()
}

const [one, two, three] = [secret(1), secret(2), secret(3)]
const idOf = (input: KeyInput): string => new Key(input).id

describe('Key', () => {
  it.each(['x'.repeat(31), '', new Uint8Array(31), { secret: 'short' }, `${'é'.repeat(15)}x`])('needs 32 octets: %j', input => {
    expect(() => new Key(input)).toThrow(/a secret needs at least 32 octets, this one has \d+; make one with: npx holdfast keygen/)
    expect(() => new Key(input)).toThrow(TypeError)
  })

  it('counts octets, not characters, and takes text and octets alike', () => {
    expect(idOf('é'.repeat(16))).toBe(idOf(Buffer.from('é'.repeat(16))))
    expect(idOf({ secret: one })).toBe(idOf(one))
    expect(idOf(new Uint8Array(Buffer.from(one)))).toBe(idOf(one))
  })

  it('has an id of 48 bits that differs by secret, and derives by purpose', () => {
    const key = new Key(one)
    expect(key.id).toMatch(/^[\w-]{8}$/)
    expect(new Set([one, two, three].map(idOf)).size).toBe(3)
    const octets = (of: Key, info: string) => of.derive(info).export().toString('hex')
    expect(octets(key, 'a')).toBe(octets(new Key(one), 'a'))
    expect(new Set([octets(key, 'a'), octets(key, 'b'), octets(new Key(two), 'a')]).size).toBe(3)
    expect(key.derive('a').symmetricKeySize).toBe(32)
  })

  it('shows no secret', () => {
    expect(JSON.stringify(new Key(one)) + inspect(new Key(one), { depth: 5, showHidden: true })).not.toContain('secret number')
  })
})

describe('Keyring', () => {
  it('the newest writes, all read', () => {
    const ring = new Keyring([one, two])
    expect(ring.newest.id).toBe(idOf(one))
    for (const key of [one, two]) expect(ring.reader(idOf(key), idOf(key))?.id).toBe(idOf(key))
    expect(ring.reader(idOf(three), idOf(one))).toBeUndefined()
  })

  it('a revoked key neither writes nor reads, nor does what began under it', () => {
    const ring = new Keyring([{ secret: one, revoked: true }, two])
    expect(ring.newest.id).toBe(idOf(two))
    expect(ring.reader(idOf(one), idOf(one))).toBeUndefined()
    expect(ring.reader(idOf(two), idOf(one))).toBeUndefined()
    expect(ring.reader(idOf(two), idOf(two))?.id).toBe(idOf(two))
  })

  it('what was re-issued outlives the removal of the key that it began under', () => {
    expect(new Keyring([two]).reader(idOf(two), idOf(one))?.id).toBe(idOf(two))
  })

  it.each<[readonly KeyInput[]]>([[[]], [[{ secret: one, revoked: true }]]])('needs a key that is not revoked', inputs => {
    expect(() => new Keyring(inputs)).toThrow(expect.objectContaining({ code: 'HOLDFAST_KEYS' }))
  })

  it('for any rotation: writes with the first active key, reads with each active one', () => {
    const input = fc.record({ n: fc.nat(5), revoked: fc.boolean() })
    fc.assert(
      fc.property(fc.uniqueArray(input, { selector: ({ n }) => n, minLength: 1 }), list => {
        const active = list.filter(({ revoked }) => !revoked).map(({ n }) => idOf(secret(n)))
        const inputs = list.map(({ n, revoked }) => ({ secret: secret(n), revoked }))
        if (active.length === 0) {
          expect(() => new Keyring(inputs)).toThrow()
          return
        }
        const ring = new Keyring(inputs)
        expect(ring.newest.id).toBe(active[0])
        for (const { n } of list) {
          const id = idOf(secret(n))
          expect(ring.reader(id, id)?.id).toBe(active.includes(id) ? id : undefined)
        }
      }),
      { numRuns: 50 },
    )
  })
})

describe('keys that a site has, or a function gives', () => {
  it.each([undefined, null, 5, {}, { secret: undefined }])('names the entry that is no secret: %j', input => {
    expect(() => keyringOf([one, input as unknown as KeyInput], '')).toThrow(TypeError)
    expect(() => keyringOf([one, input as unknown as KeyInput], '')).toThrow(/keys\[1\]/)
  })

  it('a secret that is listed twice is revoked if one entry says so', () => {
    const revoked = { secret: one, revoked: true }
    for (const keys of [
      [one, revoked, two],
      [revoked, one, two],
    ]) {
      const ring = keyringOf(keys, '')()
      expect(ring.newest.id).toBe(idOf(two))
      expect(ring.reader(idOf(one), idOf(one))).toBeUndefined()
    }
    expect(() => keyringOf([one, revoked], '')).toThrow(expect.objectContaining({ code: 'HOLDFAST_KEYS' }))
  })

  it('a provider that builds its list anew makes no new ring, unless a mark changed', () => {
    let revoked = false
    const ring = keyringOf(() => [{ secret: Buffer.from(one), revoked }, { secret: two }], '')
    const first = ring()
    expect(ring()).toBe(first)
    revoked = true
    expect(ring().newest.id).toBe(idOf(two))
  })

  it('a list is checked at once and made once', () => {
    expect(() => keyringOf(['short'], 'missing')).toThrow(/32 octets/)
    const ring = keyringOf([one], 'missing')
    expect(ring()).toBe(ring())
  })

  it('a function is asked each time, and a ring made only when its answer changed', () => {
    let keys: KeyInput[] | undefined
    const ring = keyringOf(() => keys, 'set app.keys')
    expect(ring).toThrow(expect.objectContaining({ code: 'HOLDFAST_KEYS', message: 'set app.keys' }))
    keys = []
    expect(ring).toThrow('set app.keys')
    keys = [one]
    const first = ring()
    expect(ring()).toBe(first)
    keys.unshift(two)
    expect(ring().newest.id).toBe(idOf(two))
    keys[0] = three
    expect(ring().newest.id).toBe(idOf(three))
    keys = [one]
    expect(ring().newest.id).toBe(idOf(one))
  })

  it.each([
    [{ secret: 'x'.repeat(32), revoked: 'true' }, /keys\[0\]\.revoked must be true or false/],
    [{ secret: 'x'.repeat(32), revoked: 1 }, /keys\[0\]\.revoked/],
    [{ secret: 'x'.repeat(32), Revoked: true }, /Revoked/],
  ])('a mark that is none is refused, for it would leave a leaked key in use: %j', (input, problem) => {
    expect(() => keyringOf([input as unknown as KeyInput], '')).toThrow(problem)
  })
})
