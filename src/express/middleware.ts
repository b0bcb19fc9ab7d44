import type { IncomingMessage, ServerResponse } from 'node:http'
import { EventHub, type SessionEvent, type SessionEventName } from '../core/events.ts'
import { mustBeFunction } from '../core/options.ts'
import type { AnyData } from '../core/session-data.ts'
import { isSessionStore } from '../core/store.ts'
import type { Warnings } from '../core/warnings.ts'
import { processWarnings } from '../create.ts'
import { type PeopleMethods, peopleMethods } from '../native/people.ts'
import { isSessions, type Sessions } from '../native/sessions.ts'
import { begin } from './begin.ts'
import { isBelow } from './connection.ts'
import { Cookie } from './cookie.ts'
import { csrf } from './csrf.ts'
import { DropInPlan } from './drop-in.ts'
import type { DropInRequest } from './drop-in-request.ts'
import { HoldfastStore } from './holdfast-store.ts'
import { MemoryStore } from './memory-store.ts'
import { NativePlan } from './native.ts'
import { check, report } from './options.ts'
import { ownerOf } from './property.ts'
import type { Next, Plan } from './request-session.ts'
import { SessionClass } from './session.ts'
import { Store } from './store.ts'
import { makeTables } from './tables.ts'
import type { Bearer, Done, ExpressData, ExpressStore, SessionOptions } from './types.ts'

/** What may stand beside a native manager. */
export interface NativeOptions {
  /** The name on the request. Default `session`. */
  property?: string | undefined
  /** True for requests that shall have no session. */
  skip?: ((req: Bearer) => boolean) | undefined
}

/** The middleware for sessions, for Express, connect and node:http, and the way to one without a handler. */
export interface SessionMiddleware<D extends object = ExpressData> extends PeopleMethods {
  (req: Bearer, res: Bearer, next: Done): void
  /** The data of a request's session, or null: for a WebSocket upgrade. It never creates, changes or sets anything. */
  load(req: Pick<IncomingMessage, 'headers'>): Promise<D | null>
  /** Calls `listener` at an event of sessions, such as `session:expired`. */
  on(name: SessionEventName, listener: (event: SessionEvent) => void): this
  off(name: SessionEventName, listener: (event: SessionEvent) => void): this
}

/** The same in native mode: the manager's own. */
export interface NativeMiddleware<D extends object = ExpressData> extends SessionMiddleware<D> {
  load: Sessions<D>['load']
}

/** What `holdfast/express` is: the function, carrying the other exports for `require`, as express-session's does. */
export interface ExpressSessionFunction {
  <D extends object = ExpressData>(options?: SessionOptions): SessionMiddleware<D>
  <D extends object>(sessions: Sessions<D>, options?: NativeOptions): NativeMiddleware<D>
  readonly default: ExpressSessionFunction
  readonly Store: typeof Store
  readonly Cookie: typeof Cookie
  readonly Session: typeof SessionClass
  readonly MemoryStore: typeof MemoryStore
  readonly csrf: typeof csrf
}

function create(first?: unknown, second?: NativeOptions): SessionMiddleware<object> {
  return isSessions(first) ? native(first, second) : dropIn((first ?? {}) as SessionOptions)
}

/** Sessions for Express: express-session's options, or a manager that `createSessions` made. */
export const session: ExpressSessionFunction = Object.assign(create as ExpressSessionFunction, {
  default: create,
  Store,
  Cookie,
  Session: SessionClass,
  MemoryStore,
  csrf,
}) as ExpressSessionFunction

/** The types by the function's name, as express-session has them: `session.SessionOptions`. */
export declare namespace session {
  type CookieOptions = import('./cookie.ts').CookieOptions
  type Cookie = import('./cookie.ts').Cookie
  type MemoryStore = import('./memory-store.ts').MemoryStore
  type Session = import('./session.ts').SessionClass
  type SessionData = import('./types.ts').SessionData
  type SessionOptions = import('./types.ts').SessionOptions
  type Store = import('./store.ts').Store
}

function native(sessions: Sessions<object>, options: NativeOptions = {}): SessionMiddleware<object> {
  const { property = 'session', skip, ...others } = options
  const peers = Object.keys(others)
  if (peers.length > 0)
    throw new TypeError(`the option "${peers[0]}" belongs to express-session; beside createSessions(…) it has no effect`)
  mustBeFunction('skip', skip)
  const plan = new NativePlan(sessions, property, skip, processWarnings())
  const middleware = (req: IncomingMessage, res: ServerResponse, next: Next) => {
    makeTables(req, res)
    if (plan.property.taken(req)) next()
    else run(plan, req, res, next)
  }
  return Object.assign(
    middleware,
    peopleMethods(() => sessions),
    {
      load: sessions.load.bind(sessions),
      on: sessions.on.bind(sessions),
      off: sessions.off.bind(sessions),
    },
  ) as unknown as SessionMiddleware<object>
}

function dropIn(given: SessionOptions): SessionMiddleware<object> {
  const warnings = processWarnings()
  const options = { ...given }
  check(options)
  report(options, warnings)
  const hub = new EventHub(error => process.emitWarning(error instanceof Error ? error : String(error)))
  const plan: DropInPlan = new DropInPlan(
    options,
    storeOf(options, () => plan.manager, warnings),
    hub,
    warnings,
  )
  const ready = readiness(plan.store)

  function middleware(req: IncomingMessage, res: ServerResponse, next: Next): void {
    makeTables(req, res)
    if (plan.property.taken(req) || !ready() || !isBelow(plan.cookieOptionsFor(req).path || '/', req)) next()
    else if (!plan.secretsOf(req)) next(new Error('secret option required for sessions'))
    else run(plan, req, res, next)
  }

  const load = (req: IncomingMessage): Promise<AnyData | null> => plan.begin(req).load()
  return Object.assign(
    middleware,
    peopleMethods(() => plan.people),
    {
      load,
      on(this: object, name: SessionEventName, listener: (event: SessionEvent) => void) {
        hub.on(name, listener)
        return this
      },
      off(this: object, name: SessionEventName, listener: (event: SessionEvent) => void) {
        hub.off(name, listener)
        return this
      },
    },
  ) as unknown as SessionMiddleware<object>
}

/** `req.sessionStore`: the store that was given, one of ours by its express-session face, or a new one in memory. */
function storeOf({ store }: SessionOptions, manager: () => DropInPlan['manager'], warnings: Warnings): ExpressStore {
  const used = isSessionStore(store)
    ? (new HoldfastStore(manager) as unknown as ExpressStore)
    : (store ?? (new MemoryStore() as ExpressStore))
  if (!store && process.env.NODE_ENV === 'production') {
    warnings.warn(
      'HOLDFAST_MEMORY_STORE',
      'no store is given, so sessions live in the memory of this process: they end with it, and no other process knows them. Give session() a store.',
    )
  }
  // Code that asks a store for a new session asks the request's own part: two instances on one store stay apart.
  used.generate = req => (ownerOf(req) as DropInRequest | undefined)?.generate()
  return used
}

/** Whether the store is connected, as far as it says: sessions are off between `disconnect` and `connect`. */
function readiness(store: ExpressStore): () => boolean {
  let ready = true
  store.on?.('disconnect', () => {
    ready = false
  })
  store.on?.('connect', () => {
    ready = true
  })
  return () => ready
}

function run(plan: Plan, req: IncomingMessage, res: ServerResponse, next: Next): void {
  const part = plan.begin(req)
  plan.property.define(req, part)
  begin(part, res, next)
}
