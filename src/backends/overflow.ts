import {
  type Absent,
  type Draft,
  type Held,
  isAbsent,
  type Loaded,
  type Pending,
  type SessionBackend,
  type WriteResult,
} from '../core/backend.ts'
import type { EndingsSource } from '../core/endings.ts'
import type { NextEpoch } from '../core/epochs.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { type Gone, type GoneReason, isGone } from '../core/record.ts'
import type { RevocableCookies } from './revocable.ts'
import { POLL_MS } from './revocations.ts'
import type { StoreBackend } from './store.ts'

interface OverflowOptions {
  /** Whether the cookie can take what is to be written. */
  fits: (draft: Draft, request: unknown) => boolean
  /** Ends the sessions of a user that lie in the store; how many. */
  endUser: (userId: string) => Promise<number>
}

const ENDED: WriteResult = { status: 'missing' }
/** No session's own text begins so. */
const REFERENCE = /^\{"i":"([\w.-]+)","n":\d+\}$/

/**
 * Sessions in cookies, and in a store once they have become too large. That goes one way: from then on the cookie holds an id, and what
 * an older cookie holds is ended, or a copy of it would live on beside the record.
 */
export class OverflowBackend implements SessionBackend {
  readonly eager = true
  readonly keyed = false
  readonly watchMs = POLL_MS
  readonly #cookies: RevocableCookies
  readonly #store: StoreBackend
  readonly #options: OverflowOptions

  constructor(cookies: RevocableCookies, store: StoreBackend, options: OverflowOptions) {
    this.#cookies = cookies
    this.#store = store
    this.#options = options
  }

  /** Of those that lie in the store. */
  get endings(): EndingsSource | undefined {
    return this.#store.endings
  }

  get prepared(): boolean {
    return this.#cookies.prepared
  }

  prepare(): Promise<void> {
    return this.#cookies.prepare()
  }

  newId(): undefined {
    return undefined
  }

  load(value: string, request: unknown): MaybePromise<Loaded | Gone | Absent> {
    const id = idIn(value)
    if (id === undefined) return this.#cookies.load(value, request)
    return this.#store.load(id).then(found => (isAbsent(found) || isGone(found) ? found : referring(found)))
  }

  verdict(loaded: Loaded, userId: string): Gone | Absent | undefined {
    return this.#cookies.verdict(loaded, userId)
  }

  create(draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return this.#options.fits(draft, request) ? this.#cookies.create(draft, request) : this.#move(null, draft, request)
  }

  save(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    const stored = inStore(loaded)
    if (!stored) return this.#options.fits(draft, request) ? this.#cookies.save(loaded, draft, request) : this.#move(loaded, draft, request)
    // Whom a record belongs to never changes under its id.
    if (draft.userId !== loaded.userId) return this.replace(loaded, draft, 'regenerated', request)
    return this.#store.save(stored, draft).then(refer)
  }

  replace(loaded: Loaded | null, draft: Draft, reason: GoneReason, request: unknown): MaybePromise<WriteResult> {
    const stored = loaded && inStore(loaded)
    if (stored) return this.#store.replace(stored, draft, reason, request).then(refer)
    return this.#options.fits(draft, request) ? this.#cookies.replace(loaded, draft, reason, request) : this.#move(loaded, draft, request)
  }

  touch(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    // Whose it is became known only now.
    if (draft.userId !== loaded.userId) return this.replace(loaded, draft, 'regenerated', request)
    const stored = inStore(loaded)
    return stored ? this.#store.touch(stored, draft).then(refer) : this.#cookies.touch(loaded, draft, request)
  }

  delete(held: Held | null, id: string | undefined, reason: GoneReason, request: unknown): MaybePromise<Pending | Gone | undefined> {
    const stored = held && idIn(held.value)
    return stored ? this.#store.delete({ value: stored }, stored, reason) : this.#cookies.delete(held, id, reason, request)
  }

  nextEpoch(loaded: Loaded): Promise<NextEpoch> {
    return this.#cookies.nextEpoch(loaded)
  }

  async endOthers(loaded: Loaded): Promise<number> {
    const stored = inStore(loaded)
    if (stored) return this.#store.endOthers(stored)
    return loaded.userId === undefined ? 0 : this.#options.endUser(loaded.userId)
  }

  async close(): Promise<void> {
    await this.#cookies.close()
    await this.#store.close()
  }

  /** The record first, then the end of the cookie: where the second fails, nobody has the id of the first. */
  async #move(loaded: Loaded | null, draft: Draft, request: unknown): Promise<WriteResult> {
    if (loaded && this.#cookies.hasEnded(loaded, draft)) return ENDED
    const written = await this.#store.create({ ...draft, id: undefined }, request)
    if (!loaded || written.status !== 'written') return refer(written)
    let moved = false
    try {
      moved = await this.#cookies.end(loaded)
    } finally {
      if (!moved) await this.#store.delete(written.loaded, undefined, 'destroyed')
    }
    return moved ? refer(written) : ENDED
  }
}

function idIn(value: string): string | undefined {
  return REFERENCE.exec(value)?.[1]
}

/** The session as the store knows it, if it lies there. */
function inStore(loaded: Loaded): Loaded | undefined {
  const id = idIn(loaded.value)
  return id === undefined ? undefined : { ...loaded, value: id }
}

/** The session as its cookie knows it: each time that lengthens its life gives another cookie, which lives as long. */
function referring(loaded: Loaded): Loaded {
  const { value, life } = loaded
  return { ...loaded, value: `{"i":"${value}","n":${Math.floor(life.touchedAt)}}`, sid: value }
}

function refer(result: WriteResult): WriteResult {
  if (result.status === 'written') return { ...result, loaded: referring(result.loaded) }
  return result.status === 'conflict' ? { ...result, current: referring(result.current) } : result
}
