import type { AuditFacts } from './facts.ts'
import { met, type Requirement, requirements, unmet, type Verdict } from './requirement.ts'

const MAX_ATTRIBUTE_OCTETS = 1024

const ofCookie = (judge: (cookie: NonNullable<AuditFacts['cookie']>) => Verdict) => (facts: AuditFacts) =>
  facts.cookie ? judge(facts.cookie) : met('the token travels in no cookie')

const octetsOf = (text: string): number => new TextEncoder().encode(text).length

/** RFC 6265bis: what browsers do to cookies. Most of it `createSessions` refuses, so that it cannot be unmet. */
export const RFC_6265BIS: readonly Requirement[] = requirements('RFC 6265bis', [
  ['size', 'name and value have 4,096 octets at most', ofCookie(() => met('a larger cookie is a SessionCookieTooLargeError'))],
  [
    'attributes',
    'each attribute has 1,024 octets at most: browsers ignore a longer one',
    ofCookie(({ path, domain = '' }) => {
      const long = [path, domain].findIndex(text => octetsOf(text) > MAX_ATTRIBUTE_OCTETS)
      if (long < 0) return met('path and domain are short')
      return long === 0
        ? unmet('browsers ignore so long a path', 'cookie.path')
        : unmet('browsers ignore so long a domain', 'cookie.domain')
    }),
  ],
  ['age', 'no cookie lives longer than 400 days', ofCookie(() => met('a longer absoluteTimeout is refused', 'absoluteTimeout'))],
  [
    'prefixes',
    'a name with a prefix keeps what the prefix says',
    ofCookie(() => met('what contradicts the prefix is refused', 'cookie.name')),
  ],
  ['none', 'SameSite=None and Partitioned need Secure', ofCookie(() => met('without Secure they are refused', 'cookie.sameSite'))],
  ['deletion', 'who deletes a cookie repeats its path, domain and Secure', ofCookie(() => met('a logout repeats them'))],
])
