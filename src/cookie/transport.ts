import { serialize } from 'cookie'
import { mustBeKnown } from '../core/options.ts'
import type { ReadHeader, ResponseHeaders, TokenTransport } from '../core/transport.ts'
import { cookieProblems, MAX_COOKIE_AGE_MS } from './attributes.ts'
import { cookieValues, setsCookie } from './header.ts'

export interface CookieOptions {
  /** The cookie's name. Default `__Host-sid` where path and domain allow it, else `__Secure-sid`. */
  name?: string | undefined
  /** Default `/`. */
  path?: string | undefined
  /** Default: the host that sets it, and no other. */
  domain?: string | undefined
  /** Default true. It never depends on the request. */
  secure?: boolean | undefined
  /** Default true: scripts cannot read it. */
  httpOnly?: boolean | undefined
  /** Default `lax`. */
  sameSite?: 'lax' | 'strict' | 'none' | undefined
  /** Default false (CHIPS). */
  partitioned?: boolean | undefined
  priority?: 'low' | 'medium' | 'high' | undefined
}

const OPTIONS = ['name', 'path', 'domain', 'secure', 'httpOnly', 'sameSite', 'partitioned', 'priority'] as const satisfies ReadonlyArray<
  keyof CookieOptions
>

/** Carries the token in a cookie. All but value and expiry is written once, here. */
export class CookieTransport implements TokenTransport {
  readonly vary = 'Cookie'
  readonly cookieName: string
  readonly secure: boolean
  readonly #attributes: string

  constructor(options: CookieOptions = {}) {
    mustBeKnown('cookie', options, OPTIONS)
    const { domain, path = '/', secure = true, httpOnly = true, sameSite = 'lax', partitioned = false, priority } = options
    const { name = secure ? (domain === undefined && path === '/' ? '__Host-sid' : '__Secure-sid') : 'sid' } = options
    const problems = cookieProblems({ name, domain, path, secure, sameSite, partitioned })
    if (problems.length > 0) throw new TypeError(problems.map(({ option, message }) => `cookie.${option}: ${message}`).join('; '))
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      throw new TypeError('cookie.name must be a cookie name: letters, digits and - _ . among others')
    const text = serialize(name, '', {
      path,
      secure,
      httpOnly,
      sameSite,
      partitioned,
      ...(domain && { domain }),
      ...(priority && { priority }),
    })
    this.cookieName = name
    this.secure = secure
    this.#attributes = text.slice(name.length + 1)
  }

  read(header: ReadHeader): string | undefined {
    return cookieValues(header('cookie'), this.cookieName)[0]
  }

  write(headers: ResponseHeaders, token: string, expiresAt?: number): void {
    this.#set(headers, token, expiresAt === undefined ? '' : `; Expires=${httpDate(expiresAt)}`)
  }

  /** Repeats Secure, Path and Domain: without them a browser keeps a `__Host-` cookie (RFC 6265bis, section 4.1.3). */
  clear(headers: ResponseHeaders): void {
    this.#set(headers, '', `; Expires=${httpDate(0)}; Max-Age=0`)
  }

  #set(headers: ResponseHeaders, token: string, expiry: string): void {
    const lines = headers.get('Set-Cookie')
    const others = (Array.isArray(lines) ? (lines as string[]) : lines === undefined ? [] : [String(lines)]).filter(
      line => !setsCookie(line, this.cookieName),
    )
    headers.set('Set-Cookie', [...others, `${this.cookieName}=${token}${this.#attributes}${expiry}`])
  }
}

function httpDate(time: number): string {
  return new Date(Math.min(time, Date.now() + MAX_COOKIE_AGE_MS)).toUTCString()
}
