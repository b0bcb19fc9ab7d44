// RedisStore over each client library and topology: `redis://host:port`, `redis+cluster://host:port`, `redis+sentinel://host:port/name`.
import { RedisStore } from 'holdfast/stores/redis'
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster, createSentinel } from 'redis'

/** @param {import('../opened.ts').OpenOptions} options */
export async function open({ url, space, now, client: library = 'ioredis', options = {} }) {
  const { client, end } = await (library === 'ioredis' ? overIoredis(url) : overNodeRedis(url))
  const store = new RedisStore(client, { prefix: `${space}:`, now, ...options })
  return {
    store,
    async end() {
      await store.close()
      await end()
    },
  }
}

const quiet = () => {}

/** @param {string} url */
export async function overIoredis(url, more = {}) {
  const { protocol, hostname: host, port, pathname } = new URL(url)
  const address = { host, port: Number(port) }
  const client =
    protocol === 'redis+cluster:'
      ? new Cluster([address], more)
      : protocol === 'redis+sentinel:'
        ? new Redis({ sentinels: [address], name: pathname.slice(1), ...more })
        : new Redis({ ...address, ...more })
  client.on('error', quiet)
  return { client, end: async () => client.disconnect() }
}

/** @param {string} url */
export async function overNodeRedis(url, { socket = {}, ...more } = {}) {
  const { protocol, hostname: host, port, pathname } = new URL(url)
  const address = { host, port: Number(port), ...socket }
  const client =
    protocol === 'redis+cluster:'
      ? createCluster({ rootNodes: [{ socket: address }], ...more })
      : protocol === 'redis+sentinel:'
        ? createSentinel({ sentinelRootNodes: [address], name: pathname.slice(1), ...more })
        : createClient({ socket: address, ...more })
  client.on('error', quiet)
  await client.connect()
  return { client, end: async () => client.destroy() }
}
