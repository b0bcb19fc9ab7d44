import { SessionGoneError } from '../core/errors.ts'
import type { Data } from '../core/json.ts'
import type { SessionManager } from '../core/manager.ts'
import { Cookie } from './cookie.ts'
import { readData } from './data.ts'
import { Store } from './store.ts'
import type { SessionWire } from './types.ts'

type Done<T = void> = (error?: unknown, value?: T) => void

/** `req.sessionStore` over one of Holdfast's stores: for code that asks it by an id, as it would an express-session store. */
export class HoldfastStore extends Store {
  readonly #manager: () => SessionManager

  constructor(manager: () => SessionManager) {
    super()
    this.#manager = manager
  }

  get(id: string, done: Done<SessionWire | null>): void {
    answer(this.#get(id), done)
  }

  /** Changes a session that is there; it never makes one. */
  set(id: string, session: object, done?: Done): void {
    answer(this.#set(id, session), done)
  }

  destroy(id: string, done?: Done): void {
    answer(this.#destroy(id), done)
  }

  async #get(id: string): Promise<SessionWire | null> {
    const found = await this.#manager().find(id, undefined)
    if (!found) return null
    const cookie = new Cookie()
    const { maxAge, expiresAt } = found.life ?? {}
    if (typeof maxAge === 'number') {
      cookie.expires = new Date(expiresAt as number)
      cookie.originalMaxAge = maxAge
    }
    return { cookie, ...found.take() }
  }

  async #set(id: string, session: object): Promise<void> {
    const found = await this.#manager().find(id, undefined)
    if (!found) throw new SessionGoneError()
    found.hold(session, () => undefined, readData as (holder: object) => Data)
    await this.#manager().commit(found, undefined, { force: true })
  }

  async #destroy(id: string): Promise<void> {
    const found = await this.#manager().find(id, undefined)
    if (!found) return
    found.destroyed = true
    const result = await this.#manager().commit(found, undefined)
    if ('failure' in result) throw result.failure
  }
}

function answer<T>(work: Promise<T>, done: Done<T> = () => undefined): void {
  work.then(
    value => process.nextTick(done, null, value),
    error => process.nextTick(done, error),
  )
}
