import type { IncomingMessage } from 'node:http'
import { cookieValues } from '../cookie/header.ts'
import { type Secret, unsignValue } from '../crypto/cookie-signature.ts'

const PREFIX = 's:'

export interface SignedCookie {
  value: string
  /** Signed by an older secret than the newest. */
  stale: boolean
}

/** The value of a signed cookie, wherever it can be found: in the header, or where cookie-parser has put it. */
export function readSignedCookie(req: IncomingMessage, name: string, secrets: readonly Secret[]): SignedCookie | undefined {
  const { signedCookies, cookies } = req as { signedCookies?: Record<string, unknown>; cookies?: Record<string, unknown> }
  const [raw] = cookieValues(req.headers.cookie, name)
  return (
    (raw ? opened(decoded(raw), secrets) : undefined) ?? verified(ownValue(signedCookies, name)) ?? opened(ownValue(cookies, name), secrets)
  )
}

function opened(text: unknown, secrets: readonly Secret[]): SignedCookie | undefined {
  if (typeof text !== 'string' || !text.startsWith(PREFIX)) return undefined
  const found = unsignValue(text.slice(PREFIX.length), secrets)
  return found?.value ? found : undefined
}

/** cookie-parser has verified it, with a secret that may be another one. */
function verified(value: unknown): SignedCookie | undefined {
  return typeof value === 'string' && value !== '' ? { value, stale: false } : undefined
}

function decoded(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}

function ownValue(values: Record<string, unknown> | undefined, name: string): unknown {
  return values && Object.hasOwn(values, name) ? values[name] : undefined
}
