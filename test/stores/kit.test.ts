// The kit must fail stores that break the contract: each of these is broken in one place, and a test that was made for it must see it.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { IndexedSessionStore } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { type SessionStoreKitOptions, testSessionStore } from 'holdfast/testing'
import { describe, expect, it } from 'vitest'
import { brokenEndings } from './broken/endings.ts'
import { brokenEnds } from './broken/ends.ts'
import { brokenLimits } from './broken/limits.ts'
import { type BrokenStore, workshop } from './broken/workshop.ts'
import { brokenWrites } from './broken/writes.ts'

// The first failure will do.
fc.configureGlobal({ endOnFailure: true })

interface Test {
  name: string
  body: () => Promise<void>
}

/** The kit's tests, run by nobody yet. */
function testsOf(options: Omit<SessionStoreKitOptions, 'describe' | 'it'>): { tests: Test[]; skipped: string[] } {
  const tests: Test[] = []
  const skipped: string[] = []
  let suite = ''
  const collect = (name: string, body: () => Promise<void>) => tests.push({ name: `${suite} > ${name}`, body })
  testSessionStore({
    ...options,
    describe: (name, body) => {
      suite = name
      body()
    },
    it: Object.assign(collect, { skip: (name: string) => skipped.push(`${suite} > ${name}`) }),
  })
  return { tests, skipped }
}

async function failuresOf(tests: readonly Test[]): Promise<string[]> {
  const failures: string[] = []
  for (const { name, body } of tests) await body().catch(() => failures.push(name))
  return failures
}

/** Stores of one space are clients of one. */
function create({ breakage, clock = now => now }: Pick<BrokenStore, 'breakage' | 'clock'>): SessionStoreKitOptions['create'] {
  const spaces = new Map<string, IndexedSessionStore>()
  return ({ space, now = () => Date.now() }) => {
    const whole = workshop(() => clock(now()))
    const store = spaces.get(space) ?? { ...whole, close: async () => {}, ...breakage(whole) }
    spaces.set(space, store)
    return { ...store }
  }
}
const whole = create({ breakage: () => ({}) })

/** Which tests of the kit have been seen to fail. */
const bitten = new Set<string>()

describe('the kit finds out that', () => {
  for (const store of [...brokenWrites, ...brokenEnds, ...brokenLimits, ...brokenEndings]) {
    it(store.name, async () => {
      const { tests } = testsOf({ create: create(store), runs: 300, seed: 1 })
      for (const part of [store.caughtBy].flat()) {
        const failures = await failuresOf(tests.filter(({ name }) => name.includes(part)))
        for (const name of failures) bitten.add(name)
        expect(failures, part).not.toEqual([])
      }
    })
  }
})

it('no test of the kit is there for nothing: each has been seen to fail', () => {
  const names = testsOf({ create: whole }).tests.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(names.filter(name => !bitten.has(name))).toEqual([])
})

it('a store that is whole passes', async () => {
  const { tests } = testsOf({ create: whole })
  expect(tests.length).toBeGreaterThan(115)
  expect(await failuresOf(tests)).toEqual([])
})

it('a store without a clock of the kit is tested as far as that goes, and what is left out is seen', async () => {
  const clocks = new Set<unknown>()
  const spaces = new Map<string, IndexedSessionStore>()
  const { tests, skipped } = testsOf({
    realClock: true,
    create: ({ space, now }) => {
      clocks.add(now)
      const store = spaces.get(space) ?? new MemoryStore()
      spaces.set(space, store)
      return store
    },
  })
  expect(await failuresOf(tests)).toEqual([])
  expect([...clocks]).toEqual([undefined])
  expect([...tests.map(({ name }) => name), ...skipped].sort()).toEqual(
    testsOf({ create: whole })
      .tests.map(({ name }) => name)
      .sort(),
  )
  expect(skipped).toContain('touch > never revives what has expired, nor what is past its absolute end')
  const it = () => {}
  expect(() => testSessionStore({ describe: (_, body) => body(), it, realClock: true, create: whole })).toThrow(
    'it.skip must be a function',
  )
})

describe('under node:test, on the built package,', () => {
  const file = fileURLToPath(new URL('kit-node.mjs', import.meta.url))
  const build = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url))
  const node = (...args: string[]) => {
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env })
    const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(stdout)?.[1])
    return { status, output: stdout + stderr, passed: count('pass'), failed: count('fail') }
  }
  const expected = testsOf({ create: whole }).tests.length

  it('the kit runs', () => {
    expect(node(build, '--if-stale')).toMatchObject({ status: 0 })
    const { status, output, passed, failed } = node('--test', '--test-reporter=tap', file)
    expect({ status, passed, failed }, output).toEqual({ status: 0, passed: expected, failed: 0 })
  })

  it('it runs without fast-check, and says what its property tests need', () => {
    const hook = `export const resolve = (name, context, next) => {
      if (name === 'fast-check') throw Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' })
      return next(name, context)
    }`
    const register = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)})`
    const preload = `data:text/javascript,${encodeURIComponent(register)}`
    const { status, output, passed, failed } = node('--import', preload, '--test-reporter=tap', file)
    expect({ status, passed, failed }, output).toEqual({ status: 1, passed: expected - 2, failed: 2 })
    expect(output).toContain('this test needs fast-check: npm install --save-dev fast-check')
  })
})
