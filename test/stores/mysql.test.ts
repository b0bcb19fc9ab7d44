import { MysqlStore } from 'holdfast/stores/mysql'
import { testSessionStore } from 'holdfast/testing'
import { createPool } from 'mysql2'
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { startMariadb } from '../servers/mariadb.ts'
import type { TestServer } from '../servers/server.ts'
import { open } from './clients/mysql.mjs'

// A test that went on after its time would move the clock of those after it.
vi.setConfig({ testTimeout: 120_000 })

let server: TestServer
const ends: Array<() => Promise<unknown>> = []

beforeAll(async () => {
  server = await startMariadb()
})

afterAll(async () => {
  await Promise.all(ends.map(end => end()))
  await server?.stop()
})

describe('MysqlStore with a pool of mysql2/promise', () => {
  testSessionStore({
    describe,
    it,
    runs: 25,
    create: async ({ space, now }) => {
      const { store, end } = await open({ url: server.url, space, now })
      ends.push(end)
      return store
    },
  })
})

/** Whatever an app might tell its pool for its own sake, and a server its clients. */
const CLIENT = {
  charset: 'latin1_swedish_ci',
  flags: ['-FOUND_ROWS'],
  supportBigNumbers: true,
  bigNumberStrings: true,
  decimalNumbers: true,
  dateStrings: true,
  namedPlaceholders: true,
  rowsAsArray: true,
  nestTables: '_',
  stringifyObjects: true,
  multipleStatements: true,
  typeCast: () => 'cast',
}
const SESSION = [
  "sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE,NO_UNSIGNED_SUBTRACTION,PAD_CHAR_TO_FULL_LENGTH,SIMULTANEOUS_ASSIGNMENT,EMPTY_STRING_IS_NULL'",
  "time_zone = '+05:45'",
  "lc_messages = 'de_DE'",
  'SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
]

describe('MysqlStore with a pool of mysql2 whose settings are the strangest', () => {
  testSessionStore({
    describe,
    it,
    runs: 10,
    create: async ({ space, now }) => {
      const pool = createPool({ uri: server.url, connectionLimit: 5, ...CLIENT })
      pool.on('connection', connection => {
        for (const setting of SESSION) connection.query(`SET ${setting}`)
      })
      const store = new MysqlStore(pool, { table: `strange-${space}`, now })
      ends.push(() => pool.promise().end())
      return store
    },
  })
})
