import { MAX_COOKIE_AGE_MS } from '../cookie/attributes.ts'
import { durationMs } from '../core/options.ts'
import { DEFAULT_REMEMBER_MS } from '../create.ts'
import { LEVELS, type PolicyName } from './audit/levels.ts'
import type { CreateSessionsOptions } from './options.ts'

const MINUTE = 60_000

type Timeouts = Pick<CreateSessionsOptions<never>, 'policy' | 'idleTimeout' | 'absoluteTimeout'>

/** What a site has that has chosen no policy. */
const ordinary = ({ idleTimeout = '30m', absoluteTimeout = '12h' }: Timeouts) => ({
  idleMs: durationMs('idleTimeout', idleTimeout),
  absoluteMs: durationMs('absoluteTimeout', absoluteTimeout),
})

/** Both timeouts in ms: what was given, else what the policy allows, else the defaults. Longer than the policy allows is refused. */
export function timeoutsOf(options: Timeouts): { idleMs: number; absoluteMs: number } {
  const { policy, idleTimeout, absoluteTimeout } = options
  if (policy === undefined) return ordinary(options)
  const level = LEVELS[policy]
  const absoluteMs = absoluteTimeout === undefined ? level.absoluteMs : durationMs('absoluteTimeout', absoluteTimeout)
  const usualMs = level.idleMs ?? ordinary({}).idleMs
  const idleMs = idleTimeout === undefined ? Math.min(usualMs, absoluteMs) : durationMs('idleTimeout', idleTimeout)
  refuseLonger(policy, 'absoluteTimeout', absoluteMs, level.absoluteMs)
  if (level.idleMs !== null) refuseLonger(policy, 'idleTimeout', idleMs, level.idleMs)
  return { idleMs, absoluteMs }
}

/** How long a user may stay signed in, in ms. To a level that is a session like any other. */
export function rememberOf({ rememberTimeout, policy }: Pick<CreateSessionsOptions, 'rememberTimeout' | 'policy'>): number {
  const level = policy === undefined ? undefined : LEVELS[policy]
  const mostMs = level ? (level.idleMs ?? level.absoluteMs) : Number.POSITIVE_INFINITY
  if (rememberTimeout === undefined) return Math.min(DEFAULT_REMEMBER_MS, mostMs)
  const ms = durationMs('rememberTimeout', rememberTimeout)
  if (policy) refuseLonger(policy, 'rememberTimeout', ms, mostMs)
  if (ms > MAX_COOKIE_AGE_MS) throw new TypeError('rememberTimeout is over 400 days, longer than browsers keep a cookie')
  return ms
}

function refuseLonger(policy: PolicyName, option: string, ms: number, mostMs: number): void {
  if (ms <= mostMs) return
  throw new TypeError(`policy '${policy}' allows ${option} of ${mostMs / MINUTE} minutes at most: shorten it, or choose another policy`)
}

type Checked = Pick<CreateSessionsOptions, 'policy' | 'store' | 'cookie' | 'revocations'>

/** Refuses what contradicts a level, naming the options. A level is checked by its own limits, not by those of the one above it. */
export function checkPolicy({ policy, store, cookie, revocations }: Checked): void {
  if (policy === undefined) return
  if (!Object.hasOwn(LEVELS, policy)) throw new TypeError("policy must be 'aal1' or 'aal2' or 'aal3'")
  if (cookie?.httpOnly === false)
    throw new TypeError(`policy '${policy}' and cookie.httpOnly: false exclude each other: scripts could read the session's cookie`)
  if (policy === 'aal1' || store !== undefined || revocations !== undefined) return
  throw new TypeError(`policy '${policy}' needs a store, or revocations: in cookie mode alone a copy of the cookie outlives a logout`)
}
