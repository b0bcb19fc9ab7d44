import { type AuditFacts, andTakenOver, endsForGood, exceptRemembered, span } from './facts.ts'
import { needsIndex, ofNamed } from './named.ts'
import { app, met, type Requirement, requirements, unmetByMode, type Verdict } from './requirement.ts'

/** Ending them needs no list of them: in cookie mode it is enough to know what has ended. */
const needsEnds = (what: string, then: (facts: AuditFacts) => Verdict) => (facts: AuditFacts) =>
  facts.revocations ? ofNamed(facts, then(facts)) : needsIndex(what, then)(facts)

/** OWASP ASVS 5.0, chapter 7. */
export const ASVS_SESSIONS: readonly Requirement[] = requirements('OWASP ASVS 5.0', [
  [
    '7.1.1',
    'both timeouts are documented, with reasons where they differ from NIST',
    ({ policy, idleMs, absoluteMs }) =>
      policy
        ? app(
            `write down that the site keeps ${policy.toUpperCase()}: ${span(idleMs)} without use, ${span(absoluteMs)} in any case`,
            'policy',
          )
        : app(
            `write down why ${span(idleMs)} without use and ${span(absoluteMs)} in any case fit your risk; policy ties them to a level`,
            'policy',
          ),
  ],
  [
    '7.1.2',
    'how many sessions a user may have at once is documented',
    ({ maxSessions }) =>
      maxSessions === null
        ? app('a user may have any number of sessions: write that down')
        : app(`a user may have ${maxSessions} sessions: write down what happens to one more`, 'maxSessionsPerUser'),
  ],
  ['7.2.1', 'tokens are verified on the server', () => met('the server verifies each token; nothing is left to the browser')],
  ['7.2.2', 'tokens are made for each session', () => met('each session has a token of its own; no fixed key is a token')],
  [
    '7.2.3',
    'an id has 128 random bits or more',
    ({ place }) =>
      met(place === 'store' ? 'an id has 256 bits of the system generator' : 'the cookie is encrypted and authenticated; it has no id'),
  ],
  [
    '7.2.4',
    'a login, also a repeated one, gives a new token and ends the old one',
    facts => {
      if (!endsForGood(facts))
        return unmetByMode('a login gives a new cookie, but a copy of the old one stays good until it expires', 'store')
      return facts.names
        ? app('a session that changes hands gets a new id by itself; call login() or reauthenticated() at each repeated login', 'user')
        : app('call login() or regenerate() at each login, and reauthenticated() at each repeated one', 'user')
    },
  ],
  [
    '7.3.1',
    'a session ends after a time without use',
    facts => met(`it ends after ${span(facts.idleMs)} without use${exceptRemembered(facts, facts.idleMs)}`, 'idleTimeout'),
  ],
  [
    '7.3.2',
    'a session ends after a time in any case',
    facts => met(`it ends after ${span(facts.absoluteMs)} in any case${exceptRemembered(facts, facts.absoluteMs)}`, 'absoluteTimeout'),
  ],
  [
    '7.4.1',
    'an ended session is of no use any more',
    facts =>
      endsForGood(facts)
        ? met(`logout and expiry end it on the server; no request under way brings it back${andTakenOver(facts)}`)
        : unmetByMode('expiry is enforced, but a copy of the cookie outlives a logout', 'revocations'),
  ],
  [
    '7.4.2',
    'disabling or deleting an account ends all its sessions',
    needsEnds('ending all sessions of a user', () => app('call revokeAll(userId) where an account is disabled or deleted')),
  ],
  [
    '7.4.3',
    'after a change of a password or another factor the other sessions can be ended',
    needsEnds('ending the other sessions of a user', () => app('call factorChanged(session) after such a change')),
  ],
  ['7.4.4', 'each page that needs a login has a way to log out', () => app('show a logout on these pages; it calls destroy() or logout()')],
  [
    '7.4.5',
    'an administrator can end the sessions of one user or of all',
    needsEnds('ending the sessions of a user', () => app('give administrators a page that calls revokeAll(userId) and revokeEveryone()')),
  ],
  [
    '7.5.1',
    'changing what a login depends on asks for the password again',
    () => app("call requireFresh('10m') before such a change, and reauthenticated() after the new proof"),
  ],
  [
    '7.5.2',
    'users see their sessions and can end them',
    needsIndex('a list of sessions', () =>
      app('give users a page with list(userId) and revoke(userId, handle); call requireFresh() before one is ended'),
    ),
  ],
  [
    '7.5.3',
    'a very sensitive operation asks for another proof',
    () => app('call requireFresh() with a short time before such an operation'),
  ],
  [
    '7.6.1',
    'the end of sessions here and at an identity provider is coordinated',
    needsIndex("ending a provider's sessions", () =>
      app('give login() expiresAt and idp, and call revokeByIdp(iss, sid) at a back-channel logout'),
    ),
  ],
  [
    '7.6.2',
    'no session comes into being without an action of the user',
    () => app('no login happens by itself and no visit makes a cookie; do not start a silent single sign-on from a mere visit'),
  ],
])
