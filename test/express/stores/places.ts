// The published stores, each made as its README says, and a look at their databases past them.
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { RedisStore } from 'connect-redis'
import pg from 'pg'
import { createClient } from 'redis'
import { startPostgres } from '../../servers/postgres.ts'
import { temporaryFolder } from '../../servers/process.ts'
import { startRedis } from '../../servers/redis.ts'
import type { Loose } from '../../support/subjects.ts'
import type { Place } from './conversation.ts'

const require = createRequire(import.meta.url)

/** A place that lives as long as a test file. */
export interface OpenPlace extends Place {
  /** Empty again. */
  clear(): Promise<void>
  close(): Promise<void>
}

const PREFIX = 'myapp:'

export interface RedisPlace extends OpenPlace {
  client: Loose
}

export async function openRedis(): Promise<RedisPlace> {
  const server = await startRedis()
  const client = createClient({ url: server.url })
  await client.connect()
  const keys = async () => (await client.keys('*')).sort()
  return {
    client,
    store: () => new RedisStore({ client, prefix: PREFIX }),
    async records() {
      const texts = await Promise.all(
        (await keys()).map(async key => {
          // Redis has its own clock, and it goes on: lives of the tests are multiples of ten seconds.
          const left = Math.ceil((await client.pTTL(key)) / 10_000) * 10
          return [key.slice(PREFIX.length), `${await client.get(key)} for ${left} s`] as const
        }),
      )
      return Object.fromEntries(texts)
    },
    async passed(ms) {
      // With an end in the past Redis deletes.
      for (const key of await keys()) await client.pExpire(key, (await client.pTTL(key)) - ms)
    },
    async clear() {
      await client.flushAll()
    },
    async close() {
      client.destroy()
      await server.stop()
    },
  }
}

export interface PostgresPlace extends OpenPlace {
  url: string
  pool: pg.Pool
}

export async function openPostgres(): Promise<PostgresPlace> {
  const server = await startPostgres()
  const pool = new pg.Pool({ connectionString: server.url })
  // The pool calls itself ended before its connections are, and then the server ends them.
  pool.on('error', () => {})
  await pool.query(readFileSync(require.resolve('connect-pg-simple/table.sql'), 'utf8'))
  const stores: Loose[] = []
  return {
    url: server.url,
    pool,
    store(session) {
      const store = new (require('connect-pg-simple')(session))({ pool })
      stores.push(store)
      return store
    },
    async records() {
      const { rows } = await pool.query('SELECT sid, sess::text AS text, expire::text AS expire FROM session ORDER BY sid')
      return Object.fromEntries(rows.map(({ sid, text, expire }) => [sid, `${text} until ${expire}`]))
    },
    async clear() {
      await pool.query('DELETE FROM session')
    },
    async close() {
      for (const store of stores) await store.close()
      await pool.end()
      await server.stop()
    },
  }
}

export function openFolder(): OpenPlace & { path: string } {
  const folder = temporaryFolder('sessions')
  const files = () => readdirSync(folder.path).sort()
  return {
    path: folder.path,
    store: session => new (require('session-file-store')(session))({ path: folder.path, logFn() {}, retries: 0 }),
    async records() {
      return Object.fromEntries(files().map(file => [file.replace(/\.json$/, ''), markLast(readFileSync(join(folder.path, file), 'utf8'))]))
    },
    async clear() {
      for (const file of files()) rmSync(join(folder.path, file))
    },
    async close() {
      folder.remove()
    },
  }
}

/** The store's mark goes where the store first put it; with Holdfast it is never part of the session, and so always comes after the data. */
function markLast(text: string): string {
  const { __lastAccess, ...data } = JSON.parse(text)
  return JSON.stringify({ ...data, __lastAccess })
}

/** `memorystore`: each store has its own memory. Here two apps of one process have one, as they would if they shared the store. */
export function openMemory(): OpenPlace {
  let memory: Loose
  return {
    store(session) {
      const store = new (require('memorystore')(session))({ checkPeriod: 86_400_000 })
      memory ??= store.store
      store.store = memory
      return store
    },
    async records() {
      const entries: { k: string; v: string; e: number }[] = memory?.dump() ?? []
      return Object.fromEntries(entries.map(({ k, v, e }) => [k, `${v} until ${e}`]).sort())
    },
    async clear() {
      memory = undefined
    },
    async close() {},
  }
}
