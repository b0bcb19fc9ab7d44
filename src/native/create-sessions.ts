import { DEFAULT_STORE_TIMEOUT_MS } from '../backends/ask.ts'
import { IdpSessions } from '../backends/idp-sessions.ts'
import { MAX_COOKIE_AGE_MS } from '../cookie/attributes.ts'
import { CookieTransport } from '../cookie/transport.ts'
import { describeEvent, EventHub, type EventSink } from '../core/events.ts'
import { COOKIE_MODE, REVOCABLE_COOKIE_MODE } from '../core/notices.ts'
import { note } from '../core/noting.ts'
import { durationMs } from '../core/options.ts'
import type { DefaultData } from '../core/session-data.ts'
import { isIndexedSessionStore } from '../core/store.ts'
import { composeManager, keysOf, processWarnings } from '../create.ts'
import { createRefs } from '../crypto/session-id.ts'
import { AuditReport } from './audit/audit.ts'
import { startMessage } from './audit/start-check.ts'
import { userBy } from './beside.ts'
import { CsrfTokens } from './csrf.ts'
import { loginFactsBy } from './devices.ts'
import { factsOf } from './facts.ts'
import { guestsOf } from './guests.ts'
import { legacyReadersOf } from './legacy-cookies.ts'
import { type CreateSessionsOptions, check, limitOf, policyOf, rememberOf, rotationOf } from './options.ts'
import { placeOf } from './places.ts'
import { Sessions } from './sessions.ts'

/**
 * Sessions that are secure by default: an encrypted cookie (or a store that sees no id), `__Host-`, Secure, HttpOnly,
 * SameSite=Lax, idle and absolute timeouts. What cannot work is a `TypeError` here, not a surprise later.
 *
 * @example
 * export const sessions = createSessions({ keys: [secret], store: new MemoryStore() })
 */
export function createSessions<D extends object = DefaultData>(options: CreateSessionsOptions<D>): Sessions<D> {
  const { keys, store, conflict, guard, onGone, onStoreError, onCreate, user, maxRecordBytes, schema, version = 0, migrate } = options
  check(options)
  const storeTimeout = durationMs('storeTimeout', options.storeTimeout ?? DEFAULT_STORE_TIMEOUT_MS)
  const transport = options.transport ?? new CookieTransport(options.cookie, options.insecure)
  const scope = options.scope ?? transport.cookieName ?? 'session'
  const policy = policyOf(options)
  const rememberTimeout = rememberOf(options)
  const anonymousTimeout = durationMs('anonymousTimeout', options.anonymousTimeout ?? '2h')
  const hub = new EventHub(error => process.emitWarning(error instanceof Error ? error : String(error)))
  const refOf = createRefs()
  const emit: EventSink = (name, occurrence, request) => {
    if (options.explain) note(request, name, occurrence.reason)
    hub.emit(name, describeEvent(occurrence, { request: sourceOf(request) }, refOf))
  }
  const readers = legacyReadersOf(options, transport, policy)
  const warnings = processWarnings()
  const source = keysOf(keys, 'keys: the function returned no key', emit, ring => readers?.accept(ring))
  const { passive, now = () => Date.now() } = options
  const longestLifeMs = Math.max(policy.absoluteMs ?? MAX_COOKIE_AGE_MS, rememberTimeout)
  const { place, users } = placeOf(options, {
    scope,
    idleMs: policy.idleMs,
    longestLifeMs,
    timeoutMs: storeTimeout,
    takenOverUntil: readers?.acceptUntil,
    isGuest: guestsOf(options),
    crowded: count => warnings.warn('HOLDFAST_REVOCATIONS', crowd(count)),
    now,
  })
  const idp = isIndexedSessionStore(store)
    ? new IdpSessions(store, { scope, timeoutMs: storeTimeout, longestMs: longestLifeMs, now })
    : undefined
  const manager = composeManager({
    place,
    protection: store ? 'signed' : 'sealed',
    keys: source,
    scope,
    rejectIssuedBefore: limitOf(options.rejectIssuedBefore),
    revokedOrigins: readers?.revokedOrigins,
    padTo: options.padTo,
    chunks: options.cookie?.chunks,
    policy,
    cookieName: transport.cookieName,
    emit,
    reissue: 'when-new',
    ownLife: 'by-login',
    conflict,
    guard,
    onGone,
    onStoreError: typeof onStoreError === 'function' ? (error, request) => onStoreError(error, sourceOf(request)) : onStoreError,
    onCreate: onCreate && (request => onCreate(sourceOf(request) as never)),
    userOf: userBy(user) as ((data: object) => string | undefined) | undefined,
    anonymousTimeout,
    rememberTimeout,
    rotation: rotationOf(options),
    storeTimeout,
    maxSessionsPerUser: options.maxSessionsPerUser,
    onSessionLimit: options.onSessionLimit,
    maxRecordBytes,
    shape: schema || version ? { schema, version, migrate } : undefined,
    passive: passive && (request => passive(sourceOf(request) as never)),
    idpLinks: idp,
    loginFacts: isIndexedSessionStore(store)
      ? loginFactsBy({ device: options.device ?? true, timeoutMs: storeTimeout, warnings })
      : undefined,
    now,
  })
  const notice = options.revocations ? REVOCABLE_COOKIE_MODE : COOKIE_MODE
  if (!store) warnings.warn(notice.code, notice.text)
  const report = new AuditReport(
    factsOf(options, transport, policy, anonymousTimeout, rememberTimeout, (readers?.acceptUntil ?? 0) > now()),
  )
  const message = startMessage(report, options.policy)
  if (message !== undefined) warnings.warn('HOLDFAST_AUDIT', message)
  const csrf = new CsrfTokens(() => source.ring(), scope)
  return new Sessions<D>({ manager, transport, readers, csrf, hub, users, idp, report, explains: options.explain === true })
}

function crowd(count: number): string {
  return (
    `revocations: ${count} ends of sessions in cookies are kept at once, by each process in its memory as well. ` +
    'If nobody floods the site, a store for the sessions costs less; if somebody does, limit logins, and set the option user'
  )
}

/** What a listener knows: the framework's own context or request, not the adapter's part in it. */
function sourceOf(request: unknown): unknown {
  return (request as { source?: unknown } | null | undefined)?.source ?? request
}
