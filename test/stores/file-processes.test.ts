// H16 with real processes on a real disk: stopped and continued at any moment, or killed.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { IndexedSessionStore } from '../../src/core/store.ts'
import { temporaryFolder, until } from '../servers/process.ts'
import { open } from './clients/file.mjs'
import type { Opened } from './opened.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const script = fileURLToPath(new URL('file-child.mjs', import.meta.url))
const folder = temporaryFolder('file-processes')
const LONGEST_STOP_MS = 40

type Line = Record<string, unknown>

/** One of several processes of a site. */
class Child {
  readonly #child: ChildProcess
  readonly #closed: Promise<void>
  #output = ''
  #errors = ''
  #timer: NodeJS.Timeout | undefined

  constructor(space: string, name: string, work: string, options: { keys?: string[]; count?: number }) {
    const told = JSON.stringify({ url: folder.path, space, name, work, ...options })
    this.#child = spawn(process.execPath, [script, told], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString()
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString()
    })
    this.#closed = new Promise(resolve => this.#child.once('close', () => resolve()))
    process.once('exit', this.kill)
    children.add(this)
  }

  readonly kill = () => {
    this.#child.kill('SIGKILL')
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What it has said; a line that was cut off has not been said. */
  get lines(): Line[] {
    return this.#output
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line) as Line)
  }

  /** From now on it stands still again and again, wherever it is, for no time or for longer than the others need for many writes. */
  stopNowAndThen(): void {
    const turn = (stopped: boolean) => {
      if (!this.running) return
      this.#child.kill(stopped ? 'SIGCONT' : 'SIGSTOP')
      this.#timer = setTimeout(turn, Math.random() ** 3 * LONGEST_STOP_MS, !stopped)
    }
    turn(false)
  }

  /** It has done all that it was to do. */
  async done(): Promise<Line[]> {
    await this.#closed
    if (this.#child.exitCode !== 0)
      throw new Error(`a process ended with ${this.#child.exitCode ?? this.#child.signalCode}: ${this.#errors}`)
    return this.lines
  }

  async end(): Promise<void> {
    clearTimeout(this.#timer)
    this.kill()
    await this.#closed
    process.removeListener('exit', this.kill)
  }
}

const children = new Set<Child>()
let here: Opened | undefined
let spaces = 0
let space: string

beforeAll(() => {
  const built = spawnSync(process.execPath, [`${root}scripts/build.mjs`, '--if-stale'], { cwd: root, encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`the package cannot be built:\n${built.stdout}${built.stderr}`)
})
afterEach(async () => {
  await Promise.all([...children].map(child => child.end()))
  children.clear()
  await here?.end()
})
afterAll(folder.remove)

/** Four processes, on a space of their own. */
function four(work: string, options: { keys: string[]; count: number }): Child[] {
  return ['a', 'b', 'c', 'd'].map(name => new Child(space, name, work, options))
}

async function newSpace(): Promise<IndexedSessionStore> {
  space = `space_${++spaces}`
  here = await open({ url: folder.path, space })
  return here.store
}

const session = (key: string) => {
  const now = Date.now()
  return {
    key,
    partition: '',
    data: '{"n":0}',
    version: 'first',
    createdAt: now,
    touchedAt: now,
    idleMs: 3_600_000,
    expiresAt: now + 3_600_000,
  }
}

describe('H16: four processes on one folder, stopped and continued at any moment', () => {
  it('count exactly: no increment is lost, none is done twice', async () => {
    const store = await newSpace()
    const keys = ['one', 'two']
    for (const key of keys) expect(await store.create(session(key))).toBe(true)
    const all = four('increments', { keys, count: 40 })
    for (const child of all) child.stopNowAndThen()
    const lines = (await Promise.all(all.map(child => child.done()))).flat()
    for (const key of keys) {
      const numbers = lines.filter(line => line.key === key).map(({ n }) => n as number)
      expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 160 }, (_, n) => n + 1))
      expect(await store.load(key)).toMatchObject({ data: '{"n":160}' })
    }
  }, 120_000)

  it('of racing creates, replaces and deletes one wins; what is dead stays dead', async () => {
    const store = await newSpace()
    const count = 25
    const all = four('races', { keys: ['s'], count })
    for (const child of all) child.stopNowAndThen()
    const lines = (await Promise.all(all.map(child => child.done()))).flat()
    const alive: string[] = []
    for (let n = 0; n < count; n++) {
      const key = `s-${n}`
      const [created, replaced, deleted] = ['create', 'replace', 'delete'].map(what =>
        lines.filter(
          line => line.do === what && (line.key === key || line.old === key) && (line.done === true || line.status === 'replaced'),
        ),
      ) as [Line[], Line[], Line[]]
      // It was there once, and ended once: by one of the replaces, or by one of the deletes.
      expect([key, created.length]).toEqual([key, 1])
      expect([key, replaced.length + deleted.length]).toEqual([key, 1])
      expect(await store.load(key)).toEqual({ gone: replaced.length > 0 ? 'regenerated' : 'destroyed' })
      for (const name of ['a', 'b', 'c', 'd']) {
        const next = `${key}-${name}`
        const found = await store.load(next)
        expect([next, found !== null]).toEqual([next, replaced[0]?.key === next])
        if (found) alive.push(next)
      }
    }
    expect((await store.listByUser('user-s')).map(({ key }) => key).sort()).toEqual(alive.sort())
  }, 120_000)
})

describe('a process that is killed at any moment', () => {
  it('leaves all that it has acknowledged, nothing dead that lives, and nothing in the way of others', async () => {
    const store = await newSpace()
    const told: Line[] = []
    for (let round = 0; round < 3; round++) {
      const all = ['a', 'b', 'c', 'd'].map(name => new Child(space, `${name}${round}`, 'endless', {}))
      const enough = 30 + Math.floor(Math.random() * 60)
      await until('some work', () => all.every(child => child.lines.length > enough), 60_000)
      await Promise.all(all.map(child => child.end()))
      told.push(...all.flatMap(child => child.lines))
    }
    const last = new Map(told.map(({ key, state }) => [key as string, state]))
    expect(last.size).toBeGreaterThan(100)
    const living = new Map<string, string[]>()
    for (const [key, state] of last) {
      const found = await store.load(key)
      if (state === 'gone') expect([key, found && 'gone' in found]).toEqual([key, true])
      else if (found && !('gone' in found)) {
        // The one write that was under way may have been carried out as well.
        const { n } = JSON.parse(found.data) as { n: number }
        const said = (state as { n: number }).n
        expect([key, n === said || n === said + 1]).toEqual([key, true])
        living.set(key.slice(0, 2), [...(living.get(key.slice(0, 2)) ?? []), key])
      } else {
        // So may have been the end of the session.
        expect([key, found]).toEqual([key, { gone: expect.stringMatching(/destroyed|rotated/) }])
        const later = [...last.keys()].filter(
          other => other.startsWith(`${key.slice(0, 3)}`) && Number(other.split('-')[1]) > Number(key.split('-')[1]),
        )
        expect([key, later]).toEqual([key, []])
      }
    }
    for (const [name, keys] of living) {
      const listed = (await store.listByUser(`user-${name}`)).map(({ key }) => key)
      expect(listed).toEqual(expect.arrayContaining(keys))
      expect(await store.deleteByUser(`user-${name}`)).toBe(listed.length)
      for (const key of listed) expect(await store.load(key)).toEqual({ gone: 'revoked' })
    }
  }, 120_000)
})

it('a store that was never closed keeps no process alive', () => {
  const work = `
    import { open } from ${JSON.stringify(new URL('clients/file.mjs', import.meta.url).href)}
    const { store } = await open({ url: ${JSON.stringify(folder.path)}, space: 'alive' })
    await store.delete('a', 'destroyed')
    console.log('done')`
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', work], { encoding: 'utf8', timeout: 60_000 })
  expect([stdout, status]).toEqual(['done\n', 0])
})
