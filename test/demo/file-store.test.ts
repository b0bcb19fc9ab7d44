import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

interface Store {
  open(): Promise<void>
  get(id: string): Promise<unknown>
  set(id: string, data: object, maxAge: number): Promise<void>
  destroy(id: string): Promise<void>
  close(): Promise<void>
}

const module = new URL('../../demo/file-store.mjs', import.meta.url).href
let parent: string
let folder: string
let store: Store

async function openStore(): Promise<Store> {
  const { DemoFileStore } = (await import(module)) as { DemoFileStore: new (folder: string) => Store }
  const opened = new DemoFileStore(folder)
  await opened.open()
  return opened
}

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'holdfast-store-'))
  folder = join(parent, 'deep', 'sessions')
  store = await openStore()
})
afterEach(async () => {
  vi.useRealTimers()
  await store.close()
  await rm(parent, { recursive: true, force: true })
})

test('keeps what it was given, for another instance as well', async () => {
  await store.set('a', { n: 1, text: 'ü\u2028' }, 1000)
  await store.set('a', { n: 2, text: 'ü\u2028' }, 1000)
  expect(await store.get('a')).toEqual({ n: 2, text: 'ü\u2028' })
  expect(await (await openStore()).get('a')).toEqual({ n: 2, text: 'ü\u2028' })
  await store.destroy('a')
  await store.destroy('a')
  expect(await store.get('a')).toBeUndefined()
  expect(readdirSync(folder)).toEqual([])
})

test('an id is never a path', async () => {
  const ids = ['../../escape', '/etc/passwd', '..', '', '\0', 'a/b', 'a'.repeat(10_000), 'ключ', 'CON', 'x.json']
  for (const [index, id] of ids.entries()) await store.set(id, { index }, 1000)
  for (const [index, id] of ids.entries()) expect(await store.get(id)).toEqual({ index })
  const files = readdirSync(parent, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  expect(files).toHaveLength(ids.length)
  for (const { name, parentPath } of files) expect([name, parentPath]).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.json$/), folder])
})

test('what has expired is gone, and its file with the next start', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  await store.set('short', { n: 1 }, 1000)
  await store.set('long', { n: 2 }, 2000)
  vi.setSystemTime(Date.now() + 999)
  expect(await store.get('short')).toEqual({ n: 1 })
  vi.setSystemTime(Date.now() + 1)
  expect(await store.get('short')).toBeUndefined()
  expect(readdirSync(folder)).toHaveLength(2)
  store = await openStore()
  expect(readdirSync(folder)).toHaveLength(1)
  expect(await store.get('long')).toEqual({ n: 2 })
})

test('a file that is not a record is no session, and the next set heals it', async () => {
  await store.set('a', { n: 1 }, 1000)
  const path = join(folder, readdirSync(folder)[0] ?? '')
  const whole = readFileSync(path, 'utf8')
  for (const text of ['', whole.slice(0, -3), 'null', '[]', '7', '{"data":null}', '{"expiresAt":"x","data":{}}', '\0\0\0']) {
    writeFileSync(path, text)
    expect(await store.get('a'), text).toBeUndefined()
  }
  await store.set('a', { n: 2 }, 1000)
  expect(await store.get('a')).toEqual({ n: 2 })
  writeFileSync(`${path}.left-behind.tmp`, whole)
  await openStore()
  expect(readdirSync(folder)).toHaveLength(1)
})

test('writes land in the order in which they were asked for: a destroy is final', async () => {
  const writes = Array.from({ length: 20 }, (_, n) => store.set('a', { n }, 1000))
  const destroyed = store.destroy('a')
  const other = store.set('b', { n: 1 }, 1000)
  await Promise.all([...writes, destroyed, other])
  expect(await store.get('a')).toBeUndefined()
  expect(await store.get('b')).toEqual({ n: 1 })
})

test('a write that fails is the caller’s error and does not stop the next one', async () => {
  const circular: { self?: object } = {}
  circular.self = circular
  await expect(store.set('a', circular, 1000)).rejects.toThrow(TypeError)
  await rm(folder, { recursive: true })
  await expect(store.set('a', { n: 1 }, 1000)).rejects.toThrow(/ENOENT/)
  store = await openStore()
  await store.set('a', { n: 1 }, 1000)
  expect(await store.get('a')).toEqual({ n: 1 })
})
