// Runs under Vitest and in a bare Node.
import { MongoStore } from 'holdfast/stores/mongodb'
import { MongoClient } from 'mongodb'

/** All data of the tests. */
export const DATABASE = 'holdfast_tests'

/** @param {import('../opened.ts').OpenOptions} options */
export async function open({ url, space, now, options }) {
  const client = new MongoClient(url, { maxPoolSize: 10 })
  const store = new MongoStore(client.db(DATABASE).collection(`sessions_${space}`), { now, ...options })
  return {
    store,
    async end() {
      await store.close()
      await client.close()
    },
  }
}
