// One process of a site, on the built package: a Koa app with a store client of its own. It tells its port, does what it is told, and
// ends by itself when it is told to stop: nothing of it may keep it alive.
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { createSessions, signalOf } from 'holdfast'
import session from 'holdfast/koa'
import Koa from 'koa'

/** @type {import('./processes.ts').SiteSetup} */
const { module, open: options, keys } = JSON.parse(process.argv[2] ?? '')
const { open } = await import(module)
const { store, end } = await open(options)

const sessions = createSessions({ keys, store, cookie: { name: 'sid' }, storeTimeout: '5s' })
const app = new Koa()
app.silent = true
app.use(session(sessions, app))
app.use(async ctx => {
  const [, action, user] = ctx.path.split('/')
  if (action === 'in') await ctx.session.login(user)
  if (action === 'out') await ctx.session.logout()
  if (action === 'anew') await ctx.session.reauthenticated()
  ctx.body = action
  if (action !== 'events') return
  const events = new PassThrough()
  const signal = signalOf(ctx.session)
  signal.addEventListener('abort', () => events.end(`data: ended ${signal.reason.reason}\n\n`))
  events.write('data: hello\n\n')
  ctx.type = 'text/event-stream'
  ctx.body = events
})
const server = app.listen(0, '127.0.0.1')
server.on('upgrade', async (request, socket) => {
  const watched = await sessions.watch(request)
  if (!watched) return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
  watched.signal.addEventListener('abort', () => socket.end(`ended ${watched.signal.reason.reason}`))
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: events\r\n\r\nhello ')
})
await once(server, 'listening')

/** The records of a user, past the manager: as another tool would find them. */
async function recordsOf(user) {
  const { records } = await store.list({ limit: 1000 })
  return records.filter(({ userId }) => userId === user)
}

const orders = {
  revokeAll: user => sessions.revokeAll(user),
  revokeEveryone: () => sessions.revokeEveryone(),
  deleteByUser: async user => store.deleteByUser((await recordsOf(user))[0].userKey),
  async evict(user) {
    for (const { key } of await recordsOf(user)) await store.delete(key, 'evicted')
  },
  async stop() {
    server.close()
    server.closeAllConnections()
    await sessions.close()
    await end()
    // Else the parent's end of the channel would keep it alive.
    setImmediate(() => process.disconnect())
  },
}

process.on('message', async ({ id, order, args }) => {
  try {
    process.send({ id, answer: await orders[order](...args) })
  } catch (error) {
    process.send({ id, error: error.stack })
  }
})
process.send({ port: server.address().port })
