import Keygrip from 'keygrip'
import { vi } from 'vitest'
import { type Answer, type Listening, listen } from './http.ts'
import { Jar, type Visit } from './jar.ts'
import { type Entry, Recorder, RecordingStore } from './recorder.ts'
import { type Ctx, createApp, type KoaMajor, type Loose, type Next, type Subject } from './subjects.ts'

export const start = Date.parse('2025-01-01T00:00:00.000Z')
export const day = 86_400_000
export const keys = ['the newest key', 'an older key']

/** What options, hooks and handlers of a conversation can use. One per server; the store, the notes and `memory` are common to all. */
export interface Env {
  app: Loose
  /** The very object that was given to `session()`. */
  options: Loose
  store: RecordingStore
  memory: Map<string, Loose>
  /** The next of `id-1`, `id-2`, …: a `genid` that makes signatures comparable. */
  genid: () => string
  /** Writes values into the trace. */
  note: (what: string, ...values: unknown[]) => void
  /** A function that writes its arguments and its result into the trace. */
  spy: <F extends (...args: Loose[]) => unknown>(name: string, fn: F) => F
  /** Stops a handler until the steps in `during` have been played. */
  pause: () => Promise<void>
}

interface Step {
  /** `/path` or `METHOD /path`. */
  to: string
  headers?: Record<string, string>
  /** Whose browser: each name has a jar of its own. */
  as?: string
  /** The browser is at https, in front of a proxy that ends TLS. */
  secure?: boolean
  /** Milliseconds that pass before the request. */
  after?: number
  /** Runs before the request: changes cookies, records, options. */
  first?: (env: Env, jar: Jar) => void
  /** Played while the handler of this step waits in `pause()`. */
  during?: (Step | string)[]
}

export type Handler = (ctx: Ctx, env: Env) => unknown

export interface Conversation {
  name: string
  options?: (env: Env) => Loose
  /** `app.keys`; null leaves them unset. */
  keys?: Loose
  /** Only on this major of Koa. */
  koa?: KoaMajor
  host?: string
  /** Default ids: each is replaced by a number in order of appearance, and signatures over them by a word. */
  randomIds?: boolean
  /** Keep `Vary` and `Cache-Control` in the trace; Holdfast adds them on purpose. */
  keepsCaching?: boolean
  /** Runs before `session()`. */
  prepare?: (env: Env) => void
  /** Runs before the session's middleware in each request. */
  before?: (ctx: Ctx, next: Next, env: Env) => unknown
  /** A middleware between the session's and the routes, given to `app.use` as it is. */
  after?: (env: Env) => Loose
  /** By path; what a handler returns is the body. */
  routes: Record<string, Handler>
  requests: (Step | string)[]
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
  records: Record<string, unknown>
}

const events = ['session:missed', 'session:expired', 'session:invalid']
const ofConnection = ['date', 'connection', 'keep-alive']
const caching = ['vary', 'cache-control']
const requestNumber = 'x-request-number'

/** Plays a conversation; request n is served by the n-th subject, beginning again after the last. */
export async function play(conversation: Conversation, koa: KoaMajor, ...subjects: Subject[]): Promise<Trace> {
  vi.useFakeTimers({ toFake: ['Date'], now: start })
  const stage = new Stage(conversation, koa)
  try {
    for (const subject of new Set(subjects)) await stage.open(subject)
    for (const step of conversation.requests) await stage.request(step, subjects)
    return stage.trace()
  } finally {
    await stage.close()
    vi.useRealTimers()
  }
}

class Stage {
  #conversation: Conversation
  #koa: KoaMajor
  #servers = new Map<Subject, { env: Env; listening: Listening }>()
  #jars = new Map<string, Jar>()
  #recorder = new Recorder()
  #store = new RecordingStore(this.#recorder)
  #memory = new Map<string, Loose>()
  #exchanges: Exchange[] = []
  #ids = 0
  #paused: { reached: () => void; resumed: Promise<void> } | undefined

  constructor(conversation: Conversation, koa: KoaMajor) {
    this.#conversation = conversation
    this.#koa = koa
  }

  async open(subject: Subject): Promise<void> {
    const { options, prepare, before, after, routes } = this.#conversation
    const app = createApp(this.#koa)
    const env = this.#env(app)
    if (this.#conversation.keys !== null) app.keys = this.#conversation.keys ?? [...keys]
    prepare?.(env)
    env.options = options?.(env)

    for (const event of events) app.on(event, (payload: Loose) => env.note(event, payload.key, payload.value, payload.ctx))
    app.on('error', (error: Loose, ctx: Ctx) => env.note('error', describeError(error), ctx))
    const middleware = subject.session(env.options, app)
    if (before) app.use((ctx: Ctx, next: Next) => before(ctx, next, env))
    app.use(middleware)
    if (after) app.use(after(env))
    app.use(async (ctx: Ctx) => {
      const body = await routes[ctx.path]?.(ctx, env)
      if (body !== undefined) ctx.body = body
    })
    const answer = app.callback()
    const listening = await listen((request, response) => {
      const number = Number(request.headers[requestNumber])
      this.#recorder.during(number, this.#exchanges[number - 1]?.journal ?? [], request, () => answer(request, response))
    })
    this.#servers.set(subject, { env, listening })
  }

  #env(app: Loose): Env {
    const note = (what: string, ...values: unknown[]) => this.#recorder.record(what, values)
    return {
      app,
      options: undefined,
      store: this.#store,
      memory: this.#memory,
      genid: () => `id-${++this.#ids}`,
      note,
      spy: (name, fn) =>
        ((...args: unknown[]) => {
          note(name, ...args)
          const result = fn(...args)
          note(`${name} gave`, result)
          return result
        }) as typeof fn,
      pause: async () => {
        this.#paused?.reached()
        await this.#paused?.resumed
      },
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
    const visit: Visit = { host: this.#conversation.host ?? '127.0.0.1', path: path.replace(/\?.*/, ''), secure: step.secure ?? false }
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
    const answer = await answered
    jar.take(answer.setCookie, visit)
    Object.assign(exchange, answer)
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
      records: Object.fromEntries(this.#store.records),
    }
    return this.#conversation.randomIds ? withoutChance(trace) : trace
  }

  async close(): Promise<void> {
    for (const { listening } of this.#servers.values()) await listening.close()
  }
}

/** Two turns of the event loop: what was put on `setImmediate` has run, and what that put there as well. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise(resolve => setImmediate(resolve))
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
  const { status, cause } = error as Loose
  return { name: error.name, message: error.message, status, cause: cause?.message }
}

/** The form of a random id in both libraries. */
export const idForm = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/

function withoutChance(trace: Trace): Trace {
  const numbers = new Map<string, string>()
  const numberOf = (id: string) => {
    const number = numbers.get(id) ?? `id#${numbers.size + 1}`
    numbers.set(id, number)
    return number
  }
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string') {
      return value.replace(new RegExp(idForm, 'g'), numberOf).replace(/\.sig=[\w-]{27}(?=;)/, '.sig=<signature>')
    }
    if (Array.isArray(value)) return value.map(clean)
    if (typeof value !== 'object' || value === null || value instanceof Date) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [clean(key), clean(item)]))
  }
  return clean(trace) as Trace
}

/** The signature that Koa's cookies carry in `<name>.sig`. */
export function signature(name: string, value: string, key = keys[0] as string): string {
  return new Keygrip([key]).sign(`${name}=${value}`)
}

/** Puts a cookie into the jar that only an owner of `key` could have made. */
export function plant(jar: Jar, value: string, { name = 'koa.sess', key = keys[0] as string } = {}): void {
  jar.set(name, value)
  jar.set(`${name}.sig`, signature(name, value, key))
}

/** Cookie text as koa-session's default `encode` makes it. */
export function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64')
}

export function decoded(text: string | undefined): Loose {
  return JSON.parse(Buffer.from(text ?? '', 'base64').toString())
}
