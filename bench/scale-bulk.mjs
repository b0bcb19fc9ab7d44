// Sessions put straight into a store's own layout, where its methods would take too long for a million.
import { once } from 'node:events'
import { connect } from 'node:net'
import { MongoClient } from 'mongodb'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import { DATABASE } from '../test/stores/clients/mongodb.mjs'
import { fileOf, opener } from '../test/stores/clients/sqlite.mjs'

const PIECE = 2000
const COLUMN_TYPES = { data: 'text', user_key: 'text', user_id: 'text', key: 'text', version: 'text', meta: 'text' }

/** @param {number} from @param {number} to @param {(n: number) => object} sessionOf */
function* pieces(from, to, sessionOf) {
  for (let n = from; n < to; n += PIECE) yield Array.from({ length: Math.min(PIECE, to - n) }, (_, at) => sessionOf(n + at))
}

/** By `INSERT … SELECT` from arrays. */
async function postgres({ url, table, from, to, sessionOf }) {
  const { RECORD_COLUMNS, valuesOf } = await import('../dist/stores/common/row.js')
  const client = new Client({ connectionString: url })
  await client.connect()
  const arrays = RECORD_COLUMNS.map((column, n) => `$${n + 1}::${COLUMN_TYPES[column] ?? 'float8'}[]`)
  const sql = `INSERT INTO ${table} (${RECORD_COLUMNS.join(', ')}) SELECT * FROM unnest(${arrays.join(', ')})`
  for (const piece of pieces(from, to, sessionOf)) {
    const rows = piece.map(valuesOf)
    await client.query(
      sql,
      RECORD_COLUMNS.map((_, column) => rows.map(row => row[column])),
    )
  }
  await client.end()
}

/** In transactions of many. */
async function sqlite({ url, space, table, from, to, sessionOf }) {
  const { RECORD_COLUMNS, valuesOf } = await import('../dist/stores/common/row.js')
  const database = opener('libsql')(fileOf(url, space))
  const marks = RECORD_COLUMNS.map(() => '?').join(', ')
  const insert = database.prepare(`INSERT INTO ${table} (${RECORD_COLUMNS.join(', ')}) VALUES (${marks})`)
  for (const piece of pieces(from, to, sessionOf)) {
    database.exec('BEGIN')
    for (const session of piece) insert.run(...valuesOf(session))
    database.exec('COMMIT')
  }
  database.close()
}

/** By `INSERT` of many rows. */
async function mysql({ url, table, from, to, sessionOf }) {
  const { RECORD_COLUMNS, valuesOf } = await import('../dist/stores/common/row.js')
  const connection = await createConnection(url)
  const columns = [...RECORD_COLUMNS, 'recent', 'ends_at'].map(column => `\`${column}\``).join(', ')
  for (const piece of pieces(from, to, sessionOf)) {
    const rows = piece.map(session => [...valuesOf(session), '', Math.min(session.expiresAt, session.absoluteExpiresAt)])
    await connection.query(`INSERT INTO ${table} (${columns}) VALUES ?`, [rows])
  }
  await connection.end()
}

/** By `insertMany`, with the sequences of the users. */
async function mongodb({ url, table, from, to, sessionOf }) {
  const { documentOf } = await import('../dist/stores/mongodb/document.js')
  const client = new MongoClient(url)
  const collection = client.db(DATABASE).collection(table)
  for (const piece of pieces(from, to, sessionOf)) {
    const users = new Map()
    const documents = piece.map(session => {
      const seq = users.get(session.userKey) ?? session.createdAt
      users.set(session.userKey, seq + 1)
      return documentOf(session, { seq })
    })
    const endsAt = new Date(Date.now() + 86_400_000)
    const sequences = Array.from(users, ([userKey, seq]) => ({ _id: `user:${userKey}`, seq, endsAt }))
    await collection.insertMany([...documents, ...sequences], { ordered: false })
  }
  await client.close()
}

const command = (...words) => `*${words.length}\r\n${words.map(word => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`).join('')}`

/** By the commands of which `create` is made, in Redis's own protocol. */
async function redis({ url, space, from, to, sessionOf }) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  let answers = ''
  socket.on('data', octets => {
    answers = (answers + octets).slice(-100)
    if (octets.includes('-ERR')) socket.destroy(new Error(String(octets).slice(0, 200)))
  })
  for (const piece of pieces(from, to, sessionOf)) {
    const text = piece.map((session, at) => {
      const { key, partition, userKey, version, data, touchedAt, expiresAt, idleMs, absoluteExpiresAt, ...rest } = session
      const [name, index] = [`${space}:{${partition}}s:${key}`, `${space}:{${partition}}u:${userKey}`]
      const times = `${touchedAt} ${expiresAt} ${idleMs} ${absoluteExpiresAt} ${absoluteExpiresAt} ${touchedAt}`
      return [
        command('HSET', name, 'v', version, 't', times, 'm', JSON.stringify(rest), 'd', data, 'r', '', 'u', userKey),
        command('PEXPIREAT', name, Math.min(expiresAt, absoluteExpiresAt) + 1000),
        command('ZADD', index, at + 1, key),
        command('PEXPIREAT', index, absoluteExpiresAt + 1000),
      ].join('')
    })
    if (!socket.write(text.join(''))) await once(socket, 'drain')
  }
  socket.write(command('PING'))
  while (!answers.includes('+PONG')) await once(socket, 'data')
  socket.destroy()
}

/** By a store's name. Those that are not here are filled by their own methods, however long that takes. */
export const bulk = { redis, postgres, sqlite, mysql, mongodb }
