import { endsForGood, exceptRemembered, span } from './facts.ts'
import { needsIndex } from './named.ts'
import { app, met, type Requirement, requirements, unmet, unmetByMode } from './requirement.ts'

/** Names that tell what a server runs. */
const TELLING = /^(__(?:host|secure)-)?(phpsessid|jsessionid|cfid|cftoken|asp\.net_sessionid|connect\.sid|koa[.:]sess(ion)?)$/i
const USUAL_IDLE_MS = 30 * 60_000

/** The OWASP cheat sheet on session management, as far as ASVS does not say it. */
export const OWASP: readonly Requirement[] = requirements('OWASP Session Management', [
  [
    'name',
    'the name tells nothing about the server',
    ({ cookie }) =>
      cookie && TELLING.test(cookie.name)
        ? unmet(`"${cookie.name}" tells what the server runs`, 'cookie.name')
        : met('the name tells nothing', 'cookie.name'),
  ],
  ['content', 'the id means nothing by itself', () => met('it is random, or ciphertext')],
  [
    'strict',
    'an id that the server did not make is never taken over',
    () => met('a forged or unknown token gives a session under a new id'),
  ],
  [
    'url',
    'ids never stand in addresses',
    ({ cookie }) => (cookie ? met('the token travels in a cookie only') : app('see to it that your transport reads no address')),
  ],
  [
    'https',
    'the whole site is served over https',
    () => app('serve it over https with Strict-Transport-Security; the cookie is never sent otherwise'),
  ],
  [
    'renewal',
    'a change of privilege gives a new id',
    facts =>
      endsForGood(facts)
        ? app('a change of user does so by itself; after other changes, such as roles, call regenerate()', 'user')
        : unmetByMode('the old cookie stays good beside the new one', 'store'),
  ],
  [
    'idle',
    'a session without use ends soon',
    facts =>
      facts.idleMs <= USUAL_IDLE_MS
        ? met(`${span(facts.idleMs)}${exceptRemembered(facts, facts.idleMs)}`, 'idleTimeout')
        : app(`${span(facts.idleMs)} is longer than the usual 15 to 30 minutes: write down why`, 'idleTimeout'),
  ],
  [
    'absolute',
    'a session ends in any case',
    facts =>
      met(
        `after ${span(facts.absoluteMs)}${exceptRemembered(facts, facts.absoluteMs)}; for a working day 4 to 8 hours are usual`,
        'absoluteTimeout',
      ),
  ],
  ['concurrency', 'the sessions of a user are known', needsIndex('list(userId)', () => met('list(userId) shows them', 'user'))],
  [
    'cache',
    'no cache keeps what a session saw',
    ({ noStore }) =>
      noStore
        ? met('an answer that has read a user’s session is no-store unless the app has said otherwise')
        : app('an answer with a cookie is private; set Cache-Control: no-store on pages of a login'),
  ],
  ['logs', 'the life of sessions is logged, and ids never are', () => app('log the events: they show a reason and a ref, never an id')],
  [
    'rest',
    'stored data are protected',
    ({ place }) =>
      place === 'cookie'
        ? met('the cookie is encrypted')
        : app('a store keeps a hash of the id, but the data as they are: encrypt its disk, or store less'),
  ],
])
