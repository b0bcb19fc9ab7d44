import { type Epoch, endedBy, type NextEpoch, nextEpoch, type Proven } from '../core/epochs.ts'
import { SessionRevokedError, SessionStoreError } from '../core/errors.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { isGone, partitionOfUser, type SessionRecord } from '../core/record.ts'
import type { SessionStore } from '../core/store.ts'
import { newVersion, ownKeyOf } from '../crypto/session-id.ts'
import { ask, insist } from './ask.ts'
import { timers } from './timers.ts'

export interface EpochsOptions {
  scope: string
  /** The longest life of a session, in ms: what was proved before an epoch cannot live longer after it. */
  longestLifeMs: number
  /** How long the store may take for one call, in ms. */
  timeoutMs: number
  now: () => number
}

const ATTEMPTS = 20
/** Clocks may differ: an epoch lies rather too long. */
const SLACK_MS = 3_600_000

/**
 * Since when the sessions of each user count, and those of all (H7). Ordinary records of the store that holds the sessions, or the
 * revocations: whoever raises one does so by compare-and-set, and it ends when nothing of before can live any more.
 */
export class Epochs {
  readonly #store: SessionStore
  readonly #options: EpochsOptions

  constructor(store: SessionStore, options: EpochsOptions) {
    this.#store = store
    this.#options = options
  }

  /** The epoch that it is for a user now. */
  async read(userId: string): Promise<Epoch> {
    const [user, all] = await Promise.all([this.#load(userId), this.#load(undefined)])
    return { user: sinceOf(user), all: sinceOf(all) }
  }

  /** Whether all that this login rests on was ended before it was stored. */
  async end(userId: string, proven: Proven): Promise<boolean> {
    return endedBy(await this.read(userId), proven)
  }

  /** The epoch that a user's session goes over to before it begins. */
  async next(userId: string, proven: Proven): Promise<NextEpoch> {
    const [user, all] = await Promise.all([this.#load(userId), this.#load(undefined)])
    const before = { user: sinceOf(user), all: sinceOf(all) }
    if (endedBy(before, proven)) throw new SessionRevokedError()
    const record = this.#record(userId, nextEpoch(before.user, this.#options.now()))
    return { epoch: { user: sinceOf(record), all: before.all }, begin: async () => this.#write(record, user?.version) }
  }

  /** Begins another epoch of a user, or of all of them. */
  async raise(userId?: string): Promise<number> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (attempt > 1) await timers.pause()
      const found = await this.#load(userId)
      const next = this.#record(userId, nextEpoch(sinceOf(found), this.#options.now()))
      if (await this.#write(next, found?.version)) return sinceOf(next)
    }
    throw new SessionStoreError(`revoke: others did so at each of ${ATTEMPTS} attempts`, { outcome: 'not-applied' })
  }

  /** False where another one was quicker: its epoch may have begun before this one was asked for. */
  async #write(record: SessionRecord, before: string | undefined): Promise<boolean> {
    if (before === undefined) return (await this.#ask('revoke', left => this.#store.create(record, left))) === true
    const { status } = await this.#ask('revoke', left => this.#store.save(record, before, left))
    return status === 'saved'
  }

  async #load(userId: string | undefined): Promise<SessionRecord | null> {
    const found = await this.#ask('load', left => this.#store.load(this.#nameOf(userId).key, left))
    return found && !isGone(found) ? found : null
  }

  #record(userId: string | undefined, since: number): SessionRecord {
    const now = this.#options.now()
    const idleMs = this.#options.longestLifeMs + SLACK_MS
    // The later of the two: the epoch may lie ahead of this clock.
    const expiresAt = Math.ceil(Math.max(now, since) + idleMs)
    const times = { createdAt: now, touchedAt: now, idleMs, expiresAt }
    return { ...this.#nameOf(userId), data: JSON.stringify({ since }), version: newVersion(), ...times }
  }

  /** It is its own user in the index: a store that is full must not take it for an anonymous session, which may go. */
  #nameOf(userId: string | undefined): Pick<SessionRecord, 'key' | 'partition' | 'userKey'> {
    const userKey = ownKeyOf('epoch', this.#options.scope, userId ?? '')
    const partition = partitionOfUser(userKey)
    return { key: `${partition}.${userKey}`, partition, userKey }
  }

  #ask<T>(operation: string, call: (leftMs: number) => Promise<T>): MaybePromise<T> {
    const { timeoutMs } = this.#options
    return ask(operation, timeoutMs, () => insist(timeoutMs, call))
  }
}

/** When the epoch began that a record tells of; 0 where there is none. What cannot be read must not be taken for none. */
function sinceOf(record: SessionRecord | null): number {
  if (!record) return 0
  const since = /^\{"since":(\d{1,16})\}$/.exec(record.data)?.[1]
  if (since === undefined) throw new SessionStoreError('keep what revokeAll() wrote: it cannot be read', { outcome: 'not-applied' })
  return Number(since)
}
