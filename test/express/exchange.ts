import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type Gatekeeper, HeldResponse } from '../../src/express/held-response.ts'
import { createApp, type Host, listenerOf } from '../support/express/hosts.ts'
import type { Loose } from '../support/subjects.ts'

export type Say = (what: string, value?: unknown) => void
// biome-ignore lint/suspicious/noExplicitAny: Express adds methods to what it hands on
export type Handler = (res: ServerResponse & Record<string, any>, say: Say, req: IncomingMessage, next: Loose) => unknown

/** How the session is stored. */
export type Storing = 'not at all' | 'at once' | 'later'

export interface Run {
  octets: string
  said: string[]
}

/** What stands in an app beside the session and the handler. */
export interface Around {
  before?: Loose[]
  after?: Loose[]
  atErrors?: Loose
}

const EVENTS = ['finish', 'close', 'drain', 'error']

/** A promise, and the ways to settle it. */
export function deferred<T = unknown>() {
  let settle: [resolve: (value: T) => void, reject: (error: unknown) => void] | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = [resolve as (value: T) => void, reject]
  })
  const [resolve, reject] = settle as NonNullable<typeof settle>
  return { promise, resolve, reject }
}

/** A gate for a test that says itself when the session is stored, or that it is not. */
export class Gate {
  /** How often each was asked. */
  heads = 0
  ends = 0
  readonly reached = deferred<void>()
  readonly head = deferred<void>()
  readonly end = deferred<void>()
  /** Who is told of a failure, and of which. */
  readonly failures: unknown[] = []

  constructor() {
    for (const { promise } of [this.head, this.end]) promise.catch(() => undefined)
  }

  /** The middleware that holds the response. */
  readonly hold = (_req: IncomingMessage, res: ServerResponse, next: Loose): void => {
    this.guard(res, next)
    next()
  }

  guard(res: ServerResponse, next: Loose): HeldResponse {
    return new HeldResponse(res, {
      beforeHead: () => {
        this.heads++
        this.reached.resolve()
        return this.head.promise
      },
      beforeEnd: () => {
        this.ends++
        return this.end.promise
      },
      failed: error => {
        this.failures.push(error)
        next(error)
      },
    })
  }
}

/** A gatekeeper that needs no time, or some turns of the event loop. */
function keeper(storing: Storing, next: Loose): Gatekeeper {
  const wait = () => (storing === 'later' ? turns(5) : undefined)
  return { beforeHead: wait, beforeEnd: wait, failed: next }
}

export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

export function attempt<T>(say: Say, what: string, work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    say(`${what} threw`, `${(error as { code?: string }).code} ${(error as Error).message}`)
  }
}

/** An app with a held response, and what its handler is told. */
export function appOf(host: Host, handler: Handler, hold: Loose, { before = [], after = [], atErrors }: Around = {}, say: Say = () => {}) {
  const app = createApp(host)
  app.use((_req: IncomingMessage, res: ServerResponse, next: Loose) => {
    res.sendDate = false
    for (const name of EVENTS) res.on(name, () => say(name))
    next()
  })
  for (const one of [...before, hold, ...after]) app.use(one)
  app.use((req: IncomingMessage, res: Loose, next: Loose) => handler(res, say, req, next))
  if (atErrors) app.use(atErrors)
  return listenerOf(app)
}

/** A server on a free port, closed when the test ends. */
export async function serve(listener: Loose, setUp: (server: Server) => void = () => {}): Promise<number> {
  const server = createServer(listener)
  setUp(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as { port: number }).port
}

export interface Raw {
  socket: Socket
  /** All that has arrived. */
  text(): string
  /** Until the server closes the connection. */
  closed: Promise<string>
  /** Until a text has arrived. */
  until(part: string, times?: number): Promise<void>
}

/** A connection on which the test sees every octet. */
export function raw(port: number, request: string): Raw {
  const socket = connect(port, '127.0.0.1')
  const pieces: string[] = []
  let whole = ''
  const text = () => (whole = whole + pieces.splice(0).join(''))
  socket.setEncoding('latin1').on('data', piece => pieces.push(piece as unknown as string))
  socket.on('error', () => undefined)
  const closed = new Promise<string>(resolve => socket.once('close', () => resolve(text())))
  socket.write(request)
  onTestFinished(() => void socket.destroy())
  const until = async (part: string, times = 1) => {
    while (text().split(part).length <= times) await turns(1)
  }
  return { socket, text, closed, until }
}

export const ask = (method = 'GET', path = '/', headers: Record<string, string> = {}): string =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`

export interface Scene extends Around {
  host?: Host
  method?: string
  path?: string
  headers?: Record<string, string>
}

/** One request, and all that its client and its handler see. */
async function run(handler: Handler, storing: Storing, scene: Scene = {}): Promise<Run> {
  const said: string[] = []
  const say: Say = (what, value) => said.push(value === undefined ? what : `${what}: ${JSON.stringify(value)}`)
  const hold = (_req: IncomingMessage, res: ServerResponse, next: Loose) => {
    if (storing !== 'not at all') new HeldResponse(res, keeper(storing, next))
    next()
  }
  const port = await serve(appOf(scene.host ?? 'node:http', handler, hold, scene, say))
  const octets = await raw(port, ask(scene.method, scene.path, scene.headers)).closed
  return { octets, said }
}

const withoutDrain = ({ octets, said }: Run): Run => ({ octets, said: said.filter(one => one !== 'drain') })

/** The same request to a bare response and to held ones. A handler that was made to wait is told to go on, so only `drain` may differ. */
export async function threeTimes(handler: Handler, scene: Scene = {}): Promise<{ bare: Run; atOnce: Run; later: Run }> {
  const bare = await run(handler, 'not at all', scene)
  const atOnce = await run(handler, 'at once', scene)
  const later = withoutDrain(await run(handler, 'later', scene))
  return { bare, atOnce, later }
}

export { withoutDrain }

/** The body of an answer that came in chunks. */
export function joined(chunked: string): string {
  let body = ''
  for (let at = 0; ; ) {
    const line = chunked.indexOf('\r\n', at)
    const size = Number.parseInt(chunked.slice(at, line), 16)
    if (!(size > 0)) return body
    body += chunked.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
  }
}
