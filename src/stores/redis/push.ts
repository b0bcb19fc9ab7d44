import type { Unwatch } from '../../core/store.ts'
import { type Line, Proof } from '../common/subscription.ts'
import type { RedisClient } from './client.ts'

/** A connection of one's own that has subscribed. */
interface Subscriber {
  subscribe(channel: string, hear: (message: string) => void): Promise<void>
  close: () => Promise<void>
}

type Connect = (gone: () => void) => Promise<Subscriber>

/** What of ioredis' `Redis` is used: of its Cluster each master is one. */
interface IoredisNode {
  duplicate(override: object): IoredisNode
  on(event: string, listener: (...args: string[]) => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string): Promise<unknown>
  disconnect(): void
  nodes?(role: 'master'): IoredisNode[]
  isCluster?: boolean
}

/** What of a client of node-redis is used. */
interface NodeRedisClient {
  duplicate(override?: object): NodeRedisClient
  on(event: string, listener: (event?: { type?: unknown }) => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  destroy(): unknown
  options?: { socket?: object }
}

interface NodeRedisPool {
  execute<T>(act: (client: NodeRedisClient) => Promise<T>): Promise<T>
}

interface NodeRedisCluster {
  masters: object[]
  nodeClient(node: object): Promise<NodeRedisClient>
}

/** Listens on a connection of its own, which the client gives: there nothing else can be said. Null where no message comes through. */
export async function listen(
  client: RedisClient,
  channel: string,
  send: (text: string) => Promise<unknown>,
  line: Line,
): Promise<Unwatch | null> {
  const subscriber = await connectorOf(client)(() => line.lost())
  const proof = new Proof()
  try {
    await subscriber.subscribe(channel, message => {
      if (!proof.meets(message)) line.tell({ keys: [message] })
    })
    if (await proof.holds(send)) return subscriber.close
  } catch (error) {
    await subscriber.close()
    throw error
  }
  await subscriber.close()
  return null
}

function connectorOf(client: RedisClient): Connect {
  const has = (name: string) => typeof (client as unknown as Record<string, unknown>)[name] === 'function'
  if (has('call')) return gone => overIoredis(client as unknown as IoredisNode, gone)
  if (has('nodeClient')) return async gone => overNodeRedis(await anyMaster(client as unknown as NodeRedisCluster), gone)
  if (has('getMasterNode')) return gone => overSentinel(client as unknown as NodeRedisClient, gone)
  if (has('duplicate')) return gone => overNodeRedis(client as unknown as NodeRedisClient, gone)
  return gone => (client as unknown as NodeRedisPool).execute(one => overNodeRedis(one, gone))
}

/** Whoever listens connects anew by itself, and knows then that it has missed something: no library shall do so in silence. */
async function overIoredis(client: IoredisNode, gone: () => void): Promise<Subscriber> {
  // Each node of a Cluster hears what is said at any of them.
  const node = client.isCluster ? anyOf(client.nodes?.('master') ?? []) : client
  const never = () => null
  const own = node.duplicate({
    lazyConnect: true,
    autoResubscribe: false,
    retryStrategy: never,
    sentinelRetryStrategy: never,
    reconnectOnError: null,
    enableOfflineQueue: true,
  })
  own.on('error', () => {})
  own.on('end', gone)
  const close = async () => own.disconnect()
  await connected(own, close)
  return {
    async subscribe(channel, hear) {
      own.on('message', (_channel, message = '') => hear(message))
      await own.subscribe(channel)
    },
    close,
  }
}

async function overNodeRedis(client: NodeRedisClient, gone: () => void): Promise<Subscriber> {
  return subscriberOf(client.duplicate({ socket: { ...client.options?.socket, reconnectStrategy: false } }), gone)
}

/** It finds its master by itself, and goes over to another one: what that one was told before, nobody has heard here. */
async function overSentinel(client: NodeRedisClient, gone: () => void): Promise<Subscriber> {
  const own = client.duplicate()
  const subscriber = await subscriberOf(own, gone)
  own.on('topology-change', event => {
    if (event?.type === 'MASTER_CHANGE') gone()
  })
  return subscriber
}

async function subscriberOf(own: NodeRedisClient, gone: () => void): Promise<Subscriber> {
  own.on('error', gone)
  own.on('end', gone)
  const close = async () => void (await own.destroy())
  await connected(own, close)
  return {
    async subscribe(channel, hear) {
      await own.subscribe(channel, message => hear(message))
    },
    close,
  }
}

async function connected(own: { connect(): Promise<unknown> }, close: () => Promise<void>): Promise<void> {
  try {
    await own.connect()
  } catch (error) {
    await close()
    throw error
  }
}

async function anyMaster(cluster: NodeRedisCluster): Promise<NodeRedisClient> {
  return cluster.nodeClient(anyOf(cluster.masters))
}

function anyOf<T>(all: readonly T[]): T {
  const one = all[Math.floor(Math.random() * all.length)]
  if (one === undefined) throw new Error('the client knows no master yet')
  return one
}
