import { STATUS_CODES } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { createSessions } from 'holdfast'
import session from 'holdfast/fetch'
import { Hono } from 'hono'
import { type FetchHandler, fetchServer, type Info } from '../support/fetch-server.ts'
import type { Loose } from '../support/subjects.ts'
import { EVENTS, listening, portOf } from './serving.ts'
import { asKoas, type Driver, keys as defaultKeys, newStore, type Setup, type Site, type Turn, Visitor } from './support.ts'

/** Node's way to write an answer, for one whose body is a stream. */
class Written extends PassThrough {
  statusCode = 200
  readonly fields = new Headers()
  /** Resolved when the head is known. */
  readonly begun: Promise<void>
  #begin: () => void = () => undefined

  constructor() {
    super()
    this.begun = new Promise(resolve => {
      this.#begin = resolve
    })
  }

  setHeader(name: string, value: string): void {
    this.fields.set(name, value)
  }

  writeHead(status: number, headers: Record<string, string> = {}): this {
    this.statusCode = status
    for (const [name, value] of Object.entries(headers)) this.fields.set(name, value)
    return this
  }

  flushHeaders(): void {
    this.#begin()
  }

  override write(...args: Loose[]): boolean {
    this.#begin()
    return (super.write as Loose)(...args)
  }

  override end(...args: Loose[]): this {
    this.#begin()
    return (super.end as Loose)(...args)
  }

  toResponse(): Response {
    return new Response(Readable.toWeb(this) as Loose, { status: this.statusCode, headers: this.fields })
  }
}

class FetchTurn implements Turn {
  readonly own: Loose
  readonly res = new Written()
  readonly #request: Request
  readonly #web: Loose
  readonly #info: Info
  #status: number | undefined
  readonly #headers = new Headers()
  taken = false

  constructor(web: Loose, own: Loose, request: Request, info: Info) {
    this.own = own
    this.#web = web
    this.#request = request
    this.#info = info
  }

  get session(): Loose {
    return this.#web?.of(this.own)
  }

  set session(value: Loose) {
    this.#web.set(this.own, value)
  }

  get path(): string {
    return new URL(this.#request.url).pathname
  }

  get req(): Loose {
    return { method: this.#request.method, headers: Object.fromEntries(this.#request.headers) }
  }

  header(name: string, value: string): void {
    this.#headers.set(name, value)
  }

  status(code: number): void {
    this.#status = code
  }

  fail(status: number, message: string): never {
    throw Object.assign(new Error(message), { status, expose: true })
  }

  takeOver(): void {
    this.taken = true
  }

  /** Who changes a session behind the head looks at it before. */
  headLeft(): Promise<void> {
    void this.session
    return new Promise(resolve => this.#info.onHead(resolve))
  }

  answer(body: unknown): Response {
    const init = { status: this.#status ?? 200, headers: this.#headers }
    if (body === undefined) return this.#status === undefined ? new Response('Not Found', { status: 404 }) : new Response(null, init)
    if (body instanceof Readable) return new Response(Readable.toWeb(body) as Loose, init)
    if (typeof body === 'string' || body instanceof Uint8Array) return new Response(body as Loose, init)
    return Response.json(body, init)
  }
}

const requestOf = (source: Loose) => {
  const { url, headers }: Request = source.req?.raw ?? source
  return { path: new URL(url).pathname, get: (name: string) => headers.get(name) ?? '' }
}

/** A thrown value as the site's error handler tells it. */
class Thrown extends Error {}

interface Built {
  fetch: FetchHandler
  web: Loose
}

type Act = (own: Loose, request: Request, info: Info) => Promise<Response>

/** `build`: the app of a framework, with a session or without. */
function driver(name: string, build: (sessions: Loose, options: Loose, act: Act, failed: (error: Loose) => Response) => Built): Driver {
  return {
    name,
    framework: 'fetch',
    modes: mode => mode.native,
    keepsDataWithNewId: () => true,
    guard: (site, options) => t => site.middleware.csrf(options)(t.own, async () => undefined),
    async open(setup: Setup): Promise<Site> {
      const { mode, options = {}, keys = defaultKeys, store = newStore(mode), routes } = setup
      const errors: Loose[] = []
      const events: Site['events'] = []
      const stored = mode.place === 'cookie' ? {} : { store: store.store }
      const sessions: Loose = createSessions({ keys, ...stored, ...asKoas(setup.native, requestOf) })
      for (const event of EVENTS) sessions.on(event, (told: Loose) => events.push({ name: event, event: told }))
      sessions.on('commit:error', (event: Loose) => errors.push(event.value))

      const act: Act = async (own, request, info) => {
        const turn = new FetchTurn(built.web, own, request, info)
        const work = (async () => (routes[turn.path] ?? routes['*'])?.(turn))()
        const body = await Promise.race([work, turn.res.begun.then(() => turn.res)])
        if (!turn.taken) return turn.answer(body)
        // Its handler goes on while the body is sent; what it throws then is the site's own affair.
        work.catch(error => errors.push(error))
        await turn.res.begun
        return turn.res.toResponse()
      }
      const failed = (thrown: Loose): Response => {
        const error = thrown instanceof Error ? thrown : new Thrown(`no error was thrown: ${JSON.stringify(thrown)}`)
        errors.push(error)
        const { expose, status = 500, headers = {} } = error as Loose
        const fields = new Headers()
        for (const [field, value] of Object.entries(headers)) for (const line of [value].flat()) fields.append(field, String(line))
        return new Response(expose ? error.message : STATUS_CODES[status], { status, headers: fields })
      }
      // The suites' hooks look at the path as Koa tells it.
      const skip = options.skip && ((source: Loose) => options.skip(requestOf(source)))
      const built = build(setup.bare ? undefined : sessions, { ...(setup.proxy && { proxy: true }), ...options, skip }, act, failed)

      const server = await listening(fetchServer((request, info) => built.fetch(request, info)))
      const port = portOf(server)
      const cookieName = sessions.transport.cookieName ?? ''
      const { web } = built
      const visitor = () => new Visitor(port)
      return { port, server, app: built, handler: built.fetch, middleware: web, sessions, store, cookieName, errors, events, visitor }
    },
  }
}

const plain = driver('fetch', (sessions, options, act, failed) => {
  const handle: FetchHandler = (request, info) => act(request, request, info)
  if (!sessions) return { web: undefined, fetch: (request, info) => Promise.resolve(handle(request, info)).catch(failed) }
  const web: Loose = session(sessions, { ip: (_: Request, info: Info) => info.ip, onError: failed, ...options })
  return { web, fetch: web.handler(handle) }
})

const hono = driver('Hono', (sessions, options, act, failed) => {
  const app = new Hono<{ Bindings: Info }>()
  const web: Loose = sessions && session(sessions, { ip: (c: Loose) => c.env.ip, onError: failed, ...options })
  app.onError(failed)
  if (web) app.use(web)
  app.all('*', c => act(c, c.req.raw, c.env))
  return { web, fetch: async (request, info) => app.fetch(request, info) }
})

export const fetchDrivers: Driver[] = [plain, hono]
