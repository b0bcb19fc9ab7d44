import { STATUS_CODES } from 'node:http'
import Fastify from 'fastify'
import { createSessions } from 'holdfast'
import holdfast, { csrf } from 'holdfast/fastify'
import { onTestFinished } from 'vitest'
import type { Loose } from '../support/subjects.ts'
import { EVENTS, portOf } from './serving.ts'
import { asKoas, type Driver, keys as defaultKeys, newStore, type Setup, type Site, type Turn, Visitor } from './support.ts'

class FastifyTurn implements Turn {
  readonly own: Loose
  readonly #property: string
  #said = false
  taken = false

  constructor(request: Loose, reply: Loose, property = 'session') {
    this.own = { request, reply }
    this.#property = property
  }

  get session(): Loose {
    return this.own.request[this.#property]
  }

  set session(value: Loose) {
    this.own.request[this.#property] = value
  }

  get path(): string {
    return this.own.request.url.replace(/\?.*/, '')
  }

  get req(): Loose {
    return this.own.request.raw
  }

  get res(): Loose {
    return this.own.reply.raw
  }

  header(name: string, value: string): void {
    this.own.reply.header(name, value)
  }

  status(code: number): void {
    this.own.reply.code(code)
    this.#said = true
  }

  fail(status: number, message: string): never {
    throw Object.assign(new Error(message), { status, expose: true })
  }

  takeOver(): void {
    this.taken = true
    this.own.reply.hijack()
  }

  async headLeft(): Promise<void> {}

  answer(body: unknown): Loose {
    const { reply } = this.own
    if (this.taken) return undefined
    if (typeof body === 'string') return reply.type('text/plain; charset=utf-8').send(body)
    if (body !== undefined) return reply.send(body)
    return this.#said ? reply.send() : reply.code(404).send('Not Found')
  }
}

const requestOf = (request: Loose) => ({ path: request.url, get: (name: string) => request.headers[name] ?? '' })

/** A thrown value as the site's error handler tells it. */
class Thrown extends Error {}

const fastify: Driver = {
  name: 'Fastify 5',
  framework: 'fastify',
  modes: mode => mode.native,
  keepsDataWithNewId: () => true,
  guard: (site, options) => t =>
    new Promise<void>((pass, fail) =>
      csrf(site.sessions, options)(t.own.request, t.own.reply, (error?: unknown) => (error ? fail(error) : pass())),
    ),
  async open(setup: Setup): Promise<Site> {
    const { mode, options = {}, keys = defaultKeys, store = newStore(mode), routes } = setup
    const app = Fastify({ trustProxy: setup.proxy ?? false })
    const errors: Loose[] = []
    const events: Site['events'] = []
    const stored = mode.place === 'cookie' ? {} : { store: store.store }
    const sessions: Loose = createSessions({ keys, ...stored, ...asKoas(setup.native, requestOf) })
    for (const name of EVENTS) sessions.on(name, (event: Loose) => events.push({ name, event }))
    sessions.on('commit:error', (event: Loose) => errors.push(event.value))

    setup.prepare?.(app)
    // The suites' hooks look at the path as Koa tells it.
    const skip = options.skip && ((request: Loose) => options.skip(requestOf(request)))
    if (!setup.bare) app.register(holdfast, { sessions, ...options, skip })
    app.setErrorHandler((thrown: Loose, _request, reply) => {
      const error = thrown instanceof Error ? thrown : new Thrown(`no error was thrown: ${JSON.stringify(thrown)}`)
      errors.push(error)
      const { expose, status = 500, headers = {} } = error as Loose
      for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name)
      return reply
        .code(status)
        .headers(headers)
        .type('text/plain; charset=utf-8')
        .send(expose ? error.message : STATUS_CODES[status])
    })
    app.all('/*', async (request, reply) => {
      const turn = new FastifyTurn(request, reply, options.property)
      try {
        return turn.answer(await (routes[turn.path] ?? routes['*'])?.(turn))
      } catch (error) {
        if (!turn.taken) throw error
        errors.push(error)
      }
    })

    await app.listen({ port: 0, host: '127.0.0.1' })
    const { server } = app
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    const port = portOf(server)
    const cookieName = sessions.transport.cookieName ?? ''
    const visitor = () => new Visitor(port)
    return { port, server, app, handler: app.routing, middleware: sessions, sessions, store, cookieName, errors, events, visitor }
  },
}

export const fastifyDrivers: Driver[] = [fastify]
