import type { ServerResponse } from 'node:http'
import type { Context } from 'koa'
import { setsCookie } from '../cookie/header.ts'
import type { ResponseHeaders } from '../core/transport.ts'
import { type Caching, restrictCaching } from '../request/caching.ts'

/** Tells caches that the answer depends on a request header, also where Koa's error handling makes the answer. */
export function markVary(ctx: Context, header: string, failed: boolean): void {
  if (ctx.res.headersSent) return
  if (ctx.res.hasHeader('Vary')) ctx.vary(header)
  else ctx.res.setHeader('Vary', header)
  if (failed) keptOf(ctx).vary.push(header)
}

/** Says who may keep the answer, where the app has not. `ours` is what was said here before. */
export function markCaching(res: ServerResponse, caching: Caching, ours?: Caching): void {
  if (!res.headersSent) restrictCaching(headersOn(res), caching, ours)
}

/** A response's headers, as far as the session needs them. */
export function headersOn(res: ServerResponse): ResponseHeaders {
  return { get: name => res.getHeader(name), set: (name, value) => res.setHeader(name, value) }
}

/** The answer that Koa's error handling makes of a failure shall be kept by nobody. */
export function keepNoStore(ctx: Context): void {
  if (!ctx.res.headersSent) keptOf(ctx).headers.push(['Cache-Control', 'no-store'])
}

/** Whether the response sets one of these cookies. */
export function setsAny(res: ServerResponse, names: readonly string[]): boolean {
  return res.hasHeader('Set-Cookie') && setCookieLines(res).some(line => names.includes(nameOf(line)))
}

interface Kept {
  /** The names of the cookies, a list for each write. */
  readonly cookies: (readonly string[])[]
  readonly vary: string[]
  readonly headers: [name: string, value: number | string | string[]][]
  /** What was there before. */
  readonly onerror: Context['onerror']
}

const KEPT = Symbol('holdfast.kept')

/**
 * Runs `write`, which sets a token on the response, and keeps what it set through Koa's error handling, which removes all
 * headers: the record was stored, so the browser must get its token. It concerns this response only and touches no error.
 */
export function keepThroughErrors(ctx: Context, cookieNames: readonly string[], write: () => void): void {
  const before = cookieNames.length > 0 ? undefined : { ...ctx.res.getHeaders() }
  write()
  const kept = keptOf(ctx)
  if (!before) {
    kept.cookies.push(cookieNames)
    return
  }
  for (const [name, value] of Object.entries(ctx.res.getHeaders())) {
    if (value !== undefined && value !== before[name]) kept.headers.push([name, value])
  }
}

type Keeping = Context & { [KEPT]?: Kept }

/** What this response must not lose. On first call, puts a wrapper around this context's `onerror`. */
function keptOf(ctx: Keeping): Kept {
  const known = ctx[KEPT]
  if (known) return known
  const kept: Kept = { cookies: [], vary: [], headers: [], onerror: ctx.onerror }
  ctx[KEPT] = kept
  ctx.onerror = onerror
  return kept
}

/**
 * One function for all contexts: with a closure for each, V8 lets the objects of a request survive, and a write of 2 KB takes 154 µs in
 * place of 101.
 */
function onerror(this: Keeping, error: Error): void {
  const kept = this[KEPT] as Kept
  // Koa calls it with null when a response has ended well.
  if (error != null && !this.res.headersSent) restoreBeforeHead(this, kept)
  kept.onerror.call(this, error)
}

const WAITING = Symbol('holdfast.beforeHead')

interface Waiting {
  readonly work: () => void
  readonly writeHead: ServerResponse['writeHead']
  readonly others: Waiting | undefined
}

type Sending = ServerResponse & { [WAITING]?: Waiting | undefined }

/** Does something when the head of this one response is about to leave, whoever sends it. */
export function beforeHead(res: Sending, work: () => void): void {
  res[WAITING] = { work, writeHead: res.writeHead, others: res[WAITING] }
  res.writeHead = writeHead as typeof res.writeHead
}

function writeHead(this: Sending, ...args: unknown[]): ServerResponse {
  const waiting = this[WAITING]
  // Somebody has kept it, and the head has left: Node says so.
  if (!waiting) return Object.getPrototypeOf(this).writeHead.apply(this, args)
  const { work, writeHead, others } = waiting
  this[WAITING] = others
  this.writeHead = writeHead
  if (!this.headersSent) work()
  return writeHead.apply(this, args as Parameters<typeof writeHead>)
}

/** Puts back, when the head is written, what was there at this moment. */
function restoreBeforeHead(ctx: Context, kept: Kept): void {
  const { res } = ctx
  const names = kept.cookies.flat()
  const cookies = setCookieLines(res).filter(line => names.includes(nameOf(line)))
  beforeHead(res, () => {
    const present = setCookieLines(res)
    const missing = cookies.filter(line => !present.some(other => setsCookie(other, nameOf(line))))
    if (missing.length > 0) res.setHeader('Set-Cookie', [...present, ...missing])
    for (const [name, value] of new Map(kept.headers)) if (!res.hasHeader(name)) res.setHeader(name, value)
    for (const header of kept.vary) ctx.vary(header)
    if (cookies.length > 0 || kept.headers.length > 0) markCaching(res, 'private')
  })
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf('='))
}

function setCookieLines(res: ServerResponse): string[] {
  const value = res.getHeader('Set-Cookie')
  if (value === undefined) return []
  return Array.isArray(value) ? value : [String(value)]
}
