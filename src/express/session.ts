import { CONTROLS, type SessionControls, SessionHolder, sealOff } from '../core/controls.ts'
import type { Data } from '../core/json.ts'
import type { RegenerateOptions } from '../core/login.ts'
import type { Cookie } from './cookie.ts'
import { fill } from './data.ts'
import { StoreControls } from './store-controls.ts'
import { bearerOf } from './store-request.ts'
import type { Bearer, ExpressSessionMembers } from './types.ts'

const INSPECT = Symbol.for('nodejs.util.inspect.custom')

type Callback = (error?: unknown) => void

/**
 * `req.session` of the drop-in: express-session's members on the prototype, `cookie` and the user's data as own properties. What
 * only Holdfast has (`update`) is overlaid by data of the same name and remains a function of `holdfast`.
 */
export class Session extends SessionHolder {
  readonly #req: Bearer
  readonly #idOf: (() => string | undefined) | undefined
  /** The attributes and the life of its cookie. */
  declare cookie: Cookie

  /** As express-session constructs it: with a request that has a `sessionID` and a `sessionStore`, and what the store has kept. */
  constructor(req: Bearer, data?: object | null, controls?: SessionControls, idOf?: () => string | undefined) {
    super(controls ?? new StoreControls(req, () => this))
    this.#req = req
    this.#idOf = idOf
    if (typeof data === 'object' && data !== null) {
      if ('cookie' in data) this.cookie = data.cookie as Cookie
      fill(this, data)
    }
  }

  /** Its own, also when the request has gone on to another session. */
  get id(): string | undefined {
    return this.#idOf ? this.#idOf() : this[CONTROLS].id
  }

  get req(): Bearer {
    return bearerOf(this.#req)
  }

  /** Gives the cookie its whole life again. */
  touch(): this {
    return this.resetMaxAge()
  }

  resetMaxAge(): this {
    this.cookie.maxAge = this.cookie.originalMaxAge
    return this
  }

  /** Writes the session now, changed or not. */
  save(callback?: Callback): Promise<void> | this {
    return this.#settle(this[CONTROLS].save(), callback)
  }

  /** Takes what is stored now. */
  reload(callback?: Callback): Promise<void> | this {
    const reloaded = this[CONTROLS].reload().then(found => {
      if (!found) throw new Error('failed to load session')
    })
    return this.#settle(reloaded, callback)
  }

  /** Ends the session now, in the store and in the browser; `req.session` is gone. */
  destroy(callback?: Callback): Promise<void> | this {
    return this.#settle(this[CONTROLS].destroy(), callback)
  }

  /** Ends the session, and puts a new and empty one with a new id into its place on the request; or with `keep` gives this one a new id. */
  regenerate(options?: RegenerateOptions | Callback, callback?: Callback): Promise<void> | this {
    if (typeof options === 'function') return this.#settle(this[CONTROLS].regenerate(), options)
    return this.#settle(this[CONTROLS].regenerate(options), callback)
  }

  /** Holdfast's: runs a synchronous function on the latest data until it lands. */
  update(change: (draft: this) => void): Promise<void> {
    return this[CONTROLS].update(change as (draft: Data) => void)
  }

  /** Its cookie and its data; what stands behind it knows the id. */
  [INSPECT](): Data {
    return { ...(this as unknown as Data) }
  }

  #settle(work: Promise<void>, callback: Callback | undefined): Promise<void> | this {
    if (callback) {
      // Outside of the promise: what a callback throws is not caught by it.
      work.then(
        () => process.nextTick(callback),
        error => process.nextTick(callback, error),
      )
      return this
    }
    // Who does not look at the promise is told by the end of the request, which tries again.
    work.catch(() => undefined)
    return work
  }
}

sealOff(Session)

/** The class as its users see it: a `Session` is whatever has the members of one, so that a helper takes `req.session`. */
export const SessionClass = Session as unknown as {
  new (req: Bearer, data?: object | null): ExpressSessionMembers
  prototype: ExpressSessionMembers
}
export type SessionClass = ExpressSessionMembers
