import type { ServerResponse } from 'node:http'
import type { HeldResponse } from './held-response.ts'

/** All that hold one response, each one around those before it. */
export class Layers {
  /** Node itself asks for the head, by `writeHead`: that is no call of the handler's. */
  implicit = false
  readonly #all: HeldResponse[] = []

  static readonly #slot = Symbol('holdfast.layers')

  static of(res: ServerResponse): Layers {
    const own = res as ServerResponse & Record<symbol, Layers | undefined>
    const known = own[Layers.#slot]
    if (known) return known
    const layers = new Layers()
    Object.defineProperty(own, Layers.#slot, { value: layers })
    layers.#takeImplicitHead(res)
    return layers
  }

  add(layer: HeldResponse): void {
    this.#all.push(layer)
  }

  /** This one and those around it. */
  from(layer: HeldResponse): HeldResponse[] {
    return this.#all.slice(this.#all.indexOf(layer))
  }

  /** Node's own `end` and `write` ask for the head. Who has kept them from before us, as a watchdog does, ends the answer by them past us. */
  #takeImplicitHead(res: ServerResponse & { _implicitHeader?: () => void }): void {
    if (typeof res._implicitHeader !== 'function') return
    const value = () => {
      this.implicit = true
      try {
        res.writeHead(res.statusCode)
      } finally {
        this.implicit = false
      }
    }
    Object.defineProperty(res, '_implicitHeader', { configurable: true, value })
  }
}
