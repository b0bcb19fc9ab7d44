import { SessionNotOpenError } from '../core/errors.ts'

/** The sessions of requests under way or answered, by the requests and by a framework's own objects. */
export class Parts<P extends object> {
  readonly #known = new WeakMap<object, P>()
  readonly #notYet: string

  /** @param notYet what is said where the request has not come through */
  constructor(notYet: string) {
    this.#notYet = notYet
  }

  add(part: P, ...keys: object[]): P {
    for (const key of keys) this.#known.set(key, part)
    return part
  }

  find(key: object): P | undefined {
    return this.#known.get(key)
  }

  /** @throws {SessionNotOpenError} */
  of(key: object): P {
    const part = this.#known.get(key)
    if (part) return part
    throw new SessionNotOpenError(this.#notYet)
  }
}
