import type { IncomingMessage } from 'node:http'
import type { ExpressRequestSession } from './request-session.ts'

type Carrier = IncomingMessage & Record<PropertyKey, unknown>

/** Where a request keeps the first session that it got, unless that is plain from where sessions are by default. */
const OWNER = Symbol('holdfast.owner')
const DEFAULT = slotOf('session')

/** The session's part of a request that a middleware of ours has seen. */
export function ownerOf(req: object | undefined): ExpressRequestSession | undefined {
  const carrier = req as Carrier | undefined
  return (carrier?.[OWNER] ?? answering(carrier?.[DEFAULT])) as ExpressRequestSession | undefined
}

/** Another copy of this package has parts, too, and its stores ask those. */
function answering(part: unknown): unknown {
  const { answersStores, plan } = (part ?? {}) as Partial<ExpressRequestSession>
  return answersStores && plan?.property instanceof RequestProperty ? part : undefined
}

/** The same in each copy of this package. */
function slotOf(name: string): symbol {
  return Symbol.for(`holdfast.request.${name}`)
}

/** A name on the request, such as `session`: configurable, so that it can be assigned, deleted and mocked. */
export class RequestProperty {
  readonly name: string
  /** Where the session's id is, and its store. */
  readonly idName: string
  readonly storeName: string
  readonly #slot: symbol
  readonly #descriptor: PropertyDescriptor

  constructor(name: string) {
    const slot = slotOf(name)
    const part = (req: Carrier) => req[slot] as ExpressRequestSession
    this.name = name
    this.idName = `${name}ID`
    this.storeName = `${name}Store`
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
    if (!Object.hasOwn(req, this.name)) return false
    const own = Object.getOwnPropertyDescriptor(req, this.name)
    return own?.get !== undefined || Boolean(own?.value)
  }

  define(req: IncomingMessage, part: ExpressRequestSession): void {
    const owner = ownerOf(req) ?? (part.answersStores ? part : undefined)
    hide(req, this.#slot, part)
    if (ownerOf(req) !== owner) hide(req, OWNER, owner)
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

/** Not enumerable: who prints a request prints no session behind it. */
function hide(req: IncomingMessage, slot: symbol, value: unknown): void {
  Object.defineProperty(req, slot, { value, configurable: true, writable: true })
}
