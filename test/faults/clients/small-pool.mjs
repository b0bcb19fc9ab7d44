// PostgreSQL, MariaDB and DocumentDB, with two connections for all requests of a process. Runs in a bare Node.
import { MongoStore } from 'holdfast/stores/mongodb'
import { MysqlStore } from 'holdfast/stores/mysql'
import { PostgresStore } from 'holdfast/stores/postgres'
import { MongoClient } from 'mongodb'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { DATABASE } from '../../stores/clients/mongodb.mjs'

const SIZE = 2

const openers = {
  'postgres:'(url, space, options) {
    const pool = new Pool({ connectionString: url, max: SIZE })
    pool.on('error', () => {})
    return { store: new PostgresStore(pool, { table: `sessions_${space}`, ...options }), end: () => pool.end() }
  },
  'mysql:'(url, space, options) {
    const pool = createPool({ uri: url, connectionLimit: SIZE })
    return { store: new MysqlStore(pool, { table: `sessions_${space}`, ...options }), end: () => pool.end() }
  },
  'mongodb:'(url, space, options) {
    const client = new MongoClient(url, { maxPoolSize: SIZE })
    return { store: new MongoStore(client.db(DATABASE).collection(`sessions_${space}`), options), end: () => client.close() }
  },
}

/** @param {import('../../stores/opened.ts').OpenOptions} options */
export async function open({ url, space, options }) {
  const { store, end } = openers[new URL(url).protocol](url, space, options)
  return {
    store,
    async end() {
      await store.close()
      await end()
    },
  }
}
