/** What is said of a cookie. It holds no key, no id and, unless asked for, no data. Times in ms since the epoch. */
export interface CookieReport {
  format: Format
  /** What that format is, in words. */
  about: string
  name?: string
  octets: number
  /** The name of the key that it was written under: a hash that tells nothing of the key. */
  keyId?: string
  /** The key under which its line of re-issues began. */
  originKeyId?: string
  beganAt?: number
  /** In the hour that begins then. */
  issuedInHour?: number
  issuedAt?: number
  expiresAt?: number
  expired?: boolean
  /** Whether one of the keys opens it, or has signed it; absent: no key was given, or what it signs is not here. */
  opens?: boolean
  /** It is opened by a key that is not the newest. */
  olderKey?: boolean
  /** Only with `--data`. */
  data?: unknown
  userId?: string
}

export type Format = 'holdfast-sealed' | 'holdfast-signed' | 'express-session' | 'koa-session' | 'koa-session-id' | 'json' | 'unknown'

export const ABOUT: Readonly<Record<Format, string>> = {
  'holdfast-sealed': 'a session, encrypted by Holdfast',
  'holdfast-signed': 'an id, signed by Holdfast; the session is in a store',
  'express-session': 'an id, signed as express-session does; the session is in a store',
  'koa-session': 'a session as koa-session writes it, readable by anybody; its signature is the cookie beside it',
  'koa-session-id': 'an id as koa-session writes it, signed by the cookie beside it; the session is in a store',
  json: 'JSON in base64, as cookie-session writes it; its signature is the cookie beside it',
  unknown: 'no format that is known here',
}
