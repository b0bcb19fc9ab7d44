// The disk is full, may only be read, or takes no more of a file: what FileStore and SqliteStore tell, keep, and do when that is over.
import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { FileStore } from 'holdfast/stores/file'
import { SqliteStore } from 'holdfast/stores/sqlite'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { recordMaker } from '../../src/testing/records.ts'
import { limitFileSize, type SmallDisk, startSmallDisk, whyNoSmallDisk } from '../servers/disk.ts'
import { temporaryFolder } from '../servers/process.ts'
import { fileOf, opener } from '../stores/clients/sqlite.mjs'
import { full } from '../support/full.ts'
import { type FaultOptions, underFault } from './fault.ts'
import { build, type Target } from './site.ts'
import { targetOn } from './stores.ts'

vi.setConfig({ testTimeout: 300_000 })

const LIBRARIES = ['libsql', 'better-sqlite3']
/** For each library of SQLite that is here. */
const onSqlite = (name: string, run: (library: string) => Promise<void>) => {
  for (const library of LIBRARIES) test.skipIf(!opener(library))(`SqliteStore with ${library}: ${name}`, () => run(library))
}
const missing = full ? whyNoSmallDisk() : undefined
if (missing) console.warn(`SKIPPED: a full disk and a read-only one: ${missing}`)

beforeAll(() => {
  if (full) build()
}, 300_000)

const play = (store: string, target: Target, options: Omit<FaultOptions, 'store' | 'target' | 'promised'>) =>
  underFault({ store, target, promised: true, ...options })

const file = (url: string) => targetOn({ url }, 'FileStore')
const sqlite = (url: string, library = 'libsql') => targetOn({ url }, `SqliteStore with ${library}`)

function openFile(library: string) {
  const open = opener(library)
  if (!open) throw new Error(`there is no ${library}`)
  return open
}

/** The files of what was begun and has not been published. */
function halfDone({ open }: Target): string[] {
  const folder = join(open.url, open.space)
  const within = (name: string) => readdirSync(join(folder, name), { recursive: true, encoding: 'utf8' }).map(one => join(name, one))
  const reservations = within('sessions').filter(name => /^[^/]+\/[^/]+\/[^/]+\/[0-9a-z]{41}$/.test(name))
  return [...within('new'), ...reservations].map(name => join(folder, name))
}

/** What nobody could take away again goes with the clean-up, when it is older than an hour. */
async function cleanUpLater(target: Target): Promise<void> {
  const before = Date.now() / 1000 - 7200
  for (const path of halfDone(target)) utimesSync(path, before, before)
  const store = new FileStore({ directory: join(target.open.url, target.open.space), cleanupInterval: false })
  await store.deleteExpired(1000)
  await store.close()
}

function expectSound({ open }: Target, library: string): void {
  const database = openFile(library)(fileOf(open.url, open.space))
  expect(database.prepare('PRAGMA integrity_check').all({})).toEqual([{ integrity_check: 'ok' }])
  database.close()
}

describe.skipIf(!full || missing)(missing ? `a small disk (skipped: ${missing})` : 'a small disk', () => {
  let disk: SmallDisk
  beforeEach(() => {
    disk = startSmallDisk(16)
  })
  afterEach(() => disk?.stop())

  test.each(['blocks', 'files'] as const)('FileStore: no %s are left', async what => {
    const target = file(disk.path)
    await play('Files', target, {
      fault: what === 'blocks' ? 'full disk' : 'no more files on the disk',
      async inject({ load }) {
        disk.fill(what)
        await load.moreFailed(30)
        disk.free()
      },
    })
    expect(halfDone(target)).toEqual([])
  })

  test('FileStore: the folder may only be read', async () => {
    const target = file(disk.path)
    await play('Files', target, {
      fault: 'read-only folder',
      async inject({ load }) {
        disk.readOnly()
        await load.moreFailed(30)
        disk.writable()
      },
    })
    await cleanUpLater(target)
    expect(halfDone(target)).toEqual([])
  })

  onSqlite('the disk is full', async library => {
    const target = sqlite(disk.path, library)
    await play('SQLite', target, {
      fault: `full disk: SQLITE_FULL (${library})`,
      // Before the log is as long as it gets: then it is written from its beginning again, and needs no more room.
      operations: 60,
      async inject({ load }) {
        disk.fill('blocks')
        await load.moreFailed(30)
        disk.free()
      },
    })
    expectSound(target, library)
  })

  onSqlite('the folder may only be read at the first call', async library => {
    const open = openFile(library)
    const { record } = recordMaker(() => Date.now())
    const database = open(join(disk.path, 'late.db'))
    const store = new SqliteStore(database, { cleanupInterval: false })
    const made = record()
    disk.readOnly()
    await expect(store.create(made)).rejects.toThrow(/readonly|unable to open|read-only/i)
    disk.writable()
    expect(await store.create(made)).toBe(true)
    expect(await store.load(made.key)).toEqual(made)
    await store.close()
    database.close()
  })
})

describe.runIf(full)('the system takes no more of a file (RLIMIT_FSIZE)', () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => {
    folder = temporaryFolder('faults')
  })
  afterEach(() => folder.remove())

  const limit: FaultOptions['inject'] = async ({ site, load }) => {
    const pids = site.workers.map(({ pid }) => pid)
    limitFileSize(pids, 0)
    await load.moreFailed(30)
    limitFileSize(pids, 'unlimited')
  }

  test('FileStore', async () => {
    const target = file(folder.path)
    await play('Files', target, { fault: 'no octet can be written: EFBIG', inject: limit })
    expect(halfDone(target)).toEqual([])
  })

  onSqlite('it fails what it writes', async library => {
    const target = sqlite(folder.path, library)
    await play('SQLite', target, { fault: `no octet can be written: SQLITE_IOERR (${library})`, inject: limit })
    expectSound(target, library)
  })
})

describe.runIf(full)('another program', () => {
  onSqlite('holds the write lock for longer than anybody waits', async library => {
    const open = openFile(library)
    const folder = temporaryFolder('faults')
    const target = sqlite(folder.path, library)
    await play('SQLite', target, {
      fault: `another process holds the write lock: SQLITE_BUSY (${library})`,
      sessions: { storeTimeout: 1000 },
      async inject({ load }) {
        const stranger = open(fileOf(folder.path, target.open.space))
        stranger.exec('PRAGMA busy_timeout = 20000')
        stranger.exec('BEGIN IMMEDIATE')
        await load.moreFailed(30)
        stranger.exec('COMMIT')
        stranger.close()
      },
    })
    expectSound(target, library)
    folder.remove()
  })
})
