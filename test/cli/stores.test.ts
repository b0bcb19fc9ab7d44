// list, revoke, stats and purge on each kind of store that a URL can name.
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createSessions, type IndexedSessionStore, userIdOf } from 'holdfast'
import session from 'holdfast/koa'
import { FileStore } from 'holdfast/stores/file'
import { MongoStore } from 'holdfast/stores/mongodb'
import { MysqlStore } from 'holdfast/stores/mysql'
import { PostgresStore } from 'holdfast/stores/postgres'
import { RedisStore } from 'holdfast/stores/redis'
import { SqliteStore } from 'holdfast/stores/sqlite'
import { Redis } from 'ioredis'
import Koa from 'koa'
import Database from 'libsql'
import { MongoClient } from 'mongodb'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDocumentDB, whyNoDocumentDB } from '../servers/documentdb.ts'
import { startMariadb } from '../servers/mariadb.ts'
import { startPostgres } from '../servers/postgres.ts'
import { temporaryFolder } from '../servers/process.ts'
import { startRedis } from '../servers/redis.ts'
import type { Loose } from '../support/subjects.ts'
import { holdfast, objectsIn } from './support.ts'

interface Place {
  url: string
  store: IndexedSessionStore
  stop(): Promise<void>
}

async function served(
  server: { url: string; stop(): Promise<void> },
  part: string,
  open: (url: string) => Promise<{ store: IndexedSessionStore; end(): Promise<unknown> }>,
): Promise<Place> {
  const { store, end } = await open(server.url)
  return {
    url: server.url + part,
    store,
    async stop() {
      await end()
      await server.stop()
    },
  }
}

const inFolder = (open: (path: string) => { url: string; store: IndexedSessionStore }) => async (): Promise<Place> => {
  const folder = temporaryFolder('cli')
  return { ...open(folder.path), stop: async () => folder.remove() }
}

const PLACES: [kind: string, skipped: boolean, open: () => Promise<Place>][] = [
  ['file', false, inFolder(path => ({ url: `file:${path}`, store: new FileStore({ directory: path, cleanupInterval: false }) }))],
  [
    'sqlite',
    false,
    inFolder(path => {
      const file = join(path, 'sessions.db')
      return { url: `sqlite:${file}#table=logins`, store: new SqliteStore(new Database(file), { table: 'logins', cleanupInterval: false }) }
    }),
  ],
  [
    'redis',
    false,
    async () =>
      served(await startRedis(), '#prefix=shop:', async url => {
        const client = new Redis(url)
        return { store: new RedisStore(client, { prefix: 'shop:' }), end: async () => client.disconnect() }
      }),
  ],
  [
    'postgres',
    false,
    async () =>
      served(await startPostgres(), '#table=logins', async url => {
        const pool = new pg.Pool({ connectionString: url })
        pool.on('error', () => {})
        return { store: new PostgresStore(pool, { table: 'logins', cleanupInterval: false }), end: () => pool.end() }
      }),
  ],
  [
    'mysql',
    false,
    async () =>
      served(await startMariadb(), '', async url => {
        const pool = mysql.createPool(url)
        return { store: new MysqlStore(pool as never, { cleanupInterval: false }), end: () => pool.end() }
      }),
  ],
  [
    'mongodb',
    whyNoDocumentDB() !== undefined,
    async () =>
      served(await startDocumentDB(), '', async url => {
        const client = new MongoClient(url)
        return { store: new MongoStore(client.db().collection('sessions') as never), end: () => client.close() }
      }),
  ],
]

describe.each(PLACES)('%s', (kind, skipped, open) => {
  describe.skipIf(skipped)('the command line', () => {
    let place: Place
    let site: string
    let server: http.Server | undefined
    let at: string[] = []
    beforeAll(async () => {
      place = await open()
      const app = new Koa({ proxy: true }) as Loose
      app.use(session(createSessions({ keys: ['a secret of at least thirty-two octets'], store: place.store }), app))
      app.use(async (ctx: Loose) => {
        const [, what, who] = ctx.path.split('/')
        if (what === 'in') await ctx.session.login(who)
        if (what === 'cart') ctx.session.cart = 1
        ctx.body = String(userIdOf(ctx.session) ?? ctx.session.cart ?? 'nobody')
      })
      server = http.createServer(app.callback()).listen(0, '127.0.0.1')
      await once(server, 'listening')
      site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      // What holds a password comes from the environment.
      at = ['--store-env', 'STORE']
    })
    afterAll(async () => {
      server?.close()
      server?.closeAllConnections()
      await place?.stop()
    })

    const run = (...args: string[]) => holdfast(args, { env: { STORE: place.url } })
    const json = async (...args: string[]) => {
      const { status, out, err } = await run(...args, '--json')
      expect([status, err]).toEqual([0, ''])
      return objectsIn(out)
    }
    const visit = async (path: string, cookie = '') => {
      const answer = await fetch(site + path, { headers: { cookie, 'x-forwarded-proto': 'https' } })
      expect(answer.status).toBe(200)
      return answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    }
    const whose = async (cookie: string) => (await fetch(site, { headers: { cookie, 'x-forwarded-proto': 'https' } })).text()

    it("lists a user's sessions, ends one of them, all of them, and everybody's", async () => {
      const cookies = await Promise.all([visit('/in/ann'), visit('/in/ann'), visit('/in/ann'), visit('/in/bob'), visit('/cart')])
      const listed = await json('list', ...at, '--user', 'ann')
      expect(listed).toHaveLength(3)
      for (const one of listed) {
        expect(one).toMatchObject({ userId: 'ann', handle: expect.stringMatching(/^[\w-]{22}$/) })
        expect(Date.parse(one.expiresAt as string)).toBeGreaterThan(Date.now())
        expect(JSON.stringify(one)).not.toContain('"key"')
      }
      expect(await json('list', ...at, '--user', 'nobody')).toEqual([])
      expect(await json('stats', ...at)).toMatchObject([{ sessions: 5, users: 2, anonymous: 1, usedInLastHour: 5, largestDataBytes: 10 }])

      expect(await json('revoke', ...at, '--user', 'ann', '--handle', listed[0]?.handle as string)).toEqual([{ revoked: 1 }])
      expect(await json('list', ...at, '--user', 'ann')).toHaveLength(2)
      // It is bound to its user.
      for (const [user, handle] of [
        ['ann', listed[0]?.handle],
        ['bob', listed[1]?.handle],
      ] as const) {
        const { status, err } = await run('revoke', ...at, '--user', user, '--handle', handle as string)
        expect([status, err]).toEqual([1, expect.stringContaining('no live session')])
      }
      expect(await json('revoke', ...at, '--user', 'ann')).toEqual([{ revoked: 2 }])
      expect(await Promise.all(cookies.map(whose))).toEqual(['nobody', 'nobody', 'nobody', 'bob', '1'])
      expect(await json('revoke', ...at, '--all')).toEqual([{ revoked: 1 }])
      expect(await Promise.all(cookies.map(whose))).toEqual(['nobody', 'nobody', 'nobody', 'nobody', '1'])
      // What was kept for "log out everywhere" is no session.
      expect(await json('stats', ...at)).toMatchObject([{ sessions: 1, users: 0, ownRecords: 2 }])
    })

    it('goes through all sessions page by page, and says the same in words', async () => {
      await Promise.all(Array.from({ length: 30 }, (_, n) => visit(`/in/user-${n}`)))
      const users = new Set<unknown>()
      for (let cursor: string | undefined; ; ) {
        const { status, out, err } = await run(
          'list',
          ...at,
          '--limit',
          '10',
          '--json',
          ...(cursor === undefined ? [] : ['--cursor', cursor]),
        )
        expect(status).toBe(0)
        for (const { userId } of objectsIn(out)) if (userId !== undefined) users.add(userId)
        if (err === '') break
        cursor = (JSON.parse(err) as { cursor: string }).cursor
      }
      expect(users.size).toBe(30)
      expect((await run('list', ...at, '--user', 'user-7')).out).toMatch(/^HANDLE {2}.*\n[\w-]{22} {2}user-7 {2}\d{4}-/)
      expect((await run('stats', ...at)).out).toMatch(/live sessions +31\n/)
    })

    it('purges what has ended, in batches, until nothing is left', async () => {
      const long = Date.now() - 3_600_000
      const times = { createdAt: long - 2000, touchedAt: long - 2000, idleMs: 1000, expiresAt: long }
      const ended = Array.from({ length: 25 }, (_, n) => ({
        key: `ended-${n}`,
        partition: '',
        data: '{}',
        version: 'v'.repeat(16),
        ...times,
      }))
      for (const record of ended) await place.store.create(record)
      const [first] = await json('purge', ...at)
      // Redis removes by itself what has ended; of the others each row was there.
      expect(first).toEqual({ removed: kind === 'redis' ? 0 : expect.any(Number) })
      expect(await place.store.deleteExpired(100)).toBe(0)
      expect(await json('purge', ...at)).toEqual([{ removed: 0 }])
    })
  })
})
