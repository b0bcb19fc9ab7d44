// What requests allocate, and the octets of their cookies, measured in processes of their own.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const program = fileURLToPath(new URL('cost-memory-child.mjs', import.meta.url))
/** Requests of a stretch, and MB of room for new objects: so much that none are collected in it. */
const REQUESTS = 100
const ROOM = 64
/** After so many of a scenario the compilers have done their work. */
const WARM_UP = 3000
/** Without compilers a request allocates all that the code asks for, also what they would have left away: the same in each run. */
const INTERPRETED = ['--no-opt', '--no-maglev', '--no-flush-bytecode']

/**
 * @typedef {Record<string, { memory: number, cookie: number, setCookie: number }>} Costs by scenario, in octets per request
 * @typedef {Record<string, { base: string, costs: Costs }>} Found by subject
 */

/** @param {string[]} names @param {string[]} more @param {number} warmUp @returns {Promise<Found>} */
async function measure(names, more, warmUp) {
  const room = ['--expose-gc', `--min-semi-space-size=${ROOM}`, `--max-semi-space-size=${ROOM}`]
  const args = [...room, ...more, program, String(REQUESTS), String(warmUp), ...names]
  // What is debugged or recorded allocates more.
  const env = { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '', DEBUG: '' }
  const { stdout } = await run(process.execPath, args, { env })
  return JSON.parse(stdout.trim().split('\n').at(-1))
}

/** As in production. What the compilers make of a subject depends on what runs beside it: a process for each. @param {string[]} names */
export async function memoryOf(names) {
  /** @type {Found} */
  const found = {}
  for (const name of names) Object.assign(found, await measure([name], [], WARM_UP))
  return found
}

/** Without compilers. @param {string[]} names */
export const memoryInterpreted = names => measure(names, INTERPRETED, 0)
