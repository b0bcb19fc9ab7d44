// Redis, durable (appendfsync always): alone, as a Cluster of three masters with a replica each, and under Sentinel.
import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, ServerProcess, temporaryFolder, until } from './process.ts'
import type { TestServer } from './server.ts'

const run = promisify(execFile)
const MASTER = 'holdfast'

export interface RedisServer extends TestServer {
  /** A command as redis-cli gives its answer, without the last line feed. */
  cli(...command: string[]): Promise<string>
}

export interface RedisGroup extends TestServer {
  nodes: RedisServer[]
}

/** `redis://…`. More settings as on redis-server's command line. */
export async function startRedis(...settings: string[]): Promise<RedisServer> {
  const port = await freePort()
  const durable = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--repl-diskless-sync-delay', '0']
  return startProgram('redis-server', port, `redis://127.0.0.1:${port}`, [...durable, ...settings])
}

/** `redis+cluster://…`: one of its nodes. Three masters first, then their replicas, in the same order. */
export async function startRedisCluster(): Promise<RedisGroup> {
  const starting = Array.from({ length: 6 }, async () => {
    // By default it is the port and 10,000, which may be more than there are.
    const bus = await freePort()
    const settings = { 'cluster-enabled': 'yes', 'cluster-port': bus, 'cluster-node-timeout': 2000 }
    return startRedis(...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]))
  })
  const nodes = await allOrNone(starting)
  try {
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`)
    await run(program('redis-cli'), ['--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes'])
    await until('the cluster is ready', async () => {
      const known = await Promise.all(nodes.map(node => node.cli('CLUSTER', 'INFO')))
      const slots = await Promise.all(nodes.map(node => node.cli('CLUSTER', 'SLOTS')))
      const ready = known.every(info => info.includes('cluster_state:ok')) && (await replicasFed(...nodes)) === 3
      return ready && slots.every(slot => nodes.every(({ port }) => slot.includes(String(port))))
    })
    const ids = await Promise.all(nodes.map(node => node.cli('CLUSTER', 'MYID')))
    const described = (await nodes[0]?.cli('CLUSTER', 'NODES')) ?? ''
    const masterOf = (node: RedisServer) =>
      described
        .split('\n')
        .find(line => line.includes(`:${node.port}@`))
        ?.split(' ')[3] ?? ''
    const masters = nodes.filter(node => masterOf(node) === '-')
    const replicas = masters.map(master => nodes.find(node => masterOf(node) === ids[nodes.indexOf(master)]) as RedisServer)
    return group([...masters, ...replicas], `redis+cluster://127.0.0.1:${masters[0]?.port}`)
  } catch (error) {
    await Promise.all(nodes.map(node => node.stop()))
    throw error
  }
}

/** `redis+sentinel://…/name`: a master, its replicas, and last the sentinel, at whose address one asks. */
export async function startRedisSentinel(replicas = 1): Promise<RedisGroup> {
  const master = await startRedis()
  const nodes: RedisServer[] = [master]
  try {
    const following = ['--replicaof', '127.0.0.1', String(master.port)]
    nodes.push(...(await allOrNone(Array.from({ length: replicas }, () => startRedis(...following)))))
    const port = await freePort()
    const url = `redis+sentinel://127.0.0.1:${port}/${MASTER}`
    const settings = [
      `sentinel monitor ${MASTER} 127.0.0.1 ${master.port} 1`,
      `sentinel down-after-milliseconds ${MASTER} 1000`,
      `sentinel failover-timeout ${MASTER} 3000`,
    ]
    const sentinel = await startProgram('redis-sentinel', port, url, [], settings)
    nodes.push(sentinel)
    await until('the sentinel knows the replicas', async () =>
      (await sentinel.cli('SENTINEL', 'MASTER', MASTER)).includes(`num-slaves\n${replicas}\n`),
    )
    await until('the replicas get what is written', async () => (await replicasFed(master)) === replicas)
    return group(nodes, url)
  } catch (error) {
    await Promise.all(nodes.map(node => node.stop()))
    throw error
  }
}

async function startProgram(name: string, port: number, url: string, args: string[], lines: string[] = []): Promise<RedisServer> {
  const folder = temporaryFolder('redis')
  const path = program(name)
  const file = join(folder.path, 'redis.conf')
  // Sentinel keeps what it learns in its file.
  writeFileSync(file, `${[`port ${port}`, 'bind 127.0.0.1', `dir ${folder.path}`, ...lines].join('\n')}\n`)
  let child: ServerProcess | undefined
  const server: RedisServer = {
    url,
    port,
    async start() {
      child = new ServerProcess(path, [file, ...args])
      await child.ready('Redis answers', () => answers(port))
    },
    async kill() {
      await child?.end('SIGKILL')
    },
    async stop() {
      // What a test has left is nobody's.
      await child?.end('SIGKILL')
      folder.remove()
    },
    async cli(...command) {
      const { stdout } = await run(program('redis-cli'), ['-p', String(port), ...command])
      return stdout.replaceAll('\r', '').replace(/\n$/, '')
    },
  }
  try {
    await server.start()
  } catch (error) {
    await server.stop()
    throw error
  }
  return server
}

function group(nodes: RedisServer[], url: string): RedisGroup {
  const each = async (what: 'start' | 'kill' | 'stop') => void (await Promise.all(nodes.map(node => node[what]())))
  return { url, port: Number(new URL(url).port), nodes, start: () => each('start'), kill: () => each('kill'), stop: () => each('stop') }
}

/**
 * How many replicas get what is written at these. One that is `online`, and whose link is `up`, gets nothing before it has confirmed what
 * it was given to begin with, which is up to a second later; who kills the master meanwhile loses writes.
 */
export async function replicasFed(...masters: Pick<RedisServer, 'cli'>[]): Promise<number> {
  const states = await Promise.all(
    masters.map(async master => {
      // Else there is nothing to confirm before the next ping, ten seconds later.
      await master.cli('PUBLISH', 'fed', '')
      return master.cli('INFO', 'replication')
    }),
  )
  return states.join('\n').match(/state=online,offset=[1-9]/g)?.length ?? 0
}

/** If one of them does not start, the others are stopped. */
async function allOrNone(starting: Promise<RedisServer>[]): Promise<RedisServer[]> {
  const settled = await Promise.allSettled(starting)
  const failed = settled.find(one => one.status === 'rejected')
  const nodes = settled.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
  if (!failed) return nodes
  await Promise.all(nodes.map(node => node.stop()))
  throw failed.reason
}

function program(name: string): string {
  const found = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin'].map(place => join(place, name)).find(existsSync)
  if (!found) throw new Error(`there is no ${name}: run npm test, it installs it`)
  return found
}

/** While it reads its file again it answers, but only with an error. */
function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    const tell = (is: boolean) => {
      socket.destroy()
      resolve(is)
    }
    socket.once('data', answer => tell(answer.toString().startsWith('+PONG')))
    socket.once('error', () => tell(false))
    socket.once('close', () => tell(false))
  })
}
