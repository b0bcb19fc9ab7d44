import { mustBeKnown } from '../core/options.ts'
import { Times } from './times.ts'

/** What both pages are told. */
export interface CommonOptions {
  /** The path of the page, as the browser asks for it. */
  path?: string | undefined
  /** The name of the session on `ctx` or on the request. Default `session`. */
  property?: string | undefined
  /** The site's own origins, such as `['https://shop.example']`, for browsers that send `Origin` and no `Sec-Fetch-Site`. Without them, the form's token decides there. */
  origins?: readonly string[] | undefined
  /** The language of times and numbers, and of the page: a BCP 47 tag. Default `en`. */
  locale?: string | undefined
  /** The time zone of dates: an IANA name. Default `UTC`. */
  timeZone?: string | undefined
  /** Where the user proves once more who they are; the app calls `reauthenticated()` there. Default: words, and no link. */
  reauthenticateUrl?: string | undefined
}

const COMMON = ['path', 'property', 'origins', 'locale', 'timeZone', 'reauthenticateUrl', 'texts'] as const

export function checkCommon(where: string, options: CommonOptions, others: readonly string[]): void {
  mustBeKnown(where, options, [...COMMON, ...others])
  const { path, property } = options
  if (path !== undefined && !(typeof path === 'string' && /^\/[^?#\s]*$/.test(path))) {
    throw new TypeError(`${where}: path must begin with a slash and have no query, such as '/account/sessions'`)
  }
  if (property !== undefined && (typeof property !== 'string' || property === '')) throw new TypeError(`${where}: property must be a name`)
  mustBeUrl(where, 'reauthenticateUrl', options.reauthenticateUrl)
}

/** A link of a page, or the target of a redirect: a path of the site or an http address, so that no script can hide in it. */
export function mustBeUrl(where: string, name: string, url: unknown): void {
  if (url === undefined) return
  const fine = typeof url === 'string' && (/^\/(?![/\\])[^\s\\]*$/.test(url) || /^https?:\/\/[^\s\\]+$/.test(url))
  if (!fine) throw new TypeError(`${where}: ${name} must be a path of the site, such as '/login', or an http address`)
}

export function timesOf(where: string, { locale = 'en', timeZone = 'UTC' }: CommonOptions): Times {
  try {
    return new Times(locale, timeZone)
  } catch (cause) {
    throw new TypeError(`${where}: Intl does not know this locale or timeZone`, { cause })
  }
}

/** As it is compared: without a slash at the end. */
export function pathOf(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}
