import type { Draft } from './backend.ts'
import type { ManagerConfig } from './config.ts'
import type { Data } from './json.ts'
import { begin, extend, type LifetimePolicy } from './lifetime.ts'
import type { Session, Snapshot } from './session.ts'

/** What is to be written of a session now. */
export function draftOf(config: ManagerConfig, session: Session, snapshot: Snapshot, changed: boolean): Draft {
  const { loaded, maxAge, id } = session
  // Said before anything is stored: the cookie could not be written afterwards.
  if (typeof maxAge === 'number' ? !Number.isFinite(maxAge) : maxAge) throw new TypeError("maxAge must be a number of ms or 'session'")
  const userId = userOf(config, session, snapshot.data)
  const rules = rulesFor(config, session, userId, snapshot.data)
  const now = config.now()
  const life = loaded ? extend(loaded.life, rules, maxAge, now) : begin(rules, maxAge, now)
  return { id, data: snapshot.data, text: snapshot.text, life, userId, changed }
}

/** Whose session it is by its data; as before where the site has no say. */
export function userOf(config: ManagerConfig, session: Session, data: Data): string | undefined {
  return config.userOf ? config.userOf(data) : session.loaded?.userId
}

/** A session that nobody has logged in to lives shorter, where the site says so. */
function rulesFor(config: ManagerConfig, { policy }: Session, userId: string | undefined, data: Data): LifetimePolicy {
  const { anonymousMs, guard } = config
  if (anonymousMs === undefined || anonymousMs >= policy.idleMs || userId !== undefined) return policy
  return guard.some(key => Object.hasOwn(data, key) && data[key]) ? policy : { ...policy, idleMs: anonymousMs }
}
