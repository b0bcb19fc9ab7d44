import type { Bearer, ExpressStore } from './types.ts'

/**
 * The request of a session that a store gets: the real one, but for the session's own id. Made for who asks for it, since an object that
 * becomes a prototype is a slow one from then on, and that would be the real request.
 */
export class StoreRequest {
  readonly sessionID: string
  readonly #req: object
  readonly #store: ExpressStore
  #bearer: Bearer

  constructor(req: object, id: string, store: ExpressStore) {
    this.sessionID = id
    this.#req = req
    this.#store = store
  }

  get bearer(): Bearer {
    this.#bearer ??= Object.assign(Object.create(this.#req), { sessionID: this.sessionID, sessionStore: this.#store })
    return this.#bearer
  }
}

export function bearerOf(req: Bearer): Bearer {
  return req instanceof StoreRequest ? req.bearer : req
}
