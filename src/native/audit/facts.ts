import type { PolicyName } from './levels.ts'

/** The cookie as it will be written. */
export interface CookieFacts {
  name: string
  path: string
  domain: string | undefined
  secure: boolean
  httpOnly: boolean
  sameSite: 'lax' | 'strict' | 'none'
  partitioned: boolean
}

/** All that the audit knows: what became of the options of `createSessions`. Times in ms. It holds no secret. */
export interface AuditFacts {
  policy: PolicyName | undefined
  place: 'cookie' | 'store'
  /** Null where the token travels another way. */
  cookie: CookieFacts | null
  /** `insecure: true`, possible in development only. */
  insecure: boolean
  idleMs: number
  absoluteMs: number
  anonymousMs: number
  /** The longest life that a login may ask for (remember-me), with use or without; null: it may ask for none. */
  rememberMs: number | null
  /** The store keeps an index of users. */
  keepsIndex: boolean
  /** The option `user` says whose session it is. */
  names: boolean
  /** Another library's cookies are taken over, for now. */
  takesOver: boolean
  /** The store keeps one, and the option `user` says whose session it is. */
  indexed: boolean
  /** In cookie mode: a store knows which cookies were ended. */
  revocations: boolean
  /** How many sessions of one user may live at once; null: any number. */
  maxSessions: number | null
  /** An answer that has read a user's session is `no-store`. */
  noStore: boolean
}

/** Whether the end of a session is known to the server, so that a copy of its token is worth nothing afterwards. */
export const endsForGood = ({ place, revocations }: AuditFacts): boolean => place === 'store' || revocations

/** What else is true of a logout where another library's cookies are taken over. */
export const andTakenOver = ({ takesOver }: AuditFacts): string => (takesOver ? ', nor does the cookie that it was taken over from' : '')

/** What else is true of a timeout where a login may ask to be remembered for longer. */
export const exceptRemembered = ({ rememberMs }: AuditFacts, ms: number): string =>
  rememberMs === null || rememberMs <= ms ? '' : `; ${span(rememberMs)} where login() was told to remember the user`

/** `30 min`, `12 h`, `30 d`: in the largest unit that gives a whole number. */
export function span(ms: number): string {
  const units: [number, string][] = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1000, 's'],
  ]
  for (const [size, name] of units) if (ms >= size && ms % size === 0) return `${ms / size} ${name}`
  return `${ms} ms`
}
