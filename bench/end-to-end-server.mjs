// One subject behind a real socket: node bench/end-to-end-server.mjs NAME [REDIS_URL]. Tells its parent the port and,
// when it is asked, the processor time that it has used, in µs.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { open } from './end-to-end-subjects.mjs'

const [name, redis] = process.argv.slice(2)
const { listener } = await open(name, redis)
const server = createServer(listener)
// As behind TLS, so that Secure cookies are sent; the same for all.
server.on('connection', socket => {
  socket.encrypted = true
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send(user + system)
})
process.send(server.address().port)
// Whoever started it is gone.
process.once('disconnect', () => process.exit())
