// DocumentDB, durable (fsync on), behind the bridge, on free loopback ports with a data folder of its own. It runs in the Debian that
// scripts/documentdb.mjs sets up, where that can be done; or MONGODB_URL names a server that is there already.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Client } from 'pg'
import { documentDBRoot } from '../../scripts/documentdb.mjs'
import { DocumentDBBridge } from './documentdb-bridge.ts'
import { freePort, ServerProcess, until } from './process.ts'
import type { TestServer } from './server.ts'

const BIN = '/usr/lib/postgresql/18/bin'
/** Within the root folder: where data folders are. */
const DATA = '/var/tmp'
const SETTINGS = [
  'shared_preload_libraries=pg_cron,pg_documentdb_core,pg_documentdb',
  'cron.database_name=postgres',
  'cron.use_background_workers=on',
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=400',
]

/** Why the tests cannot run here, in a line to be shown where they are skipped; undefined if they can. */
export function whyNoDocumentDB(): string | undefined {
  if (process.env.MONGODB_URL || (documentDBRoot() !== undefined && process.getuid?.() === 0)) return undefined
  return 'DocumentDB is not set up here (`node scripts/documentdb.mjs` says why not), and MONGODB_URL names no server'
}

export interface DocumentDB extends TestServer {
  /** Where the engine itself listens, by PostgreSQL's protocol; absent where the server is somebody else's. */
  enginePort?: number
}

export async function startDocumentDB(): Promise<DocumentDB> {
  if (process.env.MONGODB_URL) return serverOf(process.env.MONGODB_URL)
  const root = documentDBRoot()
  if (root === undefined) throw new Error(whyNoDocumentDB())
  const data = mkdtempSync(join(root, DATA, 'data-'))
  execFileSync('cp', ['-a', '-T', await template(root), data])
  const [port, enginePort] = [await freePort(), await freePort()]
  let engine: ServerProcess | undefined
  let bridge: DocumentDBBridge | undefined

  const server: DocumentDB = {
    url: `mongodb://127.0.0.1:${port}`,
    port,
    enginePort,
    async start() {
      engine = await startEngine(root, basename(data), enginePort)
      bridge = new DocumentDBBridge(enginePort)
      await bridge.start(port)
    },
    async kill() {
      await bridge?.stop()
      if (engine) await crash(engine)
    },
    async stop() {
      await bridge?.stop()
      // Without waiting for clients.
      await engine?.end('SIGINT')
      rmSync(data, { recursive: true, force: true })
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

/** A server that is somebody else's. */
function serverOf(url: string): TestServer {
  const refuse = () => Promise.reject(new Error('the server of MONGODB_URL is not to be ended by tests'))
  return { url, port: Number(new URL(url).port || 27017), start: refuse, kill: refuse, stop: async () => {} }
}

/** A command in the small Debian, as its user for PostgreSQL. */
function inside(root: string, command: string, ...args: string[]): [string, string[]] {
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync(join(root, 'etc/passwd'), 'utf8')) ?? []
  return ['chroot', [`--userspec=${uid}:${gid}`, root, join(BIN, command), ...args]]
}

async function startEngine(root: string, name: string, port: number): Promise<ServerProcess> {
  const settings = [...SETTINGS, `port=${port}`].flatMap(setting => ['-c', setting])
  const engine = new ServerProcess(...inside(root, 'postgres', '-D', join(DATA, name), ...settings))
  await engine.ready('DocumentDB answers', () => succeeds(port, 'SELECT 1'))
  return engine
}

async function succeeds(port: number, sql: string): Promise<boolean> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(sql)
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

/** A data folder to copy from: to make one takes seconds. */
async function template(root: string): Promise<string> {
  const path = join(root, 'var/lib/documentdb-template')
  if (existsSync(path)) return path
  mkdirSync(join(root, DATA), { recursive: true })
  // Made beside its place, then moved there in one step: two test files may come here at once.
  const staged = mkdtempSync(join(root, DATA, 'template-'))
  const [command, args] = inside(root, 'initdb', '-D', join(DATA, basename(staged)), '--username=postgres', '--auth=trust')
  try {
    execFileSync('chown', [`--reference=${join(root, 'var/lib/postgresql')}`, staged])
    execFileSync(command, [...args, '--encoding=UTF8', '--locale=C.UTF-8', '--wal-segsize=4', '--no-instructions'], { stdio: 'pipe' })
    const port = await freePort()
    const engine = await startEngine(root, basename(staged), port)
    const done = await succeeds(port, 'CREATE EXTENSION documentdb CASCADE')
    await engine.end('SIGINT')
    if (!done) throw new Error(`the extension of DocumentDB could not be created:\n${engine.output}`)
    renameSync(staged, path)
  } catch (error) {
    if (!existsSync(path)) throw error
  } finally {
    rmSync(staged, { recursive: true, force: true })
  }
  return path
}

/** A crash takes the engine's children too: one that was left alone might still answer, and keeps the next start waiting. */
async function crash(engine: ServerProcess): Promise<void> {
  const children = readFileSync(`/proc/${engine.pid}/task/${engine.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  await engine.end('SIGKILL')
  await until('DocumentDB is gone', () => !children.some(endNow))
}

/** False when there is no such process, or only its parent has not noticed. */
function endNow(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
