// MariaDB, durable (each commit is flushed), on a free loopback port with a data folder of its own.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createConnection } from 'mysql2/promise'
import { freePort, ServerProcess, temporaryFolder } from './process.ts'
import type { RestartableServer } from './server.ts'

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url))
/** Small files: they are copied for each server. */
const SIZES = ['--innodb-log-file-size=8M', '--innodb-buffer-pool-size=64M']
/** Where Debian puts what the PATH of a user may not have. */
const PLACES = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin']

/** `options`: of the server, beside its own. */
export async function startMariadb(...options: string[]): Promise<RestartableServer> {
  const program = found('mariadbd')
  const folder = temporaryFolder('mariadb')
  const data = join(folder.path, 'data')
  execFileSync('cp', ['-a', template(program), data])
  const port = await freePort()
  const server = { host: '127.0.0.1', port, user: 'root' }
  let mariadb: ServerProcess | undefined

  const test: RestartableServer = {
    url: `mysql://root@127.0.0.1:${port}/holdfast`,
    port,
    async start() {
      const files = [`--datadir=${data}`, `--socket=${join(folder.path, 'socket')}`, `--pid-file=${join(folder.path, 'pid')}`]
      const net = [`--port=${port}`, '--bind-address=127.0.0.1', '--skip-name-resolve', '--max-connections=400']
      const durable = '--innodb-flush-log-at-trx-commit=1'
      mariadb = new ServerProcess(program, ['--no-defaults', ...asRoot(), ...files, ...net, ...SIZES, durable, ...options])
      await mariadb.ready('MariaDB answers', () => tells(server, 'CREATE DATABASE IF NOT EXISTS holdfast'))
    },
    async kill() {
      await mariadb?.end('SIGKILL')
    },
    async shutDown(signal = 'SIGTERM') {
      await mariadb?.end(signal)
    },
    async stop() {
      // Its data are not needed any more: it may end without writing them down.
      await mariadb?.end('SIGKILL')
      folder.remove()
    },
  }
  try {
    await test.start()
  } catch (error) {
    await test.stop()
    throw error
  }
  return test
}

/** A data folder to copy from: making one takes seconds, a copy a tenth of one. */
function template(program: string): string {
  const [version] = /\d+\.\d+\.\d+/.exec(execFileSync(program, ['--no-defaults', '--version'], { encoding: 'utf8' })) ?? ['']
  const path = join(CACHE, `mariadb-${version}`)
  if (existsSync(path)) return path
  mkdirSync(CACHE, { recursive: true })
  // Moved there in one step: two test files may come here at once.
  const made = mkdtempSync(join(CACHE, 'mariadb-install-'))
  try {
    const login = ['--auth-root-authentication-method=normal', '--skip-name-resolve', '--skip-test-db']
    execFileSync(found('mariadb-install-db'), ['--no-defaults', `--datadir=${join(made, 'data')}`, ...asRoot(), ...login, ...SIZES], {
      stdio: 'pipe',
    })
    renameSync(join(made, 'data'), path)
  } catch (error) {
    if (!existsSync(path)) throw error
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
  return path
}

/** It runs as root only when told so. */
function asRoot(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}

function found(name: string): string {
  const place = PLACES.find(folder => existsSync(join(folder, name)))
  if (place === undefined) throw new Error(`there is no ${name}: run npm test, it installs it`)
  return join(place, name)
}

async function tells(server: { host: string; port: number; user: string }, sql: string): Promise<boolean> {
  try {
    const connection = await createConnection(server)
    await connection.query(sql)
    await connection.end()
    return true
  } catch {
    return false
  }
}
