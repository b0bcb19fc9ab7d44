import type { Draft } from './backend.ts'
import type { ManagerConfig } from './config.ts'
import type { Data } from './json.ts'
import { begin, endBy, extend, type LifetimePolicy } from './lifetime.ts'
import type { Life, Meta } from './record.ts'
import type { Session, Snapshot } from './session.ts'

/** What is to be written of a session now. `touched`: nothing but that it is used. */
export function draftOf(config: ManagerConfig, session: Session, snapshot: Snapshot, changed: boolean, touched = false): Draft {
  const { maxAge, id } = session
  // Said before anything is stored: the cookie could not be written afterwards.
  if (typeof maxAge === 'number' ? !Number.isFinite(maxAge) : maxAge) throw new TypeError("maxAge must be a number of ms or 'session'")
  const userId = userOf(config, session, snapshot.data)
  const rules = rulesFor(config, session, userId, snapshot.data)
  const life = lifeFor(session, rules, userId, config.now(), touched)
  return { id, data: snapshot.data, text: snapshot.text, life, userId, meta: metaFor(session, userId), changed }
}

/** What is kept beside the data is about one login of one user. */
function metaFor({ loaded, proof }: Session, userId: string | undefined): Meta | undefined {
  if (proof) return proof.meta
  return userId === loaded?.userId ? loaded?.meta : undefined
}

/** A login begins a life of its own; anything else goes on with the one there is, and never past its absolute end. */
function lifeFor(
  { loaded, maxAge, proof, openedAt, passive }: Session,
  rules: LifetimePolicy,
  userId: string | undefined,
  now: number,
  touched: boolean,
): Life {
  if (proof?.begins) {
    const { absoluteMs, endsAt } = proof.begins
    return { ...endBy(begin({ ...rules, absoluteMs }, maxAge, now), endsAt), authenticatedAt: proof.at }
  }
  // What a passive request writes is no use either, unless it sets a life of its own.
  const stays = passive && loaded !== null && maxAge === loaded.life.maxAge
  const life = stays ? { ...loaded.life } : loaded ? extend(loaded.life, rules, maxAge, now, touched) : begin(rules, maxAge, now)
  if (proof) life.authenticatedAt = proof.at
  else if (userId !== loaded?.userId) {
    // By its data it has changed hands: somebody has logged in, or out.
    if (userId === undefined) delete life.authenticatedAt
    else life.authenticatedAt = openedAt
  }
  return life
}

/** Whose session it is by its data; as before where the site has no say. */
export function userOf(config: ManagerConfig, session: Session, data: Data): string | undefined {
  if (config.userOf) return config.userOf(data)
  return session.proof ? session.proof.userId : session.loaded?.userId
}

/** A session that nobody has logged in to lives shorter, where the site says so. */
function rulesFor(config: ManagerConfig, { policy }: Session, userId: string | undefined, data: Data): LifetimePolicy {
  const { anonymousMs } = config
  if (anonymousMs === undefined || anonymousMs >= policy.idleMs || isUsers(config, userId, data)) return policy
  return { ...policy, idleMs: anonymousMs }
}

/** Whether somebody has logged in to a session: it has a user, or its data have something under a guarded key. */
export function isUsers({ guard }: ManagerConfig, userId: string | undefined, data: Data): boolean {
  return userId !== undefined || guard.some(key => Object.hasOwn(data, key) && data[key])
}
