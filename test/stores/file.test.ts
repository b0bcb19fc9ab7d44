// What is particular to files; the interleavings are in file-interleavings.full.test.ts, real processes in file-processes.test.ts.
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { open as openHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { SessionRecord } from '../../src/core/record.ts'
import { nameOfKey } from '../../src/stores/file/format.ts'
import { diskFileSystem, type FileSystem } from '../../src/stores/file/system.ts'
import { FileStore } from '../../src/stores/file.ts'
import { testSessionStore } from '../../src/testing.ts'
import { temporaryFolder, until } from '../servers/process.ts'
import { open } from './clients/file.mjs'
import { FakeDisk } from './file-disk.ts'

const folder = temporaryFolder('file')
afterAll(folder.remove)

const MINUTE = 60_000
const HOUR = 60 * MINUTE
let count = 0
let directory: string
beforeEach(() => {
  directory = join(folder.path, `own_${++count}`)
})
afterEach(() => {
  vi.restoreAllMocks()
})

const newStore = (fs?: FileSystem, options: object = {}) => {
  const given = { directory, cleanupInterval: false, ...options } as const
  return fs ? new FileStore(given, fs) : new FileStore(given)
}
const record = (key: string, part: Partial<SessionRecord> = {}): SessionRecord => {
  const now = Date.now()
  return {
    key,
    partition: '',
    data: `{"n":${++count}}`,
    version: `v${count}`,
    createdAt: now,
    touchedAt: now,
    idleMs: HOUR,
    expiresAt: now + HOUR,
    ...part,
  }
}
const user = { userKey: 'alice' }
/** All files, and folders that are empty. */
const files = () =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(one => one.isFile())
    .map(one => join(one.parentPath, one.name))
const versionsOf = (text: string) => files().filter(path => path.includes('/sessions/') && readFileSync(path, 'utf8').includes(text))
/** Makes a path older than it is. */
const age = (path: string, ms: number) => utimesSync(path, new Date(Date.now() - ms), new Date(Date.now() - ms))

/** The real disk, with a call of it changed. */
const changed = (methods: (disk: FileSystem) => Partial<FileSystem>): FileSystem => {
  const disk = diskFileSystem(true)
  return { ...disk, ...methods(disk) }
}
const failing = (code: string) => async (): Promise<never> => {
  throw Object.assign(new Error(`${code}: it fails`), { code })
}

/** Removes what is in a folder, and not the folder. */
function empty(path: string): void {
  for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true })
}

describe('FileStore', () => {
  testSessionStore({ describe, it, create: async ({ space, now }) => (await open({ url: folder.path, space, now })).store })
})

describe('the options of FileStore', () => {
  it('are checked at construction', () => {
    const make = (options: unknown) => () => new FileStore(options as { directory: string })
    for (const options of [undefined, null, {}, { directory: '' }, { directory: 7 }]) expect(make(options)).toThrow(/directory must be/)
    expect(make({ directory, folder: 'x' })).toThrow(/no option "folder"/)
    expect(make({ directory, fsync: 'yes' })).toThrow(new TypeError('fsync must be true or false'))
    expect(make({ directory, now: 7 })).toThrow(TypeError)
    expect(make({ directory, cleanupInterval: -1 })).toThrow(TypeError)
    make({ directory, cleanupInterval: false, fsync: false })
    expect(() => statSync(directory)).toThrow(/ENOENT/)
  })
})

describe('a key becomes the name of a file', () => {
  it('and is refused if it could say more than a name', async () => {
    const store = newStore()
    for (const key of [
      '',
      '.',
      '..',
      '../x',
      'a/b',
      'a\\b',
      'a\0',
      'é',
      'a b',
      'x'.repeat(65),
      undefined as unknown as string,
      7 as unknown as string,
    ]) {
      const calls = [
        () => store.load(key),
        () => store.create(record(key)),
        () => store.save(record(key), 'v'),
        () => store.replace(key, 'v', record('x'), 'rotated'),
        () => store.replace('x', 'v', record(key), 'rotated'),
        () => store.touch(key, { touchedAt: 0, expiresAt: 0 }),
        () => store.delete(key, 'destroyed'),
        () => store.listByUser(key),
        () => store.deleteByUser(key),
        ...(key === undefined ? [] : [() => store.create(record('x', { userKey: key }))]),
      ]
      for (const call of calls) await expect(call()).rejects.toThrow(TypeError)
    }
    expect(() => statSync(directory)).toThrow(/ENOENT/)
  })

  it('H14: also where letters of two cases are one name', async () => {
    const store = newStore()
    const keys = ['bob', 'Bob', 'BOB', 'b.b', 'b=b'.replace('=', '_'), '-', '_', '...', '.b', 'a'.repeat(64), 'A'.repeat(64)]
    const made = keys.map(key => record(key, { userKey: key }))
    for (const one of made) expect(await store.create(one)).toBe(true)
    for (const one of made) {
      expect(await store.load(one.key)).toEqual(one)
      expect(await store.listByUser(one.key)).toEqual([one])
    }
    // Whatever shards they are in: two keys of one shard must not have one name either.
    for (const kind of ['sessions', 'users']) {
      const names = readdirSync(join(directory, kind)).flatMap(shard => readdirSync(join(directory, kind, shard)))
      expect(new Set(names.map(name => name.toLowerCase())).size).toBe(keys.length)
      for (const name of names) expect(name.length).toBeLessThan(256)
    }
    const { records } = await store.list({ limit: 100 })
    expect(records.map(({ key }) => key).sort()).toEqual([...keys].sort())
  })
})

describe('what lies on the disk', () => {
  it('is for this user alone', async () => {
    const store = newStore()
    await store.create(record('a', user))
    await store.replace('a', `v${count}`, record('b', user), 'rotated')
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    for (const path of readdirSync(directory, { recursive: true }) as string[]) {
      const stat = statSync(join(directory, path))
      expect([path, stat.mode & 0o777]).toEqual([path, stat.isDirectory() ? 0o700 : 0o600])
    }
  })

  it('keeps one version of a session, and no data of one that has ended', async () => {
    const store = newStore()
    let last = record('a', { ...user, data: '{"text":"secret"}' })
    await store.create(last)
    for (let n = 0; n < 5; n++) {
      const next = record('a', { data: '{"text":"secret"}' })
      await store.save(next, last.version)
      last = next
      expect(versionsOf('secret')).toHaveLength(1)
    }
    await store.replace('a', last.version, record('b', { ...user, data: '{"text":"secret"}' }), 'rotated')
    expect(versionsOf('secret')).toHaveLength(1)
    await store.delete('b', 'destroyed')
    expect([versionsOf('secret'), files().length]).toEqual([[], 2])
  })

  it('as no valid record reads as absent, never throws, and is in nobody’s way', async () => {
    const garbage = [
      ...[
        '',
        '\0\0\0\0',
        '{',
        '[]',
        'null',
        '7',
        '{}',
        '{"record":null}',
        '{"record":{}}',
        '{"gone":"destroyed"}',
        '{"gone":7,"until":9e15}',
      ],
      '{"gone":"destroyed","until":1,"successor":{"key":"../../x","version":"v"}}',
      '{"gone":"destroyed","until":1,"successor":null}',
    ]
    const made = record('a', user)
    const valid = { record: made, recent: [] }
    for (const part of [
      { key: 'b' },
      { data: 7 },
      { version: null },
      { expiresAt: '9' },
      { userKey: '../x' },
      { maxAge: 'x' },
      { meta: 7 },
    ]) {
      garbage.push(JSON.stringify({ ...valid, record: { ...made, ...part } }))
    }
    for (const part of [{ recent: 7 }, { recent: [7] }, { entry: '../x' }, { pending: {} }, { pending: { key: '../../x', name: 'x' } }]) {
      garbage.push(JSON.stringify({ ...valid, ...part }))
    }
    const store = newStore()
    for (const text of garbage) {
      await store.create(record('a', user))
      const [path] = versionsOf('"record"') as [string]
      const whole = readFileSync(path, 'utf8')
      for (const broken of [text, whole.slice(0, whole.length / 2)]) {
        writeFileSync(path, broken)
        expect([broken, await store.load('a')]).toEqual([broken, null])
        expect(await store.listByUser('alice')).toEqual([])
        expect(await store.list()).toEqual({ records: [], cursor: null })
        expect(await store.save(record('a'), made.version)).toEqual({ status: 'missing' })
        expect(await store.touch('a', { touchedAt: 0, expiresAt: 9e15 })).toBe(false)
        expect(await store.deleteByUser('alice')).toBe(0)
      }
      const next = record('a', user)
      expect(await store.create(next)).toBe(true)
      expect(await store.load('a')).toEqual(next)
      expect(await store.listByUser('alice')).toEqual([next])
      empty(directory)
    }
  })

  it('may be anybody else’s: files and folders that do not belong there are in nobody’s way', async () => {
    const store = newStore()
    await store.create(record('a', user))
    const inside = dirname(versionsOf('"record"')[0] as string)
    writeFileSync(join(inside, '.DS_Store'), 'x')
    mkdirSync(join(inside, 'folder'))
    writeFileSync(join(directory, 'users', '.DS_Store'), 'x')
    writeFileSync(join(directory, 'sessions', '.DS_Store'), 'x')
    writeFileSync(join(dirname(inside), '.DS_Store'), 'x')
    mkdirSync(join(directory, 'sessions', 'ab', 'empty'), { recursive: true })
    expect(await store.listByUser('alice')).toHaveLength(1)
    expect((await store.list()).records).toHaveLength(1)
    expect(await store.delete('a', 'destroyed')).toBe(true)
    expect(await newStore(undefined, { now: () => Date.now() + HOUR }).deleteExpired(10)).toBe(1)
    const made = record('a', user)
    expect(await store.create(made)).toBe(true)
    const [version] = versionsOf('"record"') as [string]
    writeFileSync(join(dirname(version), '.DS_Store'), 'x')
    rmSync(version)
    expect([await store.load('a'), await store.delete('none', 'destroyed')]).toEqual([null, false])
    expect(await store.create(made)).toBe(true)
    expect(await store.load('a')).toEqual(made)
  })

  it('may be removed by hand while the store is in use', async () => {
    const store = newStore()
    for (let n = 0; n < 3; n++) {
      const made = record('a', user)
      expect(await store.create(made)).toBe(true)
      expect(await store.replace('a', made.version, record('b', user), 'rotated')).toEqual({ status: 'replaced' })
      empty(directory)
      expect([await store.load('a'), await store.load('b'), await store.listByUser('alice')]).toEqual([null, null, []])
      expect(await store.deleteExpired(10)).toBe(0)
    }
  })
})

describe('a write is on the disk before it is answered', () => {
  it('file and folder, unless fsync is false', async () => {
    const handle = await openHandle(folder.path, 'r')
    const sync = vi.spyOn(Object.getPrototypeOf(handle) as { sync: () => Promise<void> }, 'sync')
    await handle.close()
    const syncs = async (work: () => Promise<unknown>) => {
      sync.mockClear()
      await work()
      return sync.mock.calls.length
    }
    for (const fsync of [true, false]) {
      const store = newStore(undefined, { directory: `${directory}_${fsync}`, fsync })
      const made = record('a')
      const saved = record('a')
      const counts = [
        await syncs(() => store.create(made)),
        await syncs(() => store.save(saved, made.version)),
        await syncs(() => store.touch('a', { touchedAt: Date.now() + 9, expiresAt: Date.now() + HOUR + 9 })),
        await syncs(() => store.delete('a', 'destroyed')),
      ]
      if (fsync) for (const [n, least] of [3, 2, 2, 2].entries()) expect(counts[n]).toBeGreaterThanOrEqual(least)
      else expect(counts).toEqual([0, 0, 0, 0])
      expect(await syncs(() => store.load('a'))).toBe(0)
    }
  })

  it('in the right order: the text, then the name, then the folder; entries before records', async () => {
    const order: string[] = []
    const noted = <T>(what: string, work: () => Promise<T>): Promise<T> => {
      order.push(what)
      return work()
    }
    const traced = changed(disk => ({
      create: async path => {
        const file = await disk.create(path)
        return file && { ...file, write: text => noted('write', () => file.write(text)) }
      },
      link: (file, name) => noted('link', () => disk.link(file, name)),
      rename: (from, to) => noted('rename', () => disk.rename(from, to)),
      // Shards and unique words differ from run to run.
      sync: path =>
        noted(`sync ${path.slice(directory.length + 1).replace(/\/(?:[0-9a-f]{2}|.{41})(?=\/|$)/, '/*')}`, () => disk.sync(path)),
    }))
    const store = newStore(traced)
    const warm = record('a', user)
    await store.create(warm)
    order.length = 0
    await store.save(record('a'), warm.version)
    expect(order).toEqual(['write', 'link', 'sync sessions/*/a'])
    order.length = 0
    await store.delete('a', 'destroyed')
    expect(order).toEqual(['write', 'link', 'sync sessions/*/a'])
    order.length = 0
    await store.create(record('b', user))
    // The first one of a shard makes its folder.
    const made = ['write', 'sync new/*', 'rename', 'sync sessions/*']
    expect(order.filter(one => one !== 'sync sessions' && one !== 'sync ')).toEqual(['sync users/*/alice', 'sync users/*', ...made])
    expect(order.indexOf('sync sessions')).toBeLessThan(order.indexOf('write'))
    order.length = 0
    await store.replace('b', `v${count}`, record('c', user), 'rotated')
    const [entry, pending] = [order.indexOf('sync users/*/alice'), order.indexOf('rename')]
    const tombstone = order.indexOf('link')
    expect([entry, pending, tombstone].every((at, n, all) => at > (all[n - 1] ?? -1))).toBe(true)
    expect(order.slice(order.lastIndexOf('rename'))).toEqual([
      ...['rename', 'sync sessions/*'],
      ...['write', 'link', 'sync sessions/*/b'],
      ...['write', 'link', 'sync sessions/*/c'],
    ])
  })

  it('H2: a call whose folder could not be brought to the disk fails, and is known when it comes again', async () => {
    let broken = false
    const store = newStore(changed(disk => ({ sync: path => (broken ? failing('EIO')() : disk.sync(path)) })))
    const [one, two, three] = [record('a', user), record('a'), record('b', user)]
    const again = async (call: () => Promise<unknown>, answer: unknown) => {
      broken = true
      await expect(call()).rejects.toMatchObject({ code: 'EIO' })
      await expect(call()).rejects.toMatchObject({ code: 'EIO' })
      broken = false
      expect(await call()).toEqual(answer)
      expect(await call()).toEqual(answer)
    }
    await again(() => store.create(one), true)
    await again(() => store.save(two, one.version), { status: 'saved' })
    await again(() => store.replace('a', two.version, three, 'rotated'), { status: 'replaced' })
    expect([await store.load('a'), await store.load('b'), await store.listByUser('alice')]).toEqual([{ gone: 'rotated' }, three, [three]])
    broken = true
    await expect(store.delete('b', 'destroyed')).rejects.toMatchObject({ code: 'EIO' })
    await expect(store.delete('b', 'destroyed')).rejects.toMatchObject({ code: 'EIO' })
    broken = false
    expect(await store.delete('b', 'destroyed')).toBe(false)
  })
})

describe('a disk that is full, or for reading only', () => {
  for (const [what, code, methods] of [
    [
      'no room for data',
      'ENOSPC',
      (disk: FileSystem) => ({
        create: async (path: string) => {
          const file = await disk.create(path)
          return file && { ...file, write: failing('ENOSPC') }
        },
      }),
    ],
    ['no room for names', 'ENOSPC', () => ({ link: failing('ENOSPC'), rename: failing('ENOSPC') })],
    ['nothing can be made', 'EROFS', () => ({ create: failing('EROFS'), makeFolder: failing('EROFS'), makeFolders: failing('EROFS') })],
  ] as const) {
    it(`${what}: the error comes through, and nothing is half there`, async () => {
      const good = newStore()
      const made = record('a', user)
      await good.create(made)
      const store = newStore(changed(methods))
      const next = record('b', user)
      const calls = [
        () => store.create(next),
        () => store.save(record('a'), made.version),
        () => store.touch('a', { touchedAt: Date.now() + 9, expiresAt: Date.now() + 2 * HOUR }),
        () => store.replace('a', made.version, next, 'rotated'),
        () => store.delete('a', 'destroyed'),
        () => store.deleteByUser('alice'),
      ]
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code })
      for (const reader of [store, good]) {
        expect([await reader.load('a'), await reader.load('b'), await reader.listByUser('alice')]).toEqual([made, null, [made]])
      }
      expect(await good.replace('a', made.version, next, 'rotated')).toEqual({ status: 'replaced' })
      expect([await good.load('a'), await good.load('b'), await good.listByUser('alice')]).toEqual([{ gone: 'rotated' }, next, [next]])
      expect(readdirSync(join(directory, 'new'))).toEqual([])
    })
  }
})

describe('a call that comes too late', () => {
  it('H17: writes nothing when the caller waits no longer', async () => {
    const good = newStore()
    const made = record('a', user)
    await good.create(made)
    const slow = newStore(
      changed(disk => ({
        create: async path => {
          await new Promise(resolve => setTimeout(resolve, 30))
          return disk.create(path)
        },
      })),
    )
    const late = { message: expect.stringMatching(/in time/), code: 'HOLDFAST_STORE', outcome: 'unknown' }
    await expect(slow.create(record('b', user), 10)).rejects.toMatchObject(late)
    await expect(slow.save(record('a'), made.version, 10)).rejects.toMatchObject(late)
    await expect(slow.touch('a', { touchedAt: Date.now() + 9, expiresAt: Date.now() + 2 * HOUR }, 10)).rejects.toMatchObject(late)
    await expect(slow.replace('a', made.version, record('b', user), 'rotated', 10)).rejects.toMatchObject(late)
    await expect(slow.delete('a', 'destroyed', 10)).rejects.toMatchObject(late)
    expect([await good.load('a'), await good.load('b'), await good.listByUser('alice')]).toEqual([made, null, [made]])
  })

  it('many at once wait for each other: few files are open at any moment', async () => {
    let active = 0
    let most = 0
    const counted = changed(disk => {
      const count = async <T>(work: Promise<T>): Promise<T> => {
        most = Math.max(most, ++active)
        return work.finally(() => active--)
      }
      return { list: path => count(disk.list(path)), read: path => count(disk.read(path)) }
    })
    const store = newStore(counted)
    await store.create(record('a'))
    const found = await Promise.all(Array.from({ length: 3000 }, () => store.load('a')))
    expect(found.filter(Boolean)).toHaveLength(3000)
    expect(most).toBeGreaterThan(8)
    expect(most).toBeLessThanOrEqual(64)
  })
})

describe('a clean-up', () => {
  it('goes on where it stopped, and round and round', async () => {
    let time = Date.now()
    const looked = new Set<string>()
    const watched = changed(disk => ({
      read: path => {
        looked.add(dirname(path))
        return disk.read(path)
      },
    }))
    const store = newStore(watched, { now: () => time })
    const living = Array.from({ length: 9 }, (_, n) => record(`living${n}`, { expiresAt: time + 9 * HOUR }))
    for (const one of living) await store.create(one)
    for (let n = 0; n < 12; n++) await store.create(record(`dead${n}`, { expiresAt: time }))
    time += HOUR
    expect(await store.deleteExpired(0)).toBe(0)
    const seen: string[] = []
    for (const removed of [5, 5, 2]) {
      looked.clear()
      expect(await store.deleteExpired(5)).toBe(removed)
      seen.push(...looked)
      // The third comes to the end, and goes once around.
      if (removed === 5) expect(new Set(seen).size).toBe(seen.length)
    }
    expect(new Set(seen).size).toBe(21)
    expect(await store.deleteExpired(5)).toBe(0)
    for (const one of living) expect(await store.load(one.key)).toEqual(one)
  })

  it('removes what processes left in the middle of their work: an hour later, and not before', async () => {
    const store = newStore()
    const made = record('a', user)
    await store.create(made)
    const inside = dirname(versionsOf('"record"')[0] as string)
    const [entry] = files().filter(path => path.includes('/users/')) as [string]
    const left = [
      join(inside, 'reservation'),
      join(directory, 'new', 'folder', 'half'),
      entry.replace(/\d{10}-.{41}-a$/, `0000000000-${'0'.repeat(41)}-b`),
      entry.replace(/\d{10}-.{41}-a$/, `0000000000-${'1'.repeat(41)}-a`),
    ]
    mkdirSync(join(directory, 'new', 'folder'))
    for (const path of left) writeFileSync(path, '')
    for (const path of [entry, inside]) age(path, 2 * HOUR)
    const old = (ms: number) => {
      for (const path of [...left, join(directory, 'new', 'folder')]) age(path, ms)
    }
    old(HOUR - MINUTE)
    expect(await store.deleteExpired(10)).toBe(0)
    for (const path of left) statSync(path)
    old(HOUR + MINUTE)
    expect(await store.deleteExpired(10)).toBe(0)
    for (const path of left) expect(() => statSync(path)).toThrow(/ENOENT/)
    expect(readdirSync(join(directory, 'new'))).toEqual([])
    expect([await store.load('a'), await store.listByUser('alice')]).toEqual([made, [made]])
  })

  it('leftover entries also go with the next list', async () => {
    const store = newStore()
    const made = record('a', user)
    await store.create(made)
    const [entry] = files().filter(path => path.includes('/users/')) as [string]
    const leftover = entry.replace(/\d{10}-.{41}-a$/, `0000000000-${'0'.repeat(41)}-b`)
    writeFileSync(leftover, '')
    expect(await store.listByUser('alice')).toEqual([made])
    statSync(leftover)
    for (const path of [leftover, entry]) age(path, 2 * HOUR)
    expect(await store.listByUser('alice')).toEqual([made])
    expect(() => statSync(leftover)).toThrow(/ENOENT/)
    statSync(entry)
  })

  it('a login that was stopped for hours between its entry and its record gets a new entry before it is told', async () => {
    const slow = newStore(
      changed(disk => ({
        rename: async (from, to) => {
          if (to.includes('/sessions/')) for (const path of files().filter(one => one.includes('/users/'))) age(path, 2 * HOUR)
          return disk.rename(from, to)
        },
      })),
    )
    const made = record('a', user)
    expect(await slow.create(made)).toBe(true)
    const entries = files().filter(path => path.includes('/users/'))
    expect(entries).toHaveLength(1)
    expect(Date.now() - statSync(entries[0] as string).mtimeMs).toBeLessThan(HOUR)
    expect(await slow.listByUser('alice')).toEqual([made])
    expect(await slow.deleteByUser('alice')).toBe(1)
  })

  it('removes garbage only when it is old', async () => {
    const store = newStore()
    await store.create(record('a'))
    const [path] = versionsOf('"record"') as [string]
    writeFileSync(path, 'garbage')
    expect(await store.deleteExpired(10)).toBe(0)
    age(path, 2 * HOUR)
    expect(await store.deleteExpired(10)).toBe(1)
    expect(() => statSync(dirname(path))).toThrow(/ENOENT/)
  })

  it('comes by itself after the first write, until the store is closed', async () => {
    let time = Date.now()
    const store = newStore(undefined, { now: () => time, cleanupInterval: 20 })
    await store.create(record('a'))
    time += 2 * HOUR
    await until('the clean-up', () => versionsOf('"record"').length === 0)
    await store.close()
  })
})

describe('the disk in memory of the tests', () => {
  it('answers as the real one does', async () => {
    const real = diskFileSystem(false)
    const root = join(folder.path, 'real')
    const play = async (disk: FileSystem, at: string) => {
      const [a, b, c] = [join(at, 'a'), join(at, 'b'), join(at, 'c')]
      const file = async (path: string) => {
        const made = await disk.create(path)
        await made?.write('text')
        await made?.close()
        return made !== null
      }
      const list = async (path: string) => (await disk.list(path))?.sort() ?? null
      return [
        [
          await disk.makeFolder(join(a, 'deep')),
          await disk.makeFolders(join(a, 'deep')),
          await disk.makeFolder(a),
          await list(a),
          await list(b),
          await list(join(b, 'x')),
        ],
        [
          await file(join(a, '1')),
          await file(join(b, '1')),
          await file(join(a, '1', 'x')),
          await disk.create(join(a, '1')).catch(error => error.code),
        ],
        [
          await disk.read(join(a, '1')),
          await disk.read(join(a, '2')),
          await disk.read(a),
          await disk.read(join(a, '1', 'x')),
          await list(join(a, '1')),
        ],
        [
          await disk.link(join(a, '1'), join(a, '2')),
          await disk.link(join(a, '1'), join(a, '2')),
          await disk.link(join(a, '3'), join(a, '4')),
        ],
        [
          await disk.link(join(a, '1'), join(b, '2')),
          await disk.remove(join(a, '1')),
          await disk.remove(join(a, '1')),
          await disk.read(join(a, '2')),
        ],
        [await disk.rename(b, c), await disk.makeFolder(b), await disk.rename(a, b), await list(b), await list(a), await disk.rename(a, b)],
        [
          await disk.makeFolder(a),
          await file(join(a, '5')),
          await disk.rename(a, b),
          await disk.rename(a, join(c, 'x')),
          await disk.removeFolder(a),
          await list(a),
        ],
        [
          await disk.discard(b),
          await disk.discard(b),
          await list(b),
          await disk.remove(join(a, '5')),
          await disk.removeFolder(a),
          await disk.removeFolder(a),
        ],
        [await list(a), await disk.age(a), (await disk.age(at)) !== null, await disk.sync(a), await disk.remove(join(at, 'x', 'y'))],
      ]
    }
    mkdirSync(root)
    const fake = new FakeDisk()
    await fake.makeFolders('/root')
    expect(await play(fake, '/root')).toEqual(await play(real, root))
  })

  it('a file that has no name left gets no other one, in the middle of a call: it is the system that sees to it', async () => {
    // The one thing that the whole protocol rests on: many try to give a file a second name while its only one is taken away.
    mkdirSync(directory)
    const disk = diskFileSystem(false)
    for (let n = 0; n < 300; n++) {
      const [from, to] = [join(directory, `from${n}`), join(directory, `to${n}`)]
      await (await disk.create(from))?.close()
      const [linked, removed] = await Promise.all([disk.link(from, to), disk.remove(from)])
      expect([linked, removed]).toEqual([(await disk.read(to)) !== null, true])
    }
  })
})

describe('who has begun earlier goes first', () => {
  /** A save, beside a reservation that somebody has made `ageMs` ago and removes after so many moments: how many it waits for. */
  async function moments(ageMs: number, goesAfter: number): Promise<number> {
    const real = diskFileSystem(false)
    let waited = 0
    const counting = {
      ...real,
      patience: async (moment: number) => {
        const stays = await real.patience(moment)
        if (stays && ++waited === goesAfter) rmSync(reservation)
        return stays
      },
    }
    const made = record(`k${count++}`)
    const store = newStore(counting)
    await store.create(made)
    const [cell = ''] = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith(nameOfKey(made.key)))
    const time = (Date.now() - ageMs).toString(36).padStart(9, '0')
    const reservation = join(directory, cell, `${time}${'0'.repeat(32)}`)
    writeFileSync(reservation, '')
    expect(await store.save({ ...made, version: 'v2' }, made.version)).toEqual({ status: 'saved' })
    return waited
  }

  it('until it is done, for a few moments, and not where it has been given up long ago', async () => {
    expect(await moments(5, 3)).toBe(3)
    expect(await moments(5, Number.POSITIVE_INFINITY)).toBe(20)
    expect(await moments(60_000, Number.POSITIVE_INFINITY)).toBe(0)
    // One that is younger waits itself.
    expect(await moments(-60_000, Number.POSITIVE_INFINITY)).toBe(0)
  })
})
