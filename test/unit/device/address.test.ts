import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressOf } from '../../../src/device/address.ts'

describe('the address of a login', () => {
  it.each([
    ['203.0.113.77', '203.0.113.0', '203.0.113.77'],
    ['::ffff:203.0.113.77', '203.0.113.0', '203.0.113.77'],
    ['2001:db8:85a3:8d3:1319:8a2e:370:7348', '2001:db8:85a3::', '2001:db8:85a3:8d3:1319:8a2e:370:7348'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::', '2001:db8::1'],
    ['1::2:3:4:5:6:7', '1:0:2::', '1:0:2:3:4:5:6:7'],
    ['::1', '::1', '::1'],
    ['fe80::1%eth0', 'fe80::', 'fe80::1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::', '64:ff9b::c000:221'],
  ])('%s is kept as %s, or whole as %s', (text, truncated, full) => {
    expect([addressOf(text, 'truncated'), addressOf(text, 'full')]).toEqual([truncated, full])
  })

  it.each([
    undefined,
    '',
    'unknown',
    '<script>',
    '203.0.113.77:443',
    '203.0.113',
    '1',
    '0x7f000001',
    '203.0.113.77, 10.0.0.1',
    '::1]/x',
    'a'.repeat(9999),
  ])('H23: %.30j is none', text => {
    expect([addressOf(text, 'truncated'), addressOf(text, 'full')]).toEqual([undefined, undefined])
  })

  const octetsOf = (address: string): string =>
    isIP(address) === 4 ? address.split('.').slice(0, 3).join('.') : expanded(address).slice(0, 3).join(':')

  it('truncated: all of a network are the same, and what is kept is an address of it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), address => {
        const [kept, whole] = [addressOf(address, 'truncated') as string, addressOf(address, 'full') as string]
        expect(isIP(kept)).toBe(isIP(whole))
        expect(octetsOf(kept)).toBe(octetsOf(whole))
        expect(
          isIP(kept) === 4
            ? kept.endsWith('.0')
            : expanded(kept)
                .slice(3)
                .every(group => group === '0'),
        ).toBe(true)
      }),
    )
  })
})

/** The eight groups of an IPv6 address in its canonical form. */
function expanded(address: string): string[] {
  const [before = [], after = []] = address.split('::').map(part => (part === '' ? [] : part.split(':')))
  return [...before, ...new Array(8 - before.length - after.length).fill('0'), ...after]
}
