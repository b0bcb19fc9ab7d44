import type { IncomingMessage } from 'node:http'
import type { Session } from '../core/session.ts'
import type { ResponseHeaders } from '../core/transport.ts'
import { signValue } from '../crypto/cookie-signature.ts'
import { type Cookie, storedCookie } from './cookie.ts'
import type { DropInPlan } from './drop-in.ts'

/** The cookie of a session: what the store has kept of it, or what the options say. */
export function cookieOf({ loaded }: Session, plan: DropInPlan, req: IncomingMessage): Cookie {
  if (loaded && !loaded.record) {
    const cookie = storedCookie((loaded.wire as { cookie: object }).cookie)
    if (cookie._holdfast !== undefined) delete cookie._holdfast
    return cookie
  }
  const cookie = plan.newCookie(req)
  const { maxAge, expiresAt } = loaded?.life ?? {}
  if (maxAge === undefined) return cookie
  cookie.expires = maxAge === null ? null : new Date(expiresAt as number)
  cookie.originalMaxAge = maxAge
  return cookie
}

/** The Set-Cookie line of an id, signed by the first secret. */
export function lineOf(cookie: Cookie, id: string, plan: DropInPlan, req: IncomingMessage): string {
  const [secret] = plan.secretsOf(req) ?? []
  return plan.lines.of(cookie, `s:${signValue(id, secret as string)}`)
}

/** The line by which the browser forgets the cookie: with the same attributes, or it would not. */
export function clearingLine(cookie: Cookie, name: string): string {
  const ended = storedCookie({ ...cookie.data })
  ended.expires = new Date(0)
  return ended.serialize(name, '')
}

/** Adds a line after those that are there, as express-session does. */
export function append(headers: ResponseHeaders, line: string): void {
  const lines = headers.get('Set-Cookie')
  headers.set('Set-Cookie', lines === undefined ? [line] : [...[lines].flat().map(String), line])
}
