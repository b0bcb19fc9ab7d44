import fc from 'fast-check'
import { expect, it } from 'vitest'
import { escapeText } from '../../../src/core/text.ts'
import { anyText } from '../text.ts'

it.each([
  ['plain text', 'plain text'],
  ['', ''],
  ['a\nb\x00\x7f', 'a\\u{a}b\\u{0}\\u{7f}'],
  ['é😀', '\\u{e9}\\u{1f600}'],
  ['x'.repeat(64), 'x'.repeat(64)],
  ['x'.repeat(65), `${'x'.repeat(64)}…`],
  [`${'x'.repeat(62)}😀`, `${'x'.repeat(62)}…`],
])('%j becomes %j', (given, escaped) => {
  expect(escapeText(given)).toBe(escaped)
})

it('gives at most 64 printable ASCII characters, and a mark where it cut', () => {
  fc.assert(fc.property(anyText, text => /^[\x20-\x7e]{0,64}…?$/.test(escapeText(text))))
})
