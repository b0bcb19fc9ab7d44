// Runs a ```js block of the pages for real.
//
// A block is the body of an async function in a prepared scope; what it declares or imports itself hides a name of the scope:
//
//   app         a new Koa with `keys`            session     the default export of holdfast/koa
//   keys        a list of one secret             sessions    a native manager with a MemoryStore
//   store       a koa-session store on a Map     users       { find(name) } -> { id, name }
//   Koa, express, MemoryStore, and every export of holdfast
//
// On the pages about Express, `app` is a new Express app, `session` the default export of holdfast/express, `store` an express-session
// store on a Map, and `secret` a secret; a block mounts its session itself.
//
// A block that names process.env.REDIS_URL, DATABASE_URL, MYSQL_URL or MONGODB_URL gets a real server there (databases.ts).
//
// Then its app answers: the last one that the block made, else `app`. Where it listens, on whatever port, it gets a free one of the
// loopback interface. A block that mounts no session gets one (native in docs/sessions.md), and one whose handlers let a request
// pass gets a view counter, which must count. Notes before a block say more:
//
//   <!-- requests: GET /login, GET / 200 "ann" -->   in place of two times `GET / 200`; one jar keeps the cookies;
//                                                     the method `UPGRADE` asks for a WebSocket; `POST` comes from a page
//                                                     of the site, `FOREIGN` is a POST from a page of another one
//   <!-- throws: TypeError maxAge -->                 it throws this, with this in its text
//   <!-- warns: HOLDFAST_INSECURE -->                 it prints a warning of this code
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net, { type AddressInfo } from 'node:net'
import fastify from 'fastify'
import * as holdfast from 'holdfast'
import * as holdfastAccount from 'holdfast/account'
import * as holdfastAdmin from 'holdfast/admin'
import * as holdfastExpress from 'holdfast/express'
import * as holdfastFastify from 'holdfast/fastify'
import * as holdfastFetch from 'holdfast/fetch'
import * as holdfastKoa from 'holdfast/koa'
import * as file from 'holdfast/stores/file'
import * as memory from 'holdfast/stores/memory'
import * as migrating from 'holdfast/stores/migrating'
import * as mongodb from 'holdfast/stores/mongodb'
import * as mysql from 'holdfast/stores/mysql'
import * as postgres from 'holdfast/stores/postgres'
import * as redis from 'holdfast/stores/redis'
import * as sqlite from 'holdfast/stores/sqlite'
import { Hono } from 'hono'
import RealKoa from 'koa'
import peerSession from 'koa-session'
import { vi } from 'vitest'
import * as zod from 'zod'
import { fetchServer } from '../support/fetch-server.ts'
import { Clients, startServersFor } from './databases.ts'
import { COUNTER, connectStore, Web } from './express.ts'
import type { Block } from './pages.ts'

// biome-ignore lint/suspicious/noExplicitAny: blocks are plain JavaScript
type Loose = any
type Names = Record<string, unknown>

/** What each mode says at its start; every page that shows the mode would print it. */
const NOTICES = new Set(['HOLDFAST_COOKIE_MODE', 'HOLDFAST_PEER_STORE', 'HOLDFAST_OPTION'])
const keys = ['a secret of at least thirty-two octets']

export async function runBlock({ at, code, notes }: Block): Promise<void> {
  const stage = new Stage(at)
  await startServersFor(code)
  const servers = captureListening()
  const warnings: string[] = []
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation((warning: unknown, options?: Loose, code?: unknown) => {
    warnings.push(`${code ?? options?.code ?? ''} ${String(warning)}`)
  })
  try {
    if (notes.throws) return await mustThrow(stage, code, notes.throws)
    await stage.run(code)
    await stage.serve(servers.list, notes.requests ?? 'GET / 200, GET / 200')
    expectWarnings(warnings, notes.warns)
  } finally {
    warn.mockRestore()
    await servers.close()
    await stage.clients.close()
  }
}

async function mustThrow(stage: Stage, code: string, expected: string): Promise<void> {
  const [name, ...words] = expected.split(' ')
  const error = await stage.run(code).then(
    () => undefined,
    (thrown: unknown) => thrown as Error,
  )
  const seen = error ? `${error.name}: ${error.message}` : 'nothing'
  if (!error || error.name !== name || !error.message.includes(words.join(' '))) throw new Error(`expected ${expected}, thrown was ${seen}`)
}

function expectWarnings(warnings: string[], expected: string | undefined): void {
  const others = warnings.filter(line => !NOTICES.has(line.split(' ')[0] as string))
  const missing = expected && !others.some(line => line.startsWith(expected))
  if (missing) throw new Error(`no warning ${expected} was printed`)
  const unexpected = others.filter(line => !expected || !line.startsWith(expected))
  if (unexpected.length > 0) throw new Error(`warnings were printed: ${unexpected.join('\n')}`)
}

class Stage {
  readonly apps: Loose[] = []
  readonly errors: unknown[] = []
  readonly scope: Names
  readonly clients = new Clients()
  readonly #modules: Record<string, Names>
  readonly #finished = new Set<Loose>()
  readonly #native: boolean
  readonly #web: Web

  constructor(at: string) {
    this.#native = at.startsWith('docs/sessions.md')
    const { apps } = this
    this.#web = new Web(apps, this.errors)
    const stage = this
    class Koa extends (RealKoa as unknown as new () => Loose) {
      constructor() {
        super()
        apps.push(this)
      }
      callback(): http.RequestListener {
        stage.finish(this)
        return super.callback()
      }
    }
    this.#modules = {
      holdfast: { ...holdfast },
      'holdfast/koa': { ...holdfastKoa },
      'holdfast/express': { ...holdfastExpress },
      'holdfast/fetch': { ...holdfastFetch },
      'holdfast/fastify': { ...holdfastFastify },
      fastify: { default: fastify },
      hono: { Hono },
      // Stands in for that package, which does for an app what every host does.
      '@hono/node-server': { serve: ({ fetch, port }: Loose) => fetchServer(fetch).listen(port) },
      'holdfast/account': { ...holdfastAccount },
      'holdfast/admin': { ...holdfastAdmin },
      'holdfast/stores/memory': { ...memory },
      'holdfast/stores/migrating': { ...migrating },
      'holdfast/stores/file': { FileStore: this.clients.fileStore(file.FileStore) },
      'holdfast/stores/sqlite': { ...sqlite },
      'holdfast/stores/redis': { ...redis },
      'holdfast/stores/postgres': { ...postgres },
      'holdfast/stores/mysql': { ...mysql },
      'holdfast/stores/mongodb': { ...mongodb },
      koa: { default: Koa, 'module.exports': Koa },
      'koa-session': { default: peerSession, 'module.exports': peerSession },
      zod: { ...zod },
      ...this.#web.modules,
    }
    const { express } = this.#web
    this.scope = { Koa, express, keys, ...holdfast, ...memory }
    if (/^docs\/\S*express/.test(at)) {
      Object.assign(this.scope, { app: express(), session: holdfastExpress.default, store: connectStore(), secret: keys[0] })
    } else {
      const app = new Koa()
      app.keys = keys
      Object.assign(this.scope, { app, session: holdfastKoa.default, store: koaSessionStore() })
    }
    this.scope.users = { find: async (name: string) => ({ id: name, name }) }
    // What an example prints is for its reader.
    this.scope.console = { log() {}, error() {}, warn() {} }
    this.scope.sessions = holdfast.createSessions({ keys, store: new memory.MemoryStore() })
  }

  async run(code: string): Promise<void> {
    const body = rewriteImports(code)
    const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<void>
    const names = {
      ...this.scope,
      imported: (from: string, wanted: string[]) => this.#import(from, wanted),
      require: (from: string) => this.#require(from),
    }
    await new AsyncFunction(...Object.keys(names), `'use strict'; {\n${body}\n}`)(...Object.values(names))
  }

  async #import(from: string, wanted: string[]): Promise<Names> {
    const module = from.startsWith('node:')
      ? ((await import(from)) as Names)
      : (this.#modules[from] ?? (await this.clients.module(from)) ?? (await this.#web.module(from)))
    if (!module) throw new Error(`the block imports "${from}", which test/docs/run.ts does not know`)
    for (const name of wanted) if (!(name in module)) throw new Error(`"${from}" has no export "${name}"`)
    return module
  }

  #require(from: string): unknown {
    const module: Loose = this.#modules[from] ?? this.#web.require(from)
    if (!module) throw new Error(`the block requires "${from}", which test/docs/run.ts does not know`)
    return module['module.exports'] ?? module
  }

  /** Before it answers, an app gets what the block left out. */
  finish(app: Loose): void {
    if (this.#finished.has(app)) return
    this.#finished.add(app)
    // Examples set `secure`; here, as behind most proxies, a header says https.
    app.proxy = true
    app.on('error', (error: unknown) => this.errors.push(error))
    if (!('session' in app.context) && !app.middleware.some((one: Loose) => 'load' in one)) {
      app.middleware.unshift(this.#native ? holdfastKoa.default(this.scope.sessions as Loose, app) : holdfastKoa.default(app))
    }
    app.use((ctx: Loose) => {
      ctx.session.views = (ctx.session.views ?? 0) + 1
      ctx.body = ctx.session.views
      ctx.set('x-counter', COUNTER)
    })
  }

  async serve(listening: net.Server[], requests: string): Promise<void> {
    this.#web.finish()
    const app = this.apps.at(-1)
    const server = (listening.at(-1) as http.Server | undefined) ?? http.createServer(app.callback?.() ?? app).listen()
    await this.#requests(server, requests)
  }

  async #requests(server: http.Server, requests: string): Promise<void> {
    const jar = new Map<string, string>()
    let counted = 0
    for (const request of requests.split(/, (?=[A-Z]+ \/)/)) {
      const [, method, path, status = '200', text] = /^([A-Z]+) (\S+)(?: (\d{3}))?(?: "(.*)")?$/.exec(request) ?? []
      if (!method || !path) throw new Error(`not a request: ${request}`)
      const answer = await send(server, method, path, jar)
      const seen = `${request}: the answer was ${answer.status} ${answer.body}${this.errors.map(error => `\n${(error as Error)?.stack ?? String(error)}`).join('')}`
      if (answer.status !== Number(status)) throw new Error(seen)
      if (text !== undefined && answer.body !== text) throw new Error(seen)
      if (answer.counter && text === undefined && Number(answer.body) !== ++counted)
        throw new Error(`the counter says ${answer.body} after ${counted} views: the session was not kept`)
    }
  }
}

/** A koa-session store, as the scope offers it. */
function koaSessionStore(): unknown {
  const records = new Map<string, string>()
  return {
    get: async (id: string) => records.has(id) && JSON.parse(records.get(id) as string),
    set: async (id: string, data: unknown) => void records.set(id, JSON.stringify(data)),
    destroy: async (id: string) => void records.delete(id),
  }
}

/** Import statements as what a function body may say. */
export function rewriteImports(code: string): string {
  return code
    .replace(/^import\s+([^'";]+?)\s+from\s+'([^']+)'/gm, (_, clause: string, from: string) => importing(clause, from))
    .replace(/^import\s+'([^']+)'/gm, (_, from: string) => `await imported('${from}', [])`)
    .replace(/^export (?=const|let|class|function|async)/gm, '')
}

function importing(clause: string, from: string): string {
  const all = /^\* as (\w+)$/.exec(clause)
  if (all) return `const ${all[1]} = await imported('${from}', [])`
  const [, first, , named = ''] = /^(\w+)?(\s*,\s*)?(?:\{([^}]*)\})?$/.exec(clause) ?? []
  const names = named
    .split(',')
    .map(name => name.trim())
    .filter(Boolean)
  const wanted = [...(first ? ['default'] : []), ...names.map(name => name.split(' as ')[0] as string)]
  const pattern = [...(first ? [`default: ${first}`] : []), ...names.map(name => name.replace(' as ', ': '))]
  return `const { ${pattern.join(', ')} } = await imported('${from}', ${JSON.stringify(wanted)})`
}

/** Whatever listens from now on gets a free port of the loopback interface, and is closed at the end. */
function captureListening(): { list: net.Server[]; close(): Promise<void> } {
  const list: net.Server[] = []
  const { listen } = net.Server.prototype
  net.Server.prototype.listen = function (this: net.Server, ...args: Loose[]) {
    list.push(this)
    return (listen as Loose).call(
      this,
      0,
      '127.0.0.1',
      args.find(arg => typeof arg === 'function'),
    )
  } as typeof listen
  return {
    list,
    async close() {
      net.Server.prototype.listen = listen
      for (const server of list) {
        ;(server as http.Server).closeAllConnections?.()
        await new Promise(resolve => server.close(resolve))
      }
    },
  }
}

interface Answer {
  status: number
  body: string
  counter: boolean
}

async function send(server: http.Server, method: string, path: string, jar: Map<string, string>): Promise<Answer> {
  if (!server.listening) await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const ask = server.constructor.name === 'Http2Server' ? askByHttp2 : askByHttp1
  const headers = { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '), 'x-forwarded-proto': 'https' }
  if (method === 'UPGRADE') return upgrade(port, path, headers)
  const foreign = method === 'FOREIGN'
  // A browser says of each form where it stood.
  const from: Record<string, string> = method === 'GET' ? {} : { 'sec-fetch-site': foreign ? 'cross-site' : 'same-origin' }
  const { setCookie, ...answer } = await ask(port, foreign ? 'POST' : method, path, { ...headers, ...from })
  for (const line of setCookie) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (value === '') jar.delete(name)
    else jar.set(name, value)
  }
  return answer
}

interface Received extends Answer {
  setCookie: string[]
}

async function askByHttp1(port: number, method: string, path: string, headers: Record<string, string>): Promise<Received> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, redirect: 'manual' })
  const counter = response.headers.get('x-counter') === COUNTER
  return { status: response.status, body: await response.text(), counter, setCookie: response.headers.getSetCookie() }
}

async function askByHttp2(port: number, method: string, path: string, headers: Record<string, string>): Promise<Received> {
  const client = http2.connect(`http://127.0.0.1:${port}`)
  try {
    const stream = client.request({ ':method': method, ':path': path, ...headers })
    const [head] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader]
    let body = ''
    for await (const chunk of stream.setEncoding('utf8')) body += chunk
    return { status: head[':status'] ?? 0, body, counter: head['x-counter'] === COUNTER, setCookie: head['set-cookie'] ?? [] }
  } finally {
    client.close()
  }
}

/** Asks for a WebSocket. */
function upgrade(port: number, path: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = { ...headers, connection: 'Upgrade', upgrade: 'websocket' }
    const request = http.get({ host: '127.0.0.1', port, path, headers: asked, agent: false })
    const answered = ({ statusCode = 0 }: http.IncomingMessage) => resolve({ status: statusCode, body: '', counter: false })
    request.on('response', answered).on('upgrade', answered).on('error', reject)
  })
}
