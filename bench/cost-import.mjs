// What it costs to import a module in a fresh process: ms above what an empty module takes.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { median } from './statistics.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const CODE = 'const start = performance.now(); await import(process.argv[1]); console.log(performance.now() - start)'

/**
 * @param {string[]} modules names as one imports them from here
 * @param {number} [times] processes for each of them
 * @returns {Record<string, number>} ms
 */
export function importTimes(modules, times = 21) {
  mkdirSync(`${root}.cache`, { recursive: true })
  const empty = `${root}.cache/empty.mjs`
  writeFileSync(empty, '')
  const runs = Object.fromEntries([empty, ...modules].map(name => [name, []]))
  // In turns, so that a slow moment of the machine is not one module's.
  for (let n = 0; n < times; n++)
    for (const [name, taken] of Object.entries(runs))
      taken.push(Number(execFileSync(process.execPath, ['--input-type=module', '-e', CODE, name], { cwd: root })))
  return Object.fromEntries(modules.map(name => [name, median(runs[name]) - median(runs[empty])]))
}
