// A Redis Cluster of three masters with a replica each: every master is killed in its turn; slots move under load.
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RedisGroup, type RedisServer, replicasFed, startRedisCluster } from '../servers/redis.ts'
import { full } from '../support/full.ts'
import { underFault } from './fault.ts'
import { agreed, infoOf, libraries, redisTarget } from './redis-support.ts'
import { build } from './site.ts'

/** How many slots move. */
const SLOTS = 20

vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 })

describe.skipIf(!full)('A Redis Cluster,', () => {
  let group: RedisGroup
  beforeAll(async () => {
    build()
    group = await startRedisCluster()
  })
  afterAll(() => group?.stop())

  const roleOf = (node: RedisServer) => infoOf(node, 'replication', 'role')
  const mastersOf = async () => {
    const roles = await Promise.all(group.nodes.map(roleOf))
    return group.nodes.filter((_, n) => roles[n] === 'master')
  }
  const settled = async () => {
    const states = await Promise.all(group.nodes.map(node => node.cli('CLUSTER', 'INFO')))
    return states.every(state => state.includes('cluster_state:ok')) && (await replicasFed(...group.nodes)) === 3
  }

  describe.each(libraries)('by %s:', library => {
    const store = `Redis Cluster, ${library}`
    const target = () => redisTarget('redis-cluster', library, group.url, { confirmReplicas: 1 })

    it('each master is killed in its turn; its replica takes over', async () => {
      const row = await underFault({
        store,
        fault: 'SIGKILL of each master in turn',
        target: target(),
        promised: 'the last logins and changes may be missing; no logout is',
        recovery: 120_000,
        async inject({ load }) {
          const seconds: string[] = []
          for (const master of await mastersOf()) {
            const before = await mastersOf()
            const began = performance.now()
            await master.kill()
            const others = group.nodes.filter(node => node !== master)
            await agreed('a replica has taken over', async () => {
              const roles = await Promise.all(others.map(roleOf))
              return roles.filter(role => role === 'master').length === before.length
            })
            seconds.push(((performance.now() - began) / 1000).toFixed(1))
            await master.start()
            await agreed('the Cluster has settled', settled)
            await load.recovered(120_000)
          }
          return `3 masters killed; replicas took over after ${seconds.join(', ')} s`
        },
      })
      expect(row.resurrected).toBe(0)
    })

    it('slots move from master to master, with the sessions that are in use', async () => {
      await agreed('the Cluster has settled', settled)
      await underFault({
        store,
        fault: 'slots move to other masters',
        target: target(),
        promised: true,
        recovery: 120_000,
        async inject({ load }) {
          const masters = (await mastersOf()).map(({ url }) => new Redis(url))
          const before = load.acknowledged
          let moved = 0
          try {
            for (let n = 0; n < SLOTS; n++) {
              if (await moveSlot(masters, n % masters.length, () => load.moreAcknowledged(3))) moved++
            }
          } finally {
            for (const master of masters) master.disconnect()
          }
          expect(moved).toBeGreaterThan(SLOTS / 2)
          return `${moved} slots moved while ${load.acknowledged - before} operations were acknowledged`
        },
      })
    })
  })
})

/** Moves a slot in which something lies from this master to the next one; pauses where it is with both. False: there is none. */
async function moveSlot(masters: readonly Redis[], index: number, pause: () => Promise<void>): Promise<boolean> {
  const [from, to] = [masters[index] as Redis, masters[(index + 1) % masters.length] as Redis]
  const key = await from.randomkey()
  if (key === null) return false
  const slot = String(await from.call('CLUSTER', ['KEYSLOT', key]))
  const [fromId, toId] = [String(await from.call('CLUSTER', ['MYID'])), String(await to.call('CLUSTER', ['MYID']))]
  await to.call('CLUSTER', ['SETSLOT', slot, 'IMPORTING', fromId])
  await from.call('CLUSTER', ['SETSLOT', slot, 'MIGRATING', toId])
  await pause()
  for (;;) {
    const keys = (await from.call('CLUSTER', ['GETKEYSINSLOT', slot, '1'])) as string[]
    if (keys.length === 0) break
    await from.call('MIGRATE', ['127.0.0.1', String(to.options.port), '', '0', '5000', 'KEYS', ...keys])
    await pause()
  }
  for (const node of [to, from, ...masters]) await node.call('CLUSTER', ['SETSLOT', slot, 'NODE', toId])
  return true
}
