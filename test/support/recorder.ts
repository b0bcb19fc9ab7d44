import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage } from 'node:http'
import type { Ctx, Loose } from './subjects.ts'

/** One thing that happened on the server while a request was answered. */
export interface Entry {
  what: string
  args: unknown[]
  /** For `store.set`: the text that a store would write, so that the order of keys is compared as well. */
  text?: string
}

interface Turn {
  number: number
  journal: Entry[]
  request: IncomingMessage
}

/** Writes down what an app sees, in order, each entry with the request that caused it. */
export class Recorder {
  #turns = new AsyncLocalStorage<Turn>()

  /** `<request number> <what>` for everything, in the order in which it happened. */
  readonly order: string[] = []

  /** What happened outside of any request. */
  readonly stray: Entry[] = []

  /** Runs `next` as request `number`; whatever it causes, at once or later, is written to `journal`. */
  during<T>(number: number, journal: Entry[], request: IncomingMessage, next: () => T): T {
    return this.#turns.run({ number, journal, request }, next)
  }

  record(what: string, args: unknown[], text?: string): void {
    const turn = this.#turns.getStore()
    const entry: Entry = { what, args: args.map(value => this.snapshot(value)), ...(text !== undefined && { text }) }
    ;(turn?.journal ?? this.stray).push(entry)
    this.order.push(`${turn?.number ?? '-'} ${what}`)
  }

  /** A deep copy made now; a Koa context becomes a word that says whether it is the one of this request. */
  snapshot(value: unknown): unknown {
    if (typeof value === 'function') return '<function>'
    if (typeof value !== 'object' || value === null) return value
    if (isContext(value)) return value.req === this.#turns.getStore()?.request ? '<ctx>' : '<ctx of another request>'
    if (isSession(value)) return { '<session>': this.snapshot(value.toJSON()), isNew: value.isNew }
    if (Array.isArray(value)) return value.map(item => this.snapshot(item))
    if (value instanceof Date) return new Date(value)
    if (value instanceof Error) return { '<error>': value.message }
    if (value instanceof Promise) return '<promise>'
    const copy = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.snapshot(item)]))
    const prototype = Object.getPrototypeOf(value)
    return prototype === Object.prototype || prototype === null ? copy : { '<class>': prototype.constructor?.name, ...copy }
  }
}

function isContext(value: object): value is Ctx {
  return 'req' in value && 'res' in value && 'originalUrl' in value
}

function isSession(value: Loose): value is { toJSON(): unknown; isNew: boolean } {
  return typeof value.isNew === 'boolean' && typeof value.toJSON === 'function' && typeof value.manuallyCommit === 'function'
}

type Method = 'get' | 'set' | 'destroy'

/** A store with the three methods of koa-session's contract; it writes down each call and can be told to fail. */
export class RecordingStore {
  readonly records = new Map<string, unknown>()
  readonly fails: Partial<Record<Method, unknown>> = {}

  /** Answer without a promise, and fail by throwing. */
  answersAtOnce = false

  #recorder: Recorder

  constructor(recorder: Recorder) {
    this.#recorder = recorder
  }

  get(key: string, maxAge: unknown, extra: unknown): unknown {
    this.#recorder.record('store.get', [key, maxAge, extra])
    return this.#answer('get', () => copy(this.records.get(key)))
  }

  set(key: string, data: unknown, maxAge: unknown, extra: unknown): unknown {
    this.#recorder.record('store.set', [key, data, maxAge, extra], JSON.stringify(data))
    return this.#answer('set', () => {
      this.records.set(key, copy(data))
    })
  }

  destroy(key: string, extra: unknown): unknown {
    this.#recorder.record('store.destroy', [key, extra])
    return this.#answer('destroy', () => {
      this.records.delete(key)
    })
  }

  #answer(method: Method, act: () => unknown): unknown {
    const run = () => {
      if (method in this.fails) throw this.fails[method]
      return act()
    }
    return this.answersAtOnce ? run() : Promise.resolve().then(run)
  }
}

/** As a store that keeps JSON would give it back. */
function copy(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}
