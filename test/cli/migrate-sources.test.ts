// Where sessions of other libraries lie, each written by its own store or as that store writes: all are found, with their data and their end.
import { createRequire } from 'node:module'
import { SqliteStore } from 'holdfast/stores/sqlite'
import Database from 'libsql'
import { MongoClient } from 'mongodb'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { describe, expect, it, vi } from 'vitest'
import { startDocumentDB, whyNoDocumentDB } from '../servers/documentdb.ts'
import { startMariadb } from '../servers/mariadb.ts'
import { startPostgres } from '../servers/postgres.ts'
import { temporaryFolder } from '../servers/process.ts'
import { expressSite, koaSite, type RunningSite } from './sites.ts'
import { holdfast, objectsIn } from './support.ts'

const require = createRequire(import.meta.url)
const HOUR = 3_600_000

/** A new store in a file, what is migrated into it, and the site on it. */
async function target<T>(
  work: (to: {
    url: string
    store: SqliteStore
    site: (open: typeof expressSite | typeof koaSite, options?: object) => Promise<RunningSite>
  }) => Promise<T>,
): Promise<T> {
  const folder = temporaryFolder('migrated')
  const database = new Database(`${folder.path}/new.db`)
  const store = new SqliteStore(database, { cleanupInterval: false })
  const sites: RunningSite[] = []
  try {
    await store.migrate()
    return await work({
      url: `sqlite:${folder.path}/new.db`,
      store,
      async site(open, options = {}) {
        sites.push(await open('holdfast', store, options))
        return sites.at(-1) as RunningSite
      },
    })
  } finally {
    for (const site of sites) await site.close()
    await store.close()
    database.close()
    folder.remove()
  }
}

async function migrate(from: string, to: string, ...args: string[]) {
  const { status, out, err } = await holdfast(['migrate', '--from-env', 'OLD', '--to', to, '--json', ...args], { env: { OLD: from } })
  expect([status, err]).toEqual([0, ''])
  return objectsIn(out)[0]
}

const express = (id: string, life: number | null) =>
  JSON.stringify({ cookie: { originalMaxAge: life, expires: life && new Date(Date.now() + life), path: '/' }, user: { id } })

/** What has come of rows `a` (an hour), `b` (until the browser closes, the store says half an hour), one that has ended, and one that is none. */
async function expectRows(store: SqliteStore): Promise<void> {
  const { records } = await store.list()
  const found = records.map(({ data, maxAge, expiresAt, createdAt }) => ({
    data,
    maxAge,
    left: Math.round((expiresAt - Date.now()) / 60_000),
    createdAt,
  }))
  expect(found.sort((a, b) => b.left - a.left)).toEqual([
    { data: '{"user":{"id":"a"}}', maxAge: HOUR, left: 60, createdAt: 0 },
    { data: '{"user":{"id":"b"}}', maxAge: null, left: 30, createdAt: 0 },
  ])
}

/** The pool calls itself ended before its connections are, and then the server ends them. */
function poolAt(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString })
  pool.on('error', () => {})
  return pool
}

const ROWS = [
  ['a', express('a', HOUR), HOUR],
  ['b', express('b', null), HOUR / 2],
  ['c', express('c', HOUR), -1000],
  ['d', '{"no":"cookie"}', HOUR],
] as const
const TALLY = { copied: 2, unreadable: 1, expired: 1 }

describe('express-session', () => {
  it('by connect-pg-simple, whatever the time zone of the server is', async () => {
    const server = await startPostgres()
    const admin = poolAt(server.url)
    try {
      await admin.query(`ALTER ROLE CURRENT_USER SET timezone TO 'Pacific/Auckland'`)
      const pool = poolAt(server.url)
      const store = new (require('connect-pg-simple')(require('express-session')))({ pool, createTableIfMissing: true })
      const site = await expressSite('express-session', store, { cookie: { maxAge: HOUR } })
      const { cookies } = await site.visit('/in/ann')
      await target(async to => {
        expect(await migrate(server.url, to.url, '--layout', 'express-session')).toMatchObject({ copied: 1 })
        const [record] = (await to.store.list()).records
        expect(Math.round(((record?.expiresAt as number) - Date.now()) / 60_000)).toBe(60)
        expect((await (await to.site(expressSite)).visit('/', cookies)).text).toContain('"ann"')
      })
      await site.close()
      await store.close()
      await pool.end()
    } finally {
      await admin.end()
      await server.stop()
    }
  })

  it('in a table of other columns, with times in seconds', async () => {
    const server = await startPostgres()
    const pool = poolAt(server.url)
    try {
      await pool.query('CREATE SCHEMA old; CREATE TABLE old.logins (key text PRIMARY KEY, value jsonb, until bigint)')
      for (const [id, data, life] of ROWS)
        await pool.query('INSERT INTO old.logins VALUES ($1, $2, $3)', [id, data, Math.round((Date.now() + life) / 1000)])
      await target(async to => {
        const args = ['--layout', 'express-session', '--columns', 'key,value,until']
        expect(await migrate(`${server.url}#table=old.logins`, to.url, ...args)).toMatchObject(TALLY)
        await expectRows(to.store)
      })
    } finally {
      await pool.end()
      await server.stop()
    }
  })

  it('by express-mysql-session', async () => {
    const server = await startMariadb()
    const pool = mysql.createPool(server.url)
    try {
      await pool.query(
        'CREATE TABLE sessions (session_id varchar(128) COLLATE utf8mb4_bin PRIMARY KEY, expires int unsigned NOT NULL, data mediumtext)',
      )
      for (const [id, data, life] of ROWS)
        await pool.query('INSERT INTO sessions VALUES (?, ?, ?)', [id, Math.round((Date.now() + life) / 1000), data])
      await target(async to => {
        expect(await migrate(server.url, to.url, '--layout', 'express-session')).toMatchObject(TALLY)
        await expectRows(to.store)
      })
    } finally {
      await pool.end()
      await server.stop()
    }
  })

  it.skipIf(whyNoDocumentDB())('by connect-mongo, as text and as an object', async () => {
    const server = await startDocumentDB()
    const client = new MongoClient(server.url)
    try {
      const sessions = client.db().collection<{ _id: string }>('web')
      for (const [at, [id, data, life]] of ROWS.entries())
        await sessions.insertOne({ _id: id, session: at % 2 ? JSON.parse(data) : data, expires: new Date(Date.now() + life) } as never)
      await target(async to => {
        expect(await migrate(`${server.url}#collection=web`, to.url, '--layout', 'express-session')).toMatchObject(TALLY)
        await expectRows(to.store)
      })
    } finally {
      await client.close()
      await server.stop()
    }
  })

  it('by session-file-store, in two passes: what was written or ended between them is so in the target', async () => {
    const folder = temporaryFolder('sessions')
    const FileStore = require('session-file-store')(require('express-session'))
    const site = await expressSite('express-session', new FileStore({ path: folder.path, logFn() {}, retries: 0 }), {
      cookie: { maxAge: HOUR },
    })
    try {
      const [writes, leaves, stays] = (await Promise.all(['a', 'b', 'c'].map(async id => (await site.visit(`/in/${id}`)).cookies))) as [
        string,
        string,
        string,
      ]
      await target(async to => {
        const args = ['--layout', 'express-session', '--user-path', 'user.id'] as const
        const again = () => migrate(`file:${folder.path}`, to.url, ...args)
        expect(await again()).toMatchObject({ copied: 3, there: 0 })
        expect(await again()).toMatchObject({ copied: 0, there: 3 })
        const ends = async () => (await to.store.list()).records.map(({ expiresAt }) => expiresAt).sort()
        const before = await ends()
        // Else express-session takes a millisecond off its life where one passes while it looks at its clock twice, and that is a change.
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
        try {
          await site.visit('/', stays)
        } finally {
          vi.useRealTimers()
        }
        // It was used and not changed: its copy lives as long as it does.
        expect(await again()).toMatchObject({ copied: 0, there: 3, updated: 0 })
        const after = await ends()
        expect([after[0], after[1], (after[2] as number) > (before[2] as number)]).toEqual([before[0], before[1], true])
        await site.visit('/cart/7', writes)
        await site.visit('/out', leaves)
        expect(await migrate(`file:${folder.path}`, to.url, ...args, '--final')).toMatchObject({
          copied: 0,
          there: 1,
          updated: 1,
          removed: 1,
        })
        const next = await to.site(expressSite, { cookie: { maxAge: HOUR } })
        const of = async (cookies: string) => JSON.parse((await next.visit('/', cookies)).text).slice(0, 2)
        expect([await of(writes), await of(leaves), await of(stays)]).toEqual([
          ['a', '7'],
          [null, null],
          ['c', null],
        ])
        // On a terminal it says how far it is.
        const said: string[] = []
        const progress = (text: string) => said.push(text)
        await holdfast(['migrate', '--from', `file:${folder.path}`, '--to', to.url, ...args], { progress })
        expect(said).toEqual([expect.stringMatching(/^2 of 2 \(100 %\), [\d,]+ a second$/), ''])
        // From here on the new site has the word.
        await next.visit('/cart/8', writes)
        expect(await again()).toMatchObject({ kept: 1, there: 1 })
        expect(await of(writes)).toEqual(['a', '8'])
      })
    } finally {
      await site.close()
      folder.remove()
    }
  })
})

describe('koa-session', () => {
  it('keeps the life of each session, and ids with a prefix', async () => {
    const folder = temporaryFolder('sessions')
    const rows = new Map<string, string>()
    const store = {
      get: async (id: string) => JSON.parse(rows.get(id) ?? 'null') ?? undefined,
      set: async (id: string, data: object) => void rows.set(id, JSON.stringify(data)),
      destroy: async (id: string) => void rows.delete(id),
    }
    const site = await koaSite('koa-session', store, { maxAge: HOUR, prefix: 'web:' })
    const old = new Database(`${folder.path}/old.db`)
    try {
      const { cookies } = await site.visit('/in/ann')
      old.exec('CREATE TABLE kept (id TEXT PRIMARY KEY, body TEXT, until INTEGER)')
      for (const [id, body] of rows) old.prepare('INSERT INTO kept VALUES (?, ?, ?)').run(id, body, Date.now() + 2 * HOUR)
      await target(async to => {
        const args = ['--layout', 'koa-session', '--columns', 'id,body,until', '--user-path', 'user.id']
        expect(await migrate(`sqlite:${folder.path}/old.db#table=kept`, to.url, ...args)).toMatchObject({ copied: 1 })
        const [record] = (await to.store.list()).records
        expect(record).toMatchObject({ maxAge: HOUR, idleMs: HOUR, userId: 'ann' })
        expect(Math.round(((record?.expiresAt as number) - Date.now()) / 60_000)).toBe(60)
        expect((await (await to.site(koaSite, { maxAge: HOUR })).visit('/', cookies)).text).toContain('"ann"')
      })
    } finally {
      await site.close()
      old.close()
      folder.remove()
    }
  })
})
