// PostgreSQL, durable (fsync on), on a free loopback port with a data folder of its own.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { freePort, ServerProcess, temporaryFolder, until } from './process.ts'
import type { RestartableServer } from './server.ts'

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url))
const USER = 'holdfast'

/** `shutDown('SIGINT')`, the default, is a fast one; `'SIGQUIT'` an immediate one, after which it recovers as after a crash. */
export async function startPostgres(): Promise<RestartableServer> {
  const bin = programs()
  const folder = temporaryFolder('postgres')
  const data = join(folder.path, 'data')
  execFileSync('tar', ['-xf', template(bin), '-C', folder.path])
  own(folder.path)
  const port = await freePort()
  const url = `postgres://${USER}@127.0.0.1:${port}/postgres`
  let postgres: ServerProcess | undefined

  const server: RestartableServer = {
    url,
    port,
    async start() {
      const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200']
      const [command = '', ...args] = asUser(join(bin, 'postgres'), '-D', data, ...settings.flatMap(setting => ['-c', setting]))
      postgres = new ServerProcess(command, args)
      await postgres.ready('PostgreSQL answers', () => answers(url))
    },
    async kill() {
      if (!postgres) return
      // A crash takes the children too; one that was left alone might still answer, and keeps the next start waiting.
      const children = childrenOf(postgres.pid)
      await postgres.end('SIGKILL')
      for (const pid of children) endNow(pid)
      await until('PostgreSQL is gone', () => !children.some(runs))
    },
    async shutDown(signal = 'SIGINT') {
      await postgres?.end(signal)
    },
    async stop() {
      await server.shutDown()
      folder.remove()
    },
  }
  try {
    await server.start()
  } catch (error) {
    await server.stop()
    throw error
  }
  return server
}

/** A data folder, packed: initdb takes seconds, unpacking a tenth of one. */
function template(bin: string): string {
  const [version] = /[\d.]+/.exec(execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' })) ?? ['']
  const path = join(CACHE, `postgres-${version}.tar`)
  if (existsSync(path)) return path
  mkdirSync(CACHE, { recursive: true })
  // Two test files may come here at once: each packs a file of its own, which takes its place in one step.
  const made = temporaryFolder('initdb')
  const staged = `${path}.${process.pid}-${basename(made.path)}`
  try {
    own(made.path)
    const options = ['--username', USER, '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C.UTF-8', '--wal-segsize', '1']
    const [command = '', ...args] = asUser(join(bin, 'initdb'), '-D', join(made.path, 'data'), '--no-instructions', ...options)
    execFileSync(command, args, { stdio: 'pipe' })
    execFileSync('tar', ['-cf', staged, '-C', made.path, 'data'])
    renameSync(staged, path)
  } finally {
    made.remove()
    rmSync(staged, { force: true })
  }
  return path
}

/** PostgreSQL refuses to run as root: there it gets the user that Debian's package has made for it. */
function asUser(...command: string[]): string[] {
  if (process.getuid?.() !== 0) return command
  return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', ...command]
}

function own(path: string): void {
  if (process.getuid?.() === 0) execFileSync('chown', ['-R', 'postgres:postgres', path])
}

function programs(): string {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const places = [...versions.map(version => join(debian, version, 'bin')), ...(process.env.PATH ?? '').split(delimiter)]
  const found = places.find(place => existsSync(join(place, 'initdb')) && existsSync(join(place, 'postgres')))
  if (!found) throw new Error('there is no PostgreSQL: run npm test, it installs it')
  return found
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('SELECT 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

function childrenOf(parent: number): number[] {
  try {
    return readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** Whether a process still runs; one that only waits for its parent's notice does not. */
function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
