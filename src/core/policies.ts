import type { OnStoreError } from './config.ts'
import type { ConflictPolicy } from './merge.ts'
import { mustBeOneOf } from './options.ts'

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
