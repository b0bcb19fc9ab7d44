import type { IncomingMessage } from 'node:http'
import { DEFAULT_STORE_TIMEOUT_MS } from '../backends/ask.ts'
import { nativeFormat } from '../backends/native-format.ts'
import { checkUserId, type UserSession, UserSessions } from '../backends/users.ts'
import { CookieTransport } from '../cookie/transport.ts'
import { describeEvent, EventHub, type SessionEvent, type SessionEventName } from '../core/events.ts'
import type { SessionManager } from '../core/manager.ts'
import { COOKIE_MODE } from '../core/notices.ts'
import { durationMs } from '../core/options.ts'
import type { DefaultData } from '../core/session-data.ts'
import { isIndexedSessionStore } from '../core/store.ts'
import type { TokenTransport } from '../core/transport.ts'
import { composeManager, processWarnings } from '../create.ts'
import { createRefs } from '../crypto/session-id.ts'
import { type CreateSessionsOptions, check, policyOf } from './options.ts'

/** Marks managers, the same in each copy of this package. */
const SESSIONS = Symbol.for('holdfast.sessions')

/** Whether it is a manager that `createSessions` has made, of whichever copy of this package. */
export function isSessions(value: unknown): value is Sessions<object> {
  return typeof value === 'object' && value !== null && SESSIONS in value
}

/** The sessions of a site. Hand them to an adapter; ask them directly where there is no handler. */
export class Sessions<D extends object = DefaultData> {
  /** For adapters. */
  readonly manager: SessionManager
  /** For adapters. */
  readonly transport: TokenTransport
  readonly #hub: EventHub
  readonly #users: UserSessions | undefined

  /** @internal */
  constructor(manager: SessionManager, transport: TokenTransport, hub: EventHub, users: UserSessions | undefined) {
    this.manager = manager
    this.transport = transport
    this.#hub = hub
    this.#users = users
    Object.defineProperty(this, SESSIONS, { value: true })
    Object.freeze(this)
  }

  /** The data of a request's session, or null if it has none: for a WebSocket upgrade. It never creates, changes or sets anything. */
  async load(request: Pick<IncomingMessage, 'headers'>): Promise<D | null> {
    const token = this.readToken(request)
    const session = token ? await this.manager.find(token, request) : null
    return session ? (session.take() as D) : null
  }

  /** For adapters: tells an event. Whether anybody listens. */
  tell(name: SessionEventName, event: SessionEvent): boolean {
    return this.#hub.emit(name, event)
  }

  /** For adapters. */
  readToken({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
    return this.transport.read(name => {
      const value = headers[name.toLowerCase()]
      return Array.isArray(value) ? value.join(', ') : value
    })
  }

  /** The live sessions of a user (see the option `user`), oldest first. It costs that user's sessions, never a scan. */
  async list(userId: string): Promise<UserSession[]> {
    return this.#index().list(userId)
  }

  /** Ends all sessions of a user: "log out everywhere". How many there were. Requests under way cannot bring one back. */
  async revokeAll(userId: string): Promise<number> {
    return this.#index().revokeAll(userId)
  }

  #index(): UserSessions {
    if (this.#users) return this.#users
    throw new TypeError('createSessions: to know whose sessions there are, give it a store that keeps an index, and the option user')
  }

  on(name: SessionEventName, listener: (event: SessionEvent) => void): this {
    this.#hub.on(name, listener)
    return this
  }

  off(name: SessionEventName, listener: (event: SessionEvent) => void): this {
    this.#hub.off(name, listener)
    return this
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
  const { keys, store, conflict, guard, onGone, onStoreError, onCreate, user, maxRecordBytes } = options
  check(options)
  const storeTimeout = durationMs('storeTimeout', options.storeTimeout ?? DEFAULT_STORE_TIMEOUT_MS)
  const transport = options.transport ?? new CookieTransport(options.cookie)
  const scope = options.scope ?? transport.cookieName ?? 'session'
  const hub = new EventHub(error => process.emitWarning(error instanceof Error ? error : String(error)))
  const refOf = createRefs()
  const manager = composeManager({
    place: store ? { in: 'store', store } : { in: 'cookie', format: nativeFormat },
    protection: store ? 'signed' : 'sealed',
    keys,
    keysMissing: 'keys: the function returned no key',
    scope,
    policy: policyOf(options),
    cookieName: transport.cookieName,
    emit: (name, occurrence, request) => hub.emit(name, describeEvent(occurrence, { request: sourceOf(request) }, refOf)),
    reissue: 'when-new',
    conflict,
    guard,
    onGone,
    onStoreError: typeof onStoreError === 'function' ? (error, request) => onStoreError(error, sourceOf(request)) : onStoreError,
    onCreate: onCreate && (request => onCreate(sourceOf(request) as never)),
    userOf: user && (data => userIdOf(user(data as D))),
    anonymousTimeout: durationMs('anonymousTimeout', options.anonymousTimeout ?? '2h'),
    storeTimeout,
    maxRecordBytes,
    now: options.now,
  })
  if (!store) processWarnings().warn(COOKIE_MODE.code, COOKIE_MODE.text)
  const users = user && isIndexedSessionStore(store) ? new UserSessions(store, scope, storeTimeout) : undefined
  return new Sessions<D>(manager, transport, hub, users)
}

function userIdOf(answer: string | null | undefined): string | undefined {
  return answer === undefined || answer === null ? undefined : checkUserId(answer)
}

/** What a listener knows: the framework's own context or request, not the adapter's part in it. */
function sourceOf(request: unknown): unknown {
  return (request as { source?: unknown } | null | undefined)?.source ?? request
}
