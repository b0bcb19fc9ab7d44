import { existsSync } from 'node:fs'
import type { Gone, SessionRecord } from 'holdfast'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { temporaryFolder, until } from '../servers/process.ts'
import { open, opener } from './clients/sqlite.mjs'
import { together, type Work, Worker } from './sqlite-processes.ts'

const PROCESSES = 4
const clients = ['libsql', 'better-sqlite3', 'node:sqlite'].filter(client => client === 'node:sqlite' || opener(client))

beforeAll(() => {
  if (!existsSync(new URL('../../dist/stores/sqlite.js', import.meta.url))) throw new Error('dist is missing: run `npm run build` first')
})

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => {
  folder = temporaryFolder('sqlite')
})
afterEach(() => folder.remove())

/** One work for each process. All set the file up at once. */
const works = (client: string, work: Work['work'], times: number): Work[] =>
  Array.from({ length: PROCESSES }, (_, n) => ({ url: folder.path, client, work, name: `process-${n}`, times }))

/** What is in the file, read by this process. */
async function look<T>(body: (store: Awaited<ReturnType<typeof open>>['store']) => Promise<T>): Promise<T> {
  const { store, end } = await open({ url: folder.path, space: 'shared' })
  try {
    return await body(store)
  } finally {
    await end()
  }
}

describe.each(clients)(`${PROCESSES} processes with %s on one file`, client => {
  test('H2: increments by compare-and-set are all there', { timeout: 120_000 }, async () => {
    await together(works(client, 'increment', 50))
    expect(await look(store => store.load('counter'))).toMatchObject({ data: `{"n":${PROCESSES * 50}}` })
  })

  test('no login is lost, and one call ends them all', { timeout: 120_000 }, async () => {
    const made = ((await together(works(client, 'login', 25))) as string[][]).flat()
    expect(made).toHaveLength(PROCESSES * 25)
    await look(async store => {
      const listed = (await store.listByUser('alice')).map(({ key }) => key)
      expect([...listed].sort()).toEqual([...made].sort())
      // Each process's own come in the order in which it made them.
      for (const own of Array.from({ length: PROCESSES }, (_, n) => `process-${n}-`)) {
        expect(listed.filter(key => key.startsWith(own))).toEqual(made.filter(key => key.startsWith(own)))
      }
      expect(await store.deleteByUser('alice')).toBe(made.length)
      expect(await store.listByUser('alice')).toEqual([])
    })
  })

  test('H3: of those that move a session, exactly one does', { timeout: 120_000 }, async () => {
    const times = 20
    const now = Date.now()
    const life = { createdAt: now, touchedAt: now, idleMs: 600_000, expiresAt: now + 600_000 }
    await look(async store => {
      for (let n = 0; n < times; n++) await store.create({ key: `old-${n}`, partition: '', data: '{}', version: `old-${n}`, ...life })
    })
    const moved = ((await together(works(client, 'move', times))) as string[][]).flat()
    expect(moved.map(key => Number(key.split('-').at(-1))).sort((a, b) => a - b)).toEqual(Array.from({ length: times }, (_, n) => n))
    const { records } = await look(store => store.list({ limit: 1000 }))
    expect(records.map(({ key }) => key).sort()).toEqual(moved.sort())
  })

  test('SIGKILL in the middle loses nothing that was acknowledged', { timeout: 120_000 }, async () => {
    const workers = works(client, 'write', 0).map(work => new Worker(work))
    await Promise.all(workers.map(worker => worker.ready()))
    for (const worker of workers) worker.begin()
    const acknowledged = () => workers.reduce((sum, { messages }) => sum + messages.length, 0)
    await until('writing', () => acknowledged() > 300)
    await workers[0]?.kill()
    const before = acknowledged()
    // The others go on, whatever the first one held.
    await until('writing after the first crash', () => acknowledged() > before + 100)
    await Promise.all(workers.map(worker => worker.kill()))

    const expected = new Map<string, string>()
    for (const [what, key, data] of workers.flatMap(({ messages }) => messages as [string, string, string?][])) {
      if (what === 'deleted') expected.set(key, 'gone')
      else if (what === 'saved') expected.set(key, data ?? '')
      else if (what === 'created') expected.set(key, '{"n":0}')
    }
    expect(expected.size).toBeGreaterThan(100)
    await look(async store => {
      const listed = new Set((await store.listByUser('alice')).map(({ key }) => key))
      for (const [key, wanted] of expected) {
        const found = (await store.load(key)) as SessionRecord | Gone
        // What was asked for last may have been done too, before the process could say so.
        const later = wanted === '{"n":0}' ? ['{"n":0}', `{"n":${key.split('-').at(-1)}}`, 'gone'] : [wanted, 'gone']
        expect(later, key).toContain('gone' in found ? 'gone' : found.data)
        expect(listed.has(key), key).toBe(!('gone' in found))
      }
    })
  })
})
