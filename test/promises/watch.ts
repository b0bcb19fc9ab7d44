import type { Loose } from '../support/subjects.ts'

/** A stop inside an operation. */
export interface Gate {
  /** Fulfilled when somebody waits here. */
  reached: Promise<void>
  open(): void
  /** For whoever shall wait. */
  pass(): Promise<void>
}

export function gate(): Gate {
  let arrive = () => {}
  let open = () => {}
  const reached = new Promise<void>(resolve => {
    arrive = resolve
  })
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  const pass = () => {
    arrive()
    return opened
  }
  return { reached, open, pass }
}

/** koa-session's kind of store: a Map, and copies as a database would make them. */
export class MapStore {
  readonly records = new Map<string, string>()

  async get(id: string): Promise<unknown> {
    const text = this.records.get(id)
    return text === undefined ? undefined : JSON.parse(text)
  }

  async set(id: string, data: unknown): Promise<void> {
    this.records.set(id, JSON.stringify(data))
  }

  async destroy(id: string): Promise<void> {
    this.records.delete(id)
  }
}

const WRITES = new Set(['set', 'destroy', 'create', 'save', 'replace', 'touch', 'delete'])

/** A store that is watched: it tells its calls, can be stopped in one, and can be made to fail. */
export class Watch {
  target: Loose
  /** To hand to the library. */
  readonly store: Loose
  readonly calls: { method: string; args: unknown[] }[] = []
  readonly #gates = new Map<string, Gate>()
  readonly #failures = new Map<string, unknown>()

  constructor(target: object) {
    this.target = target
    this.store = new Proxy(target, {
      get: (_, name: string) => {
        const member = this.target[name]
        if (typeof member !== 'function') return member
        return async (...args: unknown[]) => {
          this.calls.push({ method: name, args })
          const stop = this.#gates.get(name)
          this.#gates.delete(name)
          await stop?.pass()
          if (this.#failures.has(name)) throw this.#failures.get(name)
          return member.apply(this.target, args)
        }
      },
    })
  }

  /** The next call of this method waits before it does its work. */
  stop(method: string): Gate {
    const stop = gate()
    this.#gates.set(method, stop)
    return stop
  }

  /** Each call of this method fails, until `heal`. */
  fail(method: string, error: unknown): void {
    this.#failures.set(method, error)
  }

  heal(): void {
    this.#failures.clear()
  }

  /** The names of the calls since the last time, in order. */
  did(): string[] {
    return this.calls.splice(0).map(call => call.method)
  }

  /** Those of them that write. */
  wrote(): string[] {
    return this.did().filter(method => WRITES.has(method))
  }

  /** How many sessions live in it. */
  async living(): Promise<number> {
    return this.target.records?.size ?? (await this.target.list()).records.length
  }

  /** How many records (and tombstones) it holds. */
  get size(): number {
    return this.target.records?.size ?? this.target.size
  }
}
