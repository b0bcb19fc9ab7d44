// Each store on a client that gives up a connection over which nothing comes any more, as the docs ask for. Runs in a bare Node.
import { MongoStore } from 'holdfast/stores/mongodb'
import { MysqlStore } from 'holdfast/stores/mysql'
import { PostgresStore } from 'holdfast/stores/postgres'
import { RedisStore } from 'holdfast/stores/redis'
import { MongoClient } from 'mongodb'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { DATABASE } from '../../stores/clients/mongodb.mjs'
import { overIoredis, overNodeRedis } from '../../stores/clients/redis.mjs'

const MS = 1000

const openers = {
  async 'redis:'({ url, space, client: library, options }) {
    const ioredis = library === 'ioredis'
    const settings = { connectTimeout: MS }
    const { client, end } = await (ioredis
      ? overIoredis(url, { ...settings, socketTimeout: MS })
      : overNodeRedis(url, { socket: { ...settings, socketTimeout: MS, reconnectStrategy: () => 50 } }))
    if (!ioredis) watchOver(client)
    return { store: new RedisStore(client, { prefix: `${space}:`, ...options }), end }
  },
  'postgres:'({ url, space, options }) {
    const pool = new Pool({ connectionString: url, connectionTimeoutMillis: MS })
    pool.on('error', () => {})
    return { store: new PostgresStore(pool, { table: `sessions_${space}`, ...options }), end: () => pool.end() }
  },
  'mysql:'({ url, space, options }) {
    const pool = createPool({ uri: url, connectTimeout: MS })
    return { store: new MysqlStore(pool, { table: `sessions_${space}`, ...options }), end: () => pool.end() }
  },
  'mongodb:'({ url, space, options }) {
    const client = new MongoClient(url, { maxPoolSize: 10, connectTimeoutMS: MS, heartbeatFrequencyMS: MS })
    return { store: new MongoStore(client.db(DATABASE).collection(`sessions_${space}`), options), end: () => client.close() }
  },
}

/**
 * node-redis has a `socketTimeout`, but that begins anew with each command that is written: while there are any it comes only where a
 * connection is being made. There nobody else must interfere: of two attempts at once each gets the other's answers.
 */
function watchOver(client) {
  let waiting = false
  const look = () => {
    if (!client.isReady) return
    if (waiting) {
      client.destroy()
      client.connect().catch(() => {})
    }
    waiting = true
    client.ping().then(
      answer => {
        waiting = answer !== 'PONG'
      },
      () => {},
    )
  }
  setInterval(look, MS).unref()
}

/** @param {import('../../stores/opened.ts').OpenOptions} options */
export async function open(options) {
  const { store, end } = await openers[new URL(options.url).protocol](options)
  return {
    store,
    async end() {
      await store.close()
      await end()
    },
  }
}
