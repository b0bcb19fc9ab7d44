/** The attributes of a session cookie, as far as browsers judge them. */
export interface CookieAttributes {
  name: string
  path?: string | undefined
  domain?: string | undefined
  /** Undefined: as the connection is (drop-ins only). */
  secure?: boolean | undefined
  sameSite?: string | boolean | undefined
  partitioned?: boolean | undefined
  /** Life in ms. */
  maxAge?: number | undefined
}

export interface CookieProblem {
  /** The option that causes it. */
  option: string
  /** What is wrong and what to do. */
  message: string
}

/** Browsers cut any life to 400 days (RFC 6265bis, section 5.5). */
export const MAX_COOKIE_AGE_MS = 400 * 86_400_000

/** What no browser would store as it is written (RFC 6265bis, sections 4.1.3 and 5.7). */
export function cookieProblems(cookie: CookieAttributes): CookieProblem[] {
  const problems: CookieProblem[] = []
  const insecure = cookie.secure === false
  const add = (option: string, message: string) => problems.push({ option, message })
  if (String(cookie.sameSite).toLowerCase() === 'none' && insecure) {
    add('sameSite', 'browsers drop a cookie with SameSite=None that is not Secure: set secure: true, or sameSite: "lax"')
  }
  if (cookie.partitioned && insecure) add('partitioned', 'browsers drop a partitioned cookie that is not Secure: set secure: true')
  if (/^__host-/i.test(cookie.name)) {
    if (insecure || cookie.domain || (cookie.path !== undefined && cookie.path !== '/')) {
      add('name', 'a cookie named __Host-… must be Secure, have path "/" and no domain: change these options or the name')
    }
  } else if (/^__secure-/i.test(cookie.name) && insecure) {
    add('name', 'a cookie named __Secure-… must be Secure: set secure: true, or another name')
  }
  const { maxAge } = cookie
  if (maxAge !== undefined) {
    if (Number.isNaN(maxAge) || maxAge < 0) add('maxAge', 'a life must be a number of ms, 0 or more')
    else if (maxAge > MAX_COOKIE_AGE_MS) add('maxAge', 'browsers keep no cookie longer than 400 days: use at most 34560000000 ms')
  }
  return problems
}
