import { type MongoCollection, MongoStore } from '../../stores/mongodb.ts'
import type { Io } from '../command.ts'
import { firstPackage } from '../packages.ts'
import type { StorePart } from '../store-url.ts'
import type { OpenStore } from './open.ts'

interface MongoClient {
  connect(): Promise<unknown>
  db(): { collection(name: string): MongoCollection }
  close(): Promise<void>
}

export interface MongoConnection {
  collection: MongoCollection
  end(): Promise<void>
}

/** The database is the one that the URL names. */
export async function connectMongodb(url: string, name: string, io: Io): Promise<MongoConnection> {
  const { module } = firstPackage<{ MongoClient: new (url: string, options: object) => MongoClient }>(['mongodb'], 'mongodb://', io)
  const client = new module.MongoClient(url, { serverSelectionTimeoutMS: 10_000 })
  await client.connect()
  return { collection: client.db().collection(name), end: () => client.close() }
}

/** The collection that the docs name. */
const COLLECTION = 'sessions'

export async function openMongodb(url: string, { collection = COLLECTION }: StorePart, io: Io): Promise<OpenStore> {
  const opened = await connectMongodb(url, collection, io)
  return { store: new MongoStore(opened.collection), end: opened.end }
}
