import type { IncomingMessage } from 'node:http'
import { DEFAULT_STORE_TIMEOUT_MS } from '../backends/ask.ts'
import { IdpSessions } from '../backends/idp-sessions.ts'
import type { LegacyReaders } from '../backends/readers.ts'
import type { UserSession, Users } from '../backends/users.ts'
import { MAX_COOKIE_AGE_MS } from '../cookie/attributes.ts'
import { CookieTransport } from '../cookie/transport.ts'
import type { Presented } from '../core/backend.ts'
import type { SignalOptions } from '../core/controls.ts'
import { originsOf } from '../core/csrf.ts'
import { describeEvent, EventHub, type EventSink, type SessionEvent, type SessionEventName } from '../core/events.ts'
import type { SessionManager } from '../core/manager.ts'
import { COOKIE_MODE, REVOCABLE_COOKIE_MODE } from '../core/notices.ts'
import { note } from '../core/noting.ts'
import { durationMs } from '../core/options.ts'
import type { Session } from '../core/session.ts'
import type { DefaultData } from '../core/session-data.ts'
import { isIndexedSessionStore } from '../core/store.ts'
import type { ReadHeader, TokenTransport } from '../core/transport.ts'
import { checkUserId } from '../core/user-id.ts'
import { everyMs } from '../core/watch.ts'
import { composeManager, keysOf, processWarnings } from '../create.ts'
import { createRefs } from '../crypto/session-id.ts'
import { AuditReport } from './audit/audit.ts'
import { startMessage } from './audit/start-check.ts'
import { CsrfTokens } from './csrf.ts'
import { factsOf } from './facts.ts'
import { endingLegacy, legacyReadersOf } from './legacy-cookies.ts'
import { type CreateSessionsOptions, check, limitOf, policyOf, rememberOf, rotationOf } from './options.ts'
import { placeOf } from './places.ts'

/** Marks managers, the same in each copy of this package. */
const SESSIONS = Symbol.for('holdfast.sessions')

/** Whether it is a manager that `createSessions` has made, of whichever copy of this package. */
export function isSessions(value: unknown): value is Sessions<object> {
  return typeof value === 'object' && value !== null && SESSIONS in value
}

/** The headers of a request, as transports read them. */
export function headersOf({ headers }: Pick<IncomingMessage, 'headers'>): ReadHeader {
  return name => {
    const value = headers[name.toLowerCase()]
    return Array.isArray(value) ? value.join(', ') : value
  }
}

export interface WatchOptions extends SignalOptions {
  /** The site's own origins, such as `['https://shop.example']`: a page of any other site gets null, and an event says so. */
  origins?: readonly string[] | undefined
}

/** A session that is followed to its end, for a socket. */
export interface Watched<D extends object = DefaultData> {
  /** As they were at the upgrade. */
  readonly data: D
  /** Aborted when the session has ended, with a `SessionEndedError` as its reason. */
  readonly signal: AbortSignal
}

interface SessionsParts {
  manager: SessionManager
  transport: TokenTransport
  readers: LegacyReaders | undefined
  csrf: CsrfTokens
  hub: EventHub
  users: Users | undefined
  idp: IdpSessions | undefined
  report: AuditReport
  explains: boolean
}

/** The sessions of a site. Hand them to an adapter; ask them directly where there is no handler. */
export class Sessions<D extends object = DefaultData> {
  /** For adapters. */
  readonly manager: SessionManager
  /** For adapters. */
  readonly transport: TokenTransport
  /** For adapters: all cookies that answers may set or clear. */
  readonly cookieNames: readonly string[]
  /** For adapters. */
  readonly csrf: CsrfTokens
  readonly #hub: EventHub
  readonly #readers: LegacyReaders | undefined
  readonly #users: Users | undefined
  readonly #idp: IdpSessions | undefined
  readonly #report: AuditReport
  /** For adapters: whether answers explain themselves. */
  readonly explains: boolean

  /** @internal */
  constructor({ manager, transport, readers, csrf, hub, users, idp, report, explains }: SessionsParts) {
    this.csrf = csrf
    this.manager = manager
    this.transport = readers ? endingLegacy(transport, readers) : transport
    this.cookieNames = [...cookieNamesOf(transport), ...(readers?.cookieNames ?? [])]
    this.#readers = readers
    this.#hub = hub
    this.#users = users
    this.#idp = idp
    this.#report = report
    this.explains = explains
    Object.defineProperty(this, SESSIONS, { value: true })
    Object.freeze(this)
  }

  /**
   * The data of a request's session, or null if it has none: for a WebSocket upgrade. It never creates, changes or sets anything.
   * With `origins`, a page of any other site gets null and an event: browsers send cookies along with every site's upgrades.
   */
  async load(request: Pick<IncomingMessage, 'headers'>, { origins }: { origins?: readonly string[] } = {}): Promise<D | null> {
    const session = await this.#find(request, origins)
    return session ? (session.take() as D) : null
  }

  /**
   * The same, and a signal for a socket that stays open: aborted when the session has ended, by its timeouts or by a logout. Other
   * requests prolong the session, and so the signal; the socket does not. What follows the session is let go of when the socket closes.
   *
   * @example
   * const watched = await sessions.watch(request, { origins: ['https://shop.example'], every: '1m' })
   * watched?.signal.addEventListener('abort', () => webSocket.close(4401, 'the session has ended'))
   */
  async watch(request: Pick<IncomingMessage, 'headers' | 'socket'>, options: WatchOptions = {}): Promise<Watched<D> | null> {
    const every = everyMs('watch', options, ['origins'])
    const session = await this.#find(request, options.origins)
    if (!session) return null
    const watch = this.manager.watch(session, request)
    watch.lookEvery(every)
    const { socket } = request
    if (socket.destroyed) watch.stop()
    else socket.once('close', () => watch.stop())
    return { data: session.take() as D, signal: watch.signal }
  }

  async #find(request: Pick<IncomingMessage, 'headers'>, origins: readonly string[] | undefined): Promise<Session | null> {
    const { origin } = request.headers
    // Who sends none is no browser's page, and has no cookie that is not its own.
    if (origins && origin !== undefined && !originsOf('origins', origins).has(origin)) {
      this.#hub.emit('session:refused', describeEvent({ reason: 'origin' }, { request }, String))
      return null
    }
    const presented = this.readToken(request)
    return presented ? this.manager.find(presented, request) : null
  }

  /** A token for a form of this session's pages, for `csrf` to find. Another one at each call; a new id makes all of them worthless. */
  csrfToken(session: object): string {
    return this.csrf.token(session)
  }

  /** For adapters: tells an event. Whether anybody listens. */
  tell(name: SessionEventName, event: SessionEvent): boolean {
    return this.#hub.emit(name, event)
  }

  /** For adapters. */
  readToken(request: Pick<IncomingMessage, 'headers'>): Presented | undefined {
    return this.#readers?.find(request.headers.cookie) ?? this.transport.read(headersOf(request))
  }

  /** The live sessions of a user (see the option `user`), oldest first. It costs that user's sessions, never a scan. */
  async list(userId: string): Promise<UserSession[]> {
    return this.#index().list(userId)
  }

  /**
   * Ends all sessions of a user: "log out everywhere". How many there were; in cookie mode nobody counts them, and it is 0. Requests under
   * way cannot bring one back, and a login under way, which may rest on the old password, fails with a `SessionRevokedError`.
   */
  async revokeAll(userId: string): Promise<number> {
    const count = await this.#index().revokeAll(userId)
    this.manager.endedOf(userId)
    return count
  }

  /**
   * Ends the sessions that came of this one at an identity provider (`login(userId, { idp: { iss, sid } })`): for OpenID Connect's
   * back-channel logout, after its token was verified. How many there were. A login by it that is under way fails, and so does a later one.
   */
  async revokeByIdp(iss: string, sid: string): Promise<number> {
    if (!this.#idp) {
      throw new TypeError(
        'revokeByIdp() needs createSessions with a store that keeps an index: in cookie mode nobody knows which sessions there are',
      )
    }
    const { count, userIds } = await this.#idp.revoke({ iss, sid })
    for (const userId of userIds) this.manager.endedOf(userId)
    return count
  }

  /** Ends the sessions of all users, as `revokeAll` does those of one. It looks at each record of the store. */
  async revokeEveryone(): Promise<number> {
    return this.#index().revokeEveryone()
  }

  /**
   * Call it before the password is checked, keep the ticket on the server, and give it to `login(userId, { ticket })`: if the user was
   * logged out everywhere in between, the login fails, whatever the clocks of the site's processes say. The ticket is no secret.
   */
  async beginLogin(userId: string): Promise<{ ticket: string }> {
    return this.#index().beginLogin(userId)
  }

  #index(): Users {
    if (this.#users) return this.#users
    throw new TypeError(
      'createSessions: to know whose sessions there are, give it a store that keeps an index, or in cookie mode revocations',
    )
  }

  on(name: SessionEventName, listener: (event: SessionEvent) => void): this {
    this.#hub.on(name, listener)
    return this
  }

  off(name: SessionEventName, listener: (event: SessionEvent) => void): this {
    this.#hub.off(name, listener)
    return this
  }

  /** What the standards ask for, and what this configuration does about it. */
  audit(): AuditReport {
    return this.#report
  }

  /** Lets go of the store. */
  close(): Promise<void> {
    return this.manager.close()
  }
}

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
  const source = keysOf(keys, 'keys: the function returned no key', emit, ring => readers?.accept(ring))
  const { passive, now = () => Date.now() } = options
  const longestLifeMs = Math.max(policy.absoluteMs ?? MAX_COOKIE_AGE_MS, rememberTimeout)
  const { place, users } = placeOf(options, { scope, idleMs: policy.idleMs, longestLifeMs, timeoutMs: storeTimeout, now })
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
    conflict,
    guard,
    onGone,
    onStoreError: typeof onStoreError === 'function' ? (error, request) => onStoreError(error, sourceOf(request)) : onStoreError,
    onCreate: onCreate && (request => onCreate(sourceOf(request) as never)),
    userOf: user && (data => userIdOf(user(data as D))),
    anonymousTimeout,
    rememberTimeout,
    rotation: rotationOf(options),
    storeTimeout,
    maxRecordBytes,
    shape: schema || version ? { schema, version, migrate } : undefined,
    passive: passive && (request => passive(sourceOf(request) as never)),
    idpLinks: idp,
    now,
  })
  const notice = options.revocations ? REVOCABLE_COOKIE_MODE : COOKIE_MODE
  if (!store) processWarnings().warn(notice.code, notice.text)
  const report = new AuditReport(factsOf(options, transport, policy, anonymousTimeout, rememberTimeout))
  const message = startMessage(report, options.policy)
  if (message !== undefined) processWarnings().warn('HOLDFAST_AUDIT', message)
  const csrf = new CsrfTokens(() => source.ring(), scope)
  return new Sessions<D>({ manager, transport, readers, csrf, hub, users, idp, report, explains: options.explain === true })
}

function cookieNamesOf(transport: TokenTransport): readonly string[] {
  if (transport instanceof CookieTransport) return transport.cookieNames
  return transport.cookieName === undefined ? [] : [transport.cookieName]
}

function userIdOf(answer: string | null | undefined): string | undefined {
  return answer === undefined || answer === null ? undefined : checkUserId(answer)
}

/** What a listener knows: the framework's own context or request, not the adapter's part in it. */
function sourceOf(request: unknown): unknown {
  return (request as { source?: unknown } | null | undefined)?.source ?? request
}
