// One process of a site, on the built package: sessions by `holdfast/express` over bare node:http, and a store client of its own. 2xx means
// acknowledged; an error says its code, and whether it promises that nothing was applied.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createSessions, SessionError } from 'holdfast'
import session from 'holdfast/express'
import { sabotages, watched } from './worker-store.mjs'

/** @type {import('./site.ts').WorkerSetup} */
const { module, open: options, keys, sessions: more, sabotage, port } = JSON.parse(process.argv[2] ?? '')

// The clock of this machine, for all that runs in this process.
const machine = Date.now
let offset = 0
Date.now = () => machine() + offset

const { open } = await import(module)
// Stores without a server have this process's clock.
const own = /\/(memory|file|sqlite)[^/]*$/.test(module)
const { store } = await open({ ...options, ...(own && { now: () => Date.now() }) })
const stops = watched(sabotage ? sabotages[sabotage](store) : store, point => process.send?.({ stopped: point }))

const sessions = createSessions({
  keys,
  store: stops.store,
  cookie: { name: 'sid' },
  device: false,
  storeTimeout: 5000,
  onGone: 'error',
  ...more,
})
const middleware = session(sessions)

const routes = {
  async open(session, query) {
    session.name = query.get('s')
    if (query.has('user')) await session.login(query.get('user'))
    return {}
  },
  read: async session => ({ data: { ...session } }),
  async write(session, query) {
    session[query.get('field')] = query.get('value')
    return {}
  },
  async bump(session) {
    let count = 0
    await session.update(draft => {
      count = draft.n = (draft.n ?? 0) + 1
    })
    return { count }
  },
  async regenerate(session) {
    await session.regenerate()
    return {}
  },
  async logout(session) {
    await session.logout()
    return {}
  },
}

function answer(res, status, body) {
  if (res.headersSent) return res.destroy()
  res.statusCode = status
  res.setHeader('Content-Type', 'application/json')
  res.end(JSON.stringify(body))
}

/** Why it has failed, down to the first cause: for people. */
const reasons = error => (error instanceof Error ? [`${error.code ?? error.name}: ${error.message}`, ...reasons(error.cause)] : [])

/** Every error of Holdfast's but that of a store says that nothing was stored. */
function fail(res, error) {
  const status = error.status >= 400 ? error.status : 500
  const outcome = error.outcome ?? (error instanceof SessionError ? 'not-applied' : 'unknown')
  answer(res, status, { code: error.code ?? error.name, outcome, why: reasons(error) })
}

const server = createServer((req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost')
  const handler = routes[pathname.slice(1)]
  middleware(req, res, error => {
    if (error) fail(res, error)
    else if (!handler) answer(res, 404, {})
    // A fresh session, or one that stands for another that has ended.
    else if (pathname !== '/open' && req.session.name === undefined) answer(res, 401, {})
    else
      handler(req.session, searchParams).then(
        body => answer(res, 200, body),
        error => fail(res, error),
      )
  })
})
// A connection that is closed as it is used again would be an answer that nobody knows.
server.keepAliveTimeout = 600_000
server.listen(port, '127.0.0.1')
await once(server, 'listening')

const orders = {
  facts() {
    globalThis.gc?.()
    const { rss, heapUsed } = process.memoryUsage()
    const sockets = process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
    return { rss, heap: heapUsed, sockets }
  },
  clock(ms) {
    offset = ms
  },
  stopAt: point => stops.stopAt(point),
  release: () => stops.release(),
}

process.on('message', async ({ id, order, args }) => {
  try {
    process.send?.({ id, answer: await orders[order](...args) })
  } catch (error) {
    process.send?.({ id, error: error.stack })
  }
})
// Whoever has started it is gone.
process.on('disconnect', () => process.exit(1))
process.send?.({ port: server.address().port })
