import type { LegacyFound, LegacyPort, LegacyTexts } from '../backends/legacy.ts'
import type { Absent, Draft } from '../core/backend.ts'
import type { Data } from '../core/json.ts'
import { applyMarks, type Marks, marksOf, readMarks } from '../core/marks.ts'
import type { Life } from '../core/record.ts'
import { newUid } from '../crypto/session-id.ts'
import { Cookie } from './cookie.ts'
import { fill, userDataOf } from './data.ts'
import type { DropInPlan } from './drop-in.ts'
import type { DropInRequest } from './drop-in-request.ts'
import type { Memory, Kept as Remembered } from './memory.ts'
import { memoryOf } from './memory-store.ts'
import { Session } from './session.ts'
import { called } from './store-controls.ts'
import { StoreRequest } from './store-request.ts'

/** An express-session store as a port: its calls, with its arguments, one for one. Methods are looked up at each call. */
export const connectPort: LegacyPort = {
  newId: request => partOf(request).newId(newUid),

  load(id, request) {
    const part = partOf(request)
    const { plan } = part
    const memory = memoryOf(plan.store)
    if (memory) {
      const kept = memory.get(id)
      return note(part, kept ? foundIn(kept, plan) : { absent: true })
    }
    return called<unknown>(done => plan.store.get(id, done as never)).then(stored => note(part, found(stored, plan)), absentOfFiles)
  },

  save(id, data, draft, request) {
    return put('set', id, data, draft, request)
  },

  touch(id, data, draft, request) {
    const { plan, unmarked } = partOf(request)
    // Most stores lengthen their own time to live and leave the record as it was: then nobody could see when that was.
    if (plan.marksTouches || unmarked) return put('set', id, data, draft, request)
    return plan.store.touch ? put('touch', id, data, draft, request) : undefined
  },

  delete(id, request) {
    const { store } = partOf(request).plan
    const memory = memoryOf(store)
    return memory ? memory.delete(id) : called(done => store.destroy(id, done))
  },

  texts(request) {
    return memoryOf(partOf(request).plan.store) && memoryTexts
  },
}

/** Our own store in memory: what it keeps is text, and nobody waits for it. */
const memoryTexts: LegacyTexts = {
  save: keep,

  touch(id, draft, request) {
    const { plan, unmarked } = partOf(request)
    if (plan.marksTouches || unmarked) keep(id, draft as Draft, request)
    else (memoryOf(plan.store) as Memory).touch(id, cookieFor(draft, request))
  },
}

function keep(id: string, draft: Draft, request: unknown): void {
  const part = partOf(request)
  ;(memoryOf(part.plan.store) as Memory).set(id, draft.text(), draft.data(), cookieFor(draft, request))
  part.unmarked = false
}

/** What was found, and on the request what it does not say. */
function note(part: DropInRequest, answer: LegacyFound | Absent): LegacyFound | Absent {
  part.unmarked = part.plan.marksBeginnings && 'life' in answer && answer.life.createdAt === 0
  return answer
}

/** Stores of files say so of a session that is not there. */
function absentOfFiles(error: unknown): Absent {
  if ((error as { code?: unknown } | null)?.code === 'ENOENT') return { absent: true }
  throw error
}

const partOf = (request: unknown) => request as DropInRequest

type Kept = Pick<Draft, 'life' | 'userId' | 'meta'>

async function put(method: 'set' | 'touch', id: string, data: Data, draft: Kept, request: unknown): Promise<void> {
  const part = partOf(request)
  const wire = wireOf(id, data, draft, request)
  await called(done => part.plan.store[method]?.(id, wire as never, done))
  part.marked ||= isMarked(wire, data)
  if (method === 'set') part.unmarked = false
}

/** Whether the store has written on its object, as session-file-store writes the time. */
function isMarked(wire: object, data: Data): boolean {
  return Object.keys(wire).some(key => key !== 'cookie' && (wire as Data)[key] !== data[key])
}

/** The object that a store gets: shaped as the peer's session, and its own. What it writes there stays there. */
function wireOf(id: string, data: Data, draft: Kept, request: unknown): Session {
  const { req, plan } = partOf(request)
  const session = new Session(new StoreRequest(req, id, plan.store))
  session.cookie = cookieFor(draft, request)
  fill(session, data)
  return session
}

/** The session's cookie with Holdfast's marks, as a copy. */
function cookieFor(draft: Kept, request: unknown): Cookie {
  const { plan, cookie } = partOf(request)
  const own = Object.assign(new Cookie(), cookie)
  const marks = marksOf(draft, plan.policy)
  if (marks) own._holdfast = marks
  return own
}

/** What a store answered. A record without a cookie is nobody's session. */
function found(stored: unknown, plan: DropInPlan): LegacyFound | Absent {
  if (!stored) return { absent: true, value: stored }
  const { cookie } = stored as { cookie?: unknown }
  if (typeof cookie !== 'object' || cookie === null) return { absent: true, malformed: true }
  return foundWith(cookie, stored as object, () => userDataOf(stored as object), plan)
}

function foundIn({ cookie, text }: Remembered, plan: DropInPlan): LegacyFound {
  return foundWith(cookie, { cookie }, () => text, plan)
}

function foundWith(cookie: object, wire: object, data: LegacyFound['data'], plan: DropInPlan): LegacyFound {
  const marks = readMarks((cookie as { _holdfast?: unknown })._holdfast)
  const { userId, meta } = marks
  return { wire, life: lifeOf(cookie, marks, plan), userId, meta, data }
}

/**
 * When it ends is the store's own affair: most of them lengthen a life by their own time to live, and leave `cookie.expires` in the
 * record as it was. When it was last used is known where Holdfast writes it.
 */
function lifeOf(cookie: object, marks: Marks, { marksTouches, policy }: DropInPlan): Life {
  const { originalMaxAge } = cookie as { originalMaxAge?: unknown }
  const life: Life = { createdAt: 0, touchedAt: 0, idleMs: policy.idleMs, expiresAt: Number.POSITIVE_INFINITY }
  if (marksTouches && typeof originalMaxAge === 'number' && originalMaxAge > 0) life.idleMs = originalMaxAge
  applyMarks(life, marks, policy)
  return life
}
