// After a server has closed nothing of ours keeps its process alive, and nothing has piled up on what outlives a request.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createSessions } from 'holdfast'
import session, { MemoryStore } from 'holdfast/express'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { hostsFor } from '../support/express/differential.ts'
import { createApp, expresses, listenerOf } from '../support/express/hosts.ts'
import type { Loose } from '../support/subjects.ts'
import { raw, serve } from './exchange.ts'

vi.setConfig({ testTimeout: 60_000 })

const root = fileURLToPath(new URL('../../', import.meta.url))

const kinds = {
  'drop-in, own store': 'session({ ...options })',
  'drop-in, a Holdfast store': 'session({ ...options, store: holdfast })',
  'drop-in, a store that fails': 'session({ ...options, store: broken })',
  'native, cookie mode': "session(createSessions({ keys: ['a secret of more than thirty-two octets'] }))",
  'native, a store': "session(createSessions({ keys: ['a secret of more than thirty-two octets'], store: holdfast }))",
}

/** A whole process on the built package: requests of every kind, a client that leaves, and then nothing more to do. */
const script = (kind: string, express: string) => `
import http from 'node:http'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createSessions } from 'holdfast'
import session from 'holdfast/express'
import { MemoryStore } from 'holdfast/stores/memory'
const express = createRequire(process.cwd() + '/')('${express}')
const listeners = () => process.eventNames().map(name => String(name) + process.listenerCount(name)).sort().join()
const before = listeners()
const holdfast = new MemoryStore()
class Broken extends session.Store {
  get(id, done) { setImmediate(done) }
  set(id, data, done) { setImmediate(done, new Error('no store')) }
  destroy(id, done) { setImmediate(done) }
}
const broken = new Broken()
const options = { secret: 'a secret', resave: false, saveUninitialized: false }
const app = express()
app.set('env', 'test')
app.use(${kind})
app.use('/leave', (req, res) => { req.session.left = 1; req.socket.destroy(); res.end('x') })
app.use((req, res) => { req.session.views = (req.session.views ?? 0) + 1; res.write('views: '); setTimeout(() => res.end(String(req.session.views)), 5) })
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const agent = new http.Agent({ keepAlive: true })
let cookie = ''
const seen = []
for (const path of ['/', '/', '/leave', '/']) {
  const request = http.get({ host: '127.0.0.1', port: server.address().port, path, agent, headers: { cookie } })
  const answer = await new Promise(resolve => request.once('response', resolve).once('error', () => resolve(null)))
  if (!answer) { seen.push('left'); continue }
  cookie = (answer.headers['set-cookie'] ?? [cookie]).map(line => line.split(';')[0]).join('; ')
  let body = ''
  for await (const piece of answer) body += piece
  seen.push(answer.statusCode === 200 ? body : answer.statusCode)
}
agent.destroy()
server.close()
await once(server, 'close')
holdfast.close?.()
// The timers of the app itself, whose answers were dropped.
await new Promise(resolve => setTimeout(resolve, 50))
console.log(JSON.stringify({
  seen,
  left: process.getActiveResourcesInfo().filter(name => name === 'Timeout' || name === 'Immediate'),
  listeners: listeners() === before || [before, listeners()],
  onStore: broken.listenerCount('connect') <= 1,
}))
`

describe.each(['express4', 'express'])('%s', express => {
  it.each(Object.keys(kinds) as (keyof typeof kinds)[])('promise 26: the process ends by itself (%s)', async kind => {
    if (!existsSync(`${root}dist/express.js`)) throw new Error('dist/express.js is missing: run `npm run build` first')
    const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script(kinds[kind], express)], { cwd: root })
    const patience = setTimeout(() => child.kill('SIGKILL'), 30_000)
    onTestFinished(() => {
      clearTimeout(patience)
      child.kill('SIGKILL')
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text))
    const [code, signal] = await once(child, 'close')
    expect({ output: output.slice(0, 2000), code, signal }).toMatchObject({ code: 0, signal: null })
    const seen = kind === 'drop-in, a store that fails' ? [500, 500, 'left', 500] : ['views: 1', 'views: 2', 'left', 'views: 3']
    expect(JSON.parse(output)).toEqual({ seen, left: [], listeners: true, onStore: true })
  })
})

describe.each(hostsFor(expresses, 1))('%s', host => {
  it.each(['drop-in', 'native'])('promise 26: no listener piles up on a connection or a store (%s)', async kind => {
    const store = new MemoryStore()
    const app = createApp(host)
    const middleware =
      kind === 'native'
        ? session(createSessions({ keys: ['a secret of more than thirty-two octets'] }))
        : session({ secret: 'a secret', store: store as never, resave: true, saveUninitialized: true })
    let socket: Socket | undefined
    app.use((req: Loose, _res: Loose, next: Loose) => {
      socket = req.socket
      next()
    })
    app.use(middleware)
    app.use((req: Loose, res: Loose) => {
      req.session.views = 1
      res.end('answered.')
    })
    const port = await serve(listenerOf(app))
    const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
    const client = raw(port, request)
    const counts = () => [socket, store as unknown as Socket, process as unknown as Socket].map(countListeners)
    await client.until('answered.')
    const once = counts()
    for (let i = 2; i < 30; i++) {
      client.socket.write(request)
      await client.until('answered.', i)
    }
    expect(counts()).toEqual(once)
  })
})

function countListeners(emitter: Loose): number {
  return emitter.eventNames?.().reduce((sum: number, name: string) => sum + emitter.listenerCount(name), 0) ?? 0
}
