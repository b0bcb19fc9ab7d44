import type { IncomingMessage } from 'node:http'
import type { ExpressRequestSession } from './request-session.ts'

type Carrier = IncomingMessage & Record<PropertyKey, unknown>

/** Where a request keeps the first session that it got. */
const OWNER = Symbol('holdfast.owner')

/** The session's part of a request that a middleware of ours has seen. */
export function ownerOf(req: object | undefined): ExpressRequestSession | undefined {
  return (req as Carrier | undefined)?.[OWNER] as ExpressRequestSession | undefined
}

/** A name on the request, such as `session`: configurable, so that it can be assigned, deleted and mocked. */
export class RequestProperty {
  readonly name: string
  readonly #slot: symbol
  readonly #descriptor: PropertyDescriptor

  constructor(name: string) {
    const slot = Symbol.for(`holdfast.request.${name}`)
    const part = (req: Carrier) => req[slot] as ExpressRequestSession
    this.name = name
    this.#slot = slot
    this.#descriptor = {
      configurable: true,
      enumerable: true,
      get(this: Carrier) {
        return part(this)?.get()
      },
      set(this: Carrier, value: unknown) {
        part(this)?.set(value)
      },
    }
  }

  /**
   * Whether a session of this name is there already, and not one that a mounted app's parent has skipped. An accessor is not asked: a look
   * would count as access.
   */
  taken(req: IncomingMessage): boolean {
    if (this.partOf(req)?.skipped) return false
    const own = Object.getOwnPropertyDescriptor(req, this.name)
    return own?.get !== undefined || Boolean(own?.value)
  }

  define(req: IncomingMessage, part: ExpressRequestSession): void {
    // Not enumerable: who prints a request prints no session behind it.
    Object.defineProperty(req, this.#slot, { value: part, configurable: true, writable: true })
    if (part.answersStores && !ownerOf(req)) Object.defineProperty(req, OWNER, { value: part, configurable: true, writable: true })
    Object.defineProperty(req, this.name, this.#descriptor)
  }

  partOf(req: IncomingMessage): ExpressRequestSession | undefined {
    return (req as Carrier)[this.#slot] as ExpressRequestSession | undefined
  }

  /** Whether a handler has left our property as it is. */
  stands(req: IncomingMessage): boolean {
    return Object.getOwnPropertyDescriptor(req, this.name)?.get === this.#descriptor.get
  }

  remove(req: IncomingMessage): void {
    Reflect.deleteProperty(req, this.name)
  }

  /** A handler has deleted it, or put a plain value in its place: what is there now, for it to be ours again. */
  retake(req: IncomingMessage): unknown {
    const value = (req as Carrier)[this.name]
    Object.defineProperty(req, this.name, this.#descriptor)
    return value
  }
}
