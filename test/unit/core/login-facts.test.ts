import { describe, expect, it } from 'vitest'
import { deviceOf, labelOf, loginNameOf } from '../../../src/core/login-facts.ts'

describe('labels', () => {
  it.each([
    ['Berlin, Germany', 'Berlin, Germany'],
    ['São Paulo · 東京', 'São Paulo · 東京'],
    ['  two\r\n\tlines  ', 'two lines'],
    ['a\u202eb\u200bc\u0000d', 'a b c d'],
    ['<b>"x"&\'y\'`\\', 'bxy'],
    [`${'x'.repeat(79)} yyy`, 'x'.repeat(79)],
    ['🜁'.repeat(100), '🜁'.repeat(80)],
    ['\ud800x', 'x'],
  ])('%j is %j', (text, label) => {
    expect(labelOf(text)).toBe(label)
  })

  it.each(['', ' ', '\u0000\u202e', '<>'])('of %j nothing is left', text => {
    expect(labelOf(text)).toBeUndefined()
  })
})

describe('what a record has of a login', () => {
  it('is read as it was written', () => {
    expect(deviceOf({ device: { label: 'a', ip: 'b', place: 'c' } })).toEqual({ label: 'a', ip: 'b', place: 'c' })
    expect(deviceOf({ device: { label: 'a' } })).toEqual({ label: 'a' })
    expect(loginNameOf({ login: 'x' })).toBe('x')
  })

  it('is not there where somebody else has written it', () => {
    for (const device of [undefined, null, 7, 'x', [], {}, { label: 7 }]) expect(deviceOf({ device })).toBeUndefined()
    expect(deviceOf({ device: { label: 'a', ip: 7, place: {}, more: 1 } })).toEqual({ label: 'a' })
    expect([deviceOf(undefined), loginNameOf(undefined), loginNameOf({ login: 7 })]).toEqual([undefined, undefined, undefined])
  })
})
