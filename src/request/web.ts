import type { ResponseHeaders } from '../core/transport.ts'
import { OF_SUCCESS } from './beside.ts'
import { letGo } from './let-go.ts'

/** Web-standard headers of a response, as far as the session needs them. */
export function webResponseHeaders(headers: Headers): ResponseHeaders {
  return {
    get(name) {
      if (name.toLowerCase() !== 'set-cookie') return headers.get(name) ?? undefined
      const lines = headers.getSetCookie()
      return lines.length > 0 ? lines : undefined
    },
    set(name, value) {
      headers.delete(name)
      for (const line of [value].flat()) headers.append(name, line)
    },
  }
}

/** The headers of an answer that must not leave, for the error in its place. */
export function refusedHead({ headers, body }: Response): Response {
  letGo(body)
  const head = new Response(null, { status: 500, headers })
  for (const name of OF_SUCCESS) head.headers.delete(name)
  return head
}

type Octets = ReadableStream<Uint8Array>

/** The same body, which ends when `end` has: that may fail, and the body with it. `over` is called when nobody reads it any more. */
export function bodyUntil(body: Octets, end: () => Promise<void>, over: () => void): Octets {
  const reader = body.getReader()
  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      try {
        const { done, value } = await reader.read()
        if (!done) return controller.enqueue(value)
        await end()
        controller.close()
      } catch (error) {
        over()
        throw error
      }
      over()
    },
    cancel(reason: unknown) {
      over()
      return reader.cancel(reason)
    },
  }
  // Nothing is read ahead of the client.
  return new ReadableStream(source, { highWaterMark: 0 })
}
