// Installs the programs that the tests start and that no npm package brings. Does nothing where they are all there.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setUpBetterSqlite3 } from './better-sqlite3.mjs'
import { setUpDocumentDB } from './documentdb.mjs'
import { installNode, NEWER_NODE } from './node-versions.mjs'

/** Where Debian puts servers that are not on everybody's PATH. */
const folders = ['/usr/sbin', '/sbin']

/** One line per program: the commands that it goes by, and the Debian package that brings it. */
const programs = [
  { name: 'Chromium', commands: ['chromium', 'chromium-browser', 'google-chrome'], debian: ['chromium'] },
  { name: 'Redis', commands: ['redis-server'], debian: ['redis-server'] },
  { name: "Redis' command line", commands: ['redis-cli'], debian: ['redis-tools'] },
  { name: 'Redis Sentinel', commands: ['redis-sentinel'], debian: ['redis-sentinel'] },
  { name: 'PostgreSQL', commands: ['postgres'], debian: ['postgresql'] },
  { name: 'MariaDB', commands: ['mariadbd'], debian: ['mariadb-server'] },
  { name: 'a C++ compiler', commands: ['g++', 'c++'], debian: ['g++'] },
  { name: 'make', commands: ['make'], debian: ['make'] },
  { name: 'Python', commands: ['python3'], debian: ['python3'] },
]

/** What can be done without, at the price of a suite that is visibly skipped. */
const extras = [{ name: 'mmdebstrap', commands: ['mmdebstrap'], debian: ['mmdebstrap'] }]

function postgresFolders() {
  try {
    return readdirSync('/usr/lib/postgresql').map(version => `/usr/lib/postgresql/${version}/bin`)
  } catch {
    return []
  }
}

function isInstalled(command) {
  return [...(process.env.PATH ?? '').split(delimiter), ...folders, ...postgresFolders()].some(folder => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

const missing = list => list.filter(program => !program.commands.some(isInstalled))
const succeeds = (command, args, options) => spawnSync(command, args, options).status === 0

function install(packages) {
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  if (!isInstalled('apt-get') || (asRoot.length > 0 && !succeeds('sudo', ['-n', 'true']))) return
  const aptGet = (...args) => {
    const [command, ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args]
    return succeeds(command, rest, { stdio: 'inherit' })
  }
  aptGet('update', '-qq') && aptGet('install', '-y', '-qq', '--no-install-recommends', ...packages)
}

const wanted = missing([...programs, ...extras])
if (wanted.length > 0) install(wanted.flatMap(program => program.debian))
for (const { name, commands, debian } of missing(programs)) {
  console.error(`${name} is missing: none of ${commands.join(', ')} was found.`)
  console.error(`Install it, on Debian or Ubuntu with: apt-get install --no-install-recommends ${debian.join(' ')}`)
  process.exitCode = 1
}

/** What is built or unpacked below .cache/: the one may be missing, at the price of suites that are visibly skipped; the others may not. */
const built = [setUpBetterSqlite3(), Promise.resolve().then(() => installNode(NEWER_NODE))]
const documentDB = process.env.MONGODB_URL ? undefined : setUpDocumentDB()
if (documentDB?.done === 'impossible') console.log(`DocumentDB: its suites will be skipped, ${documentDB.why}`)
for (const { reason } of (await Promise.allSettled(built)).filter(({ status }) => status === 'rejected')) {
  console.error(reason.message)
  process.exitCode = 1
}
