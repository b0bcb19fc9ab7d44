import { SessionCookieTooLargeError } from '../core/errors.ts'
import { type Data, largestKeys } from '../core/json.ts'
import { cookieValues } from './header.ts'
import { MAX_COOKIE_OCTETS, octetsOf } from './limits.ts'

/** Even so many pass only where the server takes request headers of more than 16 KiB, Node's default. */
export const MAX_CHUNKS = 5

const COUNTED = /^([2-5])\.(.*)$/

/** The names of a cookie's chunks: `<name>`, `<name>.1`, … */
export function chunkNames(name: string, count: number = MAX_CHUNKS): string[] {
  return Array.from({ length: count }, (_, place) => (place === 0 ? name : `${name}.${place}`))
}

/**
 * A token as cookie values, the first of which says how many there are: `3.<text>`, `<text>`, `<text>`. A token that fits into
 * one cookie stays as it is: no token has a `.` at its second place. Null: it would need more than five.
 */
export function split(name: string, token: string): string[] | null {
  if (name.length + token.length <= MAX_COOKIE_OCTETS) return [token]
  // The longest name and the count are counted in each: the lengths then do not depend on the place.
  const room = MAX_COOKIE_OCTETS - name.length - 2
  const count = Math.ceil(token.length / room)
  if (count > MAX_CHUNKS) return null
  return Array.from({ length: count }, (_, place) => {
    const part = token.slice(place * room, (place + 1) * room)
    return place === 0 ? `${count}.${part}` : part
  })
}

/**
 * The token that a first value and the other cookies of a request make. Null where one is missing, or there twice: nobody tries
 * which one fits. That none is foreign, stale or out of order is not seen here: the seal over the whole token sees it.
 */
export function join(header: string | undefined, name: string, first: string): string | null {
  const match = COUNTED.exec(first)
  if (!match) return first
  const parts = [match[2] as string]
  for (const chunk of chunkNames(name, Number(match[1])).slice(1)) {
    const values = cookieValues(header, chunk)
    if (values.length !== 1) return null
    parts.push(values[0] as string)
  }
  return parts.join('')
}

/** The names of the chunks that the browser has and a write of `count` values leaves behind. */
export function staleChunks(header: string | undefined, name: string, count: number): string[] {
  return chunkNames(name)
    .slice(Math.max(count, 1))
    .filter(chunk => cookieValues(header, chunk).length > 0)
}

/** How many characters a token may have, in one cookie or in all of them. */
export function roomFor(name: string, chunks: boolean): number {
  return chunks ? MAX_CHUNKS * (MAX_COOKIE_OCTETS - octetsOf(name) - 2) : MAX_COOKIE_OCTETS - octetsOf(name)
}

/** Refuses a token that would not fit into five cookies either. */
export function checkChunkedSize(name: string, token: string, data: Data): void {
  if (split(name, token)) return
  throw new SessionCookieTooLargeError(
    octetsOf(name) + octetsOf(token),
    MAX_CHUNKS * (MAX_COOKIE_OCTETS - octetsOf(name) - 2),
    largestKeys(data, octetsOf),
  )
}
