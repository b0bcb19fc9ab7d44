// MysqlStore over a pool of mysql2, of its promises or of its callbacks. Runs under Vitest and in a bare Node.
import { MysqlStore } from 'holdfast/stores/mysql'
import { createPool as createCallbackPool } from 'mysql2'
import { createPool } from 'mysql2/promise'

/** @param {import('../opened.ts').OpenOptions} options */
export async function open({ url, space, now, client: library = 'mysql2/promise', options = {} }) {
  const settings = { uri: url, connectionLimit: 10 }
  const pool = library === 'mysql2' ? createCallbackPool(settings) : createPool(settings)
  const store = new MysqlStore(pool, { table: `sessions_${space}`, now, ...options })
  return {
    store,
    async end() {
      await store.close()
      await ('promise' in pool ? pool.promise() : pool).end()
    },
  }
}
