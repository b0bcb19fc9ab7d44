import type { OnStoreError } from './config.ts'
import type { ConflictPolicy } from './merge.ts'
import { mustBeOneOf } from './options.ts'
import { isIndexedSessionStore, isSessionStore, type UserLimit } from './store.ts'

/** What a site decides about overlapping requests and failing stores: the same words in native mode and beside a peer's options. */
export interface Policies {
  /** Two requests changed the same path: the later one wins (`merge`, the default), it fails with 409 (`error`), or a function decides. */
  conflict?: ConflictPolicy | undefined
  /** Top-level keys that are never merged across two requests. Default user, userId, uid, passport, roles, permissions, mfa. */
  guard?: readonly string[] | undefined
  /** A request's session was ended by another one: the response goes out without it (`ignore`, the default) or fails with 409 (`error`). */
  onGone?: 'ignore' | 'error' | undefined
  /**
   * The store cannot be asked for a session: the request fails (`fail`, the default), or goes on with a session that is empty and
   * never stored (`anonymous`). A function is told the error and the request, and decides. A save that fails always fails the request.
   */
  onStoreError?: OnStoreError | undefined
  /**
   * How many sessions a user may have at a time, with one of Holdfast's stores (OWASP ASVS 7.1.2); a whole number, 1 or more. Exact
   * under logins at once, in all processes that share the store. Anonymous sessions do not count. Default: as many as they like.
   */
  maxSessionsPerUser?: number | undefined
  /**
   * What a login does that would be one too many: it ends the user's oldest session, which is told so by its next request
   * (`evict-oldest`, the default), or it fails with a `SessionLimitError` (`deny`).
   */
  onSessionLimit?: 'evict-oldest' | 'deny' | undefined
  /** The largest session that is stored or read, in octets of JSON. Default 262,144 (256 KiB). */
  maxRecordBytes?: number | undefined
}

/** Refuses what cannot work, naming the option. */
export function checkPolicies({ conflict, guard, onGone, onStoreError, maxRecordBytes }: Policies): void {
  if (typeof conflict !== 'function') mustBeOneOf('conflict', conflict, ['merge', 'error'])
  if (guard !== undefined && !(Array.isArray(guard) && guard.every(key => typeof key === 'string'))) {
    throw new TypeError('guard must be a list of top-level keys')
  }
  mustBeOneOf('onGone', onGone, ['ignore', 'error'])
  if (typeof onStoreError !== 'function') mustBeOneOf('onStoreError', onStoreError, ['fail', 'anonymous'])
  if (maxRecordBytes !== undefined && !(Number.isInteger(maxRecordBytes) && maxRecordBytes > 0)) {
    throw new TypeError('maxRecordBytes must be a whole number of octets, 1 or more')
  }
}

/** How many sessions a user may have; undefined: as many as they like. */
export function userLimitOf({ maxSessionsPerUser, onSessionLimit }: Policies): UserLimit | undefined {
  return maxSessionsPerUser === undefined ? undefined : { max: maxSessionsPerUser, deny: onSessionLimit === 'deny' }
}

/** Refuses a limit where nobody could count a user's sessions, or end one. `store`: where sessions live, absent for cookies. */
export function checkUserLimit({ maxSessionsPerUser, onSessionLimit }: Policies, store: unknown): void {
  mustBeOneOf('onSessionLimit', onSessionLimit, ['evict-oldest', 'deny'])
  if (maxSessionsPerUser === undefined) {
    if (onSessionLimit !== undefined) throw new TypeError('onSessionLimit needs maxSessionsPerUser: without it there is no limit')
    return
  }
  if (!(Number.isSafeInteger(maxSessionsPerUser) && maxSessionsPerUser >= 1))
    throw new TypeError('maxSessionsPerUser must be a whole number, 1 or more')
  if (isIndexedSessionStore(store)) return
  throw new TypeError(
    !store
      ? 'maxSessionsPerUser needs a store: nobody counts the sessions that live in cookies'
      : isSessionStore(store)
        ? 'maxSessionsPerUser needs a store that keeps an index (listByUser, deleteByUser, list, deleteExpired)'
        : "maxSessionsPerUser needs one of Holdfast's stores: one of get, set and destroy knows no users, and cannot count and store in one step",
  )
}
