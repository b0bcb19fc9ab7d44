import type { ServerResponse } from 'node:http'
import { type Cover, coverOf } from './disguise.ts'
import type { HeldResponse } from './held-response.ts'

type Any = (...args: unknown[]) => unknown

/** Where a response keeps the first that holds it. */
const HELD = Symbol('holdfast.held')

type Bearer = Pick<ServerResponse, 'writeHead' | 'statusCode'> & { [HELD]?: HeldResponse; _implicitHeader?: () => void }

/** What stands on a held response in the place of its own methods. */
export interface Methods {
  readonly write: Any
  readonly end: Any
  readonly writeHead: Any
  readonly flushHeaders: Any
  /** What hides the rest of it. */
  readonly cover: Cover
}

/** Puts one around the response and those that hold it already. */
export function surround(res: ServerResponse, layer: HeldResponse): Methods {
  const bearer = res as Bearer
  const inner = bearer[HELD]
  if (inner) return methodsAt(around(inner, layer))
  // Not enumerable: who prints a response prints nothing behind it.
  Object.defineProperty(bearer, HELD, { value: layer })
  // Node's own `end` and `write` ask for the head. Who has kept them from before us, as a watchdog does, ends the answer by them past us.
  if (typeof bearer._implicitHeader === 'function') bearer._implicitHeader = askForHead
  return methodsAt(0)
}

/** How many there are within it. */
function around(first: HeldResponse, layer: HeldResponse): number {
  let last = first
  let depth = 1
  for (; last.outer; depth++) last = last.outer
  last.outer = layer
  layer.innermost = first
  return depth
}

function askForHead(this: Bearer): void {
  const held = this[HELD] as HeldResponse
  held.implicit = true
  try {
    this.writeHead(this.statusCode)
  } finally {
    held.implicit = false
  }
}

/** The methods at each depth, made once: closures for each response cost more than what they do. */
const METHODS: Methods[] = []

function methodsAt(depth: number): Methods {
  METHODS[depth] ??= methodsOf(depth)
  return METHODS[depth]
}

function methodsOf(depth: number): Methods {
  const held = (res: Bearer): HeldResponse => {
    let layer = res[HELD] as HeldResponse
    for (let n = 0; n < depth; n++) layer = layer.outer as HeldResponse
    return layer
  }
  return {
    cover: coverOf(res => held(res).disguise),
    write(this: Bearer, ...args) {
      return held(this).write(args)
    },
    end(this: Bearer, ...args) {
      return held(this).end(args)
    },
    writeHead(this: Bearer, ...args) {
      return held(this).writeHead(args)
    },
    flushHeaders(this: Bearer) {
      held(this).flushHeaders()
    },
  }
}
