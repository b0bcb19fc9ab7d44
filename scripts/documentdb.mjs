// Sets up DocumentDB, the engine that the tests of MongoStore run against: a small Debian of its own, in .cache/documentdb, because the
// release that most machines run does not bring it. Once per checkout, about half a minute and 500 MB; it needs root. By itself:
// node scripts/documentdb.mjs
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SUITE = 'forky'
const PACKAGE = 'postgresql-18-documentdb'
const HOUR_MS = 3_600_000
const cache = fileURLToPath(new URL('../.cache/', import.meta.url))
const place = join(cache, 'documentdb')

/** The root folder of the Debian that holds the engine; undefined where it is not set up. */
export function documentDBRoot() {
  return existsSync(join(place, 'usr/share/postgresql/18/extension/documentdb.control')) ? place : undefined
}

const run = (command, ...args) => spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } })
// Never into another file system: a build that was killed may have left something mounted.
const remove = path => run('rm', '-rf', '--one-file-system', path)

/** Where the machine's own packages come from, if the suite is there too. apt reads its sources in every form that they have. */
function findMirror(folder) {
  const { stdout } = run('apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages', 'Component: main')
  return [...new Set((stdout ?? '').split('\n').filter(Boolean))].find(mirror => {
    const file = join(folder, 'InRelease')
    const { status } = run('/usr/lib/apt/apt-helper', 'download-file', `${mirror.replace(/\/?$/, '/')}dists/${SUITE}/InRelease`, file)
    return status === 0 && /^Origin: Debian$/m.test(readFileSync(file, 'utf8'))
  })
}

/** Builds it beside its place and renames it, so that nobody ever finds half of it and two may build at once. Answers what went wrong. */
function build(folder) {
  const mirror = findMirror(folder)
  if (mirror === undefined) return `none of the machine's package sources answers with Debian's ${SUITE} suite`
  const root = join(folder, 'root')
  const leftOut = ['man', 'doc', 'locale'].map(name => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
  // A mirror that is not the newest is good enough.
  const apt = ['Acquire::Check-Valid-Until "false"', 'Apt::Install-Recommends "false"'].map(option => `--aptopt=${option}`)
  const { status, stderr } = run('mmdebstrap', '--quiet', '--variant=apt', `--include=${PACKAGE}`, ...apt, ...leftOut, SUITE, root, mirror)
  if (status !== 0) return `mmdebstrap failed: ${(stderr ?? '').trim().split('\n').slice(-3).join(' | ')}`
  try {
    renameSync(root, place)
  } catch (error) {
    if (documentDBRoot() === undefined) return error.message
  }
}

/** What others have left behind in a folder when they were killed. */
function removeLeftovers(folder, prefix) {
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder).filter(entry => entry.startsWith(prefix))) {
    const path = join(folder, name)
    if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > HOUR_MS) remove(path)
  }
}

/**
 * Does nothing where it is there already. `impossible` says why not.
 * @returns {{ done: 'there' | 'built' } | { done: 'impossible', why: string }}
 */
export function setUpDocumentDB() {
  if (documentDBRoot() !== undefined) {
    removeLeftovers(join(place, 'var/tmp'), 'data-')
    return { done: 'there' }
  }
  if (process.getuid?.() !== 0) return { done: 'impossible', why: 'it takes root to set it up' }
  if (run('mmdebstrap', '--version').status !== 0)
    return { done: 'impossible', why: 'there is no mmdebstrap (on Debian: apt-get install mmdebstrap)' }
  mkdirSync(cache, { recursive: true })
  removeLeftovers(cache, 'documentdb-')
  const folder = mkdtempSync(join(cache, 'documentdb-'))
  try {
    const why = build(folder)
    return why === undefined ? { done: 'built' } : { done: 'impossible', why }
  } finally {
    remove(folder)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outcome = setUpDocumentDB()
  console.log(outcome.done === 'impossible' ? `DocumentDB cannot be set up: ${outcome.why}` : `DocumentDB is in ${place}`)
}
