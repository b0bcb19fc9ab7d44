// The oldest open bug of the peer: a redirect's headers leave before its session is stored, and a client that follows at once does not
// find what it has just written. Here the client follows with the head's last octet, and the store takes its time.
import { connect } from 'node:net'
import session from 'holdfast/express'
import { describe, expect, it, vi } from 'vitest'
import { createApp, expresses, type Host, listenerOf } from '../support/express/hosts.ts'
import type { Loose } from '../support/subjects.ts'
import { ask, serve } from './exchange.ts'

vi.setConfig({ testTimeout: 60_000 })

/** As `connect-*` stores are written: by callbacks, on a Map. */
class SlowStore extends session.Store {
  readonly #records = new Map<string, string>()
  readonly #ms: number
  writes = 0

  constructor(ms: number) {
    super()
    this.#ms = ms
  }

  get(id: string, done: (error: unknown, found?: object) => void): void {
    // What is there when it is asked, and an answer that takes its time: as a database over a slow line.
    const found = this.#records.get(id)
    this.#later(() => done(null, found === undefined ? undefined : JSON.parse(found)))
  }

  set(id: string, data: object, done: (error?: unknown) => void): void {
    const text = JSON.stringify(data)
    this.#later(() => {
      this.#records.set(id, text)
      this.writes++
      done()
    })
  }

  destroy(id: string, done: (error?: unknown) => void): void {
    this.#later(() => {
      this.#records.delete(id)
      done()
    })
  }

  #later(work: () => void): void {
    setTimeout(work, this.#ms)
  }
}

/** Sends a request, and resolves in the turn in which the last octet of the head arrives. */
function headOf(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1').on('data', piece => {
      text += piece
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) return
      socket.destroy()
      resolve(text.slice(0, end))
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`closed after: ${text}`)))
    socket.write(request)
  })
}

const ways: Record<string, (res: Loose) => unknown> = {
  redirect: res => res.redirect('/read'),
  'a head of its own': res => res.writeHead(303, { location: '/read' }).end(),
  'a stream': res => {
    res.writeHead(303, { location: '/read' })
    res.write('go')
    res.end('on')
  },
  'a flushed head': res => {
    res.statusCode = 303
    res.setHeader('location', '/read')
    res.flushHeaders()
    res.end()
  },
}

async function site(host: Host, way: string) {
  const store = new SlowStore(100)
  const app = createApp(host)
  app.use(session({ secret: 'a secret', store: store as never, resave: false, saveUninitialized: false }))
  app.use((req: Loose, res: Loose) => {
    if (req.url.startsWith('/write')) {
      req.session.value = req.url.slice('/write/'.length)
      ways[way]?.(res)
    } else res.setHeader('x-value', String(req.session.value)).end()
  })
  const port = await serve(listenerOf(app), server => server.setMaxListeners(0))
  const cookieOf = (head: string) => /^set-cookie: ([^;]+)/im.exec(head)?.[1] ?? ''
  /** A visitor who writes, and follows at once; what he then reads. */
  const visit = async (value: string, cookie?: string) => {
    const head = await headOf(port, ask('GET', `/write/${value}`, cookie ? { cookie } : {}))
    expect(head).toMatch(/^HTTP\/1.1 30[23] /)
    const mine = cookie ?? cookieOf(head)
    const read = await headOf(port, ask('GET', '/read', { cookie: mine }))
    return { cookie: mine, read: /^x-value: (.*)$/im.exec(read)?.[1] }
  }
  return { visit, store }
}

describe.each(expresses)('%s', host => {
  const counts = Object.keys(ways).map(way => [way === 'redirect' ? 1000 : 100, way] as const)
  it.each(counts)('promise 4: a client that follows by headers alone reads its own write, %i times of as many (%s)', async (count, way) => {
    const { visit, store } = await site(host, way)
    let right = 0
    const visitors = Array.from({ length: count / 2 }, async (_, visitor) => {
      // The first time with a new session, the second time with the one that is there.
      let cookie: string | undefined
      for (const value of [`${visitor}-first`, `${visitor}-second`]) {
        const seen = await visit(value, cookie)
        cookie = seen.cookie
        if (seen.read === value) right++
      }
    })
    await Promise.all(visitors)
    expect(right).toBe(count)
    expect(store.writes).toBe(count)
  })
})
