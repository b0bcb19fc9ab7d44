import http, { STATUS_CODES } from 'node:http'
import { createRequire } from 'node:module'
import { Stream } from 'node:stream'
import connect from 'connect'
import express5 from 'express'
import { createSessions } from 'holdfast'
import session, { csrf } from 'holdfast/express'
import type { Loose } from '../support/subjects.ts'
import { EVENTS, listening, portOf } from './serving.ts'
import { type Driver, keys as defaultKeys, newStore, type Setup, type Site, type Turn, Visitor } from './support.ts'

const express4 = createRequire(import.meta.url)('express4')

/** A thrown value as the site's error handler tells it. */
class Thrown extends Error {}

class ExpressTurn implements Turn {
  readonly own: Loose
  readonly #property: string
  taken = false

  constructor(req: Loose, res: Loose, property = 'session') {
    this.own = { req, res }
    this.#property = property
  }

  get session(): Loose {
    return this.own.req[this.#property]
  }

  set session(value: Loose) {
    this.own.req[this.#property] = value
  }

  get path(): string {
    return pathOf(this.own.req)
  }

  get req(): Loose {
    return this.own.req
  }

  get res(): Loose {
    return this.own.res
  }

  header(name: string, value: string): void {
    this.res.setHeader(name, value)
  }

  status(code: number): void {
    this.res.statusCode = code
    this.#said = true
  }

  #said = false

  fail(status: number, message: string): never {
    throw Object.assign(new Error(message), { status, expose: true })
  }

  takeOver(): void {
    this.taken = true
  }

  async headLeft(): Promise<void> {}

  /** What the handler has returned, as an app would answer it: by Express's own methods where it has them. */
  answer(body: unknown): void {
    const { res } = this
    if (this.taken) return
    if (body instanceof Stream) (body as Loose).pipe(res)
    else if (body !== undefined) send(res, body)
    else if (this.#said) res.end()
    else send(res, 'Not Found', 404)
  }
}

function send(res: Loose, body: unknown, status?: number): void {
  if (status !== undefined) res.statusCode = status
  if (typeof body === 'string') res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  if (res.send) res.send(body)
  else res.end(body)
}

const pathOf = (req: Loose): string => req.path ?? req.url.replace(/\?.*/, '')

/** koa-session's words for what express-session keeps in `cookie`. */
function translated({ secure, sameSite, path, domain, partitioned, maxAge, ...options }: Loose): Loose {
  const cookie = { secure, sameSite, path, domain, partitioned, maxAge: maxAge === 'session' ? null : maxAge }
  const given = Object.fromEntries(Object.entries(cookie).filter(([, value]) => value !== undefined))
  return { ...options, cookie: { ...given, ...options.cookie } }
}

export const expressApp = (major: 4 | 5): Loose => (major === 4 ? express4 : express5)()

/** What express-session's options take: a Holdfast store as it is, a koa-session one by express-session's calls. */
export const storeFor = (store: Loose): Loose => (store && 'create' in store ? store : store && connectStyle(store))

/** A koa-session store as express-session would call it. */
function connectStyle(store: Loose): Loose {
  const answer = (work: Promise<unknown>, done: Loose = () => undefined) => void work.then(value => done(null, value), done)
  return {
    get: (id: string, done: Loose) => answer(store.get(id), done),
    set: (id: string, data: unknown, done: Loose) => answer(store.set(id, data), done),
    destroy: (id: string, done: Loose) => answer(store.destroy(id), done),
  }
}

function driver(name: string, newApp: () => Loose): Driver {
  return {
    name,
    framework: 'express',
    modes: mode => mode.native || mode.place !== 'cookie',
    keepsDataWithNewId: mode => mode.native,
    guard: (site, options) => t =>
      new Promise<void>((pass, fail) => csrf(site.sessions, options)(t.req, t.res, (error?: unknown) => (error ? fail(error) : pass()))),
    async open(setup: Setup): Promise<Site> {
      const { mode, options = {}, keys = defaultKeys, store = newStore(mode), routes } = setup
      const app = newApp()
      const errors: Loose[] = []
      const events: Site['events'] = []
      if (setup.proxy) app.set('trust proxy', true)
      setup.prepare?.(app)

      const held = mode.place === 'map' ? connectStyle(store.store) : store.store
      const stored = mode.place === 'cookie' ? {} : { store: held }
      const sessions: Loose = mode.native ? createSessions({ keys, ...stored, ...setup.native }) : undefined
      let middleware: Loose
      if (!setup.bare) {
        const dropIn = { secret: keys, resave: false, saveUninitialized: false, unset: 'destroy', ...stored, ...translated(options) }
        middleware = mode.native ? session(sessions, options) : session(dropIn)
        app.use(middleware)
        for (const name of EVENTS) middleware.on(name, (event: Loose) => events.push({ name, event }))
        // What cannot be the answer any more is told beside it.
        middleware.on('commit:error', (event: Loose) => errors.push(event.value))
      }
      app.use((req: Loose, res: Loose, next: Loose) => {
        const turn = new ExpressTurn(req, res, options.property)
        Promise.resolve()
          .then(() => (routes[pathOf(req)] ?? routes['*'])?.(turn))
          .then(body => turn.answer(body), next)
      })
      app.use((thrown: Loose, _req: Loose, res: Loose, _next: Loose) => {
        const error = thrown instanceof Error ? thrown : new Thrown(`no error was thrown: ${JSON.stringify(thrown)}`)
        errors.push(error)
        if (res.headersSent) return
        const { expose, headers = {} } = error as Loose
        const status = (error as Loose).status ?? 500
        for (const name of res.getHeaderNames()) res.removeHeader(name)
        for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
        send(res, expose ? error.message : STATUS_CODES[status], status)
      })

      const server = await listening(http.createServer(app))
      const port = portOf(server)
      const cookieName = mode.native ? (sessions.transport.cookieName ?? '') : (options.name ?? options.key ?? 'connect.sid')
      return { port, server, app, handler: app, middleware, sessions, store, cookieName, errors, events, visitor: () => new Visitor(port) }
    },
  }
}

const withoutEtag = (app: Loose): Loose => app.set('etag', false)

export const expressDrivers: Driver[] = [
  driver('Express 4', () => withoutEtag(expressApp(4))),
  driver('Express 5', () => withoutEtag(expressApp(5))),
]

/** Where Express itself cannot be: it does not run over HTTP/2. */
export const connectDriver: Driver = driver('connect', connect)
