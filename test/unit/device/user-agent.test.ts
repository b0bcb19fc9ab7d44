import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UNKNOWN_DEVICE } from '../../../src/core/login-facts.ts'
import { deviceLabelOf } from '../../../src/device/user-agent.ts'

const WEBKIT = 'AppleWebKit/537.36 (KHTML, like Gecko)'
const SAFARI = 'AppleWebKit/605.1.15 (KHTML, like Gecko)'

describe('the label of a user agent', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0', 'Firefox on Linux'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/128.0.0.0 Safari/537.36 Edg/128.0`, 'Microsoft Edge on Windows'],
    [`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${SAFARI} Version/17.5 Safari/605.1.15`, 'Safari on macOS'],
    [`Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) ${SAFARI} Version/17.5 Mobile/15E148 Safari/604.1`, 'Safari on iPhone'],
    [`Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) ${SAFARI} CriOS/128 Mobile/15E148 Safari/604.1`, 'Chrome on iPad'],
    [`Mozilla/5.0 (Linux; Android 10; K) ${WEBKIT} Chrome/128.0.0.0 Mobile Safari/537.36`, 'Chrome on Android'],
    ['curl/8.5.0', 'curl'],
    ['okhttp/4.12.0', 'okhttp'],
    ['node', 'node'],
    ['Mozilla/5.0', UNKNOWN_DEVICE],
    ['', UNKNOWN_DEVICE],
    ['   ', UNKNOWN_DEVICE],
    [undefined, UNKNOWN_DEVICE],
  ])('%j is %j', (text, label) => {
    expect(deviceLabelOf(text)).toBe(label)
  })

  it.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    '\u202eevil/1.0',
    'a\u0000b\u001b[31m/1',
    '__proto__',
    'x'.repeat(100_000),
    '('.repeat(100_000),
    `Mozilla/5.0 (${'; '.repeat(50_000)}`,
  ])('H23: %.20j is harmless', text => {
    expect(deviceLabelOf(text)).toMatch(/^[\w .+-]{1,80}$/)
  })

  it('H23: of any text it is 1 to 80 printable characters without a meaning to HTML', () => {
    const near = fc.constantFrom(
      'Mozilla/5.0 ',
      '(Linux; ',
      'Android 9; ',
      'Firefox/1',
      'Version/',
      'Safari/',
      '<b>',
      '\u202e',
      '\0',
      '\ud800',
      '&',
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.oneof(near, fc.string()), { maxLength: 20 }).map(list => list.join('')),
    )
    fc.assert(
      fc.property(text, one => {
        const label = deviceLabelOf(one)
        expect([...label].length).toBeLessThanOrEqual(80)
        expect(label).toMatch(/^[^\p{C}\p{Zl}\p{Zp}<>&"'`\\]+$/u)
      }),
      { numRuns: 500 },
    )
  })
})
