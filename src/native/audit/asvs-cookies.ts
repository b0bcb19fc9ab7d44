import type { CookieFacts } from './facts.ts'
import { app, met, type Requirement, requirements, unmet, type Verdict } from './requirement.ts'

/** A token in a header of its own is no cookie; who keeps it must guard it. */
const ofCookie = (judge: (cookie: CookieFacts) => Verdict) => (facts: { cookie: CookieFacts | null }) =>
  facts.cookie
    ? judge(facts.cookie)
    : app('the token travels in no cookie: the client must keep it out of reach of scripts and send it over https only')

/** OWASP ASVS 5.0, 3.3: cookies. */
export const ASVS_COOKIES: readonly Requirement[] = requirements('OWASP ASVS 5.0', [
  [
    '3.3.1',
    'the cookie is Secure and its name begins with __Host- or __Secure-',
    ofCookie(({ secure, name }) => {
      if (!secure) return unmet('the cookie is not Secure: insecure is for development only', 'insecure')
      return /^__(Host|Secure)-/.test(name)
        ? met(`${name} is Secure`)
        : unmet(`a cookie named "${name}" can be overwritten over plain http: let its name begin with __Secure- or __Host-`, 'cookie.name')
    }),
  ],
  [
    '3.3.2',
    'SameSite is chosen by purpose',
    ofCookie(({ sameSite }) =>
      sameSite === 'none'
        ? app('SameSite=None lets every site send the cookie along: check Sec-Fetch-Site or a CSRF token on each change', 'cookie.sameSite')
        : met(`SameSite=${sameSite}`, 'cookie.sameSite'),
    ),
  ],
  [
    '3.3.3',
    'the name begins with __Host-, unless hosts are meant to share the cookie',
    ofCookie(({ name, domain, path }) => {
      if (name.startsWith('__Host-')) return met(`${name} belongs to one host`)
      if (domain !== undefined) return app(`the cookie is shared by all hosts of ${domain}: write down that they need it`, 'cookie.domain')
      return unmet('no other host needs the cookie: let its name begin with __Host-', path === '/' ? 'cookie.name' : 'cookie.path')
    }),
  ],
  [
    '3.3.4',
    'scripts cannot read the cookie, and the token comes by Set-Cookie only',
    ofCookie(({ httpOnly }) =>
      httpOnly
        ? met('the cookie is HttpOnly, and nothing else shows its value', 'cookie.httpOnly')
        : unmet('scripts can read the cookie', 'cookie.httpOnly'),
    ),
  ],
  [
    '3.3.5',
    'name and value have 4,096 octets at most',
    ofCookie(() => met('a larger cookie is a SessionCookieTooLargeError, and is not sent')),
  ],
])
