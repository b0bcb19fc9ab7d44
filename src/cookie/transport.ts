import { serialize } from 'cookie'
import { mustBeBoolean, mustBeKnown, mustBeOneOf } from '../core/options.ts'
import { MOST_TOKENS, type ReadHeader, type ResponseHeaders, type TokenTransport } from '../core/transport.ts'
import { cookieProblems, MAX_COOKIE_AGE_MS } from './attributes.ts'
import { chunkNames, join, split, staleChunks } from './chunks.ts'
import { cookieValues, setsCookie } from './header.ts'

export interface CookieOptions {
  /** The cookie's name. Default `__Host-sid` where path and domain allow it, else `__Secure-sid`. */
  name?: string | undefined
  /** Default `/`. */
  path?: string | undefined
  /** Default: the host that sets it, and no other. */
  domain?: string | undefined
  /** Always true, whatever the request is; for plain http in development there is the option `insecure`. */
  secure?: true | undefined
  /** Default true: scripts cannot read it. */
  httpOnly?: boolean | undefined
  /** Default `lax`. */
  sameSite?: 'lax' | 'strict' | 'none' | undefined
  /** Default false (CHIPS). */
  partitioned?: boolean | undefined
  priority?: 'low' | 'medium' | 'high' | undefined
  /**
   * Default false: a session over 4,096 octets is an error. True: it travels in up to five cookies, `<name>`, `<name>.1`, … For
   * encrypted cookies only. Servers and proxies limit a request's headers: Node to 16 KiB in all, nginx to 8 KiB a line.
   */
  chunks?: boolean | undefined
}

const OPTIONS = [
  'name',
  'path',
  'domain',
  'secure',
  'httpOnly',
  'sameSite',
  'partitioned',
  'priority',
  'chunks',
] as const satisfies ReadonlyArray<keyof CookieOptions>

/** A text that no codec reads: that there was a cookie is known, and told. */
const INCOMPLETE = '.'

/** The cookie as it will be written. */
export interface WrittenCookie {
  readonly name: string
  readonly path: string
  readonly domain: string | undefined
  readonly secure: boolean
  readonly httpOnly: boolean
  readonly sameSite: 'lax' | 'strict' | 'none'
  readonly partitioned: boolean
}

/** Carries the token in a cookie. All but value and expiry is written once, here. */
export class CookieTransport implements TokenTransport {
  readonly vary = 'Cookie'
  readonly cookieName: string
  readonly secure: boolean
  readonly written: WrittenCookie
  readonly #attributes: string
  /** All names that it may write. */
  readonly cookieNames: readonly string[]

  /** `insecure`: for plain http, in development. */
  constructor(options: CookieOptions = {}, insecure = false) {
    mustBeKnown('cookie', options, OPTIONS)
    if (options.secure !== undefined && options.secure !== true) {
      throw new TypeError('cookie.secure is always true: remove it; for plain http in development there is the option insecure: true')
    }
    mustBeOneOf('cookie.sameSite', options.sameSite, ['lax', 'strict', 'none'])
    mustBeOneOf('cookie.priority', options.priority, ['low', 'medium', 'high'])
    for (const name of ['httpOnly', 'partitioned', 'chunks'] as const) mustBeBoolean(`cookie.${name}`, options[name])
    const secure = !insecure
    const { domain, path = '/', httpOnly = true, sameSite = 'lax', partitioned = false, priority } = options
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
    this.cookieNames = options.chunks ? chunkNames(name) : [name]
    this.secure = secure
    this.written = Object.freeze({ name, path, domain, secure, httpOnly, sameSite, partitioned })
    this.#attributes = text.slice(name.length + 1)
  }

  read(header: ReadHeader): string | readonly string[] | undefined {
    const text = header('cookie')
    const values = cookieValues(text, this.cookieName)
    const [first] = values
    // A second one may be of another path or domain, or tossed in by a subdomain: the order says nothing.
    if (values.length < 2) return first && this.#joined(text, first)
    return values.slice(0, MOST_TOKENS).map(value => this.#joined(text, value))
  }

  /** What cannot be put together is no token: a fresh session, and the next write clears the rest of it. */
  #joined(header: string | undefined, value: string): string {
    return this.cookieNames.length === 1 ? value : (join(header, this.cookieName, value) ?? INCOMPLETE)
  }

  write(headers: ResponseHeaders, token: string, expiresAt?: number, request?: ReadHeader): void {
    const expiry = expiresAt === undefined ? '' : `; Expires=${httpDate(expiresAt)}`
    const values = this.cookieNames.length === 1 ? [token] : (split(this.cookieName, token) ?? [token])
    const lines = values.map((value, place) => this.#line(this.cookieNames[place] as string, value, expiry))
    this.#set(headers, [...lines, ...this.#clearing(this.#stale(request, values.length))])
  }

  /** Repeats Secure, Path and Domain: without them a browser keeps a `__Host-` cookie (RFC 6265bis, section 4.1.3). */
  clear(headers: ResponseHeaders, request?: ReadHeader): void {
    this.#set(headers, this.#clearing([this.cookieName, ...this.#stale(request, 1)]))
  }

  /** Without the option a cookie of such a name is the app's own. */
  #stale(request: ReadHeader | undefined, count: number): string[] {
    return this.cookieNames.length === 1 ? [] : staleChunks(request?.('cookie'), this.cookieName, count)
  }

  #clearing(names: readonly string[]): string[] {
    return names.map(name => this.#line(name, '', `; Expires=${httpDate(0)}; Max-Age=0`))
  }

  #line(name: string, value: string, expiry: string): string {
    return `${name}=${value}${this.#attributes}${expiry}`
  }

  #set(headers: ResponseHeaders, own: readonly string[]): void {
    const lines = headers.get('Set-Cookie')
    const others = (Array.isArray(lines) ? (lines as string[]) : lines === undefined ? [] : [String(lines)]).filter(
      line => !this.cookieNames.some(name => setsCookie(line, name)),
    )
    headers.set('Set-Cookie', [...others, ...own])
  }
}

function httpDate(time: number): string {
  return new Date(Math.min(time, Date.now() + MAX_COOKIE_AGE_MS)).toUTCString()
}
