import type { IncomingMessage } from 'node:http'
import type { IdpSessions } from '../backends/idp-sessions.ts'
import type { LegacyReaders } from '../backends/readers.ts'
import type { Users } from '../backends/users.ts'
import { CookieTransport } from '../cookie/transport.ts'
import type { Presented } from '../core/backend.ts'
import type { SignalOptions } from '../core/controls.ts'
import { originsOf } from '../core/csrf.ts'
import { describeEvent, type EventHub, type SessionEvent, type SessionEventName } from '../core/events.ts'
import type { SessionManager } from '../core/manager.ts'
import type { Session } from '../core/session.ts'
import type { DefaultData } from '../core/session-data.ts'
import { type ReadHeader, type TokenTransport, type WebHeaders, webHeadersOf } from '../core/transport.ts'
import { everyMs } from '../core/watch.ts'
import type { AuditReport } from './audit/audit.ts'
import type { CsrfTokens } from './csrf.ts'
import { endingLegacy } from './legacy-cookies.ts'
import {
  type ListOptions,
  type PageOptions,
  People,
  type PeopleMethods,
  type RevokeAllOptions,
  type SiteSessions,
  type UserSession,
} from './people.ts'

const NO_USERS = 'createSessions: to know whose sessions there are, give it a store that keeps an index, or in cookie mode revocations'

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

/** A request of Node's or a web-standard one, as far as reading a session goes. */
export type Headed = Pick<IncomingMessage, 'headers'> | { readonly headers: WebHeaders }

/** The headers of either, as transports read them. */
function headersIn({ headers }: Headed): ReadHeader {
  return typeof headers.get === 'function'
    ? webHeadersOf(headers as WebHeaders)
    : headersOf({ headers } as Pick<IncomingMessage, 'headers'>)
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

export interface SessionsParts {
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
export class Sessions<D extends object = DefaultData> implements PeopleMethods {
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
  readonly #people: People
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
    this.#people = new People(users, manager, NO_USERS)
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
  async load(request: Headed, { origins }: { origins?: readonly string[] } = {}): Promise<D | null> {
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

  async #find(request: Headed, origins: readonly string[] | undefined): Promise<Session | null> {
    const header = headersIn(request)
    const origin = header('origin')
    // Who sends none is no browser's page, and has no cookie that is not its own.
    if (origins && origin !== undefined && !originsOf('origins', origins).has(origin)) {
      this.#hub.emit('session:refused', describeEvent({ reason: 'origin' }, { request }, String))
      return null
    }
    const presented = this.tokenIn(header)
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
  tokenIn(header: ReadHeader): Presented | undefined {
    return this.#readers?.find(header('cookie')) ?? this.transport.read(header)
  }

  /** For adapters: the same of one of Node's requests. */
  readToken(request: Pick<IncomingMessage, 'headers'>): Presented | undefined {
    return this.#readers?.find(request.headers.cookie) ?? this.transport.read(headersOf(request))
  }

  /** The live sessions of all users, a page at a time, in no particular order; one may be on two pages. For those who run the site. */
  list(options: PageOptions): Promise<SiteSessions>
  /** The live sessions of a user (see `login` and the option `user`), oldest first. It costs that user's sessions, never a scan. */
  list(userId: string, options?: ListOptions): Promise<UserSession[]>
  async list(...args: [never, ListOptions?]): Promise<UserSession[] | SiteSessions> {
    return this.#people.list(...args)
  }

  /** How many sessions of users live. It looks at each record of the store, 100 at a time. */
  async count(): Promise<number> {
    return this.#people.count()
  }

  /**
   * Ends one session of a user, by its handle; whether there was such a one. It costs that user's sessions. An unknown handle, and one
   * of another user, is false. Requests under way cannot bring the session back.
   */
  async revoke(userId: string, handle: string): Promise<boolean> {
    return this.#people.revoke(userId, handle)
  }

  /**
   * Ends all sessions of a user: "log out everywhere". How many there were; in cookie mode nobody counts them, and it is 0. Requests under
   * way cannot bring one back, and a login under way, which may rest on the old password, fails with a `SessionRevokedError`. With
   * `except` that session goes on, under a new id, so that a copy of its cookie is worth nothing either; if another request has given it
   * one at the same moment, all end, and this is a `SessionGoneError`.
   */
  async revokeAll(userId: string, options?: RevokeAllOptions): Promise<number> {
    return this.#people.revokeAll(userId, options)
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
    return this.#people.revokeEveryone()
  }

  /**
   * Call it before the password is checked, keep the ticket on the server, and give it to `login(userId, { ticket })`: if the user was
   * logged out everywhere in between, the login fails, whatever the clocks of the site's processes say. The ticket is no secret.
   */
  async beginLogin(userId: string): Promise<{ ticket: string }> {
    return this.#people.beginLogin(userId)
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

function cookieNamesOf(transport: TokenTransport): readonly string[] {
  if (transport instanceof CookieTransport) return transport.cookieNames
  return transport.cookieName === undefined ? [] : [transport.cookieName]
}
