// DocumentDB is an extension of PostgreSQL and comes without a wire gateway. This one, for tests on loopback, takes the driver's commands
// and calls the engine's SQL functions. To the driver it is a mongos, because the engine knows a write that is sent again by its
// transaction number, and so the driver's retryable writes work.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Long, ObjectId } from 'mongodb'
import { Client, DatabaseError } from 'pg'
import { answerTo, type Document, type Message, Messages, octetsOf, parse } from './documentdb-wire.ts'

/** What the wire adds to a command, and the engine does not know. */
const OF_THE_WIRE = [
  '$db',
  '$clusterTime',
  '$readPreference',
  'apiVersion',
  'lsid',
  'maxTimeMS',
  'readConcern',
  'txnNumber',
  'writeConcern',
]
const BSON = '::bytea::documentdb_core.bson'
const WRITES: Record<string, string> = { insert: 'insert', update: 'update', delete: 'delete', findAndModify: 'find_and_modify' }
const QUERIES: Record<string, string> = {
  find: 'find_cursor_first_page',
  aggregate: 'aggregate_cursor_first_page',
  listIndexes: 'list_indexes_cursor_first_page',
  listCollections: 'list_collections_cursor_first_page',
}

/** The engine names its errors by SQLSTATEs of its own; among write errors, by the numbers that PostgreSQL makes of them. */
const DUPLICATE = { states: ['23505', 'M001C'], number: 319_029_277 }
const STATEMENT_TIMEOUT = '57014'
/** A connection that was ended, a server that shuts down, crashes or starts. */
const ENDED = '57P0'

/** Where a query stands, and the connection that holds it. */
interface Cursor {
  engine: Engine
  continuation: Buffer
}

export class DocumentDBBridge {
  readonly #enginePort: number
  readonly #cursors = new Map<string, Cursor>()
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer(socket => this.#accept(socket))

  constructor(enginePort: number) {
    this.#enginePort = enginePort
  }

  /** Listens; on a free port unless told. */
  async start(port = 0): Promise<number> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening) await new Promise(resolve => this.#server.close(resolve))
  }

  /** A connection of the driver has one of its own to the engine, and its commands run one after the other. */
  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay()
    const messages = new Messages()
    const engine = new Engine(this.#enginePort)
    let last = Promise.resolve()
    const answer = async (message: Message) => {
      if (message.many && message.document.topologyVersion) return greet(socket, message)
      const document = await run(message.document, engine, this.#cursors).catch(failure)
      if (!message.silent) socket.write(answerTo(message, Buffer.isBuffer(document) ? document : octetsOf(document)))
    }
    socket.on('data', chunk => {
      for (const message of messages.add(chunk)) last = last.then(() => answer(message)).catch(error => void socket.destroy(error))
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#sockets.delete(socket)
      void last.then(() => engine.end())
    })
  }
}

/**
 * Hello after hello, as a server says it to a driver's monitor, which then knows at once when its connection ends. A server that is asked
 * for each one by itself loses driver 7.9 for good where the connection ends just as the driver asks.
 */
function greet(socket: Socket, { id, document }: Message): void {
  const say = () => socket.write(answerTo({ id, legacy: false }, octetsOf(answerOfOurs('hello')), true))
  const timer = setInterval(say, Number(document.maxAwaitTimeMS))
  socket.once('close', () => clearInterval(timer))
}

/** Which server it is, and how often it has changed its part in the set: never. */
const TOPOLOGY_VERSION = { processId: new ObjectId(), counter: Long.ZERO }

/** One connection to the engine, made when it is needed: the driver's monitors need none. */
class Engine {
  readonly #port: number
  #client: Promise<Client> | undefined
  #limitMs = 0

  constructor(port: number) {
    this.#port = port
  }

  /** One row. `limitMs`: when the engine gives up; 0: never. */
  async row(limitMs: number, sql: string, ...values: unknown[]): Promise<Record<string, Buffer | null>> {
    this.#client ??= this.#connect()
    const client = await this.#client
    if (limitMs !== this.#limitMs) await client.query(`set statement_timeout = ${limitMs}`)
    this.#limitMs = limitMs
    return (await client.query(sql, values)).rows[0]
  }

  async end(): Promise<void> {
    await this.#client?.then(client => client.end()).catch(() => {})
  }

  async #connect(): Promise<Client> {
    const client = new Client({ host: '127.0.0.1', port: this.#port, user: 'postgres', database: 'postgres' })
    client.on('error', () => {})
    await client.connect()
    return client
  }
}

/** Carries a command out. What the engine answers goes on as it is, octet by octet, but for the numbers of its errors. */
async function run(document: Document, engine: Engine, cursors: Map<string, Cursor>): Promise<Document | Buffer> {
  const { $db = 'admin', lsid, maxTimeMS = 0, txnNumber } = document
  const command = Object.fromEntries(Object.entries(document).filter(([name]) => !OF_THE_WIRE.includes(name)))
  const [name = ''] = Object.keys(command)
  const limitMs = Number(maxTimeMS)
  const octets = octetsOf(command)

  if (WRITES[name]) {
    const sql = `select p_result::bytea as answer, p_success as done from documentdb_api.${WRITES[name]}($1, $2${BSON}, p_transaction_id => $3)`
    const transaction = txnNumber === undefined ? null : `${lsid.id.toString('hex')}:${txnNumber}`
    const { answer, done } = await engine.row(limitMs, sql, $db, octets, transaction)
    return done ? (answer as Buffer) : withMongoCodes(parse(answer as Buffer))
  }
  if (QUERIES[name]) {
    const sql = `select cursorpage::bytea as page, continuation::bytea, cursorid as id from documentdb_api.${QUERIES[name]}($1, $2${BSON})`
    const { page, continuation, id } = await engine.row(limitMs, sql, $db, octets)
    if (continuation) cursors.set(String(id), { engine, continuation })
    return page as Buffer
  }
  switch (name) {
    case 'getMore':
      return more(cursors, String(command.getMore), $db, octets)
    case 'killCursors':
      for (const id of command.cursors) cursors.delete(String(id))
      return { ok: 1 }
    case 'createIndexes': {
      const sql = `select documentdb_api_internal.create_indexes_non_concurrently($1, $2${BSON}, true)::bytea as answer`
      return (await engine.row(limitMs, sql, $db, octets)).answer as Buffer
    }
    case 'drop':
      await engine.row(limitMs, 'select documentdb_api.drop_collection($1, $2)', $db, command.drop)
      return { ok: 1 }
    default:
      return answerOfOurs(name)
  }
}

async function more(cursors: Map<string, Cursor>, id: string, db: string, octets: Buffer): Promise<Document | Buffer> {
  const cursor = cursors.get(id)
  if (!cursor) return { ok: 0, code: 43, codeName: 'CursorNotFound', errmsg: `cursor id ${id} not found` }
  const sql = `select cursorpage::bytea as page, continuation::bytea from documentdb_api.cursor_get_more($1, $2${BSON}, $3${BSON})`
  const { page, continuation } = await cursor.engine.row(0, sql, db, octets, cursor.continuation)
  if (continuation) cursor.continuation = continuation
  else cursors.delete(id)
  return page as Buffer
}

/** What is answered without the engine. */
function answerOfOurs(name: string): Document {
  switch (name.toLowerCase()) {
    case 'hello':
    case 'ismaster':
      return {
        ok: 1,
        helloOk: true,
        ismaster: true,
        isWritablePrimary: true,
        msg: 'isdbgrid',
        maxBsonObjectSize: 16_777_216,
        maxMessageSizeBytes: 48_000_000,
        maxWriteBatchSize: 25_000,
        logicalSessionTimeoutMinutes: 30,
        topologyVersion: TOPOLOGY_VERSION,
        localTime: new Date(),
        minWireVersion: 0,
        maxWireVersion: 21,
      }
    case 'ping':
    case 'endsessions':
      return { ok: 1 }
    default:
      return { ok: 0, code: 59, codeName: 'CommandNotFound', errmsg: `no such command: '${name}'` }
  }
}

function withMongoCodes(answer: Document): Document {
  for (const error of answer.writeErrors ?? []) if (Number(error.code) === DUPLICATE.number) error.code = 11000
  return answer
}

/** Throws if the engine has gone, or is not there yet: then there is no answer, and the driver's connection ends. */
function failure(error: unknown): Document {
  if (!(error instanceof DatabaseError) || error.code?.startsWith(ENDED)) throw error
  const state = error.code ?? ''
  if (DUPLICATE.states.includes(state)) return { ok: 0, code: 11000, codeName: 'DuplicateKey', errmsg: `E11000 ${error.message}` }
  if (state === STATEMENT_TIMEOUT) return { ok: 0, code: 50, codeName: 'MaxTimeMSExpired', errmsg: 'operation exceeded time limit' }
  return { ok: 0, code: 8, codeName: 'UnknownError', errmsg: `${state} ${error.message}` }
}
