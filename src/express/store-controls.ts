import type { SessionControls } from '../core/controls.ts'
import { SessionStoreError } from '../core/errors.ts'
import { type Data, put } from '../core/json.ts'
import { keepOf, type RegenerateOptions } from '../core/login.ts'
import { storedCookie } from './cookie.ts'
import { userDataOf } from './data.ts'
import { ownerOf } from './property.ts'
import { bearerOf } from './store-request.ts'
import type { Bearer, ExpressStore } from './types.ts'

/**
 * What a session does that belongs to no request of ours: one that an app has made by `store.load` or `store.createSession`, for
 * a WebSocket for instance. It asks its store, as express-session does.
 */
export class StoreControls implements SessionControls {
  readonly #req: Bearer
  readonly #session: () => object
  readonly id: string | undefined
  readonly isNew = false

  constructor(req: Bearer, session: () => object) {
    this.#req = req
    this.#session = session
    this.id = req?.sessionID
  }

  get #bearer(): Bearer {
    return bearerOf(this.#req)
  }

  get #store(): ExpressStore {
    return this.#bearer.sessionStore as ExpressStore
  }

  save(): Promise<void> {
    return called(done => this.#store.set(this.id as string, this.#session() as never, done))
  }

  destroy(): Promise<void> {
    // Of a request of ours: it tells the browser, and other requests.
    const owner = ownerOf(this.#bearer)
    if (owner?.get() === this.#session()) return owner.destroy()
    this.#bearer.session = undefined
    return called(done => this.#store.destroy(this.id as string, done))
  }

  async reload(): Promise<boolean> {
    const stored = await called<object | null | undefined>(done => this.#store.get(this.id as string, done as never))
    if (!stored) return false
    const session = this.#session() as Data
    for (const key of Object.keys(session)) delete session[key]
    put(session, 'cookie', storedCookie((stored as { cookie: object }).cookie))
    for (const [key, value] of Object.entries(userDataOf(stored))) put(session, key, value)
    this.#bearer.session = session
    return true
  }

  regenerate({ keep = false }: RegenerateOptions = {}): Promise<void> {
    const kept = keepOf(keep)
    if (kept === true || kept.length > 0) throw new TypeError('this session was made from a store: regenerate() can keep nothing of it')
    return called(done => this.#store.regenerate?.(this.#bearer, done))
  }

  /** Without compare-and-set it runs once. */
  update(change: (draft: Data) => unknown): Promise<void> {
    change(this.#session() as Data)
    return this.save()
  }
}

/** A store's method that answers by a callback; one that throws, or whose promise is rejected, has failed too. */
export function called<T = void>(call: (done: (error?: unknown, value?: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown) => reject(error ?? new SessionStoreError('answer', {}))
    const answer = call((error, value) => (error ? failed(error) : resolve(value as T)))
    if (typeof (answer as PromiseLike<unknown> | undefined)?.then === 'function') (answer as PromiseLike<unknown>).then(undefined, failed)
  })
}
