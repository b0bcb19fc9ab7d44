// The visitors of bench/soak.mjs: so many of them, of whom a few do something at any moment.
import { Agent, request } from 'node:http'

const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const TICK_MS = 20
/** More than that are not begun: a server that is behind is not buried. */
const MOST_AT_ONCE = 200
const LONGEST_STREAM_MS = 20_000

/** How often each thing is done by those who are signed in, of a hundred times. */
const DEEDS = { read: 55, write: 25, together: 4, regenerate: 5, logout: 4, abort: 5, stream: 2 }
const deck = Object.entries(DEEDS).flatMap(([deed, times]) => Array(times).fill(deed))
const any = list => list[Math.floor(Math.random() * list.length)]

class Visitor {
  #cookies = new Map()
  user = false
  busy = false

  /** @param {string} app @param {number} number */
  constructor(app, number) {
    this.app = app
    this.number = number
  }

  headers() {
    const cookie = Array.from(this.#cookies, pair => pair.join('=')).join('; ')
    return { 'User-Agent': USER_AGENT, 'Sec-Fetch-Site': 'same-origin', ...(cookie && { Cookie: cookie }) }
  }

  follow({ headers: { 'set-cookie': lines = [] } }) {
    for (const line of lines) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
  }
}

export class SoakLoad {
  #port
  #agent = new Agent({ keepAlive: true, maxSockets: 64 })
  #visitors
  #timer
  #owed = 0
  #underWay = 0
  /** What was done how often, and what was answered otherwise than by 200. */
  done = {}
  odd = {}

  /** @param {number} port @param {Record<string, number>} visitors how many of each app */
  constructor(port, visitors) {
    this.#port = port
    this.#visitors = Object.entries(visitors).flatMap(([app, count]) => Array.from({ length: count }, (_, n) => new Visitor(app, n)))
  }

  /** Everybody signs in. */
  async signIn() {
    const waiting = [...this.#visitors]
    const lane = async () => {
      for (let visitor = waiting.pop(); visitor; visitor = waiting.pop()) await this.#do('login', visitor)
    }
    await Promise.all(Array.from({ length: 32 }, lane))
  }

  /** @param {number} rate requests per second */
  start(rate) {
    let last = performance.now()
    this.#timer = setInterval(() => {
      const now = performance.now()
      this.#owed = Math.min(this.#owed + ((now - last) / 1000) * rate, rate)
      last = now
      for (; this.#owed >= 1 && this.#underWay < MOST_AT_ONCE; this.#owed--) {
        const visitor = any(this.#visitors)
        if (visitor.busy) continue
        void this.#do(visitor.user ? any(deck) : 'login', visitor)
      }
    }, TICK_MS)
  }

  stop() {
    clearInterval(this.#timer)
    this.#agent.destroy()
  }

  async #do(deed, visitor) {
    // Cookies of some are all there is of them, and nobody has a list.
    const what = deed === 'stream' && visitor.app !== 'redis' ? 'read' : deed
    this.done[what] = (this.done[what] ?? 0) + 1
    this.#underWay++
    visitor.busy = true
    try {
      if (what === 'stream') this.#stream(visitor)
      else if (what === 'abort') await this.#abort(visitor)
      else if (what === 'together') await Promise.all([this.#ask(visitor, 'write'), this.#ask(visitor, 'write')])
      else visitor.user = (await this.#ask(visitor, what)) !== 'nobody'
    } catch (error) {
      this.#note(error.code ?? error.message)
    } finally {
      visitor.busy = false
      this.#underWay--
    }
  }

  #note(what) {
    this.odd[what] = (this.odd[what] ?? 0) + 1
  }

  #options(visitor, path) {
    return { host: '127.0.0.1', port: this.#port, path: `/${visitor.app}/${path}`, headers: visitor.headers() }
  }

  #ask(visitor, path) {
    return new Promise((resolve, reject) => {
      const sent = request({ ...this.#options(visitor, `${path}?user=${visitor.number}`), agent: this.#agent }, answer => {
        let body = ''
        answer.setEncoding('latin1')
        answer.on('data', text => {
          body += text
        })
        answer.on('end', () => {
          if (answer.statusCode !== 200) this.#note(answer.statusCode)
          visitor.follow(answer)
          resolve(answer.statusCode === 200 ? body : 'nobody')
        })
        answer.on('error', reject)
      })
      sent.on('error', reject)
      sent.end()
    })
  }

  /** A connection that breaks off at some moment before the answer, or in it. What it would have set is lost. */
  #abort(visitor) {
    return new Promise(resolve => {
      const path = any(['read', 'write', 'write', 'regenerate', 'account/sessions'])
      const sent = request({ ...this.#options(visitor, path), agent: false })
      sent.on('error', () => {})
      sent.on('response', answer => answer.on('error', () => {}).resume())
      sent.on('close', resolve)
      sent.end()
      setTimeout(() => sent.destroy(), Math.random() * 10)
    })
  }

  /** The account page, open for a while; its session may end meanwhile. */
  #stream(visitor) {
    const sent = request({ ...this.#options(visitor, 'account/sessions?events'), agent: false })
    sent.on('error', () => {})
    sent.on('response', answer => {
      if (answer.statusCode !== 200) this.#note(answer.statusCode)
      answer.on('error', () => {}).resume()
    })
    sent.end()
    const drop = setTimeout(() => sent.destroy(), Math.random() * LONGEST_STREAM_MS)
    sent.on('close', () => clearTimeout(drop))
  }
}
