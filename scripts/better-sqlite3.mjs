// Sets up better-sqlite3 for the tests, in .cache/better-sqlite3: it is no dependency, because where no prebuilt binary can be fetched it
// has to be compiled, and `npm ci` shall need no compiler. About a minute, once for each version of Node's binary interface. By itself:
// node scripts/better-sqlite3.mjs
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const VERSION = '12.11.1'
const cache = fileURLToPath(new URL('../.cache/better-sqlite3/', import.meta.url))
const place = join(cache, `${VERSION}-abi-${process.versions.modules}`)

const packageIn = folder => join(folder, 'node_modules/better-sqlite3')
const isIn = folder => existsSync(join(packageIn(folder), 'build/Release/better_sqlite3.node'))

/**
 * The folder of the package, for the Node that runs this; undefined where it has not been set up.
 * @returns {string | undefined}
 */
export function betterSqlite3() {
  return isIn(place) ? packageIn(place) : undefined
}

/**
 * Does nothing where it is there. Two may do it at once: each compiles beside the place, and one puts its own there. Throws what npm and the
 * compiler have said if it cannot be done.
 */
export async function setUpBetterSqlite3() {
  if (isIn(place)) return
  mkdirSync(cache, { recursive: true })
  const fresh = mkdtempSync(join(cache, 'build-'))
  try {
    const output = await install(fresh)
    if (!isIn(fresh)) throw new Error(`better-sqlite3 ${VERSION} could not be set up:\n${output}`)
    renameSync(fresh, place)
  } catch (error) {
    if (!isIn(place)) throw error
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** Node's headers, where they lie beside its binary: then none need to be fetched. */
function headers() {
  const prefix = dirname(dirname(realpathSync(process.execPath)))
  return existsSync(join(prefix, 'include/node/node.h')) ? { npm_config_nodedir: prefix } : {}
}

/** What npm has printed. */
function install(folder) {
  // A compiler that optimises all it can takes twice as long, for tests that wait for disks.
  const quick = { CFLAGS: '-O1', CXXFLAGS: '-O1' }
  const env = { ...process.env, ...headers(), ...quick, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) }
  const options = ['--prefix', folder, '--no-save', '--no-package-lock', '--ignore-scripts=false', '--foreground-scripts']
  return new Promise(resolve => {
    const child = spawn('npm', ['install', ...options, `better-sqlite3@${VERSION}`], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', chunk => {
        output += chunk
      })
    }
    child.on('error', error => resolve(error.message))
    child.on('close', () => resolve(output))
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setUpBetterSqlite3()
