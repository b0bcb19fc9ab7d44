import type { ServerResponse } from 'node:http'
import { hasMessage } from './response-head.ts'

/** What belongs to the body, and keeps its place in it, beside writes. */
export type Aside = 'cork' | 'uncork' | 'addTrailers'

/** Makes a response whose answer waits look as if it had left. Each part stays until all of it is taken off. */
export class Disguise {
  readonly #res: ServerResponse
  /** What is hidden. */
  #own: [name: string, own: PropertyDescriptor | undefined][] = []
  #wrote = false
  #ended = false
  #corked = 0

  constructor(res: ServerResponse) {
    this.#res = res
  }

  /** From here on the head is what it is now, as far as the handler can tell. */
  head(): void {
    this.#says('headersSent', () => true)
    for (const [name, what] of CHANGING) {
      this.#does(name, () => {
        throw headersSent(this.#res, what)
      })
    }
  }

  /** What is written from here on is as if it had left. `keep` gets what else is asked for meanwhile. */
  body(keep: (aside: Aside, args: unknown[]) => void): void {
    this.#corked = this.#res.writableCorked
    this.#says('writableEnded', () => this.#ended)
    this.#says('writableFinished', () => false)
    this.#says('writableNeedDrain', () => this.#wrote && !this.#ended)
    this.#says('writableCorked', () => this.#corked)
    this.#does('cork', () => {
      this.#corked++
      keep('cork', [])
    })
    this.#does('uncork', () => {
      if (this.#corked > 0) this.#corked--
      keep('uncork', [])
    })
    this.#does('addTrailers', (...args) => keep('addTrailers', args))
  }

  /**
   * Node itself reads this one: once the head has left, what is on its way, as from a compression before us, must find it true to
   * life. Before, nothing is.
   */
  finished(): void {
    this.#says('finished', () => this.#ended)
  }

  /** A call that waits. */
  take(method: string): void {
    if (method === 'write') this.#wrote = true
    if (method === 'end') this.#ended = true
  }

  off(): void {
    for (const [name, own] of this.#own) {
      if (own) Object.defineProperty(this.#res, name, own)
      else Reflect.deleteProperty(this.#res, name)
    }
    this.#own = []
  }

  #says(name: string, get: () => unknown): void {
    this.#put(name, { get, set: () => undefined, configurable: true })
  }

  #does(name: string, value: (...args: unknown[]) => void): void {
    this.#put(name, { value, writable: true, configurable: true })
  }

  #put(name: string, descriptor: PropertyDescriptor): void {
    if (!(name in this.#res)) return
    this.#own.push([name, Object.getOwnPropertyDescriptor(this.#res, name)])
    Object.defineProperty(this.#res, name, descriptor)
  }
}

/** What changes headers, in the words of Node's error. */
const CHANGING = Object.entries({ setHeader: 'set', setHeaders: 'set', appendHeader: 'append', removeHeader: 'remove' })

/** Node's error. */
export function headersSent(res: ServerResponse, what: string): Error {
  const [code, text] = hasMessage(res)
    ? ['ERR_HTTP_HEADERS_SENT', `Cannot ${what} headers after they are sent to the client`]
    : ['ERR_HTTP2_HEADERS_SENT', 'Response has already been initiated.']
  return Object.assign(new Error(text), { code })
}
