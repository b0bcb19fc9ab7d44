import { SessionConflictError } from '../core/errors.ts'
import { checkIdp, comesFrom, type IdpLinks, type IdpSession } from '../core/login.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { isGone, partitionOfUser, type SessionRecord } from '../core/record.ts'
import type { IndexedSessionStore } from '../core/store.ts'
import { idpKeyOf, newVersion, userKeyOf } from '../crypto/session-id.ts'
import { ask, insist } from './ask.ts'

export interface IdpSessionsOptions {
  scope: string
  /** How long the store may take for one call, in ms. */
  timeoutMs: number
  /** The longest that a session may live in any case, in ms. */
  longestMs: number
  now: () => number
}

/** What is kept of a session at an identity provider. */
interface Marker {
  /** Keys of the users who have logged in by it. */
  users: string[]
  /** The provider has said that it is over. */
  ended: boolean
}

const NOBODY: Marker = { users: [], ended: false }
const MOST_ATTEMPTS = 20

/**
 * Back-channel logout (OpenID Connect): a provider names its own session, and the sessions here that came of it end. A marker says
 * whose they are. It is written before the first of them is, and asked once more after that; the end is written there before
 * they are looked for. So whichever comes first, no login outlives it.
 */
export class IdpSessions implements IdpLinks {
  readonly #store: IndexedSessionStore
  readonly #options: IdpSessionsOptions

  constructor(store: IndexedSessionStore, options: IdpSessionsOptions) {
    this.#store = store
    this.#options = options
  }

  async link(idp: IdpSession, userId: string, endsAt: number): Promise<boolean> {
    const user = userKeyOf(this.#options.scope, userId)
    const marker = await this.#change(idp, endsAt, ({ users, ended }) =>
      ended ? null : { users: users.includes(user) ? users : [...users, user], ended },
    )
    return !marker.ended
  }

  async stands(idp: IdpSession): Promise<boolean> {
    const marker = await this.#find(this.#userKeyOf(idp))
    return marker !== null && !readMarker(marker).ended
  }

  /** How many sessions have ended, and of which users. */
  async revoke(named: IdpSession): Promise<{ count: number; userIds: ReadonlySet<string> }> {
    const idp = checkIdp(named)
    const { now, longestMs } = this.#options
    // Also where nobody has logged in by it: a login may be on its way.
    const { users } = await this.#change(idp, now() + longestMs, ({ users: known }) => ({ users: known, ended: true }))
    const userIds = new Set<string>()
    let count = 0
    for (const user of users) count += await this.#endOf(user, idp, userIds)
    return { count, userIds }
  }

  /** Until there is none any more: one of them may be given a new id while it is ended under its old one. */
  async #endOf(user: string, idp: IdpSession, userIds: Set<string>): Promise<number> {
    let count = 0
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      const records = await this.#ask('list', left => this.#store.listByUser(user, left))
      const living = records.filter(({ meta }) => comesFrom(meta, idp))
      if (living.length === 0) return count
      for (const { key, userId } of living) {
        if (await this.#ask('revoke', left => this.#store.delete(key, 'revoked', left))) count++
        if (userId !== undefined) userIds.add(userId)
      }
    }
    throw tooOften()
  }

  /** What the marker says now. `change` gives what it shall say, or null to leave it. */
  async #change(idp: IdpSession, endsAt: number, change: (marker: Marker) => Marker | null): Promise<Marker> {
    const userKey = this.#userKeyOf(idp)
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      const found = await this.#find(userKey)
      const before = found ? readMarker(found) : NOBODY
      const after = change(before)
      if (!after) return before
      const record = this.#record(userKey, after, Math.max(Math.ceil(endsAt), found?.expiresAt ?? 0))
      if (await this.#write(record, found)) return after
    }
    throw tooOften()
  }

  async #write(record: SessionRecord, found: SessionRecord | null): Promise<boolean> {
    if (!found) return (await this.#ask('create', left => this.#store.create(record, left))) === true
    const { status } = await this.#ask('save', left => this.#store.save(record, found.version, left))
    return status === 'saved'
  }

  async #find(userKey: string): Promise<SessionRecord | null> {
    const found = await this.#ask('load', left => this.#store.load(keyOf(userKey), left))
    return found && !isGone(found) ? found : null
  }

  #userKeyOf({ iss, sid }: IdpSession): string {
    return idpKeyOf(this.#options.scope, iss, sid)
  }

  /** It belongs to a user of its own, who is nobody: so no list of a user's sessions shows it, and no full store evicts it. */
  #record(userKey: string, marker: Marker, endsAt: number): SessionRecord {
    const now = Math.floor(this.#options.now())
    return {
      key: keyOf(userKey),
      partition: partitionOfUser(userKey),
      userKey,
      data: JSON.stringify(marker),
      version: newVersion(),
      createdAt: now,
      touchedAt: now,
      idleMs: endsAt - now,
      expiresAt: endsAt,
      absoluteExpiresAt: endsAt,
      meta: { marker: 'idp' },
    }
  }

  #ask<T>(operation: string, call: (leftMs: number) => Promise<T>): MaybePromise<T> {
    const { timeoutMs } = this.#options
    return ask(operation, timeoutMs, () => insist(timeoutMs, call))
  }
}

/** Its partition and a hash, as with all keys; stores that shard keep it beside its entry in the index. */
const keyOf = (userKey: string): string => `${partitionOfUser(userKey)}.${userKey}`

function readMarker({ data }: SessionRecord): Marker {
  return { ...NOBODY, ...(JSON.parse(data) as Partial<Marker>) }
}

function tooOften(): SessionConflictError {
  return new SessionConflictError(`the provider's session changed under each of ${MOST_ATTEMPTS} attempts`)
}
