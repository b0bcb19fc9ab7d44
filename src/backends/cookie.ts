import type { Absent, Draft, Loaded, SessionBackend, WriteResult } from '../core/backend.ts'
import { parseData } from '../core/json.ts'
import { chain, type MaybePromise } from '../core/maybe.ts'

const TOUCH_WITHIN_MS = 1000

/** The layout of a session that travels in its cookie. */
export interface CookieFormat {
  /** Reads a cookie's text. What it cannot read is absent; what it throws reaches the handler. */
  decode(text: string, request: unknown): Loaded | Absent
  encode(draft: Draft, request: unknown): string
}

/**
 * Sessions in the browser's cookie. Nothing is kept on the server: of two overlapping responses the browser keeps the
 * later one whole, and a copied cookie lives until it expires.
 */
export class CookieBackend implements SessionBackend {
  readonly eager = false
  readonly keyed = false
  /** A slow answer to a request that changed nothing must not issue an old cookie again: the visitor may have logged out meanwhile (H8). */
  readonly touchWithinMs: number | undefined
  readonly #format: CookieFormat
  readonly #newSid: () => string | undefined

  /** `newSid`: where the format has a place for what a session is known by. A peer's has none, and its cookies are issued as the peer does. */
  constructor(format: CookieFormat, newSid?: (() => string) | undefined) {
    this.#format = format
    this.#newSid = newSid ?? (() => undefined)
    this.touchWithinMs = newSid && TOUCH_WITHIN_MS
  }

  /** What the cookie would hold. It is as long as what is then written, or a little longer. */
  sketch(draft: Draft, request: unknown): string {
    return this.#format.encode({ ...draft, sid: this.#newSid() }, request)
  }

  newId(): undefined {
    return undefined
  }

  load(value: string, request: unknown): Loaded | Absent {
    return this.#format.decode(value, request)
  }

  create(draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return this.#write(draft, this.#newSid(), request)
  }

  save(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return this.#write(draft, draft.userId === loaded.userId ? loaded.sid : this.#newSid(), request)
  }

  replace(_loaded: Loaded | null, draft: Draft, _reason: unknown, request: unknown): MaybePromise<WriteResult> {
    return this.#write(draft, this.#newSid(), request)
  }

  touch(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return this.#write(draft, loaded.sid, request)
  }

  delete(): undefined {
    return undefined
  }

  async close(): Promise<void> {}

  #write(draft: Draft, sid: string | undefined, request: unknown): MaybePromise<WriteResult> {
    const { life, userId, meta, text } = draft
    return chain(this.#format.encode(sid === undefined ? draft : { ...draft, sid }, request), value => {
      const base = text()
      const loaded: Loaded = { value, base, life, userId, meta, sid, take: () => parseData(base) }
      return { status: 'written', loaded }
    })
  }
}
