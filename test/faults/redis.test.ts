// Redis alone: killed, loading, demoted, full. What `appendfsync` and `maxmemory-policy` promise, and what they do not.
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { until } from '../servers/process.ts'
import { type RedisServer, replicasFed, startRedis } from '../servers/redis.ts'
import { full } from '../support/full.ts'
import { Client } from './client.ts'
import { type FaultOptions, underFault } from './fault.ts'
import { infoOf, libraries, redisTarget } from './redis-support.ts'
import { build } from './site.ts'

vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 })
beforeAll(() => build())

const start = async (...settings: string[]): Promise<RedisServer> => {
  const server = await startRedis(...settings)
  onTestFinished(() => server.stop())
  return server
}

describe.skipIf(!full).each(libraries)('Redis, by %s:', library => {
  const play = (server: RedisServer, options: Omit<FaultOptions, 'store' | 'target'>) =>
    underFault({
      store: `Redis, ${library}`,
      target: redisTarget('redis', library, server.url),
      sessions: { storeTimeout: 1000 },
      recovery: 120_000,
      ...options,
    })

  it('killed and started again, with appendfsync always', async () => {
    const server = await start()
    await play(server, {
      fault: 'SIGKILL and restart, `appendfsync always`',
      promised: true,
      async inject({ load }) {
        await server.kill()
        await load.moreFailed(10)
        await server.start()
      },
    })
  })

  it('killed and started again, with appendfsync everysec', async () => {
    const server = await start('--appendfsync', 'everysec')
    await play(server, {
      fault: 'SIGKILL and restart, `appendfsync everysec`',
      promised: 'the last second, where the machine itself goes down',
      async inject({ load }) {
        await server.kill()
        await load.moreFailed(10)
        await server.start()
      },
    })
  })

  it('killed and started again without an append-only file: what is lost is seen, and so is what comes back', async () => {
    const server = await start('--appendonly', 'no')
    const row = await play(server, {
      fault: 'SIGKILL and restart, `appendonly no`',
      promised: 'all since the last snapshot',
      async inject({ load }) {
        await server.cli('SAVE')
        await load.moreAcknowledged(300)
        await server.kill()
        await load.moreFailed(10)
        await server.start()
      },
    })
    expect(row.lost).toBeGreaterThan(0)
    expect(row.resurrected).toBeGreaterThan(0)
  })

  it('answers LOADING for a while', async () => {
    const slow = ['--enable-debug-command', 'yes', '--loading-process-events-interval-bytes', '1024', '--key-load-delay', '300']
    const server = await start(...slow)
    await server.cli('DEBUG', 'POPULATE', '10000', 'filler')
    await server.cli('BGREWRITEAOF')
    await until('they are in the file', async () => (await server.cli('DBSIZE')) === '10000' && (await rewritten(server)))
    await play(server, {
      fault: 'restart: `LOADING`',
      promised: true,
      async inject({ load }) {
        await server.kill()
        const starting = server.start()
        await until('it is loading', async () => (await server.cli('PING').catch(() => '')).startsWith('LOADING'))
        await load.moreFailed(1)
        await starting
        return 'the server answered LOADING'
      },
    })
  })

  it('demoted to a replica, and promoted again', async () => {
    const server = await start()
    const other = await start('--replicaof', '127.0.0.1', String(server.port))
    await until('the replica gets what is written', async () => (await replicasFed(server)) === 1)
    /** Without a loss: the master takes no writes until the other one has all of them. */
    const handOver = async (from: RedisServer, to: RedisServer) => {
      await from.cli('FAILOVER', 'TO', '127.0.0.1', String(to.port), 'TIMEOUT', '10000')
      const follows = async () => (await infoOf(from, 'replication', 'master_link_status')) === 'up'
      await until('it is handed over', async () => (await infoOf(to, 'replication', 'role')) === 'master' && (await follows()))
    }
    await play(server, {
      fault: 'master becomes a replica: `READONLY`',
      promised: true,
      async inject({ load }) {
        await handOver(server, other)
        await load.moreFailed(10)
        const refused = Number(/errorstat_READONLY:count=(\d+)/.exec(await server.cli('INFO', 'errorstats'))?.[1])
        expect(refused).toBeGreaterThan(0)
        await handOver(other, server)
        return `${refused} writes refused by READONLY`
      },
    })
  })

  it('full, with maxmemory-policy noeviction: writes fail, logouts work', async () => {
    const server = await start()
    await play(server, {
      fault: '`maxmemory` reached, `noeviction`',
      promised: true,
      async inject({ site, load }) {
        const [worker] = site.workers
        if (!worker) throw new Error('the site has no process')
        const client = new Client()
        const { cookie } = await client.ask(worker, 'open', { s: 'leaver', user: 'leaver' })
        await server.cli('CONFIG', 'SET', 'maxmemory', '1mb')
        await load.moreFailed(30)
        expect(await client.ask(worker, 'write', { field: 'a', value: 'b' }, cookie)).toMatchObject({ error: 'HOLDFAST_STORE (unknown)' })
        expect(await client.ask(worker, 'logout', {}, cookie)).toMatchObject({ outcome: 'acknowledged' })
        expect(await client.ask(worker, 'read', {}, cookie)).toMatchObject({ gone: true })
        client.close()
        const refused = Number(/errorstat_OOM:count=(\d+)/.exec(await server.cli('INFO', 'errorstats'))?.[1])
        expect(refused).toBeGreaterThan(0)
        await server.cli('CONFIG', 'SET', 'maxmemory', '0')
        return `${refused} writes refused by OOM, a logout was carried out`
      },
    })
  })

  it('full, with maxmemory-policy allkeys-lru: logins are forgotten, and nothing comes back', async () => {
    const server = await start('--maxmemory-policy', 'allkeys-lru', '--maxmemory-samples', '64')
    const row = await play(server, {
      fault: '`maxmemory` reached, `allkeys-lru`',
      promised: 'logins are forgotten',
      async inject({ load }) {
        // The buffers of clients grow and shrink by more than the sessions take: something else must be there to go after them.
        await server.cli('EVAL', "for n = 1, 4000 do redis.call('SET', 'other:' .. n, string.rep('x', 500)) end", '0')
        const used = Number(await infoOf(server, 'memory', 'used_memory'))
        const evicted = async () => Number(await infoOf(server, 'stats', 'evicted_keys'))
        await server.cli('CONFIG', 'SET', 'maxmemory', String(used - 200_000))
        await until('keys are evicted', async () => (await evicted()) >= 20)
        await load.moreAcknowledged(50)
        await server.cli('CONFIG', 'SET', 'maxmemory', '0')
        return `${await evicted()} keys evicted`
      },
    })
    expect(row.resurrected).toBe(0)
  })
})

async function rewritten(server: RedisServer): Promise<boolean> {
  const state = await server.cli('INFO', 'persistence')
  return state.includes('aof_rewrite_in_progress:0') && state.includes('aof_rewrite_scheduled:0')
}
