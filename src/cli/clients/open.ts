import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { IndexedSessionStore } from '../../core/store.ts'
import { FileStore } from '../../stores/file.ts'
import { CommandError, type Io } from '../command.ts'
import { type StoreAddress, storeAddress } from '../store-url.ts'
import { openMongodb } from './mongodb.ts'
import { openRedis } from './redis.ts'
import { openMysql, openPostgres, openSqlite } from './sql.ts'

export interface OpenStore {
  store: IndexedSessionStore
  /** Lets go of the client. */
  end(): Promise<void>
}

const OPENERS = { redis: openRedis, postgres: openPostgres, mysql: openMysql, mongodb: openMongodb }

/** A Holdfast store by its address. `mayMake`: a file or folder that is not there is made; else it is a slip of the finger. */
export function openStore(address: StoreAddress, io: Io, { mayMake = false } = {}): Promise<OpenStore> {
  const { kind, part } = address
  if ('url' in address) return OPENERS[address.kind](address.url, part, io)
  const { path } = address
  if (!mayMake && !existsSync(resolve(io.cwd, path)))
    throw new CommandError(`there is no ${kind === 'sqlite' ? 'file' : 'folder'} at the path of the store`)
  if (kind === 'sqlite') return openSqlite(path, part, io)
  return Promise.resolve({ store: new FileStore({ directory: resolve(io.cwd, path), cleanupInterval: false }), end: async () => undefined })
}

/** Opens the store that `--store` names, and lets go of it whatever comes. */
export async function withStore<T>(
  options: Readonly<Record<string, unknown>>,
  io: Io,
  use: (store: IndexedSessionStore) => Promise<T>,
): Promise<T> {
  const { store, end } = await openStore(await storeAddress('store', options, io), io)
  try {
    return await use(store)
  } finally {
    await store.close()
    await end()
  }
}
