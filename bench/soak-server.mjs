// The server of bench/soak.mjs: node --expose-gc bench/soak-server.mjs REDIS_URL. Tells its parent the port and, when it is asked, how much
// it holds.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { soakApps } from './soak-apps.mjs'

const apps = soakApps(process.argv[2])
const server = createServer((req, res) => {
  const [, name, rest] = /^\/(\w+)(.*)$/.exec(req.url)
  req.url = rest
  apps[name](req, res)
})
// As behind TLS, so that Secure cookies are sent.
server.on('connection', socket => {
  socket.encrypted = true
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')

process.on('message', () => {
  // What the first frees of the memory outside of the heap is given back by the second.
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, external, rss } = process.memoryUsage()
  const resources = process.getActiveResourcesInfo()
  const sockets = resources.filter(name => name.startsWith('TCPSocket')).length
  process.send({ heap: heapUsed, external, rss, sockets, handles: resources.length })
})
process.send(server.address().port)
// Whoever started it is gone.
process.once('disconnect', () => process.exit())
