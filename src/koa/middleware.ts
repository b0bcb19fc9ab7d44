import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Context, DefaultState, Middleware, Next } from 'koa'
import { EndedIds } from '../backends/legacy.ts'
import { isPromise } from '../core/maybe.ts'
import { COOKIE_MODE, PEER_STORE } from '../core/notices.ts'
import { mustBeFunction } from '../core/options.ts'
import type { AnyData, DefaultData } from '../core/session-data.ts'
import { isSessionStore } from '../core/store.ts'
import type { Warnings } from '../core/warnings.ts'
import { processWarnings } from '../create.ts'
import { createRefs } from '../crypto/session-id.ts'
import { type PeopleMethods, peopleMethods } from '../native/people.ts'
import { isSessions, type Sessions } from '../native/sessions.ts'
import { ContextProperty, Instance } from './context.ts'
import { csrf } from './csrf.ts'
import { livePlan } from './drop-in.ts'
import { reportBeside } from './events.ts'
import { NativePlan } from './native.ts'
import { browserProblems, fillDefaults, resolve, SessionOptions } from './options.ts'
import { koasOf } from './own-cookies.ts'
import type { Plan } from './plan.ts'
import type { CreateSessionOptions, NativeContext, SessionContext } from './types.ts'

/** What may stand beside a native manager. */
export interface NativeOptions {
  /** The name on `ctx`. Default `session`. */
  property?: string | undefined
  /** True for requests that shall have no session. */
  skip?: ((ctx: Context) => boolean) | undefined
}

/** Koa's middleware for sessions, and the way to one without a handler. */
export interface SessionMiddleware<D extends object = DefaultData> extends Middleware<DefaultState, SessionContext<D>>, PeopleMethods {
  /** The data of a request's session, or null: for a WebSocket upgrade. It never creates, changes or sets anything. */
  load(request: IncomingMessage): Promise<D | null>
}

/** The same in native mode. */
export interface NativeMiddleware<D extends object = DefaultData> extends Middleware<DefaultState, NativeContext<D>>, PeopleMethods {
  /** The manager's own, like the others. */
  load: Sessions<D>['load']
}

/** A Koa app, whatever its state and context are. */
export interface KoaApp {
  readonly context: object
  keys?: unknown
  use(middleware: never): unknown
  createContext(request: IncomingMessage, response: ServerResponse): object
}

/** What `holdfast/koa` is: the function, carrying the other exports for `require`, as koa-session's does. */
export interface CreateSession {
  <D extends object = DefaultData>(options: CreateSessionOptions | undefined, app: KoaApp): SessionMiddleware<D>
  <D extends object = DefaultData>(app: KoaApp, options?: CreateSessionOptions): SessionMiddleware<D>
  <D extends object>(sessions: Sessions<D>, app: KoaApp, options?: NativeOptions): NativeMiddleware<D>
  <D extends object>(app: KoaApp, sessions: Sessions<D>, options?: NativeOptions): NativeMiddleware<D>
  readonly createSession: CreateSession
  readonly default: CreateSession
  readonly SessionOptions: typeof SessionOptions
  readonly csrf: typeof csrf
}

function create(first: unknown, second?: unknown, third?: NativeOptions): SessionMiddleware<object> {
  const [app, options] = isApp(first) ? [first, second] : [second, first]
  if (!isApp(app)) throw new TypeError('app instance required: `session(opts, app)`')
  return isSessions(options) ? native(options, app, third) : dropIn((options ?? {}) as CreateSessionOptions, app)
}

/** Sessions for a Koa app: koa-session's options, or a manager that `createSessions` made. */
export const session: CreateSession = Object.assign(create as CreateSession, {
  createSession: create,
  default: create,
  SessionOptions,
  csrf,
}) as CreateSession

function isApp(value: unknown): value is KoaApp {
  return typeof value === 'object' && value !== null && typeof (value as { use?: unknown }).use === 'function'
}

function dropIn(options: CreateSessionOptions, app: KoaApp): SessionMiddleware<object> {
  acceptOldSpelling(options)
  SessionOptions.parse(options)
  fillDefaults(options)
  const warnings = processWarnings()
  const resolved = resolve(options)
  for (const problem of browserProblems(resolved)) warnings.warn('HOLDFAST_COOKIE', `session option ${problem}`, problem)
  sayWhatIsNotPromised(resolved, warnings)
  const shared = { ended: new EndedIds(), warnings, refOf: createRefs(), koas: koasOf(app) }
  const plan = livePlan(options, app, shared)
  return Object.assign(
    mount(app, options.property ?? 'session', plan, warnings),
    peopleMethods(() => plan().people),
  )
}

function acceptOldSpelling(options: CreateSessionOptions & { maxage?: CreateSessionOptions['maxAge'] }): void {
  if (!('maxage' in options) || 'maxAge' in options) return
  Object.assign(options, { maxAge: options.maxage })
  process.emitWarning('the session option `maxage` is spelled `maxAge`', 'DeprecationWarning', 'HOLDFAST_MAXAGE')
}

function sayWhatIsNotPromised({ store, ContextStore }: SessionOptions, warnings: Warnings): void {
  if (!ContextStore && isSessionStore(store)) return
  const { code, text } = store || ContextStore ? PEER_STORE : COOKIE_MODE
  warnings.warn(code, text)
}

function native(sessions: Sessions<object>, app: KoaApp, options: NativeOptions = {}): SessionMiddleware<object> {
  const { property = 'session', skip, ...others } = options
  const peers = Object.keys(others)
  if (peers.length > 0) throw new TypeError(`the option "${peers[0]}" belongs to koa-session; beside createSessions(…) it has no effect`)
  mustBeFunction('skip', skip)
  const warnings = processWarnings()
  const plan = new NativePlan(sessions, skip, warnings)
  // The manager's own looks at `origins`, too.
  return Object.assign(
    mount(app, property, () => plan, warnings),
    peopleMethods(() => sessions),
    { load: sessions.load.bind(sessions) },
  )
}

function mount(app: KoaApp, name: string, plan: () => Plan, warnings: Warnings): SessionMiddleware<object> {
  const instance = new Instance(plan)
  checkName(app, name)
  const property = ContextProperty.of(name)
  if (property.taken(app.context)) {
    warnings.warn(
      'HOLDFAST_PROPERTY',
      `two sessions are named ctx.${name}: until the second one's middleware runs, the first answers; give one a \`property\` of its own`,
    )
  } else property.define(app.context, name, instance)

  /** Around the handler: opens the session where that takes time, and saves it, whether the handler has thrown or not. One async function: each costs a promise. */
  async function middleware(ctx: Context, next: Next): Promise<void> {
    const release = property.use(ctx, name, instance)
    try {
      const met = instance.meet(ctx)
      if (met) {
        if (met.skips()) {
          await next()
          met.explainSkipped()
          return
        }
        if (met.plan.manager.eager && !met.opened) await met.open()
      }
      let failure: Failure | undefined
      try {
        await next()
      } catch (error) {
        failure = { error }
      }
      // Nobody has looked at it. A cookie of its name may have been set by hand all the same, which concerns caches.
      const request = met ?? (ctx.res.hasHeader('Set-Cookie') ? instance.of(ctx) : instance.begun(ctx))
      if (request) {
        try {
          const done = request.plan.autoCommit ? request.commit() : undefined
          if (isPromise(done)) await done
        } catch (error) {
          failure = both(failure, error, ctx)
        }
        request.finish(failure !== undefined)
      }
      if (failure) throw failure.error
    } finally {
      release()
    }
  }

  const load = (request: IncomingMessage): Promise<AnyData | null> =>
    plan()
      .begin(app.createContext(request, new ServerResponse(request)) as unknown as Context)
      .load()
  return Object.assign(middleware, { load }) as unknown as SessionMiddleware<object>
}

/** What Koa puts on each context, beside what its prototype has. */
const OF_EACH_CONTEXT: ReadonlySet<string> = new Set([
  'app',
  'req',
  'res',
  'request',
  'response',
  'originalUrl',
  'state',
  'respond',
  'matched',
  'params',
  'router',
])

/** A name that is Koa's own would break every request. */
function checkName(app: KoaApp, name: unknown): void {
  const koas = (word: string) => OF_EACH_CONTEXT.has(word) || word in Object.getPrototypeOf(app.context)
  if (typeof name !== 'string' || name === '' || koas(name) || koas(`${name}Options`)) {
    throw new TypeError('property must be a name that Koa does not use for something else')
  }
}

interface Failure {
  error: unknown
}

/** The handler's own error goes first; that of the save is reported beside it, unless it is the same. */
function both(failure: Failure | undefined, error: unknown, ctx: Context): Failure {
  if (failure && failure.error !== error) reportBeside(ctx, error)
  return failure ?? { error }
}
