import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { SessionRecord } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it, onTestFinished } from 'vitest'
import { everyMode, holdfastStores, type Mode, read, write } from './support.ts'
import { table } from './table.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The app of a framework: it counts. */
const apps = {
  koa: (library: string) => `
import session from 'holdfast/koa'
const Koa = require('${library}')
const app = new (Koa.default ?? Koa)()
app.keys = keys
const peer = { get: async id => map.get(id), set: async (id, data) => void map.set(id, data), destroy: async id => void map.delete(id) }
const use = options => app.use(sessions ? session(sessions, app) : session({ ...options, rolling: true }, app))
const count = () => app.use(ctx => { ctx.session.views = (ctx.session.views ?? 0) + 1; ctx.body = String(ctx.session.views) })
`,
  express: (library: string) => `
import session from 'holdfast/express'
const app = require('${library}')()
const peer = {
  get: (id, done) => done(null, map.get(id)),
  set: (id, data, done) => done(null, map.set(id, data)),
  destroy: (id, done) => done(null, map.delete(id)),
}
const use = options => app.use(session(sessions ?? { ...options, secret: keys, resave: false, saveUninitialized: false, rolling: true }))
const count = () => app.use((req, res) => { req.session.views = (req.session.views ?? 0) + 1; res.send(String(req.session.views)) })
`,
}

/** A whole process on the built package: two requests, everything closed, and then nothing more to do. */
const script = ({ native, place }: Mode, framework: 'koa' | 'express', library: string) => `
import http from 'node:http'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createSessions } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
const require = createRequire(process.cwd() + '/')
const keys = ['a secret of more than thirty-two octets']
const map = new Map()
${apps[framework](library)}
const store = { cookie: undefined, map: peer, memory: new MemoryStore() }['${place}']
const options = store ? { store } : {}
const sessions = ${native ? 'createSessions({ keys, ...options })' : 'undefined'}
use(options)
count()
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
let cookie = ''
for (const expected of ['1', '2']) {
  const request = http.get({ host: '127.0.0.1', port: server.address().port, agent: false, headers: { cookie } })
  const [response] = await once(request, 'response')
  cookie = (response.headers['set-cookie'] ?? [cookie]).map(line => line.split(';')[0]).join('; ')
  let body = ''
  for await (const piece of response) body += piece
  if (body !== expected) throw new Error('expected ' + expected + ', got ' + body)
}
server.close()
await once(server, 'close')
await (sessions ?? store)?.close?.()
console.log('left: ' + process.getActiveResourcesInfo().filter(name => name === 'Timeout' || name === 'Immediate').join())
`

describe('promise 26: the process ends by itself', () => {
  for (const [framework, library] of [
    ['koa', 'koa'],
    ['koa', 'koa2'],
    ['express', 'express'],
    ['express', 'express4'],
  ] as const) {
    const newest = library === framework
    const modes = everyMode.filter(mode => framework === 'koa' || mode.native || mode.place !== 'cookie')
    // Each is a process of its own, so the two majors of a framework share the modes.
    for (const mode of modes.filter((_, i) => newest || i % 2 === 1)) {
      it(`promise 26: no timer and no handle is left (${library}, ${mode.name})`, async () => {
        if (!existsSync(`${root}dist/koa.js`)) throw new Error('dist/koa.js is missing: run `npm run build` first')
        const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script(mode, framework, library)], {
          cwd: root,
        })
        onTestFinished(() => void child.kill('SIGKILL'))
        let output = ''
        for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text))
        const [code, signal] = await once(child, 'close')
        expect({ output, code, signal }).toEqual({ output: 'left: \n', code: 0, signal: null })
      })
    }
  }
})

describe('promise 26: MemoryStore is bounded', () => {
  let now = 1_000_000
  const clock = () => now
  let versions = 0

  const record = (key: string, lifeMs: number, userKey?: string): SessionRecord => ({
    key,
    partition: '',
    data: '{}',
    version: `v${++versions}`,
    createdAt: now,
    touchedAt: now,
    idleMs: lifeMs,
    expiresAt: now + lifeMs,
    ...(userKey !== undefined && { userKey, userId: userKey }),
  })
  const lives = async (store: MemoryStore, key: string) => (await store.load(key)) !== null

  it('promise 26: what has expired goes first, whatever its age', async () => {
    const store = new MemoryStore({ maxSessions: 50, now: clock })
    for (let i = 0; i < 48; i++) await store.create(record(`live-${i}`, 1_000_000))
    await store.create(record('short', 10))
    await store.create(record('short-of-a-user', 10, 'ann'))
    now += 20
    for (const key of ['new-1', 'new-2']) expect(await store.create(record(key, 1_000_000))).toBe(true)
    for (let i = 0; i < 48; i++) expect(await lives(store, `live-${i}`), `live-${i}`).toBe(true)
    expect(store.size).toBe(50)
  })

  it('promise 26: then anonymous sessions by age, never the one of a user', async () => {
    const store = new MemoryStore({ maxSessions: 10, now: clock })
    await store.create(record('ann', 1_000_000, 'ann'))
    for (let i = 0; i < 100; i++) {
      await store.create(record(`bot-${i}`, 1_000_000))
      expect(store.size).toBeLessThanOrEqual(10)
    }
    expect(await lives(store, 'ann')).toBe(true)
    expect(await lives(store, 'bot-90')).toBe(false)
    expect(await lives(store, 'bot-91')).toBe(true)
  })

  it('promise 26: and a new one is refused rather than a user evicted', async () => {
    const store = new MemoryStore({ maxSessions: 3, now: clock })
    for (const user of ['ann', 'bob', 'cat']) await store.create(record(user, 1_000_000, user))
    for (const user of [undefined, 'dan']) {
      await expect(store.create(record('new', 1_000_000, user))).rejects.toMatchObject({ code: 'HOLDFAST_STORE_FULL', status: 503 })
    }
    for (const user of ['ann', 'bob', 'cat']) expect(await lives(store, user)).toBe(true)
    // A user may always renew an id and log out.
    const renewed = record('ann-2', 1_000_000, 'ann')
    const { version } = (await store.load('ann')) as SessionRecord
    expect(await store.replace('ann', version, renewed, 'regenerated')).toEqual({ status: 'replaced' })
    expect(await store.delete('bob', 'destroyed')).toBe(true)
    expect(await store.delete('never-there', 'destroyed')).toBe(false)
    expect(store.size).toBeLessThanOrEqual(3)
  })
})

table(holdfastStores, open => {
  it('promise 26: a full store is a 503 to the visitor, and nothing is forgotten', async () => {
    const site = await open({ routes: { '/in': write({ name: 'ann' }), '/read': read('name') } })
    site.store.target = new MemoryStore({ maxSessions: 1 })
    await site.store.target.create({
      ...{ key: 'k', partition: '', data: '{}', version: 'v', createdAt: 0, touchedAt: 0, idleMs: 1, userKey: 'u' },
      expiresAt: Number.MAX_SAFE_INTEGER,
    })
    expect(await site.visitor().get('/in')).toMatchObject({ status: 503, setCookie: [] })
    expect(site.errors).toMatchObject([{ code: 'HOLDFAST_STORE_FULL' }])
    expect(await site.store.target.load('k')).not.toBeNull()
  })
})
