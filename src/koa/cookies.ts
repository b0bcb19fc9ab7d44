import type { Context } from 'koa'
import { cookieValues } from '../cookie/header.ts'
import { SessionKeysError } from '../core/errors.ts'
import { escapeText } from '../core/text.ts'
import type { DropInRequest } from './drop-in-request.ts'
import type { SessionOptions } from './types.ts'

/**
 * The drop-in's cookies go through `ctx.cookies`, Koa's public extension point: whatever an app has put there, or into
 * `app.keys`, is honoured. Where nothing has been, `OwnCookies` does the same for less.
 */

type CookieOptions = Parameters<Context['cookies']['get']>[1] & Parameters<Context['cookies']['set']>[2]

export function readCookie({ ctx, plan, settings }: DropInRequest): string | readonly string[] | undefined {
  const own = settings === plan.options && plan.ownCookies.read(ctx)
  if (own !== false) return settings.encrypt ? severalOf(ctx, settings.key, own) : own
  const options = (settings.encrypt ? { ...settings, signed: false } : settings) as CookieOptions
  const first = explained(ctx, () => ctx.cookies.get(settings.key, options)) || undefined
  return settings.encrypt ? severalOf(ctx, settings.key, first) : first
}

/** Encrypted cookies prove themselves each: of several the first that is good counts. Where an app has put another value there, that does. */
function severalOf(ctx: Context, key: string, first: string | undefined): string | readonly string[] | undefined {
  const values = cookieValues(ctx.req.headers.cookie, key)
  return values.length > 1 && values[0] === (first ?? '') ? values : first
}

export function writeCookie(request: DropInRequest, value: string): void {
  const { ctx, plan, settings, cookieMaxAge } = request
  const maxAge = cookieMaxAge === 'session' ? undefined : cookieMaxAge
  if (settings === plan.options && plan.ownCookies.write(ctx, value, maxAge)) return
  set(ctx, settings, value, { ...settings, ...unsigned(settings), maxAge })
}

export function clearCookie({ ctx, settings }: DropInRequest): void {
  set(ctx, settings, '', { ...settings, ...unsigned(settings), expires: new Date(0), maxAge: false })
}

function set(ctx: Context, settings: SessionOptions, value: string, options: object): void {
  explained(ctx, () => ctx.cookies.set(settings.key, value, options as CookieOptions))
}

/** An encrypted cookie proves itself: a signature beside it would prove nothing more. */
function unsigned({ encrypt }: SessionOptions): { signed: false } | undefined {
  return encrypt ? { signed: false } : undefined
}

/** Koa's own text for missing keys does not say what to do. */
function explained<T>(ctx: Context, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (ctx.app.keys || !(cause instanceof Error && cause.message.includes('.keys required'))) throw cause
    throw new SessionKeysError('app.keys is not set, and the session cookie is signed: set app.keys = [secret, …], newest first', { cause })
  }
}

/** Whether `ctx.cookies` would refuse to set this session's cookie: it is Secure, and the request looks like plain http. */
export function refusesSecure({ ctx, plan, settings }: DropInRequest): boolean {
  if (!settings.secure) return false
  const own = plan.ownCookies.secure(ctx)
  if (own !== undefined) return !own
  const { secure } = ctx.cookies as { secure?: unknown }
  if (secure !== undefined) return !secure
  return !('secure' in ctx.cookies) ? false : !('encrypted' in ctx.req.socket && ctx.req.socket.encrypted)
}

/** What a proxy said of the connection, fit for a log. */
export function forwardedProto(ctx: Context): string {
  const proto = ctx.headers['x-forwarded-proto']
  return proto === undefined ? 'no X-Forwarded-Proto header came' : `X-Forwarded-Proto: ${escapeText(String(proto))} came`
}

/** One warning, with the cause, the headers seen and the fix. */
export function reportSecure({ ctx, settings, plan }: DropInRequest): void {
  const seen = forwardedProto(ctx)
  const cause = ctx.app.proxy ? 'app.proxy is true' : 'app.proxy is false, so that header is not believed'
  const fix = ctx.app.proxy
    ? 'let the proxy send X-Forwarded-Proto: https'
    : 'behind a proxy that ends TLS set app.proxy = true and let it send X-Forwarded-Proto: https'
  plan.warnings.warn(
    'HOLDFAST_INSECURE',
    `the session cookie "${escapeText(settings.key)}" has secure: true, but the request looks like plain http (${seen}; ${cause}): ` +
      `no cookie was set. ${fix[0]?.toUpperCase()}${fix.slice(1)}; on plain http leave secure out.`,
  )
}
