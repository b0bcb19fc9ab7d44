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
 * @property {string} [node] the Node binary that runs it in place of this one
 * @property {Record<string, string>} [env]
 * @property {string} [report] the JSON report that vitest leaves, for the totals
 */

/**
 * The suite, or what `args` leave of it, by one Node binary. `built` runs it on dist/ in place of src/.
 * @param {{ name?: string, node?: string, built?: boolean, args?: string[], env?: Record<string, string> }} [options]
 * @returns {Step}
 */
export function vitest({ name = 'tests', node = process.execPath, built = false, args = [], env = {} } = {}) {
  const report = `.cache/vitest-${name.replaceAll(/\W+/g, '-')}.json`
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  return {
    name,
    command: [node, 'node_modules/vitest/vitest.mjs', 'run', '--allowOnly=false', ...reporters, ...args],
    needs: ['build'],
    node,
    env: { ...env, ...(built && { HOLDFAST_TEST_BUILT: '1' }) },
    report,
  }
}

/** @type {Step[]} */
export const steps = [
  { name: 'set-up', command: [process.execPath, 'scripts/setup.mjs'] },
  { name: 'lint', command: ['biome', 'check', '--error-on-warnings', '.'] },
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'build', command: [process.execPath, 'scripts/build.mjs'] },
  vitest(),
  { name: 'type-tests', command: [process.execPath, 'scripts/type-tests.mjs'], needs: ['build'] },
  { name: 'package', command: [process.execPath, 'scripts/package-check.mjs'], needs: ['build'] },
  { name: 'size', command: ['size-limit'], needs: ['build'] },
  { name: 'unused', command: ['knip'] },
]

/** @param {Step} step */
function run({ command: [program, ...args], node = process.execPath, env }) {
  const path = [dirname(node), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter)
  return new Promise(resolve => {
    const child = spawn(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path, ...env } })
    child.on('error', error => {
      console.error(error.message)
      resolve(false)
    })
    child.on('close', code => resolve(code === 0))
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
 * Runs the steps one after the other and ends the process with 1 unless all have passed.
 * @param {Step[]} list
 */
export async function runAll(list) {
  const began = performance.now()
  const rows = []
  const results = new Map()
  mkdirSync(join(root, '.cache'), { recursive: true })
  for (const step of list) {
    const without = (step.needs ?? []).filter(name => results.get(name) === 'failed')
    if (without.length > 0) {
      results.set(step.name, 'not run')
      rows.push(`${step.name}: not run, for want of ${without.join(', ')}`)
      continue
    }
    console.log(`\n── ${step.name}`)
    if (step.report) rmSync(join(root, step.report), { force: true })
    const start = performance.now()
    const result = (await run(step)) ? 'passed' : 'failed'
    results.set(step.name, result)
    rows.push(`${step.name}: ${result} (${seconds(start)})${step.report ? `, tests: ${totals(step.report)}` : ''}`)
    console.log(rows.at(-1))
  }
  const count = wanted => [...results.values()].filter(result => result === wanted).length
  console.log(`\n${rows.join('\n')}\n\nall steps: ${seconds(began)}`)
  console.log(`${count('passed')} passed, ${count('failed')} failed${count('not run') > 0 ? `, ${count('not run')} not run` : ''}`)
  if (count('passed') < results.size) process.exitCode = 1
}
