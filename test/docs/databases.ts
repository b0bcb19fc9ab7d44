// The databases of the pages' examples: real servers, started when a block asks for one by its variable, and client libraries whose
// connections are closed when the block has been run.

import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDocumentDB, whyNoDocumentDB } from '../servers/documentdb.ts'
import { startMariadb } from '../servers/mariadb.ts'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'

// biome-ignore lint/suspicious/noExplicitAny: client libraries of every kind
type Loose = any
type Names = Record<string, unknown>

const STARTERS: Record<string, () => Promise<TestServer>> = {
  REDIS_URL: startRedis,
  DATABASE_URL: startPostgres,
  MYSQL_URL: startMariadb,
  MONGODB_URL: startDocumentDB,
}
const started = new Map<string, Promise<TestServer>>()

/** Why a block cannot be run on this machine, if it cannot: of all the databases, DocumentDB alone may be missing. */
export function cannotRun(code: string): string | undefined {
  return code.includes('process.env.MONGODB_URL') ? whyNoDocumentDB() : undefined
}

/** Starts what a block will look for in `process.env`. */
export async function startServersFor(code: string): Promise<void> {
  for (const [name, start] of Object.entries(STARTERS)) {
    if (!code.includes(`process.env.${name}`)) continue
    if (!started.has(name)) started.set(name, start())
    process.env[name] = (await started.get(name))?.url
  }
}

export async function stopServers(): Promise<void> {
  for (const [name, server] of started) {
    await (await server).stop()
    delete process.env[name]
  }
  started.clear()
}

/** Client libraries, by the names that blocks import them by; `close` ends whatever they have opened. */
export class Clients {
  readonly #opened: (() => unknown)[] = []
  readonly folder = mkdtempSync(join(tmpdir(), 'holdfast-docs-'))

  async module(name: string): Promise<Names | undefined> {
    switch (name) {
      case 'ioredis': {
        const { Cluster, Redis } = (await import('ioredis')) as Loose
        const quit = (client: Loose) => client.disconnect()
        return { Redis: this.#class(Redis, quit), Cluster: this.#class(Cluster, quit) }
      }
      case 'redis': {
        const { createClient } = (await import('redis')) as Loose
        return { createClient: this.#function(createClient, client => client.destroy()) }
      }
      case 'pg': {
        const { default: pg } = (await import('pg')) as Loose
        const Pool = this.#class(pg.Pool, pool => pool.end())
        return { default: { ...pg, Pool }, Pool }
      }
      case 'mysql2/promise': {
        const { createPool } = (await import('mysql2/promise')) as Loose
        return { createPool: this.#function(createPool, pool => pool.end()) }
      }
      case 'mongodb': {
        const { MongoClient } = (await import('mongodb')) as Loose
        return { MongoClient: this.#class(MongoClient, client => client.close()) }
      }
      case 'libsql':
        return { default: this.#database(createRequire(import.meta.url)('libsql')) }
      default:
        return undefined
    }
  }

  async close(): Promise<void> {
    for (const end of this.#opened.splice(0).reverse()) await end()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Files of examples lie in a folder of the test's own. */
  #database(Database: Loose): unknown {
    const { folder } = this
    const opened = this.#opened
    return class extends Database {
      constructor(path: string, ...rest: Loose[]) {
        super(path === ':memory:' ? path : join(folder, path), ...rest)
        opened.push(() => (this as Loose).close())
      }
    }
  }

  /** The same for the folders of a FileStore. */
  fileStore(FileStore: Loose): unknown {
    const { folder } = this
    return class extends FileStore {
      constructor(options: Loose) {
        super({ ...options, directory: join(folder, options.directory) })
      }
    }
  }

  #class(Client: Loose, end: (client: Loose) => unknown): unknown {
    const opened = this.#opened
    return class extends Client {
      constructor(...args: Loose[]) {
        super(...args)
        opened.push(() => end(this))
      }
    }
  }

  #function(create: Loose, end: (client: Loose) => unknown): unknown {
    return (...args: Loose[]) => {
      const client = create(...args)
      this.#opened.push(() => end(client))
      return client
    }
  }
}
