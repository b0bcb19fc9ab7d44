import type { IncomingMessage } from 'node:http'
import { DEFAULT_STORE_TIMEOUT_MS } from '../backends/ask.ts'
import { EndedIds } from '../backends/legacy.ts'
import { SessionAsyncHookError } from '../core/errors.ts'
import { describeEvent, type EventHub, type SessionEvent, type SessionEventName } from '../core/events.ts'
import type { Data } from '../core/json.ts'
import type { LifetimePolicy } from '../core/lifetime.ts'
import type { SessionManager } from '../core/manager.ts'
import { isPromise } from '../core/maybe.ts'
import { note } from '../core/noting.ts'
import { durationMs } from '../core/options.ts'
import { isSessionStore } from '../core/store.ts'
import type { Warnings } from '../core/warnings.ts'
import { composeManager, type Place } from '../create.ts'
import type { Secret } from '../crypto/cookie-signature.ts'
import { createRefs, newId } from '../crypto/session-id.ts'
import { type KnownUsers, NO_INDEX, timesOf, userBy, usersOf } from '../native/beside.ts'
import { rememberOf } from '../native/options.ts'
import { People } from '../native/people.ts'
import { skips } from '../request/skip.ts'
import { isSecure } from './connection.ts'
import { Cookie, type CookieOptions } from './cookie.ts'
import { CookieLines } from './cookie-lines.ts'
import { DropInRequest } from './drop-in-request.ts'
import { connectPort } from './port.ts'
import { RequestProperty } from './property.ts'
import type { ExpressRequestSession, Plan } from './request-session.ts'
import type { ExpressStore, SessionOptions } from './types.ts'

/** What a session lives without use where neither its cookie nor an option says more, as with the stores of express-session. */
const DEFAULT_LIFE_MS = 86_400_000

/** The peer's options, translated for the engine. */
export class DropInPlan implements Plan {
  readonly manager: SessionManager
  readonly property: RequestProperty
  readonly vary = 'Cookie'
  readonly name: string
  readonly lines: CookieLines
  readonly store: ExpressStore
  /** Whether the store is one of express-session's kind: then its calls are the peer's. */
  readonly peers: boolean
  readonly resave: boolean
  readonly rolling: boolean
  readonly saveUninitialized: boolean
  readonly endsWhenUnset: boolean
  readonly proxy: boolean | undefined
  /** The lifetimes. Where a session's cookie says nothing, it lives for `idleMs` without use. */
  readonly policy: LifetimePolicy
  /** Whether a record of an express-session store says when it was last used: `touchInterval` and `idleTimeout` ask for it. */
  readonly marksTouches: boolean
  /** Whether it says when the session began: `absoluteTimeout` asks for it. */
  readonly marksBeginnings: boolean
  /** Whose sessions the store holds. */
  readonly people: People
  /** How long the store may take for one call. */
  readonly timeoutMs: number
  readonly warnings: Warnings
  readonly #options: SessionOptions
  /** The only one, as a list. A list may change while the site runs. */
  readonly #secrets: readonly Secret[] | undefined
  readonly #hub: EventHub

  constructor(options: SessionOptions, store: ExpressStore, hub: EventHub, warnings: Warnings) {
    const { name, key, resave, rolling, saveUninitialized, unset, proxy, property = 'session' } = options
    this.#options = options
    this.#secrets = listOf(options.secret)
    this.#hub = hub
    this.store = store
    this.peers = !isSessionStore(options.store)
    this.warnings = warnings
    this.property = new RequestProperty(property)
    this.name = name || key || 'connect.sid'
    this.lines = new CookieLines(this.name)
    this.resave = this.peers && resave !== false
    this.rolling = Boolean(rolling)
    this.saveUninitialized = saveUninitialized !== false
    this.endsWhenUnset = unset === 'destroy'
    this.proxy = proxy
    this.policy = this.#policyOf(options)
    this.marksTouches = this.peers && this.policy.beside?.markMs !== undefined
    this.marksBeginnings = this.peers && this.policy.absoluteMs !== null
    this.timeoutMs = durationMs('storeTimeout', options.storeTimeout ?? DEFAULT_STORE_TIMEOUT_MS)
    const known = usersOf(options.store, { scope: this.name, storeTimeout: this.timeoutMs, device: options.device, warnings })
    this.manager = this.#manager(known)
    this.people = new People(known?.users, this.manager, NO_INDEX)
  }

  /** The secrets, the first of which signs; none where neither option nor request has one. */
  secretsOf(req: IncomingMessage): readonly Secret[] | undefined {
    const { secret } = this.#options
    if (secret) return Array.isArray(secret) ? secret : this.#secrets
    return listOf((req as { secret?: Secret | Secret[] }).secret)
  }

  cookieOptionsFor(req: IncomingMessage): CookieOptions {
    const { cookie } = this.#options
    const options = typeof cookie === 'function' ? cookie(req) : cookie
    if (!isPromise(options)) return options || {}
    options.then(undefined, () => undefined)
    throw new SessionAsyncHookError('cookie')
  }

  /** A new session's cookie. */
  newCookie(req: IncomingMessage): Cookie {
    const options = this.cookieOptionsFor(req)
    const cookie = new Cookie(options)
    if (options.secure === 'auto') cookie.secure = this.isSecure(req)
    if (options.sameSite === 'auto') cookie.sameSite = this.isSecure(req) ? 'none' : 'lax'
    return cookie
  }

  isSecure(req: IncomingMessage): boolean {
    return isSecure(req, this.proxy)
  }

  newId(req: IncomingMessage, otherwise: () => string): string {
    const { genid } = this.#options
    return genid ? genid(req) : otherwise()
  }

  get explains(): boolean {
    return this.#options.explain === true
  }

  skip(req: IncomingMessage): boolean {
    return skips(this.#options.skip?.(req))
  }

  tell(name: SessionEventName, event: SessionEvent): boolean {
    return this.#hub.emit(name, event)
  }

  begin(req: IncomingMessage): ExpressRequestSession {
    return new DropInRequest(req, this)
  }

  /** express-session's lifetimes: each use begins the life anew in the store. Holdfast's own stand beside them. */
  #policyOf(options: SessionOptions): LifetimePolicy {
    const { cookie } = options
    const { idleMs, absoluteMs, touchMs, beside } = timesOf(options)
    const own = typeof cookie === 'object' && typeof cookie?.maxAge === 'number' && cookie.maxAge > 0 ? cookie.maxAge : undefined
    const life = own ?? idleMs ?? DEFAULT_LIFE_MS
    const seldom = Math.min(life, idleMs ?? life) / 20
    const touch = touchMs ?? (this.peers && idleMs === undefined ? 'always' : seldom)
    const policy: LifetimePolicy = { idleMs: life, absoluteMs, touch }
    return beside ? { ...policy, beside } : policy
  }

  #manager(known: KnownUsers | undefined): SessionManager {
    const { onStoreError, passive, user } = this.#options
    const refOf = createRefs()
    // Nobody's request where a store is asked by an id.
    const reqOf = (request: unknown) => (request as DropInRequest | undefined)?.req
    return composeManager({
      place: this.#place(known),
      protection: 'none',
      scope: this.name,
      policy: this.policy,
      emit: (name, occurrence, request) => {
        if (this.explains) note(request, name, occurrence.reason)
        this.tell(name, describeEvent(occurrence, { request: reqOf(request) }, refOf))
      },
      reissue: 'when-new',
      ownLife: 'by-app',
      storeTimeout: this.timeoutMs,
      loginFacts: known?.loginFacts,
      rememberTimeout: rememberOf(this.#options),
      userOf: userBy<Data>(user),
      conflict: this.#options.conflict,
      guard: this.#options.guard,
      onGone: this.#options.onGone,
      onStoreError: typeof onStoreError === 'function' ? (error, request) => onStoreError(error, reqOf(request)) : onStoreError,
      maxSessionsPerUser: this.#options.maxSessionsPerUser,
      onSessionLimit: this.#options.onSessionLimit,
      maxRecordBytes: this.#options.maxRecordBytes,
      passive: passive && (request => passive(reqOf(request))),
      beforeSave: request => {
        ;(request as DropInRequest | undefined)?.checkCookie()
        return false
      },
    })
  }

  #place(known: KnownUsers | undefined): Place {
    const { store } = this.#options
    if (!isSessionStore(store)) return { in: 'peer-store', port: connectPort, ended: EndedIds.of(this.store) }
    const idFor = (request: unknown, partition?: string) => this.newId((request as DropInRequest).req, () => newId(partition))
    return { in: 'store', store, newId: idFor, epochs: known?.epochs }
  }
}

function listOf(secret: Secret | readonly Secret[] | undefined): readonly Secret[] | undefined {
  if (!secret) return undefined
  return Array.isArray(secret) ? secret : [secret as Secret]
}
