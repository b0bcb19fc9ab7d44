import { assume, type Data } from '../core/json.ts'
import { NativeSession } from '../core/native-session.ts'
import type { Session } from '../core/session.ts'
import type { DefaultData } from '../core/session-data.ts'
import { escapeText } from '../core/text.ts'
import type { TokenTransport } from '../core/transport.ts'
import type { Warnings } from '../core/warnings.ts'
import type { RequestSession } from './request-session.ts'

/** Native mode's methods that the data do not hide, and the data. */
export type NativeSessionOf<D extends object = DefaultData> = D &
  (string extends keyof D ? NativeSession : Omit<NativeSession, keyof D | 'update'> & NativeUpdate<D>)

/** Runs a synchronous function on the latest data until it lands. */
type NativeUpdate<D extends object> = 'update' extends keyof D ? unknown : { update(change: (draft: D) => void): Promise<void> }

/** What a handler holds in native mode. */
export function holdNative(part: RequestSession, source: object, session: Session): NativeSession {
  const holder = new NativeSession(part)
  const fill = (data: Data) => assume(holder, data)
  fill(source as Data)
  session.hold(holder, fill)
  return holder
}

/** Browsers take Secure cookies from here over plain http as well. */
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

/** Secure does not depend on the request, so the cookie is sent; but over plain http no browser keeps it. */
export function reportPlainHttp(warnings: Warnings, { cookieName = '' }: TokenTransport, came: string, trust: string): void {
  warnings.warn(
    'HOLDFAST_INSECURE',
    `the session cookie "${cookieName}" is Secure, and a request looks like plain http (${came}): browsers keep it over https only. ` +
      `Serve the site over https; behind a proxy that ends TLS set ${trust}, so that this warning knows.`,
  )
}

/** What a proxy said of the connection, fit for a log. */
export function forwardedText(proto: string): string {
  return proto === '' ? 'no X-Forwarded-Proto header came' : `X-Forwarded-Proto: ${escapeText(proto)} came`
}
