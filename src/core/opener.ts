import { type Absent, isAbsent, type Loaded } from './backend.ts'
import type { ManagerConfig } from './config.ts'
import { SessionAsyncHookError } from './errors.ts'
import { expiry } from './lifetime.ts'
import { chain, isPromise, type MaybePromise } from './maybe.ts'
import { type Gone, isGone } from './record.ts'
import { Session } from './session.ts'

/** The first half of a request: from a token to a session. */
export class Opener {
  readonly #config: ManagerConfig

  constructor(config: ManagerConfig) {
    this.#config = config
  }

  /** The session of a token. Whatever is wrong with the token, the answer is a fresh session and an event. */
  open(token: string | undefined, request: unknown): MaybePromise<Session> {
    if (!token) return this.fresh(request)
    return chain(this.#meet(token, request), session => session ?? this.fresh(request))
  }

  /** The session of a token, or null. Nothing is created, not even an id. */
  find(token: string, request: unknown): MaybePromise<Session | null> {
    return chain(this.#meet(token, request), session => (session?.loaded ? session : null))
  }

  fresh(request: unknown): Session {
    const session = new Session(null, this.#config.policy)
    session.id = this.#config.backend.newId(request)
    return session
  }

  /** A session that is never stored: for requests that must not have one. */
  detached(): Session {
    const session = new Session(null, this.#config.policy)
    session.detached = true
    return session
  }

  #meet(token: string, request: unknown): MaybePromise<Session | null> {
    const { backend, codec, emit } = this.#config
    const decoded = codec ? codec.decode(token) : { value: token, origin: undefined, stale: false }
    if (!decoded) {
      emit('session:invalid', { reason: 'signature' }, request)
      return null
    }
    return chain(backend.load(decoded.value, request), found =>
      chain(this.#admit(found, decoded.value, request), session => {
        if (!session) return null
        session.token = token
        session.origin = decoded.origin
        session.stale = decoded.stale
        return session
      }),
    )
  }

  #admit(found: Loaded | Gone | Absent, value: string, request: unknown): MaybePromise<Session | null> {
    const { backend, emit, now, policy, valid } = this.#config
    const id = backend.keyed ? value : undefined
    if (isAbsent(found)) {
      if (found.malformed) emit('session:malformed', { reason: 'malformed', id }, request)
      else emit('session:missed', { reason: 'missed', id, value: found.value }, request)
      return null
    }
    if (isGone(found)) {
      emit('session:gone', { reason: found.gone, id }, request)
      return this.detached()
    }
    const expired = expiry(found.life, now())
    if (expired) {
      emit('session:expired', { reason: expired, id, value: found.wire }, request)
      return null
    }
    const admit = (accepted: unknown): Session | null => {
      if (!accepted) {
        emit('session:invalid', { reason: 'rejected', id, value: found.wire }, request)
        return null
      }
      const session = new Session(found, policy)
      session.id = id
      return session
    }
    return valid ? chain(hookAnswer('valid', valid(request, found.wire), backend.eager), admit) : admit(true)
  }
}

/** A hook's answer. Where the session is read synchronously, a promise is refused, never taken for a yes. */
export function hookAnswer(name: string, answer: unknown, eager: boolean): MaybePromise<unknown> {
  if (!isPromise(answer) || eager) return answer as MaybePromise<unknown>
  answer.then(undefined, () => undefined)
  throw new SessionAsyncHookError(name)
}
