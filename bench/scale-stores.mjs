// The stores of bench/scale.mjs: how each is opened, and how many octets its sessions take.
import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import { createClient } from 'redis'
import { fileOf, opener } from '../test/stores/clients/sqlite.mjs'

const SPACE = 'scale'
const TABLE = `sessions_${SPACE}`

async function postgresRow(url, sql) {
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(sql)
  await client.end()
  return rows[0]
}

async function mysqlRow(url, sql) {
  const connection = await createConnection(url)
  const [[row]] = await connection.query(sql)
  await connection.end()
  return row
}

/** The figures of a section of Redis's INFO. */
export async function redisInfo(url, ...sections) {
  const client = await createClient({ url }).connect()
  const text = await client.sendCommand(['INFO', ...sections])
  client.destroy()
  return Object.fromEntries(Array.from(String(text).matchAll(/^(\w+):(.*?)\r?$/gm), ([, name, value]) => [name, value]))
}

/**
 * Where its data are, in octets, with all indexes.
 * @type {Record<string, (ground: { url: string, engineUrl?: string }) => number | Promise<number | undefined> | undefined>}
 */
const octets = {
  memory: () => undefined,
  redis: async ({ url }) => Number((await redisInfo(url, 'memory')).used_memory),
  postgres: async ({ url }) => Number((await postgresRow(url, `SELECT pg_total_relation_size('${TABLE}') AS octets`)).octets),
  mysql: async ({ url }) => {
    const sql = `SELECT FILE_SIZE AS octets FROM information_schema.INNODB_SYS_TABLESPACES WHERE NAME = 'holdfast/${TABLE}'`
    return Number((await mysqlRow(url, sql)).octets)
  },
  sqlite({ url }) {
    const file = fileOf(url, SPACE)
    const database = opener('libsql')(file)
    database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
    database.close()
    return statSync(file).size
  },
  file: ({ url }) => Number(execFileSync('du', ['-s', '--block-size=1', url], { encoding: 'utf8' }).split('\t')[0]),
  mongodb: async ({ engineUrl }) => {
    if (!engineUrl) return undefined
    const sql = `SELECT sum(pg_total_relation_size(c.oid)) AS octets FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
      WHERE nspname = 'documentdb_data' AND relkind = 'r'`
    return Number((await postgresRow(engineUrl, sql)).octets)
  },
}

/** Options of a store that is to hold so many sessions. Clean-up comes when it is called. */
const options = {
  memory: size => ({ maxSessions: 2 * size + 100_000 }),
  redis: () => ({}),
}

/**
 * @param {string} name
 * @param {{ url: string, engineUrl?: string }} ground
 * @param {{ size: number, now?: () => number, options?: object }} how
 */
export async function open(name, ground, { size, now, options: more }) {
  const client = await import(`../test/stores/clients/${name}.mjs`)
  const own = options[name]?.(size) ?? { cleanupInterval: false }
  // Redis has a clock of its own, by which it removes what has ended.
  const clock = name === 'redis' ? undefined : now
  const opened = await client.open({ url: ground.url, space: SPACE, now: clock, options: { ...own, ...more } })
  return { ...opened, table: TABLE, space: SPACE, octets: async () => octets[name](ground) }
}
