import { once } from 'node:events'
import http from 'node:http'

/** What a server of web-standard requests tells beside the request, as Deno's does. */
export interface Info {
  ip: string | undefined
  /** Calls `listener` when the head of the answer has left. */
  onHead(listener: () => void): void
}

export type FetchHandler = (request: Request, info: Info) => Response | Promise<Response>

/** Node's server for a handler of web-standard requests. What the handler throws becomes a 500. */
export function fetchServer(handler: FetchHandler): http.Server {
  return http.createServer(async (req, res) => {
    const gone = new AbortController()
    res.once('close', () => gone.abort())
    const listeners: (() => void)[] = []
    const info: Info = { ip: req.socket.remoteAddress, onHead: listener => (res.headersSent ? listener() : void listeners.push(listener)) }
    try {
      await send(await handler(requestOf(req, gone.signal), info), req, res, () => {
        for (const listener of listeners) listener()
      })
    } catch {
      if (res.headersSent) res.destroy()
      else res.writeHead(500).end('Internal Server Error')
    }
  })
}

function requestOf(req: http.IncomingMessage, signal: AbortSignal): Request {
  const { method = 'GET', url = '/', rawHeaders } = req
  const headers = new Headers()
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] as string, rawHeaders[at + 1] as string)
  const body = method === 'GET' || method === 'HEAD' ? undefined : (req as unknown as ReadableStream)
  return new Request(`http://${req.headers.host ?? 'localhost'}${url}`, { method, headers, signal, body, duplex: 'half' } as RequestInit)
}

async function send(response: Response, req: http.IncomingMessage, res: http.ServerResponse, left: () => void): Promise<void> {
  const cookies = response.headers.getSetCookie()
  for (const [name, value] of response.headers) if (name !== 'set-cookie') res.setHeader(name, value)
  if (cookies.length > 0) res.setHeader('Set-Cookie', cookies)
  // `Response.error()` is no answer.
  if (response.status === 0) throw new Error('a network error')
  res.writeHead(response.status, response.statusText || undefined)
  const { body } = response
  if (!body || req.method === 'HEAD') {
    await body?.cancel()
    res.end()
    left()
    return
  }
  res.flushHeaders()
  left()
  const reader = body.getReader()
  res.once('close', () => void reader.cancel().catch(() => undefined))
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    if (!res.write(value) && !res.destroyed) await Promise.race([once(res, 'drain'), once(res, 'close')])
  }
  res.end()
}
