import type { Absent, Draft, Loaded, SessionBackend, WriteResult } from '../core/backend.ts'
import { parseData } from '../core/json.ts'
import { chain, type MaybePromise } from '../core/maybe.ts'

/** The layout of a session that travels in its cookie. */
export interface CookieFormat {
  /** Reads a cookie's text. What it cannot read is absent; what it throws reaches the handler. */
  decode(text: string, request: unknown): Omit<Loaded, 'value'> | Absent
  encode(draft: Draft, request: unknown): string
}

/**
 * Sessions in the browser's cookie. Nothing is kept on the server: of two overlapping responses the browser keeps the
 * later one whole, and a copied cookie lives until it expires.
 */
export class CookieBackend implements SessionBackend {
  readonly eager = false
  readonly keyed = false
  readonly #format: CookieFormat

  constructor(format: CookieFormat) {
    this.#format = format
  }

  newId(): undefined {
    return undefined
  }

  load(value: string, request: unknown): Loaded | Absent {
    const found = this.#format.decode(value, request)
    return 'absent' in found ? found : Object.assign(found, { value })
  }

  create(draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return this.#write(draft, request)
  }

  save(_loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return this.#write(draft, request)
  }

  replace(_loaded: Loaded | null, draft: Draft, _reason: unknown, request: unknown): MaybePromise<WriteResult> {
    return this.#write(draft, request)
  }

  touch(_loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return this.#write(draft, request)
  }

  delete(): undefined {
    return undefined
  }

  async close(): Promise<void> {}

  #write(draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return chain(this.#format.encode(draft, request), value => {
      const base = draft.text()
      const loaded: Loaded = { value, base, life: draft.life, take: () => parseData(base) }
      return { status: 'written', loaded }
    })
  }
}
