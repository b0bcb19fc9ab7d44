// wrk, which makes the requests.
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../', import.meta.url))
const succeeds = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0
const isThere = () => spawnSync('wrk', ['-v'], { stdio: 'ignore' }).error === undefined

/** Installs it, as scripts/setup.mjs does with the programs of the tests, where it is missing and where that can be done. */
export function needWrk() {
  if (isThere()) return
  const asRoot = process.getuid?.() === 0 ? ['env'] : ['sudo', '-n', 'env']
  const aptGet = (...args) => succeeds(...asRoot, 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...args)
  aptGet('update') && aptGet('install', '-y', '--no-install-recommends', 'wrk')
  if (!isThere()) throw new Error('wrk is missing: on Debian or Ubuntu, apt-get install --no-install-recommends wrk')
}

/**
 * @param {object} options
 * @param {string} options.url
 * @param {string[]} options.cookies the Cookie headers to send in turn; an empty one is none
 * @param {number} options.seconds
 * @param {number} options.connections
 * @param {string[]} options.before a command to start it with, such as `taskset -c 1`
 * @returns {Promise<{ requests: number, us: number, failed: number, p50: number, p99: number }>}
 */
export async function load({ url, cookies, seconds, connections, before }) {
  const file = `${root}.cache/wrk-${process.pid}`
  mkdirSync(`${root}.cache`, { recursive: true })
  writeFileSync(file, cookies.map(cookie => `${cookie}\n`).join(''))
  try {
    const script = fileURLToPath(new URL('end-to-end.lua', import.meta.url))
    const [program, ...args] = [...before, 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url, '--', file]
    const { stdout } = await run(program, args, { timeout: (seconds + 30) * 1000 })
    return JSON.parse(stdout.trim().split('\n').at(-1))
  } finally {
    rmSync(file, { force: true })
  }
}
