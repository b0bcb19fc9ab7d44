import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { whenClosed } from '../core/closing.ts'
import { readForm } from './form.ts'
import { pathOf } from './page-options.ts'
import type { Page, PageAnswer, PageRequest } from './port.ts'

/** What is used of Koa's context. */
export interface KoaLike {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly originalUrl: string
  status: number
  body: unknown
  onerror(error: Error): void
  set(headers: Record<string, string>): void
}

/** A page, for `app.use` of Koa, and for that of Express and connect. */
export interface PageMiddleware {
  (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): void
  (ctx: KoaLike, next: () => Promise<unknown>): Promise<void>
}

type Next = (error?: unknown) => unknown

/** Koa calls its middleware with two arguments, Express and connect with three: that, and nothing of a framework's own, tells them apart. */
export function middlewareOf(page: Page): PageMiddleware {
  return ((first: KoaLike | IncomingMessage, second: Next | ServerResponse, third?: Next): unknown =>
    third === undefined
      ? onKoa(page, first as KoaLike, second as Next)
      : onExpress(page, first as IncomingMessage, second as ServerResponse, third)) as PageMiddleware
}

async function onKoa(page: Page, ctx: KoaLike, next: Next): Promise<void> {
  const url = urlOf(page, ctx.originalUrl)
  if (url === null) {
    await next()
    return
  }
  const { request: parsed } = ctx as unknown as { request?: { body?: unknown } }
  const answer = await page.answer(requestOf(page, ctx.req, url, ctx, parsed?.body))
  ctx.status = answer.status
  ctx.set({ ...answer.headers })
  ctx.body = answer.body
  if (typeof answer.body === 'string') return
  letLeave(ctx)
  endWith(ctx.req, ctx.res, answer.body)
}

/** Also where it is closed already, since the session took its time to load. */
function endWith(req: IncomingMessage, res: ServerResponse, body: Readable): void {
  whenClosed(res, req.socket, () => body.destroy())
}

/** Koa 3 calls it an error of the app when a browser leaves a stream. That is how each of these streams ends. */
function letLeave(ctx: KoaLike): void {
  const { onerror } = ctx
  ctx.onerror = error => {
    if ((error as NodeJS.ErrnoException | null)?.code !== 'ERR_STREAM_PREMATURE_CLOSE') onerror.call(ctx, error)
  }
}

function onExpress(page: Page, req: IncomingMessage, res: ServerResponse, next: Next): void {
  const { originalUrl = req.url ?? '' } = req as { originalUrl?: string }
  const url = urlOf(page, originalUrl)
  if (url === null) {
    next()
    return
  }
  const { body } = req as { body?: unknown }
  page
    .answer(requestOf(page, req, url, req, body))
    .then(answer => send(req, res, answer))
    .catch(next)
}

function send(req: IncomingMessage, res: ServerResponse, { status, headers, body }: PageAnswer): void {
  if (typeof body !== 'string') endWith(req, res, body)
  try {
    res.statusCode = status
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  } catch (error) {
    // Somebody else has answered meanwhile.
    if (typeof body !== 'string') body.destroy()
    throw error
  }
  if (typeof body === 'string') res.end(body)
  else if (!body.destroyed) body.pipe(res)
}

/** The query of a request for the page; null: it is for somebody else. */
function urlOf({ path }: Page, url: string): URLSearchParams | null {
  const at = url.indexOf('?')
  return pathOf(at < 0 ? url : url.slice(0, at)) === path ? new URLSearchParams(at < 0 ? '' : url.slice(at)) : null
}

function requestOf(page: Page, req: IncomingMessage, query: URLSearchParams, source: object, parsed: unknown): PageRequest {
  const session: unknown = (source as Record<string, unknown>)[page.property]
  return {
    method: req.method ?? 'GET',
    query,
    session: typeof session === 'object' && session !== null ? session : undefined,
    source,
    header(name) {
      const value = req.headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    form: () => readForm(req, parsed),
  }
}
