// Where the sessions of bench/scale.mjs lie: a server of its own for each size, in a temporary folder.
import { childrenOf } from './processor-time.mjs'
import { testServers } from './test-servers.mjs'

/** @typedef {{ url: string, engineUrl?: string, pids?: number[], stop(): Promise<void> | void }} Ground `pids`: of its server */

const server =
  (file, name, ...settings) =>
  async servers => {
    const { [name]: start, whyNoDocumentDB } = await servers.load(file)
    const missing = whyNoDocumentDB?.()
    if (missing) throw new Error(missing)
    const started = await start(...settings)
    const { url, enginePort } = started
    return { url, ...(enginePort && { engineUrl: `postgres://postgres@127.0.0.1:${enginePort}/postgres` }), stop: () => started.stop() }
  }

/** As the servers': on a disk in memory, where there is one with room. */
async function quickFolder(servers) {
  const { temporaryFolder } = await servers.load('process')
  const { path, remove } = temporaryFolder('scale')
  return { url: path, stop: remove }
}

/** @type {Record<string, (servers: any) => Promise<Ground>>} */
const grounds = {
  memory: async () => ({ url: '', stop() {} }),
  redis: server('redis', 'startRedis', '--appendfsync', 'everysec'),
  postgres: server('postgres', 'startPostgres'),
  sqlite: quickFolder,
  file: quickFolder,
  mysql: server('mariadb', 'startMariadb', '--innodb-buffer-pool-size=512M', '--innodb-log-file-size=128M'),
  mongodb: server('documentdb', 'startDocumentDB'),
}

export const storeNames = Object.keys(grounds)

/** @param {(start: (store: string) => Promise<Ground>) => Promise<void>} work all that it starts is stopped when it is over */
export async function withGrounds(work) {
  const servers = await testServers()
  const started = []
  const interrupted = new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => reject(new Error(signal)))
  })
  try {
    const start = async store => {
      const others = childrenOf(process.pid)
      const ground = await grounds[store](servers)
      started.push(ground)
      return { ...ground, pids: childrenOf(process.pid).filter(pid => !others.includes(pid)) }
    }
    await Promise.race([work(start), interrupted])
  } finally {
    await Promise.allSettled(started.map(({ stop }) => stop()))
    await servers.close()
  }
}
