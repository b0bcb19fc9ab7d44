import { type AuditFacts, andTakenOver, endsForGood, span } from './facts.ts'
import { LEVELS } from './levels.ts'
import { app, met, type Requirement, requirements, unmet, unmetByMode, type Verdict } from './requirement.ts'

const REACHED = ['aal1', 'aal2', 'aal3'] as const

/** The timeouts of one level. Below the level that the site has chosen, or where it has chosen none, they are told and not asked for. */
function timeouts(level: (typeof REACHED)[number]): Requirement['judge'] {
  const { idleMs, absoluteMs } = LEVELS[level]
  const limit = `${span(absoluteMs)} in any case${idleMs === null ? '' : ` and ${span(idleMs)} without use`}`
  return facts => {
    if (longestInAnyCase(facts) <= absoluteMs && (idleMs === null || longestIdle(facts) <= idleMs)) return met(`at most ${limit}`, 'policy')
    return facts.policy === undefined || facts.policy < level
      ? app(`a site at ${level.toUpperCase()} sets policy: '${level}' (${limit})`, 'policy')
      : unmet(`${level.toUpperCase()} allows ${limit}`, 'policy')
  }
}

const longestInAnyCase = ({ absoluteMs, rememberMs }: AuditFacts): number => Math.max(absoluteMs, rememberMs ?? 0)
const longestIdle = ({ idleMs, rememberMs }: AuditFacts): number => Math.max(idleMs, rememberMs ?? 0)

const ofCookie = (judge: (cookie: NonNullable<AuditFacts['cookie']>) => Verdict) => (facts: AuditFacts) =>
  facts.cookie ? judge(facts.cookie) : app('the token travels in no cookie: the client must guard it as well')

/** NIST SP 800-63B-4: reauthentication (2.1.3, 2.2.3, 2.3.3) and session bindings (5.1). */
export const NIST: readonly Requirement[] = requirements('NIST SP 800-63B-4', [
  ['2.1.3', 'AAL1: a session ends within 30 days', timeouts('aal1')],
  ['2.2.3', 'AAL2: a session ends within 24 hours, and after an hour without use', timeouts('aal2')],
  ['2.3.3', 'AAL3: a session ends within 12 hours, and after 15 minutes without use', timeouts('aal3')],
  [
    '5.1 secret',
    'the secret is random, of 64 bits or more, and made by the server',
    () => met('256 bits of the system generator, or an encrypted cookie'),
  ],
  [
    '5.1 login',
    'the secret is made at the login',
    facts =>
      facts.names
        ? app('a session that changes hands gets a new id; call login() or reauthenticated() at each repeated login', 'user')
        : app('call login() or regenerate() at each login', 'user'),
  ],
  [
    '5.1 logout',
    'a logout ends the secret',
    facts =>
      endsForGood(facts)
        ? met(`in the browser and on the server${andTakenOver(facts)}`)
        : unmetByMode('in the browser only: a copy of the cookie goes on', 'revocations'),
  ],
  [
    '5.1 timeout',
    'the server enforces both timeouts, whatever the cookie says',
    () => met('the end of a session is kept in the record, or inside the encrypted cookie'),
  ],
  [
    '5.1 restart',
    'the secret does not outlive the browser',
    ({ rememberMs }) =>
      rememberMs === null
        ? met('the browser forgets the cookie when it closes')
        : app(
            'login() with remember: true keeps it there: at AAL2 that may only spare the second factor, at AAL3 do not offer it',
            'rememberTimeout',
          ),
  ],
  ['5.1 csrf', 'a change is tied to the session, against requests from other sites', () => app('check each change with the CSRF helper')],
  [
    '5.1.1 https',
    'the cookie is sent over https only',
    ofCookie(({ secure }) => (secure ? met('Secure') : unmet('the cookie is not Secure', 'insecure'))),
  ],
  [
    '5.1.1 hosts',
    'the cookie is for as few hosts and paths as can be',
    ofCookie(({ domain }) =>
      domain === undefined
        ? met('it belongs to one host')
        : app(`all hosts of ${domain} get it: write down that they need it`, 'cookie.domain'),
    ),
  ],
  [
    '5.1.1 scripts',
    'scripts cannot read the cookie',
    ofCookie(({ httpOnly }) => (httpOnly ? met('HttpOnly') : unmet('scripts can read it', 'cookie.httpOnly'))),
  ],
  [
    '5.1.1 prefix',
    'its name begins with __Host-, its path is /',
    ofCookie(({ name, domain }) =>
      name.startsWith('__Host-')
        ? met(name)
        : domain
          ? app('a cookie for several hosts cannot have the prefix', 'cookie.domain')
          : unmet(`its name is "${name}"`, 'cookie.name'),
    ),
  ],
  [
    '5.1.1 samesite',
    'SameSite is Lax or Strict',
    ofCookie(({ sameSite }) =>
      sameSite === 'none' ? app('it is None: write down which site needs that, and check each change', 'cookie.sameSite') : met(sameSite),
    ),
  ],
  ['5.1.1 content', 'it shows nothing about a person', ofCookie(() => met('it holds a random id, or ciphertext'))],
])
