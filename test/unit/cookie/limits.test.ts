import { describe, expect, it } from 'vitest'
import { checkCookieSize } from '../../../src/cookie/limits.ts'
import { SessionCookieTooLargeError } from '../../../src/core/errors.ts'

/** The error that a cookie of this size gives. */
function refusal(name: string, value: string, data: Record<string, unknown> = {}): SessionCookieTooLargeError | undefined {
  try {
    checkCookieSize(name, value, data)
  } catch (error) {
    if (error instanceof SessionCookieTooLargeError) return error
    throw error
  }
  return undefined
}

describe('checkCookieSize', () => {
  it.each([
    ['name', 'x'.repeat(4092), undefined],
    ['name', 'x'.repeat(4093), 4097],
    ['n'.repeat(4096), '', undefined],
    ['n'.repeat(4096), 'x', 4097],
    ['é', `é${'x'.repeat(4092)}`, undefined],
    ['é', `é${'x'.repeat(4093)}`, 4097],
    ['n', '€'.repeat(1365), undefined],
    ['n', `€${'€'.repeat(1365)}`, 4099],
    ['n', '😀'.repeat(1024), 4097],
    ['', 'x', undefined],
  ])('counts octets of name and value', (name, value, size) => {
    expect(refusal(name, value)?.size).toBe(size)
  })

  it('says the size, the limit and the five largest keys', () => {
    const data = { a: 'x', b: 'x'.repeat(30), c: 'é'.repeat(20), d: null, e: undefined, f: [1, 2, 3], 'g\n': 'x'.repeat(50) }
    const error = refusal('n', 'x'.repeat(5000), data)
    expect(error).toMatchObject({ code: 'HOLDFAST_COOKIE_TOO_LARGE', size: 5001, limit: 4096 })
    expect(error?.largestKeys).toEqual([
      { key: 'g\n', octets: 52 },
      { key: 'c', octets: 42 },
      { key: 'b', octets: 32 },
      { key: 'f', octets: 7 },
      { key: 'd', octets: 4 },
    ])
    expect(error?.message).toContain('5001 octets')
    expect(error?.message).toContain('g\\u{a} (52), c (42)')
  })
})
