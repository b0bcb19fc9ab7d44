// H24: a site goes on while its sessions are moved, and the move is killed twice: what has ended stays ended, what was written is there.

import { createSessions, type IndexedSessionStore, userIdOf } from 'holdfast'
import session from 'holdfast/koa'
import { migratingStore } from 'holdfast/stores/migrating'
import { PostgresStore } from 'holdfast/stores/postgres'
import { RedisStore } from 'holdfast/stores/redis'
import { Redis } from 'ioredis'
import Koa from 'koa'
import pg from 'pg'
import { expect, it } from 'vitest'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import { full } from '../support/full.ts'
import type { Loose } from '../support/subjects.ts'
import { killedWhen, type RunningSite, running, started } from './sites.ts'

/** So many log out, and as many write; `npm run test:full` plays 200. */
const EACH = full ? 200 : 60
const AT_ONCE = 8

const keys = ['a secret of at least thirty-two octets']

function site(store: IndexedSessionStore): Promise<RunningSite> {
  const app = new Koa({ proxy: true }) as Loose
  app.use(session(createSessions({ keys, store }), app))
  app.use(async (ctx: Loose) => {
    const [, what, value] = ctx.path.split('/')
    if (what === 'in') await ctx.session.login(value)
    if (what === 'write') ctx.session.written = value
    if (what === 'out') await ctx.session.logout()
    ctx.body = what === 'out' ? 'out' : `${userIdOf(ctx.session) ?? 'nobody'} ${ctx.session.written ?? 'nothing'}`
  })
  return running(app.callback(), { 'x-forwarded-proto': 'https' })
}

/** A few at once, each when one before it is done. */
async function all<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = [...items]
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item)
    }),
  )
}

it(`H24: ${EACH} log out and ${EACH} write while the migration is killed twice: 0 resurrected, 0 lost`, async () => {
  const [from, to] = [await startRedis(), await startPostgres()]
  const redis = new Redis(from.url)
  const pool = new pg.Pool({ connectionString: to.url })
  pool.on('error', () => {})
  const [old, target] = [new RedisStore(redis), new PostgresStore(pool, { cleanupInterval: false })]
  await target.migrate()
  const sites = await Promise.all([site(old), site(migratingStore({ from: old, to: target })), site(target)])
  const [before, during, after] = sites as [RunningSite, RunningSite, RunningSite]
  try {
    const visitors = Array.from({ length: 4 * EACH }, (_, n) => ({ n, cookies: '' }))
    await all(visitors, async visitor => {
      visitor.cookies = (await before.visit(`/in/user-${visitor.n}`)).cookies
    })
    const leaving = visitors.filter(({ n }) => n % 4 === 0)
    const writing = visitors.filter(({ n }) => n % 4 === 1)

    const moved = async () => Number((await pool.query('SELECT count(*) AS n FROM holdfast_sessions')).rows[0].n)
    const migration = () => started(['migrate', '--from', from.url, '--to-env', 'NEW', '--online', '--json'], { NEW: to.url })
    // A third of the visitors' requests in each of the three runs.
    const third = <T>(list: readonly T[], part: number) => list.filter((_, at) => at % 3 === part)
    const requests = (part: number) =>
      Promise.all([
        all(third(leaving, part), ({ cookies }) => during.visit('/out', cookies)),
        all(third(writing, part), ({ cookies, n }) => during.visit(`/write/${n}`, cookies)),
      ])
    for (const part of [0, 1]) {
      const already = await moved()
      const running = migration()
      const busy = requests(part)
      // The migration itself has moved some: the visitors of this part alone are fewer.
      await killedWhen(running, async () => (await moved()) > already + EACH / 3)
      await busy
    }
    const [{ code, out, err }] = await Promise.all([migration().ended, requests(2)])
    expect([code, err]).toEqual([0, ''])
    expect(JSON.parse(out).copied).toBeGreaterThan(0)

    expect((await old.list({ limit: 10_000 })).records).toEqual([])
    for (const [at, { n, cookies }] of visitors.entries()) {
      const expected = ['nobody nothing', `user-${n} ${n}`, `user-${n} nothing`, `user-${n} nothing`][at % 4]
      expect((await after.visit('/', cookies)).text, `visitor ${n}`).toBe(expected)
    }
  } finally {
    for (const one of sites) await one.close()
    redis.disconnect()
    await pool.end()
    await Promise.all([from.stop(), to.stop()])
  }
}, 120_000)
