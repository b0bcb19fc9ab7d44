// Every store and client that the tests play on, in one table. Servers and clients are imported by those who need them: most take long.
import { temporaryFolder, until } from '../servers/process.ts'
import type { RedisGroup } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { moveFolder, renameTables } from './http/vandals.ts'
import type { Opened, OpenOptions } from './opened.ts'

/** Where data are: a server of this test run, or a folder. */
export interface Ground {
  url: string
  /** Absent where there is none. */
  server?: TestServer
  /** Of several servers that work together, each. */
  nodes?: readonly Node[]
  stop(): Promise<void>
}

interface Node {
  /** A command of the server's own. */
  cli(...command: string[]): Promise<string>
}

/** Makes the data of a space unusable, and usable again. */
export interface Vandal {
  begin(): Promise<void>
  end(): Promise<void>
}

export interface Place {
  /** `process`: it knows no other process; `folder`: those of one machine share it. */
  kind: 'process' | 'folder' | 'server'
  start(): Promise<Ground>
  /** The drop-in is played here as well; a store does not know by which door its session came. */
  bothDoors?: true
  /** A crash of the server loses nothing that was acknowledged. */
  durable?: boolean
  /** How many requests of one process overlap where thousands are made; default 8. */
  lanes?: number
  /** What a new id costs where it cannot be had in one step: load and replace; default 2. */
  renewCosts?: number
  vandal?: (ground: Ground, space: string, client: string) => Vandal
}

export interface Subject {
  /** As in the tests' names: `PostgresStore with pg`. */
  name: string
  place: PlaceName
  /** The file in `clients/`, which runs in a bare `node` as well. */
  module: ModuleName
  /** Which client library, where there are several. */
  client?: string
  /** Why it cannot be tested here, if it cannot. */
  missing?: () => Promise<string | undefined>
}

interface Client {
  open(options: OpenOptions): Promise<Opened>
}

const modules = {
  memory: () => import('./clients/memory.mjs'),
  file: () => import('./clients/file.mjs'),
  sqlite: () => import('./clients/sqlite.mjs'),
  redis: () => import('./clients/redis.mjs'),
  postgres: () => import('./clients/postgres.mjs'),
  mysql: () => import('./clients/mysql.mjs'),
  mongodb: () => import('./clients/mongodb.mjs'),
} satisfies Record<string, () => Promise<Client>>
export type ModuleName = keyof typeof modules

const nowhere = async (): Promise<Ground> => ({ url: '', stop: async () => {} })

async function folder(): Promise<Ground> {
  const { path, remove } = temporaryFolder('stores')
  return { url: path, stop: async () => remove() }
}

const one = (start: () => Promise<TestServer>) => async (): Promise<Ground> => {
  const server = await start()
  return { url: server.url, server, stop: () => server.stop() }
}

/** Servers that are back when they have found each other, not when each of them answers. */
const several = (start: () => Promise<RedisGroup>, ready: (group: RedisGroup) => Promise<boolean>) => async (): Promise<Ground> => {
  const group = await start()
  const restart = async () => {
    await group.start()
    await until('the servers have found each other', () => ready(group))
  }
  return { url: group.url, server: { ...group, start: restart }, nodes: group.nodes, stop: () => group.stop() }
}

const clusterIsReady = async ({ nodes }: RedisGroup) =>
  (await Promise.all(nodes.map(node => node.cli('CLUSTER', 'INFO')))).every(info => info.includes('cluster_state:ok'))
const sentinelIsReady = async ({ nodes }: RedisGroup) => /^(PONG|)$/.test((await nodes.at(-1)?.cli('PING')) ?? '')

export type PlaceName = 'memory' | 'file' | 'sqlite' | 'redis' | 'redis-sentinel' | 'redis-cluster' | 'postgres' | 'mysql' | 'mongodb'

export const places: Readonly<Record<PlaceName, Place>> = {
  memory: { kind: 'process', start: nowhere, bothDoors: true },
  file: { kind: 'folder', start: folder, vandal: moveFolder },
  sqlite: { kind: 'folder', start: folder, vandal: renameTables, bothDoors: true },
  redis: { kind: 'server', start: one(async () => (await import('../servers/redis.ts')).startRedis()), durable: true, bothDoors: true },
  'redis-sentinel': {
    kind: 'server',
    start: several(async () => (await import('../servers/redis.ts')).startRedisSentinel(), sentinelIsReady),
  },
  'redis-cluster': {
    kind: 'server',
    start: several(async () => (await import('../servers/redis.ts')).startRedisCluster(), clusterIsReady),
  },
  postgres: {
    kind: 'server',
    start: one(async () => (await import('../servers/postgres.ts')).startPostgres()),
    durable: true,
    bothDoors: true,
  },
  mysql: { kind: 'server', start: one(async () => (await import('../servers/mariadb.ts')).startMariadb()), durable: true },
  mongodb: {
    kind: 'server',
    start: one(async () => (await import('../servers/documentdb.ts')).startDocumentDB()),
    durable: true,
    renewCosts: 4,
  },
}

const sqlite = (client: string): Subject => ({
  name: `SqliteStore with ${client}`,
  place: 'sqlite',
  module: 'sqlite',
  client,
  missing: async () => ((await modules.sqlite()).opener(client) ? undefined : `there is no ${client}`),
})

const redis = (place: PlaceName, where: string): Subject[] =>
  ['ioredis', 'node-redis'].map(client => ({ name: `RedisStore with ${client}${where}`, place, module: 'redis', client }))

export const subjects: readonly Subject[] = [
  { name: 'MemoryStore', place: 'memory', module: 'memory' },
  { name: 'FileStore', place: 'file', module: 'file' },
  sqlite('libsql'),
  sqlite('better-sqlite3'),
  ...redis('redis', ''),
  ...redis('redis-sentinel', ' and Sentinel'),
  ...redis('redis-cluster', ' on a Cluster'),
  { name: 'PostgresStore with pg', place: 'postgres', module: 'postgres' },
  { name: 'MysqlStore with mysql2/promise', place: 'mysql', module: 'mysql', client: 'mysql2/promise' },
  { name: 'MysqlStore with mysql2', place: 'mysql', module: 'mysql', client: 'mysql2' },
  {
    name: 'MongoStore on DocumentDB',
    place: 'mongodb',
    module: 'mongodb',
    missing: async () => (await import('../servers/documentdb.ts')).whyNoDocumentDB(),
  },
]

export interface OpenStore extends Omit<OpenOptions, 'client' | 'url'> {
  /** Another way to the server: through a proxy. */
  url?: string | undefined
}

/** A store on a client of its own. */
export async function openStore(subject: Subject, ground: Ground, { url = ground.url, ...options }: OpenStore): Promise<Opened> {
  const { open } = await modules[subject.module]()
  return open({ ...options, url, client: subject.client })
}

/** For processes of their own. */
export function clientFile(module: ModuleName): string {
  return new URL(`clients/${module}.mjs`, import.meta.url).href
}
