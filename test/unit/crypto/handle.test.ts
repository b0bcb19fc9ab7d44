import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { handleOf, isHandle, newLoginName } from '../../../src/crypto/handle.ts'
import { keyOf, newId, userKeyOf } from '../../../src/crypto/session-id.ts'

const text = fc.string({ minLength: 1 })

describe('handles', () => {
  it('H23: have one form, and the same one for the same session', () => {
    fc.assert(
      fc.property(text, text, text, (scope, userId, name) => {
        expect(isHandle(handleOf(scope, userId, name))).toBe(true)
        expect(handleOf(scope, userId, name)).toBe(handleOf(scope, userId, name))
      }),
    )
  })

  it('H23: those of another user, site or login are others', () => {
    // Neither a scope nor a user id holds a NUL, which parts them.
    const part = text.filter(one => !one.includes('\0'))
    fc.assert(
      fc.property(part, part, part, part, (scope, userId, name, other) => {
        const handle = handleOf(scope, userId, name)
        if (other !== userId) expect(handleOf(scope, other, name)).not.toBe(handle)
        if (other !== scope) expect(handleOf(other, userId, name)).not.toBe(handle)
        if (other !== name) expect(handleOf(scope, userId, other)).not.toBe(handle)
        expect(handleOf(`${scope}${userId}`, other, name)).not.toBe(handleOf(scope, `${userId}${other}`, name))
      }),
    )
  })

  it('H23: hold nothing of the name, the key or the id that they are made of', () => {
    for (let n = 0; n < 200; n++) {
      const id = newId()
      const secrets = [newLoginName(), keyOf('sid', id)]
      for (const secret of secrets) {
        const handle = handleOf('sid', 'ann', secret)
        for (const hidden of [...secrets, id, userKeyOf('sid', 'ann')])
          for (let at = 0; at + 6 <= hidden.length; at++) expect(handle).not.toContain(hidden.slice(at, at + 6))
      }
    }
  })

  it('H23: use every bit of theirs, and never come twice', () => {
    const made = Array.from({ length: 4000 }, () => handleOf('sid', 'ann', newLoginName()))
    expect(new Set(made).size).toBe(made.length)
    const ones = new Array<number>(128).fill(0)
    for (const handle of made) {
      for (const [n, octet] of Buffer.from(handle, 'base64url').entries())
        for (let bit = 0; bit < 8; bit++) ones[8 * n + bit] = (ones[8 * n + bit] ?? 0) + ((octet >> bit) & 1)
    }
    for (const [bit, count] of ones.entries()) expect(Math.abs(count / made.length - 0.5), `bit ${bit}`).toBeLessThan(0.05)
  })

  it.each(['', 'x', 'x'.repeat(21), 'x'.repeat(23), `${'x'.repeat(21)}+`, `${'x'.repeat(22)}\n`, 7, null, undefined, {}, ['x'.repeat(22)]])(
    'H23: %j is none',
    value => {
      expect(isHandle(value)).toBe(false)
    },
  )
})
