import { cookieProblems } from '../cookie/attributes.ts'
import type { Beside, LifetimePolicy } from '../core/lifetime.ts'
import { durationMs, mustBeFunction, mustHaveMethods } from '../core/options.ts'
import { checkPolicies, checkUserLimit } from '../core/policies.ts'
import { isSessionStore } from '../core/store.ts'
import { checkUser, timesOf } from '../native/beside.ts'
import { checkDevice } from '../native/devices.ts'
import { checkEnvironment } from '../native/environment.ts'
import { rememberOf } from '../native/options.ts'
import { koaReaders } from './readers.ts'
import type { CreateSessionOptions, SessionOptions as Options } from './types.ts'
import { DEFAULT_LIFE_MS, decode, encode } from './wire.ts'

export type SessionOptions = Options

const DEFAULTS = {
  key: 'koa.sess',
  autoCommit: true,
  overwrite: true,
  httpOnly: true,
  signed: true,
  rolling: false,
  renew: false,
} as const

/** The drop-in's options: `parse` checks them and fills in the defaults, or throws a `TypeError` that names the option. */
export const SessionOptions = {
  parse(options: CreateSessionOptions): Options {
    check(options)
    return resolve(options)
  },
}

/** Options and defaults together. An option that is undefined or null counts as absent. */
export function resolve(options: CreateSessionOptions): Options {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null))
  return { ...DEFAULTS, encode, decode, ...given }
}

const BOOLEANS = ['autoCommit', 'overwrite', 'httpOnly', 'signed', 'rolling', 'renew', 'secure', 'strict', 'encrypt'] as const
const FUNCTIONS = ['encode', 'decode', 'genid', 'valid', 'beforeSave', 'skip', 'passive'] as const
const STRINGS = ['key', 'prefix', 'property'] as const
const STORE_METHODS = ['get', 'set', 'destroy'] as const

function check(options: CreateSessionOptions): void {
  const { maxAge, sameSite, store, externalKey, ContextStore } = options
  if (maxAge !== undefined && maxAge !== 'session' && (typeof maxAge !== 'number' || Number.isNaN(maxAge))) {
    throw new TypeError(`Invalid input: maxAge must be a number of ms or 'session'`)
  }
  for (const name of BOOLEANS) expect(name, options[name], 'boolean')
  for (const name of STRINGS) expect(name, options[name], 'string')
  for (const name of FUNCTIONS) mustBeFunction(name, options[name])
  if (options.storeTimeout !== undefined) durationMs('storeTimeout', options.storeTimeout)
  const own = resolve(options)
  checkTimes(own)
  checkUser(own.user, ContextStore || store)
  checkDevice(own.device, ContextStore || store)
  checkPolicies(options)
  checkUserLimit(own, ContextStore || store)
  checkEnvironment({ explain: options.explain })
  if (sameSite !== null) expect('sameSite', sameSite, 'string')
  if (store !== undefined && !isSessionStore(store)) mustHaveMethods('store', store, STORE_METHODS)
  if (externalKey !== undefined) {
    mustHaveMethods('externalKey', externalKey, ['get', 'set'])
    mustBeFunction('externalKey.clear', externalKey.clear)
  }
  if (ContextStore) {
    if (typeof ContextStore !== 'function') throw new TypeError('ContextStore must be a class')
    mustHaveMethods('ContextStore.prototype', ContextStore.prototype, STORE_METHODS)
  }
  if (options.encrypt && (store || ContextStore)) {
    throw new TypeError('encrypt seals the session in its cookie; with a store the cookie holds only an id: leave encrypt or the store out')
  }
  if (options.readers) {
    if (!options.encrypt) throw new TypeError('readers take over signed cookies into the encrypted one: they need encrypt: true')
    const resolved = resolve(options)
    koaReaders(resolved, policyOf(resolved))
  }
  if (options.strict) {
    const problems = browserProblems(resolve(options))
    if (problems.length > 0) throw new TypeError(problems.join('; '))
  }
}

function checkTimes(options: Options): void {
  const { idleMs, touchMs } = timesOf(options)
  rememberOf(options)
  if (touchMs !== undefined && idleMs === undefined && !options.rolling)
    throw new TypeError('touchInterval needs rolling: true or idleTimeout: without them no read is written down')
}

/** What no browser would store, each with the option and what to do. */
export function browserProblems(options: Options): string[] {
  const { key, path, domain, secure, sameSite, partitioned, maxAge } = options
  const life = typeof maxAge === 'number' ? maxAge : undefined
  return cookieProblems({ name: key, path, domain, secure, sameSite: sameSite ?? undefined, partitioned, maxAge: life }).map(
    ({ option, message }) => `${option === 'name' ? 'key' : option}: ${message}`,
  )
}

function expect(name: string, value: unknown, type: 'boolean' | 'string'): void {
  if (value !== undefined && typeof value !== type) throw new TypeError(`Invalid input: ${name} must be a ${type}`)
}

/** koa-session fills its defaults into the caller's own object, and apps read them there. A frozen object stays as it is. */
export function fillDefaults(options: CreateSessionOptions): void {
  if (!Object.isExtensible(options)) return
  for (const [name, value] of Object.entries({ ...DEFAULTS, encode, decode }))
    if (!(name in options)) Object.assign(options, { [name]: value })
}

/**
 * koa-session's lifetimes: `maxAge` from the last save; `rolling` and `renew` save more often. Holdfast's own stand beside them. Where
 * there is no `maxAge` in ms, `idleTimeout` takes its place.
 */
export function policyOf(options: SessionOptions): LifetimePolicy {
  const { idleMs, absoluteMs, touchMs, beside } = timesOf(options)
  const policy: LifetimePolicy = { idleMs: idleMs ?? DEFAULT_LIFE_MS, absoluteMs, touch: touchOf(options, touchMs, beside) }
  return beside ? { ...policy, beside } : policy
}

function touchOf(
  { maxAge, rolling, renew }: SessionOptions,
  touchMs: number | undefined,
  beside: Beside | undefined,
): LifetimePolicy['touch'] {
  if (rolling) return touchMs ?? 'always'
  if (beside?.idleMs !== undefined && typeof maxAge !== 'number') return beside.markMs ?? 'always'
  return renew ? 'half-life' : 'never'
}
