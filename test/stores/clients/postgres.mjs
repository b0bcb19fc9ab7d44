// Runs under Vitest and in a bare Node.
import { PostgresStore } from 'holdfast/stores/postgres'
import { Pool } from 'pg'

/** @param {import('../opened.ts').OpenOptions} options */
export async function open({ url, space, now, options }) {
  const pool = new Pool({ connectionString: url, max: 10 })
  // Without a listener, an idle connection that breaks would end the process.
  pool.on('error', () => {})
  const store = new PostgresStore(pool, { table: `sessions_${space}`, now, ...options })
  return {
    store,
    async end() {
      await store.close()
      await pool.end()
    },
  }
}
