import type { ServerResponse } from 'node:http'
import { hasMessage } from './response-head.ts'

/** What belongs to the body, and keeps its place in it, beside writes. */
export type Aside = 'cork' | 'uncork' | 'addTrailers'

type Part = readonly [name: string, descriptor: PropertyDescriptor]

/** What hides a response's own: the same for all responses, so that none of them is of a shape of its own. */
export interface Cover {
  readonly head: readonly Part[]
  readonly body: readonly Part[]
  readonly finished: readonly Part[]
}

/** Finds the disguise that a response wears; none where somebody has kept a part of one. */
export type Wearing = (res: ServerResponse) => Disguise | undefined

/** Makes a response whose answer waits look as if it had left. Each part stays until all of it is taken off. */
export class Disguise {
  readonly #res: ServerResponse
  readonly #cover: Cover
  /** What is on. */
  readonly #on: Part[] = []
  /** What of the response's own is hidden. */
  readonly #hidden: Part[] = []
  readonly #keep: (aside: Aside, args: unknown[]) => void
  #wrote = false
  #corked = 0
  /** What Node's own `finished` says: an own property of the response, which an accessor would make a slow one. */
  #finished: boolean | undefined
  ended = false

  /** `keep` gets what else than writes is asked for meanwhile. */
  constructor(res: ServerResponse, cover: Cover, keep: (aside: Aside, args: unknown[]) => void) {
    this.#res = res
    this.#cover = cover
    this.#keep = keep
  }

  /** From here on the head is what it is now, as far as the handler can tell. */
  head(): void {
    this.#put(this.#cover.head)
  }

  /** What is written from here on is as if it had left. */
  body(): void {
    this.#corked = this.#res.writableCorked
    this.#put(this.#cover.body)
  }

  /**
   * Node itself reads this one: once the head has left, what is on its way, as from a compression before us, must find it true to
   * life. Before, nothing is.
   */
  finished(): void {
    const res = this.#res
    if (Object.hasOwn(res, 'finished')) {
      this.#finished = res.finished
      res.finished = this.ended
    } else this.#put(this.#cover.finished)
  }

  /** A call that waits. */
  take(method: string): void {
    if (method === 'write') this.#wrote = true
    if (method !== 'end') return
    this.ended = true
    if (this.#finished !== undefined) this.#res.finished = true
  }

  get needsDrain(): boolean {
    return this.#wrote && !this.ended
  }

  get corked(): number {
    return this.#corked
  }

  ask(aside: Aside, args: unknown[]): void {
    if (aside === 'cork') this.#corked++
    if (aside === 'uncork' && this.#corked > 0) this.#corked--
    this.#keep(aside, args)
  }

  /** The last put on is the first to go: an object from whose middle properties are taken is a slow one from then on. */
  off(): void {
    const res = this.#res
    if (this.#finished !== undefined) res.finished = this.#finished
    for (let part = this.#on.pop(); part; part = this.#on.pop()) Reflect.deleteProperty(res, part[0])
    for (let part = this.#hidden.pop(); part; part = this.#hidden.pop()) Object.defineProperty(res, part[0], part[1])
  }

  #put(parts: readonly Part[]): void {
    const res = this.#res
    for (const part of parts) {
      const [name, descriptor] = part
      if (Object.hasOwn(res, name)) this.#hidden.push([name, Object.getOwnPropertyDescriptor(res, name) as PropertyDescriptor])
      else if (name in res) this.#on.push(part)
      else continue
      Object.defineProperty(res, name, descriptor)
    }
  }
}

/** What changes headers, in the words of Node's error. */
const CHANGING = Object.entries({ setHeader: 'set', setHeaders: 'set', appendHeader: 'append', removeHeader: 'remove' })

export function coverOf(wearing: Wearing): Cover {
  const says = (name: string, value: (worn: Disguise) => unknown): Part => {
    const get = function get(this: ServerResponse): unknown {
      const worn = wearing(this)
      return worn && value(worn)
    }
    return [name, { get, set: () => undefined, configurable: true }]
  }
  const does = (name: string, value: (this: ServerResponse, ...args: unknown[]) => void): Part => [
    name,
    { value, writable: true, configurable: true },
  ]
  const asks = (name: Aside) =>
    does(name, function ask(...args) {
      wearing(this)?.ask(name, args)
    })
  return {
    head: [
      says('headersSent', () => true),
      ...CHANGING.map(([name, what]) =>
        does(name, function refuse() {
          throw headersSent(this, what)
        }),
      ),
    ],
    body: [
      says('writableEnded', worn => worn.ended),
      says('writableFinished', () => false),
      says('writableNeedDrain', worn => worn.needsDrain),
      says('writableCorked', worn => worn.corked),
      asks('cork'),
      asks('uncork'),
      asks('addTrailers'),
    ],
    finished: [says('finished', worn => worn.ended)],
  }
}

/** Node's error. */
export function headersSent(res: ServerResponse, what: string): Error {
  const [code, text] = hasMessage(res)
    ? ['ERR_HTTP_HEADERS_SENT', `Cannot ${what} headers after they are sent to the client`]
    : ['ERR_HTTP2_HEADERS_SENT', 'Response has already been initiated.']
  return Object.assign(new Error(text), { code })
}
