// The steps of `npm test`, and what runs them. Every step that can run does run; the last line printed sums up.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../', import.meta.url))

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string[]} command a program of node_modules/.bin or of the PATH, and its arguments
 * @property {string[]} [needs] names of steps without whose success this one cannot run
 * @property {boolean} [beside] it runs beside the steps that follow; what it says is shown when it has ended
 * @property {string[]} [after] names of steps that must have ended, well or not
 * @property {string} [node] the Node binary that runs it in place of this one
 * @property {Record<string, string>} [env]
 * @property {string} [report] the JSON report that vitest leaves, for the totals
 */

/** Where the tests are that need what the set-up installs: databases, a browser. The others need not wait for it. */
export const onServers = [
  'test/cli/',
  'test/cost/stores/',
  'test/demo/',
  'test/docs/',
  'test/examples/',
  'test/express/stores/',
  'test/faults/',
  'test/pages/',
  'test/push/',
  'test/stores/',
]

/** Whole apps whose files may share modules: to load all of them anew for each file takes longer than to test. */
const together = ['test/explain/', 'test/hard-cases/', 'test/koa/', 'test/promises/']
/** They move the clock of their process, or count the calls of its modules. */
const alone = ['test/hard-cases/h25-open-answers.test.ts', 'test/promises/cost.test.ts']
/** What neither shares nor needs servers. */
const apart = ['test/cost/', 'test/differential/', 'test/express/', 'test/fuzz/', 'test/secrets/', 'test/unit/', ...alone]
const without = paths => paths.flatMap(path => ['--exclude', path.endsWith('/') ? `${path}**` : path])

/**
 * The suite, or what `args` leave of it, by one Node binary. `built` runs it on dist/ in place of src/.
 * @param {{ name?: string, node?: string, built?: boolean, args?: string[], env?: Record<string, string>, after?: string[] }} [options]
 * @returns {Step}
 */
export function vitest({ name = 'tests', node = process.execPath, built = false, args = [], env = {}, after = ['set-up'] } = {}) {
  const report = `.cache/vitest-${name.replaceAll(/\W+/g, '-')}.json`
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  return {
    name,
    command: [node, 'node_modules/vitest/vitest.mjs', 'run', '--allowOnly=false', ...reporters, ...args],
    needs: ['build'],
    after,
    node,
    env: { ...env, ...(built && { HOLDFAST_TEST_BUILT: '1' }) },
    report,
  }
}

/**
 * What needs no server: apps that share their modules, and the rest.
 * @param {Parameters<typeof vitest>[0]} options
 * @returns {Step[]}
 */
export function serverless({ name = 'tests', args = [], ...options }) {
  return [
    vitest({ ...options, name, args: [...together, '--isolate=false', ...without(alone), ...args] }),
    vitest({ ...options, name: `${name}, apart`, args: [...apart, ...without(onServers), ...args] }),
  ]
}

/** @type {Step[]} */
export const steps = [
  // It waits for the network and the disk, the light steps for the processor.
  { name: 'set-up', command: [process.execPath, 'scripts/setup.mjs'], beside: true },
  { name: 'lint', command: ['biome', 'check', '--error-on-warnings', '.'] },
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'build', command: [process.execPath, 'scripts/build.mjs'] },
  ...serverless({ after: [] }),
  { name: 'type-tests', command: [process.execPath, 'scripts/type-tests.mjs'], needs: ['build'] },
  { name: 'package', command: [process.execPath, 'scripts/package-check.mjs'], needs: ['build'] },
  { name: 'size', command: ['size-limit'], needs: ['build'] },
  { name: 'unused', command: ['knip'] },
  vitest({ name: 'tests on servers', args: onServers }),
]

/** @param {Step} step */
function run({ command: [program, ...args], node = process.execPath, env, beside }) {
  const path = [dirname(node), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter)
  return new Promise(resolve => {
    const stdio = beside ? ['ignore', 'pipe', 'pipe'] : 'inherit'
    const child = spawn(program, args, { cwd: root, stdio, env: { ...process.env, PATH: path, ...env } })
    const said = []
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', octets => said.push(octets))
    const end = passed => {
      if (beside) process.stdout.write(Buffer.concat(said))
      resolve(passed)
    }
    child.on('error', error => {
      console.error(error.message)
      end(false)
    })
    child.on('close', code => end(code === 0))
  })
}

/** The totals of vitest's report, or why there are none: a run that ends before its report is no success. */
function totals(report) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(join(root, report), 'utf8'))
    return `${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests + numTodoTests} skipped`
  } catch (error) {
    return `no report (${error.message})`
  }
}

const seconds = since => `${((performance.now() - since) / 1000).toFixed(1)} s`

/**
 * Runs the steps one after the other, those that may beside the others, and ends the process with 1 unless all have passed.
 * @param {Step[]} list
 */
export async function runAll(list) {
  const began = performance.now()
  const rows = []
  const results = new Map()
  const underWay = new Map()
  const carryOut = async step => {
    const start = performance.now()
    const result = (await run(step)) ? 'passed' : 'failed'
    results.set(step.name, result)
    rows.push(`${step.name}: ${result} (${seconds(start)})${step.report ? `, tests: ${totals(step.report)}` : ''}`)
    console.log(rows.at(-1))
  }
  mkdirSync(join(root, '.cache'), { recursive: true })
  for (const step of list) {
    for (const name of [...(step.needs ?? []), ...(step.after ?? [])]) await underWay.get(name)
    const without = (step.needs ?? []).filter(name => results.get(name) === 'failed')
    if (without.length > 0) {
      results.set(step.name, 'not run')
      rows.push(`${step.name}: not run, for want of ${without.join(', ')}`)
      continue
    }
    console.log(`\n── ${step.name}`)
    if (step.report) rmSync(join(root, step.report), { force: true })
    const done = carryOut(step)
    if (step.beside) underWay.set(step.name, done)
    else await done
  }
  await Promise.all(underWay.values())
  const count = wanted => [...results.values()].filter(result => result === wanted).length
  console.log(`\n${rows.join('\n')}\n\nall steps: ${seconds(began)}`)
  console.log(`${count('passed')} passed, ${count('failed')} failed${count('not run') > 0 ? `, ${count('not run')} not run` : ''}`)
  if (count('passed') < results.size) process.exitCode = 1
}
