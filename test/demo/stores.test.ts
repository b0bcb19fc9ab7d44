// The demo on each store that STORE may name, on real servers.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { killLeftovers, root, type Server, startServer, Visitor } from '../examples/child.ts'
import { startDocumentDB, whyNoDocumentDB } from '../servers/documentdb.ts'
import { startMariadb } from '../servers/mariadb.ts'
import { startPostgres } from '../servers/postgres.ts'
import { freePort } from '../servers/process.ts'
import { startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { full } from '../support/full.ts'

vi.setConfig({ testTimeout: 120_000 })

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'holdfast-demo-'))
})
afterEach(() => {
  killLeftovers()
  rmSync(data, { recursive: true, force: true })
})

const start = (store: string) => startServer('demo/server.mjs', { HOLDFAST_DEMO_DATA: data, STORE: store })

/** A visitor who can send forms. */
class Guest extends Visitor {
  async post(path: string, fields: Record<string, string> = {}): Promise<number> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { cookie, 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' }
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers,
      body: new URLSearchParams(fields).toString(),
      redirect: 'manual',
    })
    this.take(response.headers.getSetCookie())
    return response.status
  }

  async text(path: string): Promise<string> {
    return (await this.get(path)).body.replace(/\s+/g, ' ')
  }

  private take(lines: string[]): void {
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
  }
}

const tallies = (page: string) => [...page.matchAll(/(\d+) of 20</g)].map(([, count]) => Number(count))
const viewsOf = (page: string) => Number(/<output id="views">(\d+)</.exec(page)?.[1])
const userOf = (page: string) => /<strong id="user">([^<]*)</.exec(page)?.[1]

/** What a visitor of any store sees; `lasts`: whether a restart of the demo changes nothing. */
async function tour(store: string, shown: string, lasts = true): Promise<void> {
  let server = await start(store)
  const guest = new Guest(server.url)
  expect(await guest.post('/mode', { mode: 'store' })).toBe(303)
  await guest.get('/')
  const second = await guest.text('/')
  expect([viewsOf(second), userOf(second)]).toEqual([2, undefined])
  expect(second).toContain(`store: <code>${shown}</code>`)
  expect(await guest.post('/login', { name: 'Ada' })).toBe(303)
  expect(await guest.post('/overlap')).toBe(303)
  const after = await guest.text('/peek')
  expect(tallies(after)).toEqual([1, 20, 1, 20])
  expect([viewsOf(after), userOf(after)]).toEqual([2, 'Ada'])

  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  server = await start(store)
  const again = new Guest(server.url)
  for (const [name, value] of guest.cookies) again.cookies.set(name, value)
  expect(userOf(await again.text('/peek'))).toBe(lasts ? 'Ada' : undefined)
  if (lasts) {
    const copies = new Map(again.cookies)
    expect(await again.post('/logout')).toBe(303)
    for (const [name, value] of copies) again.cookies.set(name, value)
    const ended = await again.text('/peek')
    expect([viewsOf(ended), userOf(ended)]).toEqual([0, undefined])
  }
  expect(await server.stop('SIGINT')).toEqual({ code: 0, signal: null })
}

describe('STORE names', () => {
  test('a SQLite file', () => tour(`sqlite:${join(data, 'deep/er/x.db')}`, 'SqliteStore'))
  test('a folder', () => tour(`file:${join(data, 'folder')}`, 'FileStore'))
  const servers: Array<[name: string, shown: string, start: () => Promise<TestServer>, missing?: string | undefined]> = [
    ['postgres://', 'PostgresStore', startPostgres],
  ]
  // One folder, one file, one server: the others differ in a line. `npm run test:full` plays all.
  if (full) {
    test('memory', () => tour('memory:', 'MemoryStore', false))
    servers.push(['redis://', 'RedisStore', startRedis])
    servers.push(['mysql://', 'MysqlStore', startMariadb])
    servers.push(['mongodb://', 'MongoStore', startDocumentDB, whyNoDocumentDB()])
  }
  for (const [name, shown, startIt, missing] of servers) {
    test.skipIf(missing)(missing ? `${name}…: ${missing}` : `${name}…`, async () => {
      const database = await startIt()
      try {
        expect(database.url).toMatch(new RegExp(`^${name.replace('postgres:', '(postgres|postgresql):')}`))
        await tour(database.url, shown)
      } finally {
        await database.stop()
      }
    })
  }
})

test('a database that goes away is an error page, and the session is there when it is back', async () => {
  const redis = await startRedis()
  let server: Server | undefined
  try {
    server = await start(redis.url)
    const guest = new Guest(server.url)
    await guest.post('/mode', { mode: 'store' })
    await guest.get('/')
    await redis.kill()
    const away = await guest.get('/')
    expect([away.status, away.setCookie]).toEqual([503, []])
    expect(away.body).toContain('The store does not answer')
    await redis.start()
    await expect.poll(async () => viewsOf(await guest.text('/peek')), { timeout: 20_000 }).toBeGreaterThan(0)
  } finally {
    await server?.stop('SIGKILL')
    await redis.stop()
  }
})

describe('what cannot work is said in a line, and nothing is served', () => {
  const run = (store: string, options: string[] = []) => {
    const env = { ...process.env, HOLDFAST_DEMO_DATA: data, STORE: store, PORT: '0' }
    const { status, stdout, stderr } = spawnSync(process.execPath, [...options, 'demo/server.mjs'], {
      cwd: root,
      env,
      encoding: 'utf8',
      timeout: 60_000,
    })
    return { status, stdout, stderr }
  }

  test.each(['oracle://x', 'redis', 'constructor:'])('STORE=%s is none', store => {
    expect(run(store)).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^STORE begins with none of the stores that there are: redis:\/\/…, .*memory:\n$/),
    })
  })

  test('a server that does not answer; its password is not printed', async () => {
    const { status, stdout, stderr } = run(`postgres://user:s3cret@127.0.0.1:${await freePort()}/x`)
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^The store of STORE=postgres:… does not answer: .*ECONNREFUSED/)
    expect(stderr).not.toContain('s3cret')
  })

  test('a client library that is not installed', () => {
    const hooks = `export async function resolve(name, context, next) {
      if (name === 'ioredis') throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })
      return next(name, context)
    }`
    const urlOf = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`
    const setup = urlOf(`import { register } from 'node:module'\nregister(${JSON.stringify(urlOf(hooks))})`)
    expect(run('redis://127.0.0.1', ['--no-deprecation', '--import', setup])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'This STORE needs the package ioredis, which is not there for this system: npm install ioredis\n',
    })
  })
})
