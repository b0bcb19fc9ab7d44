import { serialize } from 'cookie'
import { Cookie, type CookieData, truthy } from './cookie.ts'

type Attributes = Omit<CookieData, 'originalMaxAge' | 'expires' | '_holdfast'>

/** An app may have put another one there. */
const OWN = Cookie.prototype.serialize

/**
 * The Set-Cookie lines of one name. The text of the attributes is kept for the next cookie that has the same ones, and that of an end for
 * its second.
 */
export class CookieLines {
  readonly #name: string
  #attributes: Attributes | undefined
  /** What stands before `Expires`, and behind it. */
  #before = ''
  #after = ''
  #second = Number.NaN
  #date = ''

  constructor(name: string) {
    this.#name = name
  }

  /** What the cookie itself would say. What cannot be written it says in its own words. */
  of(cookie: Cookie, value: string): string {
    try {
      if (Object.getPrototypeOf(cookie) === Cookie.prototype && cookie.serialize === OWN) return this.#lineOf(cookie, value)
    } catch {
      // Said below.
    }
    return cookie.serialize(this.#name, value)
  }

  #lineOf(cookie: Cookie, value: string): string {
    const { _expires: end } = cookie
    if (!this.#attributes || !isAlike(this.#attributes, cookie)) this.#learn(cookie)
    const expiry = end ? `; Expires=${this.#dateOf(end)}` : ''
    return `${this.#name}=${encodeURIComponent(value)}${this.#before}${expiry}${this.#after}`
  }

  #learn({ data: { domain, path, httpOnly, secure, partitioned, priority, sameSite } }: Cookie): void {
    this.#attributes = undefined
    this.#before = this.#textOf({ domain, path })
    this.#after = this.#textOf({ httpOnly, secure, partitioned, priority, sameSite })
    this.#attributes = { domain, path, httpOnly, secure, partitioned, priority, sameSite }
  }

  #textOf(attributes: Attributes): string {
    return serialize(this.#name, '', truthy(attributes)).slice(this.#name.length + 1)
  }

  #dateOf(end: Date): string {
    const second = Math.floor(end.getTime() / 1000)
    if (Number.isNaN(second)) throw new TypeError('no moment')
    if (second !== this.#second) {
      this.#second = second
      this.#date = end.toUTCString()
    }
    return this.#date
  }
}

function isAlike(a: Attributes, b: Cookie): boolean {
  return (
    a.path === b.path &&
    a.domain === b.domain &&
    a.httpOnly === b.httpOnly &&
    a.secure === b.secure &&
    a.sameSite === b.sameSite &&
    a.partitioned === b.partitioned &&
    a.priority === b.priority
  )
}
