import type { AuditFacts } from './facts.ts'
import { app, unmetByMode, type Verdict } from './requirement.ts'

/** What is done by a user's name needs one for each session. */
export const ofNamed = (facts: AuditFacts, verdict: Verdict): Verdict => {
  if (facts.names) return verdict
  const which = facts.takesOver ? 'set the option user: login() has not named the sessions that readers take over' : NAME_USERS
  return app(`${which}; ${verdict.text}`, 'user')
}
const NAME_USERS = 'log users in by login(), or set the option user'

/** Without an index nobody can say which sessions a user has; with one, those that login() or the option user has named. */
export const needsIndex = (what: string, then: (facts: AuditFacts) => Verdict) => (facts: AuditFacts) => {
  if (facts.indexed) return then(facts)
  if (facts.keepsIndex) return ofNamed(facts, then(facts))
  return unmetByMode(`${what} needs a store that keeps an index`, 'store')
}
