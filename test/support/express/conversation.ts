import { createHmac } from 'node:crypto'
import { vi } from 'vitest'
import { type Answer, type Listening, listen } from '../http.ts'
import { Jar, type Visit } from '../jar.ts'
import type { Entry } from '../recorder.ts'
import type { Loose } from '../subjects.ts'
import { createApp, type Host, listenerOf, subApp } from './hosts.ts'
import { ExpressRecorder, requestNumber } from './recorder.ts'
import { type RecordingStore, recordingStore, type StoreKind } from './store.ts'
import { peer, type SessionFunction, type Subject } from './subjects.ts'

export const start = Date.parse('2025-01-01T00:00:00.000Z')
export const minute = 60_000
export const day = 86_400_000
export const secret = 'the newest secret'

/** What options, hooks and handlers of a conversation can use. One per server; the records and `memory` are common to all. */
export interface Env {
  host: Host
  app: Loose
  /** The library under test. */
  session: SessionFunction
  /** The options that were given to `session()`. */
  options: Loose
  store: RecordingStore
  memory: Map<string, Loose>
  /** The next of `id-1`, `id-2`, …: a `genid` that makes signatures comparable. */
  genid: () => string
  note: (what: string, ...values: unknown[]) => void
  spy: <F extends (...args: Loose[]) => unknown>(name: string, fn: F) => F
  /** Stops a handler until the steps in `during` have been played. */
  pause: () => Promise<void>
  /** Another application, to be mounted. */
  subApp: () => Loose
}

export interface Step {
  /** `/path` or `METHOD /path`. */
  to: string
  headers?: Record<string, string>
  /** Whose browser: each name has a jar of its own. */
  as?: string
  /** The browser is at https, in front of a proxy that ends TLS. */
  secure?: boolean
  /** Milliseconds that pass before the request. */
  after?: number
  /** Runs before the request: changes cookies, records, failures. */
  first?: (env: Env, jar: Jar) => void
  /** Played while the handler of this step waits in `pause()`. */
  during?: (Step | string)[]
}

export type Handler = (req: Loose, res: Loose, env: Env) => unknown

export interface Conversation {
  name: string
  /** Laid over: one secret, the recording store, counted ids, and neither `resave` nor `saveUninitialized`. */
  options?: object | ((env: Env) => object)
  store?: StoreKind
  hosts?: Host[]
  address?: string
  /** Default ids: each is replaced by a number in order of appearance, and signatures over them by a word. */
  randomIds?: boolean
  /** Keep `Vary` and `Cache-Control` in the trace; Holdfast adds them on purpose. */
  keepsCaching?: boolean
  /** Runs before `session()`. */
  prepare?: (env: Env) => void
  /** Runs before the session's middleware in each request. */
  before?: (req: Loose, res: Loose, next: (error?: unknown) => void, env: Env) => unknown
  /** Hangs up the session's middleware. Default: `app.use(session(options))`. */
  build?: (env: Env) => void
  /** A middleware between the session's and the routes. */
  after?: (req: Loose, res: Loose, next: (error?: unknown) => void, env: Env) => unknown
  /** What the error handler does beside answering 500. */
  onError?: (error: Loose, req: Loose, res: Loose, env: Env) => void
  /** By path; what a handler returns is the body. */
  routes: Record<string, Handler>
  requests: (Step | string)[]
  /** What is ended is forgotten by the browser as well: Holdfast says so, the peer does not. The last request of its browser. */
  clears?: boolean
  /** Where Holdfast differs on purpose: what each does, one entry a request. */
  differs?: { because: string; peer: Loose[]; holdfast: Loose[] }
}

interface Exchange extends Answer {
  request: string
  journal: Entry[]
  /** The journal's headings alone, for expectations that are written out. */
  did: string[]
}

export interface Trace {
  exchanges: Exchange[]
  order: string[]
  stray: Entry[]
  records: Record<string, string>
}

const ofConnection = ['date', 'connection', 'keep-alive']
const caching = ['vary', 'cache-control']

/** Plays a conversation; request n is served by the n-th subject, beginning again after the last. */
export async function play(conversation: Conversation, host: Host, ...subjects: Subject[]): Promise<Trace> {
  vi.useFakeTimers({ toFake: ['Date'], now: start })
  const stage = new Stage(conversation, host)
  try {
    for (const subject of new Set(subjects)) await stage.open(subject)
    for (const step of conversation.requests) await stage.request(step, subjects)
    return await stage.trace()
  } finally {
    await stage.close()
    vi.useRealTimers()
  }
}

class Stage {
  readonly #conversation: Conversation
  readonly #host: Host
  readonly #servers = new Map<Subject, { env: Env; listening: Listening }>()
  readonly #jars = new Map<string, Jar>()
  readonly #recorder = new ExpressRecorder()
  readonly #records = new Map<string, string>()
  readonly #memory = new Map<string, Loose>()
  readonly #exchanges: Exchange[] = []
  #ids = 0
  #paused: { reached: () => void; resumed: Promise<void> } | undefined

  constructor(conversation: Conversation, host: Host) {
    this.#conversation = conversation
    this.#host = host
  }

  async open(subject: Subject): Promise<void> {
    const { prepare, before, build, after, routes, onError } = this.#conversation
    const app = createApp(this.#host)
    const env = this.#env(app, subject)
    prepare?.(env)
    env.options = this.#options(env)
    if (before) app.use((req: Loose, res: Loose, next: Loose) => before(req, res, next, env))
    if (build) build(env)
    else app.use(env.session(env.options))
    if (after) app.use((req: Loose, res: Loose, next: Loose) => after(req, res, next, env))
    app.use((req: Loose, res: Loose, next: Loose) => {
      const path = (req.originalUrl ?? req.url).replace(/\?.*/, '')
      const handler = routes[path]
      if (!handler) throw new Error(`no handler for ${path}`)
      void perform(async () => answer(res, await handler(req, res, env))).then(undefined, next)
    })
    app.use((error: Loose, req: Loose, res: Loose, _next: Loose) => {
      env.note('error handler', describeError(error), res.headersSent ? 'too late' : 'in time')
      onError?.(error, req, res, env)
      if (res.headersSent) return
      res.statusCode = 500
      answer(res, `error: ${error.message}`)
    })
    const listener = listenerOf(app)
    const listening = await listen((request, response) => {
      const number = Number(request.headers[requestNumber])
      this.#recorder.during(number, this.#exchanges[number - 1]?.journal ?? [], request, () => listener(request, response))
    })
    this.#servers.set(subject, { env, listening })
  }

  #options(env: Env): Loose {
    const { options = {} } = this.#conversation
    return {
      secret,
      resave: false,
      saveUninitialized: false,
      store: env.store,
      genid: env.genid,
      ...(typeof options === 'function' ? options(env) : options),
    }
  }

  #env(app: Loose, subject: Subject): Env {
    const note = (what: string, ...values: unknown[]) => this.#recorder.record(what, values)
    // Published stores inherit from the peer's base, whatever middleware they are given to: so they do on one of the hosts.
    const { Store } = this.#host === 'Express 4' ? peer.session : subject.session
    return {
      host: this.#host,
      app,
      session: subject.session,
      options: undefined,
      store: recordingStore(Store, this.#recorder, this.#records, this.#conversation.store ?? {}),
      memory: this.#memory,
      genid: () => `id-${++this.#ids}`,
      note,
      spy: (name, fn) =>
        ((...args: unknown[]) => {
          const result = fn(...args)
          note(name, args, result)
          return result
        }) as typeof fn,
      pause: async () => {
        this.#paused?.reached()
        await this.#paused?.resumed
      },
      subApp: () => subApp(this.#host),
    }
  }

  async request(script: Step | string, subjects: Subject[]): Promise<void> {
    const step: Step = typeof script === 'string' ? { to: script } : script
    const [path = '/', method = 'GET'] = step.to.split(' ').reverse()
    const number = this.#exchanges.length + 1
    const subject = subjects[(number - 1) % subjects.length]
    const server = subject && this.#servers.get(subject)
    if (!server) throw new Error('no subject is on stage')

    const jar = this.#jar(step.as ?? 'visitor')
    if (step.after) vi.setSystemTime(Date.now() + step.after)
    step.first?.(server.env, jar)
    const visit: Visit = { host: this.#conversation.address ?? '127.0.0.1', path: path.replace(/\?.*/, ''), secure: step.secure ?? false }
    const cookie = jar.header(visit)
    const headers = {
      host: visit.host,
      [requestNumber]: String(number),
      ...(visit.secure && { 'x-forwarded-proto': 'https' }),
      ...(cookie !== undefined && { cookie }),
      ...step.headers,
    }

    const exchange: Exchange = { request: `${method} ${path}`, status: 0, headers: {}, setCookie: [], body: '', journal: [], did: [] }
    this.#exchanges.push(exchange)
    const answered = server.listening.send(method, path, headers)
    if (step.during) await this.#playDuring(step.during, subjects, answered)
    const got = await answered
    jar.take(got.setCookie, visit)
    Object.assign(exchange, got)
    for (const name of ofConnection) delete exchange.headers[name]
    for (const name of caching) {
      if (this.#conversation.keepsCaching) exchange.headers[name] ??= 'none'
      else delete exchange.headers[name]
    }
    await settled()
  }

  async #playDuring(steps: (Step | string)[], subjects: Subject[], answered: Promise<unknown>): Promise<void> {
    const reached = deferred()
    const resumed = deferred()
    this.#paused = { reached: reached.resolve, resumed: resumed.promise }
    await Promise.race([reached.promise, answered])
    this.#paused = undefined
    for (const step of steps) await this.request(step, subjects)
    resumed.resolve()
  }

  #jar(name: string): Jar {
    const jar = this.#jars.get(name) ?? new Jar()
    this.#jars.set(name, jar)
    return jar
  }

  async trace(): Promise<Trace> {
    await settled()
    for (const exchange of this.#exchanges) exchange.did = exchange.journal.map(entry => entry.what)
    const trace: Trace = {
      exchanges: this.#exchanges,
      order: this.#recorder.order,
      stray: this.#recorder.stray,
      records: Object.fromEntries(this.#records),
    }
    return this.#conversation.randomIds ? withoutChance(trace) : trace
  }

  async close(): Promise<void> {
    for (const { listening } of this.#servers.values()) await listening.close()
  }
}

/** A handler's answer as Express's `res.send` would send it, on every host. */
function answer(res: Loose, body: unknown): void {
  if (body === undefined) return
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  res.setHeader('Content-Type', typeof body === 'string' ? 'text/plain' : 'application/json')
  res.setHeader('Content-Length', Buffer.byteLength(text))
  res.end(text)
}

async function perform<T>(work: () => T): Promise<Awaited<T>> {
  return await work()
}

/** Some turns of the event loop: what was put on `setImmediate` has run, and what that put there as well. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise(resolve => setImmediate(resolve))
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}

function describeError(error: Loose): Record<string, unknown> {
  if (!(error instanceof Error)) return { thrown: error }
  const { cause } = error as Loose
  return { name: error.name, message: error.message, cause: cause instanceof Error ? cause.message : cause }
}

function withoutChance(trace: Trace): Trace {
  const numbers = new Map<string, string>()
  const numberOf = (id: string) => {
    const number = numbers.get(id) ?? `id#${numbers.size + 1}`
    numbers.set(id, number)
    return number
  }
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string') {
      return value.replace(/(s(?:%3A|:)[\w-]{32})\.[^;"]+/g, '$1.<signature>').replace(/(?<=^|%3A|[^\w-])[\w-]{32}(?![\w-])/g, numberOf)
    }
    if (Array.isArray(value)) return value.map(clean)
    if (typeof value !== 'object' || value === null || value instanceof Date) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [clean(key), clean(item)]))
  }
  return clean(trace) as Trace
}

/** The text that only an owner of the key can make: `s:` + value + `.` + HMAC-SHA-256, as cookie-signature writes it. */
export function signed(value: string, key = secret): string {
  const mac = createHmac('sha256', key).update(value).digest('base64').replace(/=+$/, '')
  return `s:${value}.${mac}`
}

/** Puts a session's cookie into a jar. */
export function plant(jar: Jar, value: string, { name = 'connect.sid', key = secret } = {}): void {
  jar.set(name, encodeURIComponent(signed(value, key)))
}

/** Calls a method that takes a callback. */
export function called<T = unknown>(call: (done: (error?: unknown, value?: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error ? reject(error) : resolve(value as T)))
  })
}
