import { type Absent, isAbsent, type Loaded } from './backend.ts'
import type { ManagerConfig } from './config.ts'
import { SessionAsyncHookError } from './errors.ts'
import { expiry } from './lifetime.ts'
import { chain, isPromise, type MaybePromise } from './maybe.ts'
import { type Gone, isGone } from './record.ts'
import { Session } from './session.ts'
import { goesOnWithout } from './store-errors.ts'

/** How far two clocks may be apart before it matters. */
const SKEW_MS = 60_000
const QUIET_MS = 60_000

/** The first half of a request: from a token to a session. */
export class Opener {
  readonly #config: ManagerConfig
  /** When it was last said that the clocks differ. */
  #skewSaid = Number.NEGATIVE_INFINITY

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

  #unreached(value: string): Session {
    const session = this.detached()
    session.unreached = { value }
    return session
  }

  #meet(token: string, request: unknown): MaybePromise<Session | null> {
    const { codec, emit } = this.#config
    const decoded = codec ? codec.decode(token) : { value: token, origin: undefined, stale: false }
    if (!decoded) {
      emit('session:invalid', { reason: 'signature' }, request)
      return null
    }
    const admit = (found: Loaded | Gone | Absent) =>
      chain(this.#admit(found, decoded.value, request), session => {
        if (!session) return null
        session.token = token
        session.origin = decoded.origin
        session.stale = decoded.stale
        return session
      })
    return this.#load(decoded.value, request, admit)
  }

  /** Where the store cannot be asked and the site goes on without it, the session is one that no cookie leaves for. */
  #load(
    value: string,
    request: unknown,
    admit: (found: Loaded | Gone | Absent) => MaybePromise<Session | null>,
  ): MaybePromise<Session | null> {
    const failed = (error: unknown): Session => {
      if (goesOnWithout(this.#config, error, 'load', request)) return this.#unreached(value)
      throw error
    }
    let found: MaybePromise<Loaded | Gone | Absent>
    try {
      found = this.#config.backend.load(value, request)
    } catch (error) {
      return failed(error)
    }
    // Only the store's own failure is asked about, not what comes of its answer.
    return isPromise(found) ? found.then(admit, failed) : admit(found)
  }

  #admit(found: Loaded | Gone | Absent, value: string, request: unknown): MaybePromise<Session | null> {
    const { backend, emit, policy, valid } = this.#config
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
    const now = this.#config.now()
    const expired = expiry(found.life, now)
    // A store looks at its own clock: if ours differs much, one of them is wrong. Nobody's login is thrown away for that.
    const skew = found.record ? skewOf(found, expired !== null, now) : null
    if (skew) this.#reportSkew(skew, now, request)
    if (skew === 'ahead') return this.#unreached(value)
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

  #reportSkew(skew: string, now: number, request: unknown): void {
    // The time may have been set back meanwhile.
    if (Math.abs(now - this.#skewSaid) < QUIET_MS) return
    this.#skewSaid = now
    this.#config.emit('clock:skew', { reason: skew }, request)
  }
}

/** `ahead`: what the store says lives has long ended by our clock. `behind`: it was used at a time that is still to come. */
function skewOf({ life }: Loaded, expired: boolean, now: number): 'ahead' | 'behind' | null {
  const end = Math.min(life.expiresAt, life.absoluteExpiresAt ?? life.expiresAt)
  if (expired && now - end > SKEW_MS) return 'ahead'
  return life.touchedAt - now > SKEW_MS ? 'behind' : null
}

/** A hook's answer. Where the session is read synchronously, a promise is refused, never taken for a yes. */
export function hookAnswer(name: string, answer: unknown, eager: boolean): MaybePromise<unknown> {
  if (!isPromise(answer) || eager) return answer as MaybePromise<unknown>
  answer.then(undefined, () => undefined)
  throw new SessionAsyncHookError(name)
}
