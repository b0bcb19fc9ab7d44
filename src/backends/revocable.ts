import {
  type Absent,
  type Draft,
  type Held,
  isAbsent,
  type Loaded,
  type Pending,
  proves,
  type SessionBackend,
  type WriteResult,
} from '../core/backend.ts'
import { endedBy, type NextEpoch, withSeen } from '../core/epochs.ts'
import { chain, type MaybePromise } from '../core/maybe.ts'
import type { Gone, GoneReason } from '../core/record.ts'
import type { CookieBackend } from './cookie.ts'
import { POLL_MS, type Revocations } from './revocations.ts'

const ENDED: WriteResult = { status: 'missing' }
const REFUSED: WriteResult = { status: 'missing', revoked: true }

/**
 * Sessions in cookies that can be ended: by a logout, by a new id, by `revokeAll`. A copy of an older cookie is worth nothing then, and
 * a slow answer does not bring one back (H8). It stands in front of the cookies, and asks what this process knows of ended ones.
 */
export class RevocableCookies implements SessionBackend {
  readonly eager = false
  readonly keyed = false
  /** What others have ended is known here by then. */
  readonly watchMs = POLL_MS
  readonly #cookies: CookieBackend
  readonly #revocations: Revocations

  constructor(cookies: CookieBackend, revocations: Revocations) {
    this.#cookies = cookies
    this.#revocations = revocations
  }

  get prepared(): boolean {
    return this.#revocations.fresh
  }

  prepare(): Promise<void> {
    return this.#revocations.refresh()
  }

  newId(): undefined {
    return undefined
  }

  load(value: string, request: unknown): Loaded | Gone | Absent {
    const found = this.#cookies.load(value, request)
    return isAbsent(found) ? found : (this.#revocations.verdict(found) ?? found)
  }

  verdict({ sid, life, meta }: Loaded, userId: string): Gone | Absent | undefined {
    return this.#revocations.verdict({ sid, life, meta, userId })
  }

  create(draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return chain(this.#admitted(null, draft), admitted => (admitted ? this.#cookies.create(admitted, request) : REFUSED))
  }

  save(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    // By its data it has changed hands: that is a login, or a logout.
    if (draft.userId !== loaded.userId) return this.replace(loaded, draft, 'regenerated', request)
    return this.hasEnded(loaded, draft) ? ENDED : this.#cookies.save(loaded, draft, request)
  }

  touch(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    // Whose it is became known only now.
    if (draft.userId !== loaded.userId) return this.replace(loaded, draft, 'regenerated', request)
    try {
      return this.hasEnded(loaded, draft) ? ENDED : this.#cookies.touch(loaded, draft, request)
    } catch (error) {
      // As of any store that cannot be asked: whether the request goes on without is the site's to say.
      return Promise.reject(error)
    }
  }

  /** The old cookie is worth nothing before the new one leaves. Of two requests that do this at once one wins. */
  async replace(loaded: Loaded | null, draft: Draft, reason: GoneReason, request: unknown): Promise<WriteResult> {
    const admitted = await this.#admitted(loaded, draft)
    if (!admitted) return REFUSED
    const written = await this.#cookies.replace(loaded, admitted, reason, request)
    // Before the old one ends: else the visitor would be left with neither.
    if (written.status === 'written') draft.check?.(written.loaded.value)
    if (loaded && (this.hasEnded(loaded, admitted) || !(await this.#revocations.end(loaded, reason)))) return ENDED
    return written
  }

  async delete(held: Held | null, _id: string | undefined, reason: GoneReason, request: unknown): Promise<Pending | undefined> {
    const found = held && (isLoaded(held) ? held : this.#cookies.load(held.value, request))
    return found && !isAbsent(found) ? this.#revocations.endForGood(found, reason) : undefined
  }

  /** Ends what a cookie holds, which goes on elsewhere. False: it had been ended before. */
  end(loaded: Loaded): Promise<boolean> {
    return this.#revocations.end(loaded, 'regenerated')
  }

  nextEpoch(loaded: Loaded): Promise<NextEpoch> {
    return this.#revocations.nextEpoch(loaded)
  }

  close(): Promise<void> {
    return this.#revocations.close()
  }

  /** Whether what is to be written rests on something that has ended, by all that this process knows. */
  hasEnded({ sid }: Loaded, { life, meta, userId }: Draft): boolean {
    return this.#revocations.verdict({ sid, life, meta, userId }) !== undefined
  }

  /** A login takes along the epoch that it belongs to; null: what it rests on has been ended while it was under way (H7). */
  #admitted(loaded: Loaded | null, draft: Draft): MaybePromise<Draft | null> {
    const { userId, life, meta } = draft
    if (userId === undefined || !proves(draft, loaded)) return draft
    return this.#revocations.epochs
      .read(userId)
      .then(epoch => (endedBy(epoch, { life, meta }) ? null : { ...draft, meta: withSeen(meta, epoch) }))
  }
}

function isLoaded(held: Held): held is Loaded {
  return 'life' in held
}
