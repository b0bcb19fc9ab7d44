// What is kept of a line must never be another cookie's: each line is the one that the cookie itself would write, or its error.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Cookie } from '../../src/express/cookie.ts'
import { CookieLines } from '../../src/express/cookie-lines.ts'

const times = [0, 1, 999, 1000, 1001, 86_400_000, 1_800_000_000_000, 1_800_000_000_999, -1, Number.NaN]

const cookies = fc.record(
  {
    path: fc.constantFrom('/', '/shop', '', 'a;b', undefined),
    domain: fc.constantFrom('x.example', 'y.example', 'no good', undefined),
    httpOnly: fc.constantFrom(true, false, undefined),
    secure: fc.constantFrom(true, false, 'auto', undefined),
    sameSite: fc.constantFrom(true, false, 'lax', 'Strict', 'none', 'bad', undefined),
    partitioned: fc.constantFrom(true, undefined),
    priority: fc.constantFrom('low', 'High', 'odd', undefined),
    expires: fc.constantFrom(null, undefined, false, true, 'never', ...times.map(time => new Date(time))),
  },
  { requiredKeys: [] },
)

const answer = (work: () => string): string => {
  try {
    return work()
  } catch (error) {
    return String(error)
  }
}

it('a line is what the cookie itself would write', () => {
  fc.assert(
    fc.property(fc.constantFrom('connect.sid', 'bad name'), fc.array(fc.tuple(cookies, fc.string({ unit: 'binary' }))), (name, all) => {
      const lines = new CookieLines(name)
      for (const [options, value] of all) {
        const cookie = new Cookie(options)
        expect(answer(() => lines.of(cookie, value))).toBe(answer(() => cookie.serialize(name, value)))
      }
    }),
    { numRuns: 2000 },
  )
})

it("an app's own way to write its cookie counts", () => {
  const lines = new CookieLines('sid')
  const cookie = new Cookie()
  cookie.serialize = (name, value) => `${name}=${value}; mine`
  expect(lines.of(cookie, 'x')).toBe('sid=x; mine')
  class Other extends Cookie {
    override serialize(name: string, value: string): string {
      return `${super.serialize(name, value)}; other`
    }
  }
  expect(lines.of(new Other(), 'x')).toBe('sid=x; Path=/; HttpOnly; other')
})
