// What the tests of MongoStore share: where it runs, records, and collections that can be watched, stopped and broken.
import type { SessionRecord } from 'holdfast'
import { type MongoCollection, MongoStore } from 'holdfast/stores/mongodb'
import {
  type Collection,
  type CommandStartedEvent,
  type CommandSucceededEvent,
  type Document,
  MongoClient,
  type MongoClientOptions,
} from 'mongodb'
import { Client } from 'pg'
import { afterAll, beforeAll, describe } from 'vitest'
import { type DocumentDB, startDocumentDB, whyNoDocumentDB } from '../servers/documentdb.ts'
import { DATABASE } from './clients/mongodb.mjs'

interface StoredSession {
  _id: string
  [field: string]: unknown
}
type Sessions = Collection<StoredSession>

/** What a suite works on. */
export interface Ground {
  server: DocumentDB
  /** A client of its own, closed after the tests. */
  client(options?: MongoClientOptions & { port?: number }): MongoClient
  /** A collection that nobody else has; removed after the tests. */
  collection(client?: MongoClient): Sessions
  /** To be removed after the tests as well. */
  remove(collectionName: string): void
}

/** A suite with a server. Where there is none it is skipped, and a line says why: it never counts as passed. */
export function describeWithDocumentDB(name: string, body: (ground: Ground) => void): void {
  const why = whyNoDocumentDB()
  if (why) console.warn(`SKIPPED: ${name}: ${why}`)
  describe.skipIf(why)(why ? `${name} (skipped: ${why})` : name, () => {
    const clients: MongoClient[] = []
    const names: string[] = []
    const ground = {} as Ground
    beforeAll(async () => {
      ground.server = await startDocumentDB()
      const own = ground.client()
      ground.collection = (client = own) => {
        const name = `own_${Math.random().toString(36).slice(2)}`
        names.push(name)
        return client.db(DATABASE).collection<StoredSession>(name)
      }
    })
    ground.remove = name => void names.push(name)
    ground.client = ({ port, ...options } = {}) => {
      const url = new URL(ground.server.url)
      if (port !== undefined) url.port = `${port}`
      const made = new MongoClient(url.href, options)
      clients.push(made)
      return made
    }
    afterAll(async () => {
      const [own] = clients
      // Ours goes as a whole.
      if (process.env.MONGODB_URL) for (const name of names) await own?.db(DATABASE).dropCollection(name)
      await Promise.all(clients.map(client => client.close()))
      await ground.server?.stop()
    })
    body(ground)
  })
}

const HOUR = 3_600_000
const letters = () => Math.random().toString(36).slice(2).padEnd(11, '0').slice(0, 11)

export const newKey = () => `abc.${letters()}${letters()}${letters()}${letters().slice(0, 10)}`

/** A session of an hour. */
export function record(part: Partial<SessionRecord> = {}, now = Date.now()): SessionRecord {
  return {
    key: newKey(),
    partition: 'abc',
    data: '{"n":1}',
    version: letters() + letters().slice(0, 5),
    createdAt: now,
    touchedAt: now,
    idleMs: HOUR,
    expiresAt: now + HOUR,
    ...part,
  }
}

/** What a client sends while something is done. */
export async function sentBy(client: MongoClient, work: () => Promise<unknown>) {
  const started: CommandStartedEvent[] = []
  const succeeded: CommandSucceededEvent[] = []
  const start = (event: CommandStartedEvent) => started.push(event)
  const succeed = (event: CommandSucceededEvent) => succeeded.push(event)
  client.on('commandStarted', start).on('commandSucceeded', succeed)
  await work()
  client.off('commandStarted', start).off('commandSucceeded', succeed)
  return {
    names: started.map(({ commandName }) => commandName),
    commands: started.map(({ command }) => command),
    replies: succeeded.map(({ reply }) => reply as Document),
  }
}

/** The engine itself, by PostgreSQL's protocol. */
export async function engineOf({ server }: Ground): Promise<Client> {
  const engine = new Client({ host: '127.0.0.1', port: server.enginePort ?? 0, user: 'postgres', database: 'postgres' })
  await engine.connect()
  return engine
}

/** The same session, written anew. */
export const nextOf = (before: SessionRecord): SessionRecord => record({ ...before, version: newKey().slice(0, 16), data: '{"n":2}' })

type Name = keyof MongoCollection

interface Hooks {
  /** Before the command is sent, with how many were sent before it. */
  before?: (name: Name, count: number) => void | Promise<void>
  /** After it has been carried out, before the store is told. */
  after?: (name: Name, count: number) => void | Promise<void>
  /** Cuts the last of the steps off, of a command that has several. */
  onlyFirstStep?: boolean
}

/** The same collection, with something between it and the store. */
export function hooked(collection: Sessions, { before, after, onlyFirstStep = false }: Hooks): MongoCollection {
  const inner: MongoCollection = collection
  let count = 0
  const around = async <T>(name: Name, command: () => Promise<T>): Promise<T> => {
    const number = count++
    await before?.(name, number)
    const result = await command()
    await after?.(name, number)
    return result
  }
  return {
    findOne: (filter, options) => around('findOne', () => inner.findOne(filter, options)),
    find: (filter, options) => ({ toArray: () => around('find', () => inner.find(filter, options).toArray()) }),
    insertOne: (document, options) => around('insertOne', () => inner.insertOne(document, options)),
    findOneAndUpdate: (filter, update, options) => around('findOneAndUpdate', () => inner.findOneAndUpdate(filter, update, options)),
    updateMany: (filter, update, options) => around('updateMany', () => inner.updateMany(filter, update, options)),
    deleteOne: (filter, options) => around('deleteOne', () => inner.deleteOne(filter, options)),
    deleteMany: (filter, options) => around('deleteMany', () => inner.deleteMany(filter, options)),
    bulkWrite: (steps, options) => around('bulkWrite', () => inner.bulkWrite(onlyFirstStep ? steps.slice(0, 1) : steps, options)),
    createIndexes: (indexes, options) => inner.createIndexes(indexes, options),
  }
}

/** A store whose process ends at a command: before it is carried out, after it, or in the middle of its steps. */
export function crashing(collection: Sessions, at: number, when: 'before' | 'after' | 'between', now?: () => number): MongoStore {
  let dead = false
  const die = () => {
    dead = true
    throw new Error('the process has ended')
  }
  const hooks: Hooks = {
    before: (_, count) => {
      if (dead || (when === 'before' && count === at)) die()
    },
    after: (_, count) => {
      if (when !== 'before' && count === at) die()
    },
    onlyFirstStep: when === 'between',
  }
  return new MongoStore(hooked(collection, hooks), { now })
}

/** A store that stops before a command, until it is let go on. */
export function stopping(collection: Sessions, at: number) {
  let reach = () => {}
  let goOn = () => {}
  const reached = new Promise<void>(resolve => {
    reach = resolve
  })
  const gate = new Promise<void>(resolve => {
    goOn = resolve
  })
  const before = async (_: Name, count: number) => {
    if (count !== at) return
    reach()
    await gate
  }
  return { store: new MongoStore(hooked(collection, { before })), reached, goOn }
}
