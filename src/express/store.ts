import { EventEmitter } from 'node:events'
import { inherits } from 'node:util'
import { storedCookie } from './cookie.ts'
import { ownerOf } from './property.ts'
import { Session } from './session.ts'
import type { Bearer, Done, ExpressSession, ExpressStore, SessionWire } from './types.ts'

type Callback<T> = (error?: unknown, value?: T) => void

/** express-session's base of stores. A function, so that `Store.call(this)` with `util.inherits` works as `extends` does. */
function StoreFunction(this: object): void {
  EventEmitter.call(this as EventEmitter)
}
inherits(StoreFunction, EventEmitter)

const methods: ThisType<ExpressStore> & Record<string, unknown> = {
  /** Ends the request's session and begins another one. */
  regenerate(req: Bearer, done: Callback<void>): void {
    const owner = ownerOf(req)
    if (owner)
      owner.regenerate().then(
        () => process.nextTick(done),
        error => process.nextTick(done, error),
      )
    else {
      this.destroy(req.sessionID as string, error => {
        this.generate?.(req)
        done(error)
      })
    }
  },

  /** The session of an id, for code without a request. */
  load(id: string, done: Callback<Session>): void {
    this.get(id, (error, stored) => {
      if (error) return done(error)
      if (!stored) return done()
      done(null, this.createSession?.({ sessionID: id, sessionStore: this }, stored) as Session)
    })
  },

  /** Makes a session of what a store has kept, and puts it on the request. */
  createSession(req: Bearer, stored: SessionWire): Session {
    const session = new Session(req, { ...stored, cookie: storedCookie(stored.cookie) })
    req.session = session
    return session
  },
}
for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(StoreFunction.prototype, name, { value, writable: true, configurable: true })
}

/** What a store inherits, and what it brings itself. */
declare abstract class StoreBase extends EventEmitter {
  /** What is stored under an id, or nothing. */
  abstract get(id: string, done: Done): unknown
  abstract set(id: string, session: SessionWire, done?: Done): unknown
  abstract destroy(id: string, done?: Done): unknown
  /** A session was used, but not changed: it lives longer. */
  touch?(id: string, session: SessionWire, done?: Done): unknown
  all?(done: Done): unknown
  length?(done: Done): unknown
  clear?(done?: Done): unknown
  /** Puts a new and empty session on a request. The middleware gives it to the store that it is given. */
  generate(req: Bearer): void
  /** Ends the request's session and begins another one. */
  regenerate(req: Bearer, done: Done<void>): void
  /** The session of an id, for code without a request. */
  load<S = ExpressSession>(id: string, done: Done<S>): void
  /** Makes a session of what a store has kept, and puts it on the request. */
  createSession<S = ExpressSession>(req: Bearer, stored: SessionWire): S
}

/** The base of stores: an EventEmitter with `generate`, `regenerate`, `load` and `createSession`. */
export const Store = StoreFunction as unknown as typeof StoreBase & ((this: object) => void)
export type Store = StoreBase
