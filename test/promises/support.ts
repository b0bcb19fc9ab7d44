import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { MemoryStore } from 'holdfast/stores/memory'
import { onTestFinished } from 'vitest'
import type { Loose } from '../support/subjects.ts'
import { MapStore, Watch } from './watch.ts'

export { type Gate, gate, MapStore, Watch } from './watch.ts'

/** One request as a handler of any framework sees it. */
export interface Turn {
  session: Loose
  readonly path: string
  readonly req: Loose
  readonly res: Loose
  /** The framework's own object: Koa's `ctx`. */
  readonly own: Loose
  header(name: string, value: string): void
  status(code: number): void
  /** Throws what the framework throws for an answer of this status. */
  fail(status: number, message: string): never
  /** From here on the handler answers by itself, on `res`. */
  takeOver(): void
  /** What was written on `res` until now has left, head and all. */
  headLeft(): Promise<void>
}

/** What it returns is the body; nothing leaves the answer to the framework. */
export type Handler = (turn: Turn) => unknown
type Around = (turn: Turn, next: () => Promise<unknown>) => unknown

/** Where sessions live, and by which of the two doors they came. */
export interface Mode {
  name: string
  native: boolean
  place: 'cookie' | 'map' | 'memory'
}

export const dropInCookie: Mode = { name: 'drop-in, cookie', native: false, place: 'cookie' }
export const dropInMap: Mode = { name: 'drop-in, Map', native: false, place: 'map' }
export const dropInMemory: Mode = { name: 'drop-in, MemoryStore', native: false, place: 'memory' }
export const nativeCookie: Mode = { name: 'native, cookie', native: true, place: 'cookie' }
export const nativeMemory: Mode = { name: 'native, MemoryStore', native: true, place: 'memory' }

export const everyMode = [dropInCookie, dropInMap, dropInMemory, nativeCookie, nativeMemory]
export const storeModes = everyMode.filter(mode => mode.place !== 'cookie')
export const holdfastStores = everyMode.filter(mode => mode.place === 'memory')
export const dropInModes = everyMode.filter(mode => !mode.native)

export interface Setup {
  mode: Mode
  /** By path; `*` answers for all others. */
  routes: Record<string, Handler>
  /** The drop-in's options, or what may stand beside a native manager. */
  options?: Loose
  /** Options of `createSessions`. */
  native?: Loose
  /** The keys of either mode, newest first. */
  keys?: Loose
  /** In place of a new one. */
  store?: Watch
  /** A middleware before the session's. */
  around?: Around
  /** It stands behind a proxy that is believed. */
  proxy?: boolean
  /** The framework's app, before it gets its session. */
  prepare?: (app: Loose) => void
  /** Leave the session's middleware out. */
  bare?: boolean
}

export interface Site {
  port: number
  server: http.Server
  app: Loose
  /** What a server calls for each request. */
  handler: Loose
  /** The session's middleware. */
  middleware: Loose
  /** The native manager. */
  sessions: Loose
  store: Watch
  cookieName: string
  /** What the framework's error handler got, in order. */
  errors: Loose[]
  /** The session events, in order. */
  events: { name: string; event: Loose }[]
  visitor(): Visitor
}

/** All that the suites know of a framework. */
export interface Driver {
  name: string
  framework: 'koa' | 'express' | 'fetch' | 'fastify'
  /** Whether it has this mode. */
  modes(mode: Mode): boolean
  /** Whether `regenerate()` keeps the data: Koa's default, and native mode's; express-session drops them. */
  keepsDataWithNewId(mode: Mode): boolean
  /** The adapter's guard against other sites, as a handler that throws. */
  guard(site: Site, options: { origins: string[] }): (turn: Turn) => Promise<void>
  /** An app with one session and these routes, listening on the loopback interface until the test has finished. */
  open(setup: Setup): Promise<Site>
}

export const keys = ['the newest of the secrets, 0123456789', 'an older one of the secrets, 0123456789']

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  setCookie: string[]
  body: string
  octets: Buffer
}

export interface Ask {
  method?: string
  headers?: Record<string, string>
}

/** A browser that takes every cookie of one site, Secure ones too, as browsers do on localhost. */
export class Visitor {
  readonly cookies = new Map<string, string>()
  readonly port: number
  readonly #agent = new http.Agent({ keepAlive: true })

  constructor(port: number) {
    this.port = port
  }

  get(path: string, ask: Ask = {}): Promise<Answer> {
    const answer = this.#get(path, ask)
    // Who awaits it is told that it failed. A test that ends in its middle awaits nothing any more, and its server hangs up.
    answer.catch(() => undefined)
    return answer
  }

  async #get(path: string, { method = 'GET', headers = {} }: Ask): Promise<Answer> {
    const cookie = this.header()
    const all = { ...(cookie && { cookie }), ...headers }
    const request = http.request({ host: '127.0.0.1', port: this.port, path, method, headers: all, agent: this.#agent })
    request.end()
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    const setCookie = response.headers['set-cookie'] ?? []
    this.take(setCookie)
    const pieces: Buffer[] = []
    for await (const piece of response) pieces.push(piece as Buffer)
    const octets = Buffer.concat(pieces)
    return { status: response.statusCode ?? 0, headers: response.headers, setCookie, body: octets.toString(), octets }
  }

  header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  take(lines: string[]): void {
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      const expires = /; expires=([^;]+)/i.exec(line)?.[1]
      if (expires && Date.parse(expires) <= Date.now()) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
  }
}

export function newStore(mode: Mode): Watch {
  return new Watch(mode.place === 'map' ? new MapStore() : new MemoryStore())
}

/** Options whose hook `onCreate` looks at its request as Koa and Express tell it. */
export function asKoas(native: Loose, requestOf: (source: Loose) => object): Loose {
  const { onCreate, passive, onStoreError } = native ?? {}
  const first = (hook: Loose) => typeof hook === 'function' && ((source: Loose, ...rest: Loose[]) => hook(requestOf(source), ...rest))
  const hooks = {
    onCreate: first(onCreate),
    passive: first(passive),
    onStoreError: typeof onStoreError === 'function' && ((error: unknown, source: Loose) => onStoreError(error, requestOf(source))),
  }
  return { ...native, ...Object.fromEntries(Object.entries(hooks).filter(([, hook]) => hook)) }
}

export interface Warned {
  code: string
  message: string
}

/** Holdfast's warnings from here to the end of the test, as Node's own event tells them. */
export function warnings(): Warned[] {
  const seen: Warned[] = []
  const listen = (warning: Loose) => {
    if (String(warning.code).startsWith('HOLDFAST')) seen.push(warning)
  }
  process.on('warning', listen)
  onTestFinished(() => void process.off('warning', listen))
  return seen
}

/** Two turns of the event loop: what was put off to the next one has happened. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise(resolve => setImmediate(resolve))
}

/** Asks again until it is so; the test's own time limit ends it. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 10))
}

/** One exchange on a connection of its own, octet by octet. */
export interface Raw {
  /** What has arrived so far. */
  text(): string
  /** All of it, once the server has closed the connection. */
  done: Promise<string>
}

export function raw(port: number, path: string, headers: Record<string, string> = {}, method = 'GET'): Raw {
  const socket = net.connect(port, '127.0.0.1')
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  let text = ''
  socket.setEncoding('latin1').on('data', piece => {
    text += piece
  })
  const done = once(socket, 'close').then(() => text)
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${lines.join('')}\r\n`)
  return { text: () => text, done }
}

/** A handler that writes into the session and then does something else. */
export function write(data: object, then: string | Handler = 'done'): Handler {
  return turn => {
    Object.assign(turn.session, data)
    return typeof then === 'string' ? then : then(turn)
  }
}

/** A handler that tells a key of the session, or that there is none. */
export function read(key: string): Handler {
  return turn => String(turn.session?.[key] ?? 'nothing')
}

export function refuse(status: number, message: string): Handler {
  return turn => turn.fail(status, message)
}

/** A handler that tells the data of the session, without what express-session keeps beside them. */
export const tellAll: Handler = turn => JSON.stringify({ ...turn.session, cookie: undefined })

export const logout: Handler = turn => {
  turn.session = null
  return 'out'
}

export const renew: Handler = async turn => {
  await turn.session.regenerate()
  return 'renewed'
}

export function redirectTo(turn: Turn, path: string): string {
  turn.status(302)
  turn.header('Location', path)
  return ''
}
