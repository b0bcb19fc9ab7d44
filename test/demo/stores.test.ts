// The demo on each store that STORE may name, on real servers.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { killLeftovers, root, type Server, startServer } from '../examples/child.ts'
import { startDocumentDB, whyNoDocumentDB } from '../servers/documentdb.ts'
import { startMariadb } from '../servers/mariadb.ts'
import { startPostgres } from '../servers/postgres.ts'
import { freePort } from '../servers/process.ts'
import { startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { full } from '../support/full.ts'
import { Guest } from './guest.ts'

vi.setConfig({ testTimeout: 120_000 })

// Most of the tests run beside each other, each in a folder of its own: they wait for servers to begin and to end.
const folders: string[] = []
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-demo-'))
  folders.push(folder)
  return folder
}
afterAll(() => {
  killLeftovers()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const start = (data: string, store: string) => startServer('demo/server.mjs', { HOLDFAST_DEMO_DATA: data, STORE: store })

const tallies = (page: string) => [...page.matchAll(/(\d+) of 20</g)].map(([, count]) => Number(count))
const viewsOf = (page: string) => Number(/<output id="views">(\d+)</.exec(page)?.[1])
const userOf = (page: string) => /<strong id="user">([^<]*)</.exec(page)?.[1]

/** The same visitor, where the demo is now. */
function movedTo(url: string, guest: Guest): Guest {
  const moved = new Guest(url)
  for (const [name, value] of guest.cookies) moved.cookies.set(name, value)
  return moved
}

/** What a visitor of any store sees; `lasts`: whether a restart of the demo changes nothing. */
async function tour(data: string, store: string, shown: string, lasts = true): Promise<void> {
  let server = await start(data, store)
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
  const [laptop, phone] = await twoDevices(server.url, shown)

  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  server = await start(data, store)
  const again = movedTo(server.url, guest)
  expect(userOf(await again.text('/peek'))).toBe(lasts ? 'Ada' : undefined)
  expect(userOf(await movedTo(server.url, laptop).text('/devices'))).toBe(lasts ? 'Ann' : undefined)
  expect(userOf(await movedTo(server.url, phone).text('/devices'))).toBeUndefined()
  if (lasts) {
    const copies = movedTo(server.url, again)
    expect(await again.post('/logout')).toBe(303)
    const ended = await copies.text('/peek')
    expect([viewsOf(ended), userOf(ended)]).toEqual([0, undefined])
  }
  expect(await server.stop('SIGINT')).toEqual({ code: 0, signal: null })
}

/** One user on two devices, of which the first one signs the second one out. */
async function twoDevices(url: string, shown: string): Promise<[laptop: Guest, phone: Guest]> {
  const [laptop, phone] = [new Guest(url), new Guest(url, 'Safari on iPhone')]
  for (const device of [laptop, phone]) expect(await device.post('/devices/sign-in', { name: 'Ann' })).toBe(303)
  expect(await laptop.text('/devices')).toContain(`store: <code>${shown}</code>`)
  expect(await laptop.devices()).toEqual(expect.arrayContaining(['Firefox on Linux', 'Safari on iPhone']))
  expect(await laptop.text('/admin')).toContain('<dt>Live sessions</dt><dd>2</dd>')
  const { told } = await phone.listen()
  expect(await laptop.post('/account', await laptop.fieldsFor('Safari on iPhone'))).toBe(303)
  expect(await told).toBe('ended')
  expect(await phone.text('/devices')).toContain('<code>revoked</code>')
  return [laptop, phone]
}

// One after the other: where twenty requests wait for one disk, what else runs makes them late.
describe('STORE names, on this disk,', () => {
  test('a SQLite file', async () => {
    const data = newFolder()
    await tour(data, `sqlite:${join(data, 'deep/er/x.db')}`, 'SqliteStore')
  })
  test('a folder', async () => {
    const data = newFolder()
    await tour(data, `file:${join(data, 'folder')}`, 'FileStore')
  })
})

describe.concurrent('STORE names', () => {
  const servers: Array<[name: string, shown: string, start: () => Promise<TestServer>, missing?: string | undefined]> = [
    ['postgres://', 'PostgresStore', startPostgres],
  ]
  // One folder, one file, one server: the others differ in a line. `npm run test:full` plays all.
  if (full) {
    test('memory', () => tour(newFolder(), 'memory:', 'MemoryStore', false))
    servers.push(['redis://', 'RedisStore', startRedis])
    servers.push(['mysql://', 'MysqlStore', startMariadb])
    servers.push(['mongodb://', 'MongoStore', startDocumentDB, whyNoDocumentDB()])
  }
  for (const [name, shown, startIt, missing] of servers) {
    test.skipIf(missing)(missing ? `${name}…: ${missing}` : `${name}…`, async () => {
      const database = await startIt()
      try {
        expect(database.url).toMatch(new RegExp(`^${name.replace('postgres:', '(postgres|postgresql):')}`))
        await tour(newFolder(), database.url, shown)
      } finally {
        await database.stop()
      }
    })
  }

  test('a database that goes away: an error page, also for people, and their sessions are there when it is back', async ({ expect }) => {
    const redis = await startRedis()
    let server: Server | undefined
    try {
      server = await start(newFolder(), redis.url)
      const guest = new Guest(server.url)
      await guest.post('/mode', { mode: 'store' })
      await guest.get('/')
      await guest.post('/devices/sign-in', { name: 'Ann' })
      await redis.kill()
      for (const away of await Promise.all([guest.get('/'), guest.get('/devices')])) {
        expect([away.status, away.setCookie]).toEqual([503, []])
        expect(away.body).toContain('The store does not answer')
      }
      await redis.start()
      await expect.poll(async () => viewsOf(await guest.text('/peek')), { timeout: 20_000 }).toBeGreaterThan(0)
      expect(userOf(await guest.text('/devices'))).toBe('Ann')
    } finally {
      await server?.stop('SIGKILL')
      await redis.stop()
    }
  })
})

describe.concurrent('what cannot work is said in a line, and nothing is served', () => {
  const run = (store: string, options: string[] = []) => {
    const env = { ...process.env, HOLDFAST_DEMO_DATA: newFolder(), STORE: store, PORT: '0' }
    return new Promise<{ status: unknown; stdout: string; stderr: string }>(resolve =>
      execFile(process.execPath, [...options, 'demo/server.mjs'], { cwd: root, env, timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ status: error?.code ?? 0, stdout, stderr }),
      ),
    )
  }

  test.each(full ? ['oracle://x', 'redis', 'constructor:'] : ['constructor:'])('STORE=%s is none', async store => {
    expect(await run(store)).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^STORE begins with none of the stores that there are: redis:\/\/…, .*memory:\n$/),
    })
  })

  test('a server that does not answer; its password is not printed', async () => {
    const { status, stdout, stderr } = await run(`postgres://user:s3cret@127.0.0.1:${await freePort()}/x`)
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^The store of STORE=postgres:… does not answer: .*ECONNREFUSED/)
    expect(stderr).not.toContain('s3cret')
  })

  test('a client library that is not installed', async () => {
    const hooks = `export async function resolve(name, context, next) {
      if (name === 'ioredis') throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })
      return next(name, context)
    }`
    const urlOf = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`
    const setup = urlOf(`import { register } from 'node:module'\nregister(${JSON.stringify(urlOf(hooks))})`)
    expect(await run('redis://127.0.0.1', ['--no-deprecation', '--import', setup])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'This STORE needs the package ioredis, which is not there for this system: npm install ioredis\n',
    })
  })
})
