import { SessionCookieTooLargeError } from '../core/errors.ts'
import { type Data, largestKeys } from '../core/json.ts'

/** Octets of name and value together that a browser keeps (RFC 6265bis, section 5.6). */
export const MAX_COOKIE_OCTETS = 4096

/** Refuses a cookie that a browser would drop without a word. */
export function checkCookieSize(name: string, value: string, data: Data): void {
  // A cookie's value is ASCII nearly always, and then its length is its size.
  if ((name.length + value.length) * 3 <= MAX_COOKIE_OCTETS) return
  const size = octetsOf(name) + octetsOf(value)
  if (size <= MAX_COOKIE_OCTETS) return
  throw new SessionCookieTooLargeError(size, MAX_COOKIE_OCTETS, largestKeys(data, octetsOf))
}

export const octetsOf = (text: string): number => Buffer.byteLength(text, 'utf8')
