import { CookieTransport } from '../cookie/transport.ts'
import type { LifetimePolicy } from '../core/lifetime.ts'
import { isIndexedSessionStore } from '../core/store.ts'
import type { TokenTransport } from '../core/transport.ts'
import type { AuditFacts } from './audit/facts.ts'
import type { CreateSessionsOptions } from './options.ts'

/** What the audit may know of a manager. Taken once, when it is made. */
export function factsOf(
  options: Pick<CreateSessionsOptions<never>, 'store' | 'revocations' | 'user' | 'policy' | 'insecure' | 'maxSessionsPerUser'>,
  transport: TokenTransport,
  { idleMs, absoluteMs }: LifetimePolicy,
  anonymousMs: number,
  rememberMs: number,
  takesOver: boolean,
): AuditFacts {
  const { store, revocations, user, policy, insecure } = options
  return {
    policy,
    place: store ? 'store' : 'cookie',
    cookie: transport instanceof CookieTransport ? transport.written : null,
    insecure: insecure === true,
    idleMs,
    absoluteMs: absoluteMs ?? Number.POSITIVE_INFINITY,
    anonymousMs,
    keepsIndex: isIndexedSessionStore(store),
    names: user !== undefined,
    takesOver,
    indexed: user !== undefined && isIndexedSessionStore(store),
    rememberMs,
    // What native mode does, whatever the options are.
    noStore: true,
    revocations: revocations !== undefined,
    maxSessions: options.maxSessionsPerUser ?? null,
  }
}
