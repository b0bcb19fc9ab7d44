import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { createApp } from './app.mjs'
import { loadKeys } from './keys.mjs'
import { createPeople } from './people.mjs'
import { openStore } from './stores.mjs'

const folder = process.env.HOLDFAST_DEMO_DATA || fileURLToPath(new URL('./data', import.meta.url))
const port = process.env.PORT || 3000

process.umask(0o077) // what the demo writes is for its owner only
const keys = await loadKeys(folder)
const opened = await openStore(process.env.STORE, folder).catch(error => {
  console.error(error.message)
  process.exit(1)
})

const people = createPeople({ keys, opened })
const server = createServer(createApp({ keys, opened, people }).callback())
let answering = 0

server.on('request', (request, response) => {
  if (request.headers.accept === 'text/event-stream') return // a stream is never complete: there is nothing to wait for
  answering++
  response.once('close', () => {
    answering--
    if (!server.listening && answering === 0) server.closeAllConnections()
  })
})

server.once('error', error => {
  const inUse = error.code === 'EADDRINUSE'
  console.error(inUse ? `Port ${port} is in use. Try another one: PORT=3001 npm run demo` : error)
  process.exitCode = 1
})

server.listen(port, process.env.HOST || 'localhost', () => {
  console.log(`The Holdfast demo is on http://localhost:${server.address().port}, its sessions in ${opened.place} (Ctrl-C ends it)`)
})

// Browsers keep connections open, some without a request on them yet: with no answer under way all of them can go at once, and with
// one under way they go when it is complete. A second signal ends the process in Node's own way.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    const closed = new Promise(resolve => server.close(resolve))
    if (answering === 0) server.closeAllConnections()
    else setTimeout(() => server.closeAllConnections(), 2000).unref()
    await closed
    await people.close()
    await opened.end()
    process.exit(0)
  })
}
