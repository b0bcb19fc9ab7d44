import { type RedisClient, RedisStore } from '../../stores/redis.ts'
import type { Io } from '../command.ts'
import { firstPackage } from '../packages.ts'
import type { StorePart } from '../store-url.ts'
import type { OpenStore } from './open.ts'

/** A connection to Redis by the site's own library. */
export interface RedisConnection {
  client: RedisClient
  /** One command; texts in, texts out. */
  send(command: string[]): Promise<unknown>
  end(): Promise<void>
}

interface Ioredis {
  on(event: 'error', listener: () => void): unknown
  connect(): Promise<void>
  call(command: string, args: string[]): Promise<unknown>
  disconnect(): void
}

interface NodeRedis {
  on(event: 'error', listener: () => void): unknown
  connect(): Promise<unknown>
  sendCommand(command: string[]): Promise<unknown>
  destroy(): void
}

type Library = { Redis?: new (url: string, options: object) => Ioredis; createClient?: (options: object) => NodeRedis }

/** By ioredis, or by `redis`. It does not wait for a server that is not there. */
export async function connectRedis(url: string, io: Io): Promise<RedisConnection> {
  const { module } = firstPackage<Library>(['ioredis', 'redis'], 'redis://', io)
  return module.Redis
    ? overIoredis(new module.Redis(url, IOREDIS))
    : overNodeRedis((module.createClient as NonNullable<Library['createClient']>)({ url, socket: { reconnectStrategy: false } }))
}

const IOREDIS = { lazyConnect: true, maxRetriesPerRequest: 1, retryStrategy: () => null }

/** Without a listener the process would end by the client's own event; what has failed is told by the call. */
const nobody = () => undefined

async function overIoredis(client: Ioredis): Promise<RedisConnection> {
  let cause: unknown
  client.on('error', ((error: unknown) => {
    cause = error
  }) as () => void)
  try {
    await client.connect()
  } catch (error) {
    client.disconnect()
    // Its own error says that the connection is closed, and not why.
    throw cause ?? error
  }
  return {
    client: client as unknown as RedisClient,
    send: ([name, ...args]) => client.call(name as string, args),
    end: async () => client.disconnect(),
  }
}

async function overNodeRedis(client: NodeRedis): Promise<RedisConnection> {
  client.on('error', nobody)
  await client.connect()
  return { client: client as unknown as RedisClient, send: command => client.sendCommand(command), end: async () => client.destroy() }
}

export async function openRedis(url: string, { prefix }: StorePart, io: Io): Promise<OpenStore> {
  const { client, end } = await connectRedis(url, io)
  return { store: new RedisStore(client, { prefix }), end }
}
