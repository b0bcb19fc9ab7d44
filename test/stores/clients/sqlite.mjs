// Runs under Vitest and in a bare Node.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { SqliteStore } from 'holdfast/stores/sqlite'
import { betterSqlite3 } from '../../../scripts/better-sqlite3.mjs'

const require = createRequire(import.meta.url)

/** How each library opens a file; undefined where this Node does not have it. */
const openers = {
  libsql: () => {
    const Database = require('libsql')
    return path => new Database(path)
  },
  'better-sqlite3': () => {
    const folder = betterSqlite3()
    const Database = folder && require(folder)
    return Database && (path => new Database(path))
  },
  'node:sqlite': () => {
    const sqlite = process.getBuiltinModule('node:sqlite')
    return sqlite && (path => new sqlite.DatabaseSync(path))
  },
}

/** Each space has one of its own: two libraries in one process corrupt a file that they share. */
export const fileOf = (folder, space) => join(folder, `${space}.db`)

/** @param {string} client */
export function opener(client) {
  return openers[client]()
}

/** @param {import('../opened.ts').OpenOptions} options `url` is a folder, or ':memory:' */
export async function open({ url, space, now, client = 'libsql', options }) {
  const openFile = opener(client)
  if (!openFile) throw new Error(`Node ${process.version} has no ${client}: run npm test, it sets it up`)
  const database = openFile(url === ':memory:' ? url : fileOf(url, space))
  const store = new SqliteStore(database, { table: `sessions_${space}`, now, ...options })
  return {
    store,
    async end() {
      await store.close()
      database.close()
    },
  }
}
