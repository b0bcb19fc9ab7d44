import type { IncomingMessage } from 'node:http'
import { cookieValues } from '../cookie/header.ts'
import { MOST_TOKENS } from '../core/transport.ts'
import { type Secret, unsignValue } from '../crypto/cookie-signature.ts'

const PREFIX = 's:'

export interface SignedCookie {
  value: string
  /** Signed by an older secret than the newest. */
  stale: boolean
  /** The browser has sent another one under the same name that is signed as well. */
  ambiguous?: boolean
}

/** The value of a signed cookie, wherever it can be found: in the header, or where cookie-parser has put it. */
export function readSignedCookie(req: IncomingMessage, name: string, secrets: readonly Secret[]): SignedCookie | undefined {
  const { signedCookies, cookies } = req as { signedCookies?: Record<string, unknown>; cookies?: Record<string, unknown> }
  return inHeader(req.headers.cookie, name, secrets) ?? verified(ownValue(signedCookies, name)) ?? opened(ownValue(cookies, name), secrets)
}

/** Of several the first that is signed: what a subdomain, or another path, has put before it is none (H20). */
function inHeader(header: string | undefined, name: string, secrets: readonly Secret[]): SignedCookie | undefined {
  const values = cookieValues(header, name)
  if (values.length < 2) return opened(decoded(values[0]), secrets)
  const signed = values
    .slice(0, MOST_TOKENS)
    .map(raw => opened(decoded(raw), secrets))
    .filter(cookie => cookie !== undefined)
  const [first, ...others] = signed
  return first && { ...first, ambiguous: others.some(({ value }) => value !== first.value) }
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

function decoded(raw: string | undefined): string | undefined {
  if (!raw?.includes('%')) return raw
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}

function ownValue(values: Record<string, unknown> | undefined, name: string): unknown {
  return values && Object.hasOwn(values, name) ? values[name] : undefined
}
