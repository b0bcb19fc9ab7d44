import type { Draft } from './backend.ts'
import type { ManagerConfig } from './config.ts'
import { type Data, plain } from './json.ts'
import { begin, endBy, extend, type LifetimePolicy } from './lifetime.ts'
import type { Life, Meta } from './record.ts'
import type { Session, Snapshot } from './session.ts'

/** What is to be written of a session now. `touched`: nothing but that it is used. */
export function draftOf(config: ManagerConfig, session: Session, snapshot: Snapshot, changed: boolean, touched = false): Draft {
  const { maxAge, id } = session
  // Said before anything is stored: the cookie could not be written afterwards.
  if (typeof maxAge === 'number' ? !Number.isFinite(maxAge) : maxAge) throw new TypeError("maxAge must be a number of ms or 'session'")
  const { data, text } = snapshot
  const userId = userOf(config, session, data)
  const life = lifeFor(config, session, userId, data, touched)
  const check = (value: string) => config.checkToken?.(tokenOf(config, session, value, life), data())
  // A place for the `sid` as well: what is added to a copy by spread takes V8 a microsecond.
  return { id, data, text, life, userId, meta: metaFor(session, userId), sid: undefined, changed, check }
}

/** The token of a value, in the line of the one that came. */
export function tokenOf({ codec }: ManagerConfig, { line }: Session, value: string, { expiresAt }: Life): string {
  return codec ? codec.encode(value, line, expiresAt) : value
}

/**
 * Whether the handler has made it another user's, or nobody's, by its data. Data that said so all the while, of before the option
 * `user` or out of another library's cookie, are no login: nobody has proved anything now.
 */
export function changesHands({ userOf }: ManagerConfig, { loaded, proof }: Session, userId: string | undefined): boolean {
  if (proof || !userOf || userId === loaded?.userId) return false
  return !loaded || userOf(plain(loaded.base)) !== userId
}

/** What is kept beside the data is about one login of one user. */
function metaFor({ loaded, proof }: Session, userId: string | undefined): Meta | undefined {
  if (proof) return proof.meta
  return userId === loaded?.userId ? loaded?.meta : undefined
}

/** A login begins a life of its own; anything else goes on with the one there is, and never past its absolute end. */
function lifeFor(config: ManagerConfig, session: Session, userId: string | undefined, data: () => Data, touched: boolean): Life {
  const { loaded, maxAge, proof, openedAt, passive } = session
  // A store says that it lives: where another process has used it at a time still to come, our clock is behind, and must not end it.
  const now = Math.max(config.now(), loaded?.record?.touchedAt ?? 0)
  const rules = rulesFor(config, session, userId, data)
  if (proof?.begins) {
    const { absoluteMs, endsAt } = proof.begins
    return provenAt(endBy(begin({ ...rules, absoluteMs }, maxAge, now), endsAt), proof.at)
  }
  const handed = changesHands(config, session, userId)
  // To be remembered is what one user has asked for, and nothing of the next one.
  if (handed && config.ownLife === 'by-login') {
    const life = endBy(begin(rules, undefined, now), loaded?.life.absoluteExpiresAt)
    return provenAt(life, userId === undefined ? undefined : openedAt)
  }
  // What a passive request writes is no use either, unless it sets a life of its own.
  const stays = passive && loaded !== null && maxAge === loaded.life.maxAge
  const life = stays ? { ...loaded.life } : loaded ? extend(loaded.life, rules, maxAge, now, touched) : begin(rules, maxAge, now)
  if (proof) return provenAt(life, proof.at)
  if (handed) return provenAt(life, userId === undefined ? undefined : openedAt)
  // Whose it is became known without a login: nobody knows when that was.
  return userId === loaded?.userId ? life : provenAt(life, undefined)
}

function provenAt({ authenticatedAt: _, ...life }: Life, at: number | undefined): Life {
  return at === undefined ? life : { ...life, authenticatedAt: at }
}

/** Whose session it is by its data; as before where the site has no say. */
export function userOf(config: ManagerConfig, session: Session, data: () => Data): string | undefined {
  if (config.userOf) return config.userOf(data())
  return session.proof ? session.proof.userId : session.loaded?.userId
}

/** A session that nobody has logged in to lives shorter, where the site says so. */
function rulesFor(config: ManagerConfig, { policy }: Session, userId: string | undefined, data: () => Data): LifetimePolicy {
  const { anonymousMs } = config
  if (anonymousMs === undefined || anonymousMs >= policy.idleMs || isUsers(config, userId, data())) return policy
  return { ...policy, idleMs: anonymousMs }
}

/** Whether somebody has logged in to a session: it has a user, or its data have something under a guarded key. */
export function isUsers({ guard }: Pick<ManagerConfig, 'guard'>, userId: string | undefined, data: Data): boolean {
  return userId !== undefined || guard.some(key => Object.hasOwn(data, key) && data[key])
}
