import { cookieProblems } from '../cookie/attributes.ts'
import { PEER_STORE } from '../core/notices.ts'
import { durationMs, mustBeFunction, mustHaveMethods } from '../core/options.ts'
import { checkPolicies, checkUserLimit } from '../core/policies.ts'
import { isSessionStore } from '../core/store.ts'
import type { Warnings } from '../core/warnings.ts'
import { checkUser, timesOf } from '../native/beside.ts'
import { checkDevice } from '../native/devices.ts'
import { checkEnvironment } from '../native/environment.ts'
import { rememberOf } from '../native/options.ts'
import type { SessionOptions } from './types.ts'

/** Refuses what express-session refuses, in its words, and what of Holdfast's own options cannot work. */
export function check(options: SessionOptions): void {
  const { genid, unset, secret, store, property, skip, passive, storeTimeout } = options
  if (genid && typeof genid !== 'function') throw new TypeError('genid option must be a function')
  if (unset && unset !== 'destroy' && unset !== 'keep') throw new TypeError('unset option must be "destroy" or "keep"')
  if (Array.isArray(secret) && secret.length === 0) throw new TypeError('secret option array must contain one or more strings')
  if ('encrypt' in options && options.encrypt) {
    throw new TypeError('encrypt: sessions in an encrypted cookie are native mode on Express: session(createSessions({ keys }))')
  }
  if (store && !isSessionStore(store)) mustHaveMethods('store', store, ['get', 'set', 'destroy'])
  if (property !== undefined && (typeof property !== 'string' || property === '')) throw new TypeError('property must be a name')
  mustBeFunction('skip', skip)
  mustBeFunction('passive', passive)
  checkPolicies(options)
  checkUserLimit(options, store ?? {})
  checkEnvironment({ explain: options.explain })
  if (storeTimeout !== undefined) durationMs('storeTimeout', storeTimeout)
  timesOf(options)
  rememberOf(options)
  checkUser(options.user, store)
  checkDevice(options.device, store)
  const problems = options.strict ? browserProblems(options) : []
  if (problems.length > 0) throw new TypeError(problems.join('; '))
}

/** Says once what no browser would store, what is left to a default that may change, and what a peer's store cannot promise. */
export function report(options: SessionOptions, warnings: Warnings): void {
  for (const problem of browserProblems(options)) warnings.warn('HOLDFAST_COOKIE', `session option ${problem}`, problem)
  for (const name of ['resave', 'saveUninitialized'] as const) {
    // With one of Holdfast's stores `resave` says nothing.
    const counts = name !== 'resave' || !isSessionStore(options.store)
    if (options[name] === undefined && counts) deprecated(`undefined ${name} option; provide ${name} option`)
  }
  if (!options.secret) deprecated('req.secret; provide secret option')
  if (!isSessionStore(options.store)) warnings.warn(PEER_STORE.code, PEER_STORE.text)
}

const said = new Set<string>()

/** Each of them once in a process. */
function deprecated(text: string): void {
  if (said.has(text)) return
  said.add(text)
  process.emitWarning(text, 'DeprecationWarning', 'HOLDFAST_OPTION')
}

/** What no browser would store, each with the option and what to do. */
function browserProblems({ name, key, cookie }: SessionOptions): string[] {
  if (!cookie || typeof cookie !== 'object') return []
  const { path, domain, secure, sameSite, partitioned, maxAge } = cookie
  const problems = cookieProblems({
    name: name || key || 'connect.sid',
    path,
    domain,
    secure: secure === 'auto' ? undefined : Boolean(secure),
    sameSite,
    partitioned,
    maxAge: typeof maxAge === 'number' ? maxAge : undefined,
  })
  return problems.map(({ option, message }) => `${option === 'name' ? option : `cookie.${option}`}: ${message}`)
}
