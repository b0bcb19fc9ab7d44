/** What a RedisStore needs of a Redis, whatever the client library, alone, under Sentinel or as a Cluster. */
export interface RedisConnection {
  /** Keys in different slots cannot be in one script. */
  readonly cluster: boolean
  /** One command, to the master that has `key`. After `timeoutMs` it is not sent any more, where the library can see to that. */
  send(key: string, command: string[], timeoutMs: number | undefined): Promise<unknown>
  /** The commands one behind the other on one connection, and their answers. */
  sendTogether(key: string, commands: string[][]): Promise<unknown[]>
  masters(): RedisMaster[]
}

export interface RedisMaster {
  /** Its address; empty where there is only one. */
  name: string
  send(command: string[]): Promise<unknown>
}

interface IoredisNode {
  call(command: string, args: string[]): Promise<unknown>
  options: object
}

/** ioredis: `Redis`, alone or under Sentinel, and `Cluster`. */
interface IoredisClient extends IoredisNode {
  isCluster: boolean
  pipeline(commands: string[][]): { exec(): Promise<[error: Error | null, result: unknown][] | null> }
  nodes?(role: 'master'): IoredisNode[]
}

interface SendOptions {
  timeout?: number
}

interface Batch {
  execAsPipeline(): Promise<unknown>
}

/** node-redis: `createClient` and `createClientPool`. */
interface NodeRedisClient {
  sendCommand(args: string[], options?: SendOptions): Promise<unknown>
  multi(): Batch & { addCommand(args: string[]): unknown }
}

/** node-redis: `createSentinel`. */
interface NodeRedisSentinel {
  sendCommand(isReadonly: boolean, args: string[], options?: SendOptions): Promise<unknown>
  multi(): Batch & { addCommand(isReadonly: boolean, args: string[]): unknown }
  getMasterNode(): unknown
}

interface NodeRedisNode {
  address: string
}

/** node-redis: `createCluster`. */
interface NodeRedisCluster {
  sendCommand(firstKey: string, isReadonly: boolean, args: string[], options?: SendOptions): Promise<unknown>
  multi(routing: string): Batch & { addCommand(firstKey: string, isReadonly: boolean, args: string[]): unknown }
  masters: NodeRedisNode[]
  /** The client of a master. Its parameter is a class of the library. */
  nodeClient(node: never): Promise<NodeRedisClient>
}

export type RedisClient = IoredisClient | NodeRedisClient | NodeRedisSentinel | NodeRedisCluster

/** Recognises a client by its methods. */
export function connectionOf(client: RedisClient): RedisConnection {
  const has = (...names: string[]) =>
    names.every(name => typeof (client as unknown as Record<string, unknown> | null)?.[name] === 'function')
  if (has('call', 'pipeline')) return overIoredis(client as IoredisClient)
  if (has('sendCommand', 'multi', 'nodeClient')) return overNodeRedisCluster(client as NodeRedisCluster)
  if (has('sendCommand', 'multi', 'getMasterNode')) return overNodeRedisSentinel(client as NodeRedisSentinel)
  if (has('sendCommand', 'multi')) return overNodeRedis(client as NodeRedisClient)
  throw new TypeError(
    'RedisStore: the client must be a Redis or a Cluster of ioredis, or a client, pool, sentinel or cluster of node-redis',
  )
}

function overIoredis(client: IoredisClient): RedisConnection {
  // It would go before the braces, might hold some itself, and SCAN would not know of it.
  if ('keyPrefix' in client.options && client.options.keyPrefix) {
    throw new TypeError('RedisStore: the client must have no keyPrefix; give the store a prefix instead')
  }
  const sendTo = (node: IoredisNode, [name = '', ...args]: string[]) => node.call(name.toLowerCase(), args).catch(refuse)
  const named = ({ options }: IoredisNode) => ('host' in options && 'port' in options ? `${options.host}:${options.port}` : '')
  return {
    cluster: client.isCluster,
    send: (_key, command) => sendTo(client, command),
    async sendTogether(_key, commands) {
      const answers = (await client.pipeline(commands.map(([name = '', ...args]) => [name.toLowerCase(), ...args])).exec()) ?? []
      const [failed] = answers.find(([error]) => error) ?? []
      if (failed) refuse(failed)
      return answers.map(([, answer]) => answer)
    },
    masters() {
      if (!client.isCluster || !client.nodes) return [{ name: '', send: command => sendTo(client, command) }]
      return client.nodes('master').map(node => ({ name: named(node), send: command => sendTo(node, command) }))
    },
  }
}

/** ioredis hangs the command on its error, data and all. No log shall show them. */
function refuse(error: unknown): never {
  for (const one of [error, ...((error as { previousErrors?: unknown[] } | null)?.previousErrors ?? [])])
    if (typeof one === 'object' && one !== null) Reflect.deleteProperty(one, 'command')
  throw error
}

function overNodeRedis(client: NodeRedisClient): RedisConnection {
  return {
    cluster: false,
    send: (_key, command, timeoutMs) => client.sendCommand(command, limit(timeoutMs)),
    sendTogether(_key, commands) {
      const batch = client.multi()
      for (const command of commands) batch.addCommand(command)
      return together(batch)
    },
    masters: () => [{ name: '', send: command => client.sendCommand(command) }],
  }
}

// Scripts never count as read-only here: what is read must be what was written, so replicas are not asked.
const READ_ONLY = false

function overNodeRedisSentinel(client: NodeRedisSentinel): RedisConnection {
  return {
    cluster: false,
    send: (_key, command, timeoutMs) => client.sendCommand(READ_ONLY, command, limit(timeoutMs)),
    sendTogether(_key, commands) {
      const batch = client.multi()
      for (const command of commands) batch.addCommand(READ_ONLY, command)
      return together(batch)
    },
    masters: () => [{ name: '', send: command => client.sendCommand(READ_ONLY, command) }],
  }
}

function overNodeRedisCluster(client: NodeRedisCluster): RedisConnection {
  return {
    cluster: true,
    send: (key, command, timeoutMs) => client.sendCommand(key, READ_ONLY, command, limit(timeoutMs)),
    sendTogether(key, commands) {
      const batch = client.multi(key)
      for (const command of commands) batch.addCommand(key, READ_ONLY, command)
      return together(batch)
    },
    masters: () =>
      client.masters.map(node => ({
        name: node.address,
        send: async command => (await client.nodeClient(node as never)).sendCommand(command),
      })),
  }
}

/** A batch is one chain on one connection: if that breaks in the middle, the rest is not sent on another. */
async function together(batch: Batch): Promise<unknown[]> {
  return (await batch.execAsPipeline()) as unknown[]
}

/** For how long a command may wait in the client's queue before it is sent. */
function limit(timeoutMs: number | undefined): SendOptions | undefined {
  return timeoutMs === undefined ? undefined : { timeout: Math.min(Math.ceil(timeoutMs), 2 ** 32 - 1) }
}
