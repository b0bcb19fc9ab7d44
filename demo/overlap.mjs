import { randomUUID } from 'node:crypto'
import { MODE_COOKIE, modeOf, modes } from './modes.mjs'

export const REQUESTS = 20
const PATIENCE_MS = 10_000

/**
 * Twenty requests of one visitor at once, in each mode: this server sends them to itself with the visitor's cookies, and keeps the cookies
 * of the answers as the visitor's browser would. Each waits until all of them have their session open; then they write.
 */
export class Overlap {
  /** Only this process knows it: nobody else can send the requests that wait for each other. */
  #secret = randomUUID()
  #gates = new Map()

  /** The routes of those requests; others go past. */
  routes = async (ctx, next) => {
    if (ctx.get('X-Holdfast-Demo') !== this.#secret) return next()
    const session = ctx[modes[modeOf(ctx)].property]
    const { n, gate } = ctx.query
    switch (ctx.path) {
      case '/overlap/begin':
        session.writes = {}
        session.total = 0
        break
      case '/overlap/write':
        await this.#all(gate)
        session.writes[n] = true
        break
      case '/overlap/add':
        await this.#all(gate)
        await session.update(draft => {
          draft.total++
        })
        break
    }
    ctx.body = { writes: Object.keys(session.writes).length, total: session.total }
  }

  /** What is left of them in each mode. The visitor gets the cookies that the last answers carried. */
  async run(ctx) {
    const jar = new Jar(ctx.get('Cookie'))
    const results = {}
    for (const mode of ['cookie', 'store']) {
      await this.#ask(ctx, jar, mode, '/overlap/begin')
      const failed = {
        writes: await this.#askAll(ctx, jar, mode, '/overlap/write'),
        total: await this.#askAll(ctx, jar, mode, '/overlap/add'),
      }
      results[mode] = { ...(await this.#ask(ctx, jar, mode, '/overlap/count')), failed }
    }
    for (const line of jar.lines()) ctx.append('Set-Cookie', line)
    return results
  }

  /** How many were answered by an error: what they wrote was never said to be saved. */
  async #askAll(ctx, jar, mode, path) {
    const gate = randomUUID()
    this.#gates.set(gate, new Gate(REQUESTS))
    try {
      const cookie = jar.header(mode)
      const requests = Array.from({ length: REQUESTS }, (_, n) => this.#ask(ctx, jar, mode, `${path}?gate=${gate}&n=${n + 1}`, cookie))
      const answers = await Promise.all(requests)
      return answers.filter(answer => answer === undefined).length
    } finally {
      this.#gates.delete(gate)
    }
  }

  async #ask(ctx, jar, mode, path, cookie = jar.header(mode)) {
    const { localAddress, localPort } = ctx.req.socket
    const host = localAddress.includes(':') ? `[${localAddress}]` : localAddress
    const response = await fetch(`http://${host}:${localPort}${path}`, {
      method: 'POST',
      headers: { cookie, 'X-Holdfast-Demo': this.#secret },
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    jar.keep(response.headers.getSetCookie())
    return response.ok ? response.json() : undefined
  }

  /** Resolves when all requests have come this far, each with its session loaded. */
  #all(gate) {
    return this.#gates.get(gate)?.pass()
  }
}

class Gate {
  #missing
  #open = () => {}
  #opened = new Promise(resolve => {
    this.#open = resolve
  })

  constructor(count) {
    this.#missing = count
  }

  pass() {
    if (--this.#missing === 0) this.#open()
    return this.#opened
  }
}

/** The cookies of one visitor: of two answers, the one that comes later counts. */
class Jar {
  #cookies = new Map()
  #lines = new Map()

  constructor(header) {
    for (const pair of header.split(/; */).filter(Boolean)) this.#put(pair)
  }

  keep(lines) {
    for (const line of lines) {
      const pair = line.split(';', 1)[0]
      this.#put(pair)
      this.#lines.set(nameOf(pair), line)
    }
  }

  header(mode) {
    return [...new Map(this.#cookies).set(MODE_COOKIE, `${MODE_COOKIE}=${mode}`).values()].join('; ')
  }

  /** What the visitor's browser has to be told. */
  lines() {
    return this.#lines.values()
  }

  #put(pair) {
    this.#cookies.set(nameOf(pair), pair)
  }
}

const nameOf = pair => pair.split('=', 1)[0]
