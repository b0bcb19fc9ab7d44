import { CookieUsers } from '../backends/cookie-users.ts'
import { Epochs, type EpochsOptions } from '../backends/epochs.ts'
import { nativeFormat } from '../backends/native-format.ts'
import { Revocations, type RevocationsOptions } from '../backends/revocations.ts'
import { timers } from '../backends/timers.ts'
import { UserSessions, type Users } from '../backends/users.ts'
import { isIndexedSessionStore, isSessionStore, type SessionStore } from '../core/store.ts'
import type { TokenTransport } from '../core/transport.ts'
import type { Place } from '../create.ts'
import { newSid } from '../crypto/session-id.ts'

interface Stores {
  store?: SessionStore | undefined
  revocations?: SessionStore | undefined
  overflow?: SessionStore | undefined
}

/** Refuses stores that contradict each other. */
export function checkPlaces({ store, revocations, overflow, transport }: Stores & { transport?: TokenTransport | undefined }): void {
  if (store !== undefined && !isSessionStore(store)) {
    throw new TypeError('createSessions: store must be a Holdfast store, with load, create, save, replace, touch and delete')
  }
  for (const [name, value] of Object.entries({ revocations, overflow })) {
    if (value === undefined) continue
    if (!isIndexedSessionStore(value)) throw new TypeError(`createSessions: ${name} must be a Holdfast store that keeps an index`)
    if (store)
      throw new TypeError(`createSessions: ${name} is for sessions in cookies, and there is a store: with it each session can be ended`)
  }
  if (overflow && !revocations)
    throw new TypeError('createSessions: overflow needs revocations: a copy of the smaller cookie would live on beside the record')
  if (overflow && transport) throw new TypeError('createSessions: overflow is about the size of the cookie, and there is a transport')
}

/** Where sessions live, and what can be known of their users there. */
export function placeOf(
  { store, revocations, overflow }: Stores,
  options: EpochsOptions & Omit<RevocationsOptions, 'after'>,
): { place: Place; users: Users | undefined } {
  const { scope, timeoutMs } = options
  if (store) {
    if (!isIndexedSessionStore(store)) return { place: { in: 'store', store }, users: undefined }
    const epochs = new Epochs(store, options)
    return { place: { in: 'store', store, epochs }, users: new UserSessions(store, scope, timeoutMs, epochs) }
  }
  if (!isIndexedSessionStore(revocations)) return { place: { in: 'cookie', format: nativeFormat, newSid }, users: undefined }
  const ended = new Revocations(revocations, { ...options, after: timers.after })
  const large = isIndexedSessionStore(overflow)
    ? { store: overflow, users: new UserSessions(overflow, scope, timeoutMs, ended.epochs) }
    : undefined
  return {
    place: { in: 'cookie', format: nativeFormat, newSid, revocations: ended, overflow: large },
    users: new CookieUsers(ended, large?.users),
  }
}
