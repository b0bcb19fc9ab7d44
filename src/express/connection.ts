import type { IncomingMessage } from 'node:http'
import { forwardedText } from '../request/native.ts'

/** The host that the browser asked for, without its port. */
export function hostOf(req: IncomingMessage): string {
  const host = req.headers.host ?? String((req.headers as Record<string, unknown>)[':authority'] ?? '')
  return host.replace(/:\d+$/, '')
}

/**
 * Whether the browser's connection is encrypted. `proxy`: believe X-Forwarded-Proto (true), never (false), or as Express's
 * setting `trust proxy` says (undefined).
 */
export function isSecure(req: IncomingMessage, proxy: boolean | undefined): boolean {
  if ((req.socket as { encrypted?: unknown } | undefined)?.encrypted) return true
  if (proxy === false) return false
  if (proxy === undefined) return (req as { secure?: unknown }).secure === true
  return forwarded(req).split(',')[0]?.trim().toLowerCase() === 'https'
}

/** What a proxy said of the connection, fit for a log. */
export function forwardedProto(req: IncomingMessage): string {
  return forwardedText(forwarded(req))
}

function forwarded(req: IncomingMessage): string {
  return String(req.headers['x-forwarded-proto'] ?? '')
}

/** The path that the browser asked for, also where an app is mounted. */
function pathOf(req: IncomingMessage): string {
  const url = (req as { originalUrl?: string }).originalUrl ?? req.url ?? '/'
  if (url.startsWith('/')) return upTo('#', upTo('?', url))
  // An absolute form, as proxies send it.
  return URL.canParse(url) ? new URL(url).pathname : url
}

function upTo(mark: string, text: string): string {
  const at = text.indexOf(mark)
  return at === -1 ? text : text.slice(0, at)
}

/** Whether a cookie of this path is meant for the request: its path begins with it. */
export function isBelow(path: string, req: IncomingMessage): boolean {
  const url = (req as { originalUrl?: string }).originalUrl ?? req.url ?? '/'
  return (path === '/' && url.startsWith('/')) || pathOf(req).startsWith(path)
}
