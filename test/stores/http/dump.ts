import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { IndexedSessionStore } from 'holdfast'
import type { Loose } from '../../support/subjects.ts'
import type { Stage } from './stage.ts'

/** All that a store's server or folder holds, as text, read past the store. */
export async function dump({ ground: { url }, subject: { module } }: Stage, store: IndexedSessionStore): Promise<string> {
  switch (module) {
    case 'memory':
      // Nobody can look into it but by its own methods.
      return JSON.stringify((await store.list()).records)
    case 'file':
    case 'sqlite':
      return ofFolder(url)
    case 'redis':
      return ofRedis(url)
    case 'postgres':
      return ofPostgres(url)
    case 'mysql':
      return ofMysql(url)
    case 'mongodb':
      return ofMongo(url)
  }
}

/**
 * Names and contents, of journals and logs as well. By a process of its own: whoever closes a file gives up all locks that his process has
 * on it, and SQLite's are among them.
 */
function ofFolder(folder: string): string {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  const contents = execFileSync('xargs', ['-0', 'cat'], { input: files.join('\0'), maxBuffer: 2 ** 30, encoding: 'latin1' })
  return [...entries.map(({ name }) => name), contents].join('\n')
}

async function ofRedis(url: string): Promise<string> {
  const { overIoredis } = await import('../clients/redis.mjs')
  const { client, end } = await overIoredis(url)
  const masters: Loose[] = 'nodes' in client ? client.nodes('master') : [client]
  try {
    const found: unknown[] = []
    for (const redis of masters) {
      for (const key of await redis.keys('*')) found.push(key, await readers[await redis.type(key)]?.(redis, key))
    }
    return found.flat().join('\n')
  } finally {
    await end()
  }
}

const readers: Record<string, (redis: Loose, key: string) => Promise<unknown>> = {
  string: (redis, key) => redis.get(key),
  hash: async (redis, key) => Object.entries(await redis.hgetall(key)).flat(),
  zset: (redis, key) => redis.zrange(key, 0, -1, 'WITHSCORES'),
  set: (redis, key) => redis.smembers(key),
  list: (redis, key) => redis.lrange(key, 0, -1),
}

async function ofPostgres(url: string): Promise<string> {
  const { Client } = await import('pg')
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const tables = await client.query(
      "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname !~ '^(pg_|information_schema)'",
    )
    const rows: Loose[] = []
    for (const { name } of tables.rows) rows.push(...(await client.query(`select t::text as row from ${name} t`)).rows)
    return rows.map(({ row }) => row).join('\n')
  } finally {
    await client.end()
  }
}

async function ofMysql(url: string): Promise<string> {
  const { createConnection } = await import('mysql2/promise')
  const connection = await createConnection(url)
  try {
    const text = (value: unknown) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value))
    const [tables] = (await connection.query(
      "select concat('`', table_schema, '`.`', table_name, '`') as name from information_schema.tables where table_schema not in ('mysql', 'information_schema', 'performance_schema', 'sys') and table_type = 'BASE TABLE'",
    )) as Loose
    const found: string[] = []
    for (const { name } of tables) {
      const [rows] = (await connection.query({ sql: `select * from ${text(name)}`, rowsAsArray: true })) as Loose
      found.push(...rows.flat().map(text))
    }
    return found.join('\n')
  } finally {
    await connection.end()
  }
}

async function ofMongo(url: string): Promise<string> {
  const [{ MongoClient }, { DATABASE }] = await Promise.all([import('mongodb'), import('../clients/mongodb.mjs')])
  const client = new MongoClient(url)
  try {
    const found: unknown[] = []
    for (const collection of await client.db(DATABASE).collections()) found.push(await collection.find().toArray())
    return JSON.stringify(found)
  } finally {
    await client.close()
  }
}
