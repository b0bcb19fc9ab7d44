// What a migration from another library must keep, played at any size: killed half-way, resumed, and every cookie is good afterwards.
import { RedisStore as ConnectRedis } from 'connect-redis'
import { PostgresStore } from 'holdfast/stores/postgres'
import { SqliteStore } from 'holdfast/stores/sqlite'
import Database from 'libsql'
import pg from 'pg'
import { createClient } from 'redis'
import { expect } from 'vitest'
import { startPostgres } from '../servers/postgres.ts'
import { temporaryFolder } from '../servers/process.ts'
import { startRedis } from '../servers/redis.ts'
import type { Loose } from '../support/subjects.ts'
import { expressSite, killedWhen, koaSite, type RunningSite, started } from './sites.ts'

/** How many visitors use a browser: their cookies are of the library itself. The other rows are written as theirs are. */
const VISITORS = 40
const HOUR = 3_600_000

type Redis = ReturnType<typeof createClient>

/** Logs visitors in, and multiplies their rows to `size`. */
async function fill(site: RunningSite, redis: Redis, size: number, keyOf: (n: number) => string): Promise<string[]> {
  const cookies: string[] = []
  for (let n = 0; n < VISITORS; n++) {
    const first = await site.visit(`/in/user-${n}`)
    cookies.push((await site.visit(`/cart/${n}`, first.cookies)).cookies)
  }
  const [sample] = await redis.keys('*')
  const text = (await redis.get(sample as string)) as string
  for (let n = VISITORS; n < size; n += 1000) {
    const batch = redis.multi()
    for (let m = n; m < Math.min(size, n + 1000); m++) batch.set(keyOf(m), text.replace(/user-\d+/, `user-${m}`), { PX: HOUR })
    await batch.exec()
  }
  expect(await redis.dbSize()).toBe(size)
  return cookies
}

/** Every visitor has what there was before, and can go on. */
async function expectAllIn(site: RunningSite, cookies: readonly string[]): Promise<void> {
  for (const [n, cookie] of cookies.entries()) {
    expect(JSON.parse((await site.visit('/', cookie)).text)).toEqual([`user-${n}`, String(n), 'ü "\\ \u2028'])
    await site.visit('/cart/more', cookie)
    expect(JSON.parse((await site.visit('/', cookie)).text)[1]).toBe('more')
  }
}

async function connected(url: string): Promise<Redis> {
  const redis = createClient({ url })
  await redis.connect()
  return redis as Redis
}

/** express-session's rows by connect-redis, to PostgreSQL. */
export async function expressToPostgres(size: number): Promise<void> {
  const [from, to] = [await startRedis(), await startPostgres()]
  const redis = await connected(from.url)
  const pool = new pg.Pool({ connectionString: to.url })
  pool.on('error', () => {})
  const store = new PostgresStore(pool, { cleanupInterval: false })
  await store.migrate()
  const sites: RunningSite[] = []
  const open = async (site: Promise<RunningSite>) => {
    sites.push(await site)
    return sites.at(-1) as RunningSite
  }
  try {
    const cookie = { maxAge: HOUR }
    const before = await open(expressSite('express-session', new ConnectRedis({ client: redis }), { cookie }))
    const cookies = await fill(before, redis, size, n => `sess:row-${n}`)
    await redis.set('sess:broken', '{"cookie"')
    await redis.hSet('sess:other', { not: 'text' })

    const args = ['migrate', '--from-env', 'OLD', '--layout', 'express-session', '--user-path', 'user.id', '--to-env', 'NEW', '--json']
    const migration = () => started(args, { OLD: from.url, NEW: to.url })
    const count = async () => Number((await pool.query('SELECT count(*) AS n FROM holdfast_sessions')).rows[0].n)
    await killedWhen(migration(), async () => (await count()) >= size / 2)
    const half = await count()
    expect(half).toBeLessThan(size)

    const { code, out, err } = await migration().ended
    expect([code, err]).toEqual([0, ''])
    const tally = JSON.parse(out)
    expect(tally).toMatchObject({ updated: 0, kept: 0, ended: 0, unreadable: 1, removed: 0 })
    // A walk over Redis may meet a key twice; each is counted in one of the two.
    expect(tally.there).toBeGreaterThanOrEqual(half)
    expect(tally.copied).toBe(size - half)
    expect(await count()).toBe(size)

    const after = await open(expressSite('holdfast', store, { cookie, user: (data: Loose) => data.user?.id }))
    await expectAllIn(after, cookies)
    // The index knows them: "log out everywhere" ends what was copied.
    expect(await store.listByUser((await rowOf(pool, `user-${size - 1}`)) as string)).toHaveLength(1)
  } finally {
    for (const site of sites) await site.close()
    await pool.end()
    redis.destroy()
    await Promise.all([from.stop(), to.stop()])
  }
}

const rowOf = async (pool: pg.Pool, user: string) =>
  (await pool.query('SELECT user_key FROM holdfast_sessions WHERE user_id = $1', [user])).rows[0]?.user_key

/** koa-session's records in a store as koa-redis, to SQLite. */
export async function koaToSqlite(size: number): Promise<void> {
  const from = await startRedis()
  const folder = temporaryFolder('migrate')
  const redis = await connected(from.url)
  const file = `${folder.path}/new.db`
  const sites: RunningSite[] = []
  const open = async (site: Promise<RunningSite>) => {
    sites.push(await site)
    return sites.at(-1) as RunningSite
  }
  const database = new Database(file)
  const store = new SqliteStore(database, { cleanupInterval: false })
  try {
    await store.migrate()
    const options = { maxAge: HOUR, prefix: 'koa:sess:' }
    const before = await open(koaSite('koa-session', koaRedis(redis), options))
    const cookies = await fill(before, redis, size, n => `koa:sess:row-${n}`)
    const args = ['migrate', '--from', from.url, '--layout', 'koa-session', '--id-prefix', 'koa:sess:', '--to', `sqlite:${file}`, '--json']
    const count = async () => (database.prepare('SELECT count(*) AS n FROM holdfast_sessions').get() as { n: number }).n
    await killedWhen(started(args), async () => (await count()) >= size / 2)
    const half = await count()
    expect(half).toBeLessThan(size)
    const { code, out, err } = await started(args).ended
    expect([code, err]).toEqual([0, ''])
    expect(JSON.parse(out)).toMatchObject({ copied: size - half, updated: 0, kept: 0, ended: 0, unreadable: 0 })
    expect(await count()).toBe(size)
    await expectAllIn(await open(koaSite('holdfast', store, options)), cookies)
  } finally {
    for (const site of sites) await site.close()
    await store.close()
    database.close()
    redis.destroy()
    await from.stop()
    folder.remove()
  }
}

/** A store for koa-session as koa-redis is one: the id is the key, and Redis ends it. */
function koaRedis(redis: Redis): Loose {
  return {
    get: async (id: string) => JSON.parse((await redis.get(id)) ?? 'null') ?? undefined,
    set: async (id: string, data: object, ms: number) => redis.set(id, JSON.stringify(data), { PX: ms }),
    destroy: async (id: string) => redis.del(id),
  }
}
