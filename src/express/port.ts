import type { LegacyFound, LegacyPort } from '../backends/legacy.ts'
import type { Absent } from '../core/backend.ts'
import type { Data } from '../core/json.ts'
import type { Life } from '../core/record.ts'
import { newUid } from '../crypto/session-id.ts'
import { Cookie } from './cookie.ts'
import { userDataOf } from './data.ts'
import type { DropInPlan } from './drop-in.ts'
import type { DropInRequest } from './drop-in-request.ts'
import { Session } from './session.ts'
import { called } from './store-controls.ts'

/** An express-session store as a port: its calls, with its arguments, one for one. Methods are looked up at each call. */
export const connectPort: LegacyPort = {
  newId: request => partOf(request).newId(newUid),

  async load(id, request) {
    try {
      const { plan } = partOf(request)
      return found(await called<unknown>(done => plan.store.get(id, done as never)), plan)
    } catch (error) {
      // Stores of files say so of a session that is not there.
      if ((error as { code?: unknown } | null)?.code === 'ENOENT') return { absent: true }
      throw error
    }
  },

  save(id, data, _draft, request) {
    return put('set', id, data, request)
  },

  touch(id, data, _draft, request) {
    const { store, marksTouches } = partOf(request).plan
    // Most stores lengthen their own time to live and leave the record as it was: then nobody could see when that was.
    if (marksTouches) return put('set', id, data, request)
    return store.touch ? put('touch', id, data, request) : undefined
  },

  delete(id, request) {
    return called(done => partOf(request).plan.store.destroy(id, done))
  },
}

const partOf = (request: unknown) => request as DropInRequest

async function put(method: 'set' | 'touch', id: string, data: Data, request: unknown): Promise<void> {
  const part = partOf(request)
  const wire = wireOf(id, data, request)
  await called(done => part.plan.store[method]?.(id, wire as never, done))
  part.marked ||= isMarked(wire, data)
}

/** Whether the store has written on its object, as session-file-store writes the time. */
function isMarked(wire: object, data: Data): boolean {
  return Object.keys(wire).some(key => key !== 'cookie' && (wire as Data)[key] !== data[key])
}

/** The object that a store gets: shaped as the peer's session, and its own. What it writes there stays there. */
function wireOf(id: string, data: Data, request: unknown): Session {
  const { req, plan, cookie } = partOf(request)
  const bearer = Object.assign(Object.create(req), { sessionID: id, sessionStore: plan.store })
  const own = Object.assign(new Cookie(), cookie)
  if (plan.marksTouches) own._holdfast = { touchedAt: Date.now() }
  return new Session(bearer, { cookie: own, ...data })
}

/** What a store answered. A record without a cookie is nobody's session. */
function found(stored: unknown, plan: DropInPlan): LegacyFound | Absent {
  if (!stored) return { absent: true, value: stored }
  const { cookie } = stored as { cookie?: unknown }
  if (typeof cookie !== 'object' || cookie === null) return { absent: true, malformed: true }
  return { wire: stored, life: lifeOf(cookie, plan), data: () => userDataOf(stored) }
}

/**
 * When it ends is the store's own affair: most of them lengthen a life by their own time to live, and leave `cookie.expires` in the
 * record as it was. When it was last used is known where Holdfast writes it.
 */
function lifeOf(cookie: object, { idleMs, marksTouches }: DropInPlan): Life {
  const { originalMaxAge, _holdfast } = cookie as { originalMaxAge?: unknown; _holdfast?: { touchedAt?: unknown } | null }
  const life = { createdAt: 0, touchedAt: 0, idleMs, expiresAt: Number.POSITIVE_INFINITY }
  if (!marksTouches) return life
  if (typeof originalMaxAge === 'number' && originalMaxAge > 0) life.idleMs = originalMaxAge
  if (typeof _holdfast?.touchedAt === 'number') life.touchedAt = _holdfast.touchedAt
  return life
}
