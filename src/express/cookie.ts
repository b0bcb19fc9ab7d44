import { serialize } from 'cookie'
import type { Data } from '../core/json.ts'
import type { Marks } from '../core/marks.ts'

/** The attributes of a session's cookie, as express-session takes them. Times in ms. */
export interface CookieOptions {
  /** Life in ms; null: until the browser closes. Default null. */
  maxAge?: number | Date | null | undefined
  /** An end instead of a life. */
  expires?: Date | string | boolean | null | undefined
  /** What a session that was stored began with. */
  originalMaxAge?: number | null | undefined
  /** Default `/`. */
  path?: string | undefined
  domain?: string | undefined
  /** Over https only; `auto`: as the connection is. Default false. */
  secure?: boolean | 'auto' | undefined
  /** Scripts cannot read it. Default true. */
  httpOnly?: boolean | undefined
  /** `auto`: `none` over https, else `lax`. Default: not set. */
  sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined
  partitioned?: boolean | undefined
  priority?: 'low' | 'medium' | 'high' | undefined
  /** No effect, as in express-session: a session's cookie is always signed. */
  signed?: boolean | undefined
  /** No effect, as in express-session. */
  encode?: ((value: string) => string) | undefined
}

/** What is stored of a cookie, and written to the browser. */
export interface CookieData {
  originalMaxAge: number | null
  expires: Date | null
  secure?: boolean | undefined
  httpOnly?: boolean | undefined
  domain?: string | undefined
  path?: string | undefined
  sameSite?: boolean | string | undefined
  partitioned?: boolean | undefined
  priority?: string | undefined
  /** Holdfast's own, while one of its options asks for it. */
  _holdfast?: Marks
}

/** `req.session.cookie`: the attributes of this session's cookie, and its life, which a handler may change. */
export class Cookie {
  declare _expires: Date | null
  declare originalMaxAge: number | null
  declare path: string | undefined
  declare domain: string | undefined
  declare secure: boolean | 'auto' | undefined
  declare httpOnly: boolean | undefined
  declare sameSite: boolean | 'lax' | 'strict' | 'none' | undefined
  declare partitioned: boolean | undefined
  declare priority: string | undefined
  /** Holdfast's own, in what a store gets while one of its options asks for it. express-session ignores it. */
  declare _holdfast?: Marks

  constructor(options?: CookieOptions | object | null) {
    this.path = '/'
    this.maxAge = null
    this.httpOnly = true
    if (options) {
      if (typeof options !== 'object') throw new TypeError('argument options must be a object')
      // What options inherit counts too.
      for (const key in options) if (key !== 'data' && key !== '__proto__') (this as Data)[key] = (options as Data)[key]
    }
    this.originalMaxAge ??= this.maxAge as number | null
  }

  /** When the browser forgets it; null: when it closes. */
  get expires(): Date | null {
    return this._expires
  }

  set expires(date: Date | boolean | null | undefined) {
    this._expires = date as Date | null
    this.originalMaxAge = this.maxAge as number | null
  }

  /** What is left of its life, in ms; null where it has no end. Its type is the one that express-session's types give it. */
  get maxAge(): number | undefined {
    return this._expires instanceof Date ? this._expires.valueOf() - Date.now() : (this._expires as unknown as undefined)
  }

  set maxAge(ms: number | Date | null | undefined) {
    if (ms && typeof ms !== 'number' && !(ms instanceof Date)) throw new TypeError('maxAge must be a number or Date')
    this.expires = (typeof ms === 'number' ? new Date(Date.now() + ms) : ms) as Date | null
  }

  get data(): CookieData {
    const { originalMaxAge, partitioned, priority, _expires: expires, secure, httpOnly, domain, path, sameSite, _holdfast } = this
    const data = { originalMaxAge, partitioned, priority, expires, secure: secure as boolean, httpOnly, domain, path, sameSite }
    return _holdfast ? { ...data, _holdfast } : data
  }

  /** A Set-Cookie line. */
  serialize(name: string, value: string): string {
    try {
      const { originalMaxAge: _, _holdfast: __, ...attributes } = this.data
      return serialize(name, value, truthy(attributes))
    } catch (error) {
      // The name of the option is enough; its value is the app's own affair.
      throw new TypeError((error as Error).message.replace(/(is invalid).*/s, '$1'))
    }
  }

  toJSON(): CookieData {
    return this.data
  }
}

// A loop over a cookie meets them, as with express-session: apps copy its life in this way.
for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(Cookie.prototype))) {
  if (name !== 'constructor') Object.defineProperty(Cookie.prototype, name, { ...descriptor, enumerable: true })
}

/** The cookie of a session that was stored: its own end and life count, not the ones that its options would give. */
export function storedCookie(stored: object): Cookie {
  const { expires, originalMaxAge } = stored as CookieOptions
  const cookie = new Cookie(stored)
  if (typeof expires === 'string') cookie.expires = new Date(expires)
  cookie.originalMaxAge = originalMaxAge as number | null
  return cookie
}

type Line = Parameters<typeof serialize>[2]

/** What is not set is not written. */
export function truthy(attributes: Partial<CookieData>): Line {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => Boolean(value))) as Line
}
