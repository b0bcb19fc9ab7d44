import http from 'node:http'
import { createSessions } from 'holdfast'
import session, { csrf } from 'holdfast/koa'
import { createApp, type KoaMajor, koaMajors, type Loose } from '../support/subjects.ts'
import { EVENTS, listening, portOf } from './serving.ts'
import { type Driver, keys as defaultKeys, newStore, type Setup, type Site, type Turn, Visitor } from './support.ts'

class KoaTurn implements Turn {
  readonly own: Loose
  readonly #property: string

  constructor(ctx: Loose, property = 'session') {
    this.own = ctx
    this.#property = property
  }

  get session(): Loose {
    return this.own[this.#property]
  }

  set session(value: Loose) {
    this.own[this.#property] = value
  }

  get path(): string {
    return this.own.path
  }

  get req(): Loose {
    return this.own.req
  }

  get res(): Loose {
    return this.own.res
  }

  header(name: string, value: string): void {
    this.own.set(name, value)
  }

  status(code: number): void {
    this.own.status = code
  }

  fail(status: number, message: string): never {
    this.own.throw(status, message)
    throw new Error('ctx.throw returned')
  }

  takeOver(): void {
    this.own.respond = false
  }

  async headLeft(): Promise<void> {}
}

/** Serves an app until the test has finished. */
export const serve = (app: Loose): Promise<http.Server> => listening(http.createServer(app.callback()))

export function koaDriver(major: KoaMajor): Driver {
  return {
    name: `Koa ${major}`,
    framework: 'koa',
    modes: () => true,
    keepsDataWithNewId: () => true,
    guard: (site, options) => t => csrf(site.sessions, options)(t.own, async () => {}),
    async open(setup: Setup): Promise<Site> {
      const { mode, options = {}, keys = defaultKeys, store = newStore(mode), routes } = setup
      const app = createApp(major)
      const errors: Loose[] = []
      const events: Site['events'] = []
      app.on('error', (error: Loose) => errors.push(error))
      if (setup.proxy) app.proxy = true
      setup.prepare?.(app)
      if (setup.around) app.use((ctx: Loose, next: Loose) => setup.around?.(new KoaTurn(ctx, options.property), next))

      const stored = mode.place === 'cookie' ? {} : { store: store.store }
      let sessions: Loose
      if (mode.native) {
        sessions = createSessions({ keys, ...stored, ...setup.native })
        for (const name of EVENTS) sessions.on(name, (event: Loose) => events.push({ name, event }))
      } else {
        app.keys = keys
        for (const name of EVENTS) app.on(name, (event: Loose) => events.push({ name, event }))
      }
      let middleware: Loose
      if (!setup.bare) {
        middleware = mode.native ? session(sessions, app, options) : session({ ...stored, ...options }, app)
        app.use(middleware)
      }
      app.use(async (ctx: Loose) => {
        const body = await (routes[ctx.path] ?? routes['*'])?.(new KoaTurn(ctx, options.property))
        if (body !== undefined) ctx.body = body
      })

      const server = await serve(app)
      const port = portOf(server)
      const cookieName = mode.native ? (sessions.transport.cookieName ?? '') : (options.key ?? 'koa.sess')
      return {
        port,
        server,
        app,
        handler: app.callback(),
        middleware,
        sessions,
        store,
        cookieName,
        errors,
        events,
        visitor: () => new Visitor(port),
      }
    },
  }
}

export const koaDrivers: Driver[] = koaMajors.map(koaDriver)
