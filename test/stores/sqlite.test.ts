import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SessionRecord } from 'holdfast'
import { type SqliteDatabase, SqliteStore, type SqliteStoreOptions } from 'holdfast/stores/sqlite'
import { testSessionStore } from 'holdfast/testing'
import Libsql from 'libsql'
import PromisingLibsql from 'libsql/promise'
import { afterAll, afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { temporaryFolder } from '../servers/process.ts'
import { type Handle, open, opener } from './clients/sqlite.mjs'
import type { Opened } from './opened.ts'
import { nodeWithSqlite } from './sqlite-processes.ts'

const clients = ['libsql', 'better-sqlite3', 'node:sqlite']
const here = clients.filter(client => opener(client))
const cache = new URL('../../.cache/better-sqlite3', import.meta.url)
const MINUTE = 60_000
const GRACE = 10 * MINUTE

let count = 0
function record(part: Partial<SessionRecord> = {}): SessionRecord {
  const n = ++count
  const now = Date.now()
  const life = { createdAt: now, touchedAt: now, idleMs: 10 * MINUTE, expiresAt: now + 10 * MINUTE }
  return { key: `key-${n}`, partition: '', data: `{"n":${n}}`, version: `version-${n}`, ...life, ...part }
}

describe.each(here)('SqliteStore with %s', client => {
  const folder = temporaryFolder('sqlite')
  const opened: Opened[] = []
  afterAll(async () => {
    for (const { end } of opened) await end()
    folder.remove()
  })
  testSessionStore({
    describe,
    it,
    create: async ({ space, now }) => {
      const made = await open({ url: folder.path, space, now, client })
      opened.push(made)
      return made.store
    },
  })
})

describe('SqliteStore in memory', () => {
  const handles = new Map<string, Handle>()
  afterAll(() => {
    for (const handle of handles.values()) handle.close()
  })
  testSessionStore({
    describe,
    it,
    runs: 20,
    create: ({ space, now }) => {
      const handle = handles.get(space) ?? new Libsql(':memory:')
      handles.set(space, handle)
      return new SqliteStore(handle, { table: space, now })
    },
  })
})

test.skipIf(here.includes('node:sqlite'))('the kit passes on node:sqlite, on a newer Node', { timeout: 240_000 }, async () => {
  const script = fileURLToPath(new URL('node-sqlite.mjs', import.meta.url))
  const child = spawn(nodeWithSqlite(), ['--test', '--test-reporter=tap', script])
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
  const [code] = await once(child, 'close')
  expect(output).toMatch(/^# fail 0$/m)
  expect(Number(/^# pass (\d+)$/m.exec(output)?.[1])).toBeGreaterThan(80)
  expect(code).toBe(0)
})

describe.each(here)('with %s', client => {
  let folder: ReturnType<typeof temporaryFolder>
  let ends: (() => unknown)[]

  beforeEach(() => {
    folder = temporaryFolder('sqlite')
    ends = [() => folder.remove()]
  })
  afterEach(async () => {
    for (const end of ends.reverse()) await end()
  })

  const handleTo = (path = join(folder.path, 'sessions.db')): Handle => {
    const handle = opener(client)?.(path) as Handle
    ends.push(() => handle.close())
    return handle
  }
  const storeOn = (handle: SqliteDatabase, options?: SqliteStoreOptions): SqliteStore => {
    const store = new SqliteStore(handle, { cleanupInterval: false, ...options })
    ends.push(() => store.close())
    return store
  }
  const pragma = (handle: SqliteDatabase, name: string) => Object.values(handle.prepare(`PRAGMA ${name}`).all({})[0] as object)[0]
  const tables = (handle: SqliteDatabase) =>
    handle.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name").all({})

  test('each operation is one statement; what did not go as hoped takes a second one, to see why', async () => {
    const sent: string[] = []
    const handle = handleTo()
    handle.exec('PRAGMA busy_timeout = 0')
    const store = storeOn({
      get inTransaction() {
        return handle.inTransaction ?? handle.isTransaction ?? false
      },
      exec: sql => handle.exec(sql),
      prepare: sql => {
        const statement = handle.prepare(sql)
        return {
          all: parameters => {
            sent.push(sql.slice(0, 6))
            return statement.all(parameters)
          },
        }
      },
    })
    await store.migrate()
    const counted = async (work: () => Promise<unknown>) => {
      sent.length = 0
      await work()
      return sent.join(' ')
    }
    const made = record({ userKey: 'alice' })
    const saved = record({ key: made.key })
    const moved = record({ userKey: 'alice' })
    const times = { touchedAt: made.touchedAt, expiresAt: made.expiresAt }
    expect(await counted(() => store.create(made))).toBe('INSERT')
    expect(await counted(() => store.load(made.key))).toBe('SELECT')
    expect(await counted(() => store.save(saved, made.version))).toBe('UPDATE')
    expect(await counted(() => store.touch(made.key, times))).toBe('UPDATE')
    expect(await counted(() => store.save(record({ key: made.key }), made.version))).toBe('UPDATE SELECT')
    expect(await counted(() => store.create(record({ key: made.key })))).toBe('INSERT SELECT')
    expect(await counted(() => store.replace(made.key, saved.version, moved, 'rotated'))).toBe('WITH a')
    expect(await counted(() => store.listByUser('alice'))).toBe('SELECT')
    expect(await counted(() => store.deleteByUser('alice'))).toBe('UPDATE')
    expect(await counted(() => store.delete(moved.key, 'destroyed'))).toBe('INSERT')
    expect(await counted(() => store.list())).toBe('SELECT')
    expect(await counted(() => store.deleteExpired(1000))).toBe('DELETE')
  })

  test('every look-up uses an index: it costs what it finds', async () => {
    const handle = handleTo()
    const said: [sql: string, parameters: object][] = []
    const store = storeOn({
      get inTransaction() {
        return handle.inTransaction as boolean
      },
      exec: sql => handle.exec(sql),
      prepare: sql => ({
        all: parameters => {
          if (!sql.startsWith('PRAGMA')) said.push([sql, parameters])
          return handle.prepare(sql).all(parameters)
        },
      }),
    })
    const made = record({ userKey: 'alice' })
    await store.create(made)
    await store.save(record({ key: made.key }), made.version)
    await store.replace(made.key, 'wrong', record(), 'rotated')
    await store.touch(made.key, { touchedAt: 1, expiresAt: 1 })
    await store.listByUser('alice')
    await store.deleteByUser('alice')
    await store.delete(made.key, 'destroyed')
    await store.deleteExpired(10)
    await store.list()
    // Afterwards: a plan that was asked for in a transaction is in the way of its end.
    const rows = said.flatMap(([sql, parameters]) => handle.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(parameters as never))
    const plans = rows.map(row => (row as { detail: string }).detail)
    expect(plans.filter(plan => /SCAN .*holdfast_sessions/.test(plan))).toEqual([])
    expect(plans.join()).toContain('by user')
    expect(plans.join()).toContain('by end')
  })

  test('of a record’s earlier versions only the last few are kept', async () => {
    const handle = handleTo()
    const store = storeOn(handle)
    let last = record({ key: 'a' })
    await store.create(last)
    for (let n = 0; n < 60; n++) {
      const next = record({ key: 'a' })
      expect(await store.save(next, last.version)).toEqual({ status: 'saved' })
      last = next
    }
    const [row] = handle.prepare('SELECT recent FROM holdfast_sessions').all({}) as [{ recent: string }]
    expect(JSON.parse(row.recent)).toHaveLength(32)
  })

  test('migrate() switches to WAL and to synchronous = FULL; what the app sets after it stays', async () => {
    const handle = handleTo()
    const store = storeOn(handle)
    await store.create(record())
    await store.load('nothing')
    expect([pragma(handle, 'journal_mode'), pragma(handle, 'synchronous')]).toEqual(['wal', 2])
    // To a handle that finds the file in WAL, better-sqlite3 gives NORMAL of itself.
    const second = handleTo()
    await storeOn(second).load('nothing')
    expect(pragma(second, 'synchronous')).toBe(2)
    second.exec('PRAGMA synchronous = NORMAL')
    await storeOn(handle).create(record())
    expect(pragma(second, 'synchronous')).toBe(1)
  })

  test.each(['0', '3'])('synchronous = %s is nobody’s default, and stays', async level => {
    const handle = handleTo()
    handle.exec(`PRAGMA synchronous = ${level}`)
    await storeOn(handle).create(record())
    expect(String(pragma(handle, 'synchronous'))).toBe(level)
  })

  test('a journal mode that the app has chosen stays, and a commit that fails is no success', async () => {
    const handle = handleTo()
    handle.exec('PRAGMA journal_mode = TRUNCATE')
    const store = storeOn(handle)
    await store.migrate()
    expect(pragma(handle, 'journal_mode')).toBe('truncate')
    // Without a WAL, nobody can commit while somebody reads.
    const reader = handleTo()
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM holdfast_sessions').all({})
    const made = record()
    await expect(store.create(made, 100)).rejects.toMatchObject({ code: 'HOLDFAST_STORE', outcome: 'not-applied' })
    const patient = store.create(record({ key: 'patient' }))
    reader.exec('COMMIT')
    expect(await patient).toBe(true)
    expect(await store.load(made.key)).toBeNull()
    expect(await store.load('patient')).toMatchObject({ key: 'patient' })
  })

  test('H17: waits for another writer without blocking the process, as long as it was told, and does nothing later', async () => {
    const handle = handleTo()
    handle.exec('PRAGMA busy_timeout = 4321')
    const store = storeOn(handle)
    await store.migrate()
    const other = handleTo()
    other.exec('BEGIN IMMEDIATE')
    const refused = record()
    const began = performance.now()
    const error = await store.create(refused, 150).catch(thrown => thrown)
    expect(error).toMatchObject({ code: 'HOLDFAST_STORE', outcome: 'not-applied' })
    expect(String(error.cause.message)).toContain('database is locked')
    expect(performance.now() - began).toBeLessThan(4000)

    let turns = 0
    const turning = setInterval(() => turns++, 1)
    const patient = store.create(record({ key: 'patient' }))
    expect(await store.load('nothing')).toBeNull()
    await new Promise<void>(resolve => {
      const look = setInterval(() => {
        if (turns < 20) return
        clearInterval(look)
        clearInterval(turning)
        resolve()
      }, 1)
    })
    other.exec('COMMIT')
    expect(await patient).toBe(true)
    expect(await store.load(refused.key)).toBeNull()
    expect(pragma(handle, 'busy_timeout')).toBe(4321)
  })

  test('takes no part in a transaction of the app: what was acknowledged cannot be rolled back', async () => {
    const handle = handleTo()
    const store = storeOn(handle)
    await store.migrate()
    handle.exec('BEGIN')
    handle.exec('CREATE TABLE of_the_app (x)')
    const tooLong = await store.create(record({ key: 'too-long' }), 50).catch(thrown => thrown)
    expect(tooLong).toMatchObject({ code: 'HOLDFAST_STORE', outcome: 'not-applied' })
    expect(tooLong.cause.message).toContain('a handle of its own')
    const patient = store.create(record({ key: 'patient' }))
    handle.exec('ROLLBACK')
    expect(await patient).toBe(true)
    expect(await store.load('patient')).toMatchObject({ key: 'patient' })
    expect(await store.load('too-long')).toBeNull()
    expect(tables(handle)).toEqual([{ name: 'holdfast_sessions' }])
  })

  test('removes what has ended in small portions, and lets others go on between them', async () => {
    let time = Date.now()
    const store = storeOn(handleTo(), { now: () => time })
    for (let n = 0; n < 350; n++) await store.create(record({ expiresAt: time + 1 }))
    time += GRACE + 2
    await store.create(record({ key: 'living', expiresAt: time + MINUTE }))
    let turns = 0
    const turn = () => {
      turns++
      next = setTimeout(turn)
    }
    let next = setTimeout(turn)
    expect(await store.deleteExpired(1000)).toBe(350)
    clearTimeout(next)
    expect(turns).toBeGreaterThanOrEqual(3)
    expect(await store.deleteExpired(1000)).toBe(0)
    expect(await store.load('living')).toMatchObject({ key: 'living' })
  })

  test('numbers are numbers up to 2^53, also from a handle that gives bigints', async () => {
    const handle = handleTo() as Handle & { defaultSafeIntegers?: (on: boolean) => void }
    handle.defaultSafeIntegers?.(true)
    const store = storeOn(handle)
    const most = { createdAt: 0, touchedAt: 2 ** 53, idleMs: 2 ** 53, expiresAt: 2 ** 53, absoluteExpiresAt: 2 ** 53, maxAge: 2 ** 53 - 1 }
    const made = record({ ...most, authenticatedAt: 2 ** 31, userKey: 'alice' })
    expect(await store.create(made)).toBe(true)
    expect(await store.load(made.key)).toStrictEqual(made)
    expect(await store.save(record({ key: made.key }), 'wrong')).toStrictEqual({ status: 'conflict', current: made })
    expect(await store.list({ limit: 1 })).toStrictEqual({ records: [made], cursor: '1' })
    const fraction = record({ ...most, idleMs: 0.5, maxAge: 1.5 })
    await store.create(fraction)
    expect(await store.load(fraction.key)).toStrictEqual(fraction)
    expect(await store.deleteByUser('alice')).toBe(1)
    expect(await store.delete(fraction.key, 'destroyed')).toBe(true)
  })

  test('H14: a table’s name is only a name, and tables know nothing of each other', async () => {
    const handle = handleTo()
    const names = ['a', 'a.b', 'a:b', 'a-b', 'select', '1', 'main.a', 'x'.repeat(64)]
    const stores = names.map(table => storeOn(handle, { table }))
    for (const [n, store] of stores.entries())
      expect(await store.create(record({ key: 'same', data: `{"n":${n}}`, userKey: 'u' }))).toBe(true)
    for (const [n, store] of stores.entries()) expect(await store.load('same')).toMatchObject({ data: `{"n":${n}}` })
    expect(await stores[0]?.deleteByUser('u')).toBe(1)
    for (const store of stores.slice(1)) expect(await store.listByUser('u')).toHaveLength(1)
    expect(tables(handle)).toHaveLength(names.length)
    for (const table of ['', 'a"b', 'a b', 'a;', 'ä', 'x'.repeat(65), 'a\n', "a'", 7]) {
      expect(() => new SqliteStore(handle, { table: table as string })).toThrow(TypeError)
    }
  })

  test('close() leaves the handle to its owner; a handle that is closed is an error, every time', async () => {
    const handle = handleTo()
    const store = storeOn(handle)
    await store.create(record({ key: 'a' }))
    await store.close()
    expect(handle.prepare('SELECT count(*) AS n FROM holdfast_sessions').all({})).toEqual([{ n: 1 }])
    const closed = handleTo(join(folder.path, 'closed.db'))
    const orphan = storeOn(closed)
    await orphan.create(record())
    closed.close()
    ends.splice(-2, 1)
    for (let n = 0; n < 2; n++) await expect(orphan.load('a')).rejects.toThrow(/not open/)
  })
})

describe('misuse is a TypeError that says what is wanted', () => {
  const handle = new Libsql(':memory:')
  afterAll(() => handle.close())

  test.each([undefined, null, 'sessions.db', {}, { prepare() {}, exec() {} }, { query() {} }])('%o is no handle', wrong => {
    expect(() => new SqliteStore(wrong as unknown as SqliteDatabase)).toThrow(
      new TypeError('SqliteStore: database must be a handle of better-sqlite3, libsql or node:sqlite (Node 22.16 or newer)'),
    )
  })

  test('a handle that answers by promises', async () => {
    const promising = new PromisingLibsql(':memory:', {})
    const store = new SqliteStore(promising as unknown as SqliteDatabase)
    await expect(store.load('a')).rejects.toThrow(/^SqliteStore: database must be a handle of/)
    await store.close()
  })

  test('options', () => {
    expect(() => new SqliteStore(handle, { tabel: 'x' } as SqliteStoreOptions)).toThrow(/there is no option "tabel"/)
    expect(() => new SqliteStore(handle, { now: 5 } as unknown as SqliteStoreOptions)).toThrow('now must be a function')
    expect(() => new SqliteStore(handle, { cleanupInterval: 'often' })).toThrow(/cleanupInterval must be/)
  })
})

/** Compiled for one version of Node; where others run the tests, it is a skip that can be seen. */
test.skipIf(!here.includes('better-sqlite3') && existsSync(cache))('better-sqlite3 is there for this Node', () => {
  expect(here, 'run npm test, it sets it up').toContain('better-sqlite3')
})
