import type { LegacyPort } from '../backends/legacy.ts'
import { chain, type MaybePromise } from '../core/maybe.ts'
import type { DropInRequest } from './drop-in-request.ts'
import type { KoaSessionStore } from './types.ts'
import { DEFAULT_LIFE_MS, fromStore, toWire } from './wire.ts'

/** A store's copy of a record outlives the cookie by this, so that no cookie points to nothing. */
const STORE_GRACE_MS = 10_000

/** A koa-session store as a port: its calls, with its arguments, one for one. Methods are looked up at each call. */
export const koaSessionPort: LegacyPort = {
  newId: request => (request as DropInRequest).newId(),

  load(id, request) {
    const { ctx, rules, settings, store } = request as DropInRequest
    const maxAge = settings.maxAge === 'session' ? DEFAULT_LIFE_MS : settings.maxAge
    const answer = (store as KoaSessionStore).get(id, maxAge, { ctx, rolling: settings.rolling }) as MaybePromise<unknown>
    return chain(answer, found => fromStore(found, rules))
  },

  save(id, data, draft, request) {
    const { ctx, rules, settings, store } = request as DropInRequest
    const options = { changed: draft.changed, ctx, rolling: settings.rolling }
    return (store as KoaSessionStore).set(id, toWire(data, draft, rules), draft.life.idleMs + STORE_GRACE_MS, options)
  },

  delete(id, request) {
    const { ctx, store } = request as DropInRequest
    return (store as KoaSessionStore).destroy(id, { ctx })
  },
}
