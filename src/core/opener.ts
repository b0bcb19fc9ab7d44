import { type Absent, type Decoded, isAbsent, type Loaded, type Presented, type Takeover } from './backend.ts'
import type { ManagerConfig } from './config.ts'
import { SessionAsyncHookError } from './errors.ts'
import { plain } from './json.ts'
import { expiry, rulesOf } from './lifetime.ts'
import { chain, isPromise, type MaybePromise } from './maybe.ts'
import { type Gone, isGone } from './record.ts'
import { Session } from './session.ts'
import { goesOnWithout } from './store-errors.ts'
import { MOST_TOKENS } from './transport.ts'

/** How far two clocks may be apart before it matters. */
const SKEW_MS = 60_000
const QUIET_MS = 60_000

/** What a token stands for. It has no line where the adapter's own transport has signed it, and no text where it was taken over. */
type Opened = Pick<Decoded, 'value' | 'stale'> & { [K in 'line' | 'expiresAt']?: Decoded[K] | undefined } & { token?: string | undefined }

/** The first half of a request: from a token to a session. */
export class Opener {
  readonly #config: ManagerConfig
  /** When it was last said that the clocks differ. */
  #skewSaid = Number.NEGATIVE_INFINITY

  constructor(config: ManagerConfig) {
    this.#config = config
  }

  /** The session of a token. Whatever is wrong with the token, the answer is a fresh session and an event. */
  open(presented: Presented | undefined, request: unknown): MaybePromise<Session> {
    // Asked of each request, so that an answer that cannot be used is seen at once, and not when a touch is due.
    const passive = this.#isPassive(request)
    if (!presented) return chain(this.#prepared(), () => this.fresh(request))
    return chain(this.#meet(presented, request), met => {
      const over = met !== null && isOver(met)
      const session = met && !over ? met : this.fresh(request)
      if (over) session.gone = met.gone
      session.passive = passive
      return session
    })
  }

  #isPassive(request: unknown): boolean {
    const { passive } = this.#config
    return passive !== undefined && hookAnswer('passive', passive(request), false) === true
  }

  /** What a fresh session will be written with must be there as well: a save may be synchronous. */
  #prepared(): MaybePromise<void> {
    const { backend, codec } = this.#config
    const keys = codec && !codec.prepared ? codec.prepare() : undefined
    return backend.prepared === false ? chain(keys, () => backend.prepare?.()) : keys
  }

  /** The session of a token, or null. Nothing is created, not even an id. */
  find(presented: Presented, request: unknown): MaybePromise<Session | null> {
    return chain(this.#meet(presented, request), session => (session?.loaded ? session : null))
  }

  fresh(request: unknown): Session {
    const session = new Session(null, this.#config.policy, this.#config.now())
    session.id = this.#config.backend.newId(request)
    return session
  }

  /** A session that is never stored: for requests that must not have one. */
  detached(): Session {
    const session = new Session(null, this.#config.policy, this.#config.now())
    session.detached = true
    return session
  }

  /** A fresh session in the place of one that cannot be used here, such as one of a newer deploy: a logout and a new id end that as well. */
  #instead(value: string, request: unknown): Session {
    const session = this.fresh(request)
    session.unreached = { value }
    return session
  }

  #unreached(value: string): Session {
    const session = this.detached()
    session.unreached = { value }
    return session
  }

  #meet(presented: Presented, request: unknown): MaybePromise<Session | null> {
    // Synchronous once the keys are there: Koa's `ctx.session` is.
    return chain(this.#prepared(), () => this.#read(presented, request))
  }

  #read(presented: Presented, request: unknown): MaybePromise<Session | null> {
    if (isList(presented)) return this.#readSeveral(presented, request)
    const opened = typeof presented === 'string' ? this.#verify(presented) : this.#takeOver(presented, request)
    return opened ? this.#follow(opened, request) : this.#refuse(request)
  }

  #verify(token: string): Opened | null {
    const { codec } = this.#config
    if (!codec) return { value: token, stale: false, token }
    const decoded = codec.decode(token)
    return decoded && { value: decoded.value, stale: decoded.stale, token, line: decoded.line, expiresAt: decoded.expiresAt }
  }

  /** Not without a key to issue it anew with. */
  #takeOver(takeover: Takeover, request: unknown): Opened | null {
    this.#config.codec?.ready()
    return takeover.open(request)
  }

  #refuse(request: unknown): null {
    this.#config.emit('session:invalid', { reason: 'signature' }, request)
    return null
  }

  /** Somebody may have tossed one in beside the visitor's own (H20): one that is good counts, of two nobody knows which is meant. */
  #readSeveral(tokens: readonly string[], request: unknown): MaybePromise<Session | null> {
    const good: Opened[] = []
    for (const token of tokens.slice(0, MOST_TOKENS)) {
      const opened = token ? this.#verify(token) : null
      if (opened && !good.some(({ value }) => value === opened.value)) good.push(opened)
    }
    const [first] = good
    if (!first) return tokens.some(Boolean) ? this.#refuse(request) : null
    if (good.length === 1) return this.#follow(first, request)
    if (this.#config.ambiguous !== 'first') return this.#meant(good, request, [])
    this.#config.emit('session:ambiguous', { reason: 'first' }, request)
    return this.#follow(first, request)
  }

  /** Which of these a session still stands behind: an old cookie of another path must not lock its visitor out. */
  #meant([opened, ...others]: readonly Opened[], request: unknown, met: readonly Session[]): MaybePromise<Session | null> {
    if (opened) {
      return chain(this.#follow(opened, request), session =>
        this.#meant(others, request, session && !isOver(session) ? [...met, session] : met),
      )
    }
    const rivals = met.flatMap(({ loaded, unreached, detached }) => loaded ?? (detached ? unreached : null) ?? [])
    // Two ids lead to one session where it has been renewed.
    if (new Set(rivals.map(({ value }) => value)).size < 2)
      return met.find(one => one.loaded) ?? met.find(one => one.unreached) ?? met[0] ?? null
    this.#config.emit('session:ambiguous', { reason: 'several' }, request)
    const session = this.detached()
    session.rivals = rivals
    return session
  }

  #follow(opened: Opened, request: unknown): MaybePromise<Session | null> {
    const { value, token, line, stale, expiresAt } = opened
    const admit = (found: Loaded | Gone | Absent) =>
      chain(this.#admit(this.#judged(found), value, expiresAt, request), session => {
        // A fresh one has nothing of the token.
        if (!session?.loaded && !session?.detached) return session
        session.token = token
        session.line = line
        session.stale = stale || (session.loaded !== null && session.loaded.value !== value)
        return session
      })
    return this.#load(value, request, admit)
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

  /** It may be known only by its data whose it is: what has ended that user's sessions has ended this one as well (H7). */
  #judged(found: Loaded | Gone | Absent): Loaded | Gone | Absent {
    const { backend, userOf } = this.#config
    if (isAbsent(found) || isGone(found) || found.userId !== undefined || !userOf || !backend.verdict) return found
    const userId = userOf(plain(found.base))
    return userId === undefined ? found : (backend.verdict(found, userId) ?? found)
  }

  #admit(found: Loaded | Gone | Absent, value: string, tokenEnds: number | undefined, request: unknown): MaybePromise<Session | null> {
    const { backend, emit, valid } = this.#config
    const id = backend.keyed ? value : undefined
    if (isAbsent(found)) {
      if (found.malformed) emit('session:malformed', { reason: 'malformed', id, value: found.value }, request)
      else emit('session:missed', { reason: 'missed', id, value: found.value }, request)
      return found.endable ? this.#instead(value, request) : null
    }
    if (isGone(found)) {
      if (found.reused) emit('session:reuse', { reason: 'rotated', id }, request)
      else emit('session:gone', { reason: found.gone, id }, request)
      const session = this.detached()
      session.gone = found.gone
      return session
    }
    const now = this.#config.now()
    const policy = rulesOf(found.meta, this.#config.policy)
    // The token's own end is the later one of the two or the same; it counts where the content says nothing of its life.
    const expired = expiry(found.life, now, policy) ?? (tokenEnds !== undefined && tokenEnds < now ? 'idle' : null)
    // A store looks at its own clock: if ours differs much, one of them is wrong. Nobody's login is thrown away for that.
    const skew = found.record ? skewOf(found, expired !== null, now) : null
    if (skew) this.#reportSkew(skew, now, request)
    if (skew === 'ahead') return this.#unreached(value)
    if (expired) {
      emit('session:expired', { reason: expired, id, value: found.wire }, request)
      const session = new Session(null, policy, now)
      session.gone = 'expired'
      return session
    }
    const admit = (accepted: unknown): Session | null => {
      if (!accepted) {
        emit('session:invalid', { reason: 'rejected', id, value: found.wire }, request)
        return null
      }
      const session = new Session(found, policy, now)
      // Its id may have been renewed meanwhile.
      session.id = backend.keyed ? found.value : undefined
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

/** Expired: nothing is left of it but the word, and a fresh one takes its place. */
function isOver({ gone, detached }: Session): boolean {
  return gone === 'expired' && !detached
}

function isList(presented: Presented): presented is readonly string[] {
  return Array.isArray(presented)
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
