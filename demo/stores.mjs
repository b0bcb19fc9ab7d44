import { mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * What STORE may say, by how it begins; what each store is called on the page; and how it is opened. A client library is imported only
 * when its store is asked for.
 */
const kinds = {
  sqlite: { name: 'SqliteStore', place: 'a table of a SQLite database on the server', on: 'one machine', open: openSqlite },
  file: { name: 'FileStore', place: 'a folder of small files on the server', on: 'one machine', open: openFile },
  memory: { name: 'MemoryStore', place: 'the memory of the server’s process', on: 'one process', open: openMemory },
  redis: { name: 'RedisStore', place: 'Redis', on: 'any machine', open: openRedis },
  postgres: { name: 'PostgresStore', place: 'a table in PostgreSQL', on: 'any machine', open: openPostgres },
  mysql: { name: 'MysqlStore', place: 'a table in MariaDB or MySQL', on: 'any machine', open: openMysql },
  mongodb: { name: 'MongoStore', place: 'a collection in MongoDB', on: 'any machine', open: openMongo },
}
const others = { rediss: 'redis', postgresql: 'postgres', mariadb: 'mysql', 'mongodb+srv': 'mongodb' }
const EXAMPLES = 'redis://…, postgres://…, mysql://…, mongodb://…, file:path, sqlite:path, memory:'
/** No session has it. */
const NO_KEY = '0'.repeat(43)
const PATIENCE_MS = 5000

/** The store that STORE asks for, by default a SQLite database in the demo's folder. Its errors may hold a password; their messages do not. */
export async function openStore(setting, folder) {
  const url = setting || `sqlite:${join(folder, 'sessions.db')}`
  const scheme = /^[a-z+]+(?=:)/i.exec(url)?.[0].toLowerCase() ?? ''
  const kind = own(kinds, own(others, scheme) ?? scheme)
  if (!kind) throw new Error(`STORE begins with none of the stores that there are: ${EXAMPLES}`)
  const { name, place, on } = kind
  const opened = await kind.open(url)
  await answers(opened.store, scheme)
  return { name, place, on, ...opened }
}

const own = (table, name) => (Object.hasOwn(table, name) ? table[name] : undefined)

/** Better no start than a site whose every page is an error. */
async function answers(store, scheme) {
  try {
    await store.load(NO_KEY, PATIENCE_MS)
  } catch (error) {
    throw new Error(`The store of STORE=${scheme}:… does not answer: ${(error.cause ?? error).message || error.code}`, { cause: error })
  }
}

async function library(name, load) {
  try {
    return await load()
  } catch (cause) {
    if (!String(cause.code).endsWith('MODULE_NOT_FOUND')) throw cause
    throw new Error(`This STORE needs the package ${name}, which is not there for this system: npm install ${name}`, { cause })
  }
}

const pathOf = url => (url.startsWith('file://') ? fileURLToPath(url) : resolve(url.replace(/^[a-z]+:(\/\/(?=\/))?/i, '')))
const ignore = () => {}

async function openSqlite(url) {
  const { default: Database } = await library('libsql', () => import('libsql'))
  const { SqliteStore } = await import('holdfast/stores/sqlite')
  const path = pathOf(url)
  mkdirSync(dirname(path), { recursive: true })
  const database = new Database(path)
  return { store: new SqliteStore(database), end: () => database.close() }
}

async function openFile(url) {
  const { FileStore } = await import('holdfast/stores/file')
  return { store: new FileStore({ directory: pathOf(url) }), end: ignore }
}

async function openMemory() {
  const { MemoryStore } = await import('holdfast/stores/memory')
  return { store: new MemoryStore(), end: ignore }
}

// Clients tell of broken connections by events, which end the process where nobody listens; the calls that need them fail anyway.

async function openRedis(url) {
  const { Redis } = await library('ioredis', () => import('ioredis'))
  const { RedisStore } = await import('holdfast/stores/redis')
  const client = new Redis(url)
  client.on('error', ignore)
  return { store: new RedisStore(client, { prefix: 'holdfast-demo:' }), end: () => client.disconnect() }
}

async function openPostgres(url) {
  const { default: pg } = await library('pg', () => import('pg'))
  const { PostgresStore } = await import('holdfast/stores/postgres')
  const pool = new pg.Pool({ connectionString: url })
  pool.on('error', ignore)
  return { store: new PostgresStore(pool, { table: 'holdfast_demo' }), end: () => pool.end() }
}

async function openMysql(url) {
  const { createPool } = await library('mysql2', () => import('mysql2/promise'))
  const { MysqlStore } = await import('holdfast/stores/mysql')
  const pool = createPool({ uri: url.replace(/^mariadb:/i, 'mysql:') })
  return { store: new MysqlStore(pool, { table: 'holdfast_demo' }), end: () => pool.end() }
}

async function openMongo(url) {
  const { MongoClient } = await library('mongodb', () => import('mongodb'))
  const { MongoStore } = await import('holdfast/stores/mongodb')
  const client = new MongoClient(url)
  return { store: new MongoStore(client.db().collection('holdfast_demo'), { cleanupInterval: '5m' }), end: () => client.close() }
}
