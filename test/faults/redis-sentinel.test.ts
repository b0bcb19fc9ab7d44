// Redis under Sentinel: the master is killed, or hands over; and who listens for ends hears them afterwards.
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { Browser, startSites } from '../push/processes.ts'
import { type RedisGroup, type RedisServer, startRedisSentinel } from '../servers/redis.ts'
import { subjects } from '../stores/subjects.ts'
import { full } from '../support/full.ts'
import { underFault } from './fault.ts'
import { agreed, infoOf, libraries, redisTarget } from './redis-support.ts'
import { build } from './site.ts'

vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 })
beforeAll(() => build())

/** With `confirmReplicas: 1`. */
const NOT_CONFIRMED = 'the last logins and changes may be missing; no logout is'

interface Scene {
  group: RedisGroup
  master: RedisServer
  replica: RedisServer
  sentinel: RedisServer
}

async function startScene(): Promise<Scene> {
  const group = await startRedisSentinel()
  onTestFinished(() => group.stop())
  const [master, replica, sentinel] = group.nodes as [RedisServer, RedisServer, RedisServer]
  return { group, master, replica, sentinel }
}

const promoted = ({ replica, sentinel }: Scene) =>
  agreed('the replica has taken over', async () => {
    const named = await sentinel.cli('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'holdfast')
    return named.endsWith(String(replica.port)) && (await infoOf(replica, 'replication', 'role')) === 'master'
  })
const follows = ({ master, replica }: Scene) =>
  agreed('the old master follows the new one', async () => {
    const [at, status] = [await infoOf(master, 'replication', 'master_port'), await infoOf(master, 'replication', 'master_link_status')]
    return at === String(replica.port) && status === 'up'
  })

describe.skipIf(!full).each(libraries)('Redis under Sentinel, by %s:', library => {
  const store = `Redis Sentinel, ${library}`
  const targetOn = ({ group }: Scene) => redisTarget('redis-sentinel', library, group.url, { confirmReplicas: 1 })

  it('the master is killed; its replica takes over', async () => {
    const scene = await startScene()
    const row = await underFault({
      store,
      fault: 'SIGKILL of the master',
      target: targetOn(scene),
      recovery: 120_000,
      promised: NOT_CONFIRMED,
      async inject({ load }) {
        const began = performance.now()
        await scene.master.kill()
        await load.moreFailed(10)
        await promoted(scene)
        const seconds = ((performance.now() - began) / 1000).toFixed(1)
        await scene.master.start()
        await follows(scene)
        return `the replica took over after ${seconds} s`
      },
    })
    expect(row.resurrected).toBe(0)
  })

  /** For the ten seconds after which Sentinel sees to it, the old master goes on as one. */
  const handOver = async (scene: Scene) => {
    await scene.sentinel.cli('SENTINEL', 'FAILOVER', 'holdfast')
    await promoted(scene)
    await follows(scene)
    return 'the replica is the master, and the master its replica'
  }

  it('the master hands over while it lives, and takes writes until it is told', async () => {
    const scene = await startScene()
    await underFault({
      store,
      fault: '`SENTINEL FAILOVER`',
      target: targetOn(scene),
      recovery: 120_000,
      promised: 'what the old master takes until it follows the new one',
      inject: () => handOver(scene),
    })
  })

  it('the master hands over while it lives, with min-replicas-to-write', async () => {
    const scene = await startScene()
    for (const node of [scene.master, scene.replica]) await node.cli('CONFIG', 'SET', 'min-replicas-to-write', '1')
    const row = await underFault({
      store,
      fault: '`SENTINEL FAILOVER`, `min-replicas-to-write 1`',
      target: targetOn(scene),
      recovery: 120_000,
      promised: NOT_CONFIRMED,
      inject: () => handOver(scene),
    })
    expect(row.resurrected).toBe(0)
  })

  describe('an answer that is open', () => {
    const openAnswer = async (scene: Scene) => {
      const subject = subjects.find(one => one.place === 'redis-sentinel' && one.client === library)
      if (!subject) throw new Error(`there is no Sentinel by ${library}`)
      const [here, there] = await startSites(subject, { url: scene.group.url, stop: async () => {} }, 'ears')
      const browser = new Browser()
      await browser.get(here, '/in/ann')
      // A login that only the master has is not there after a failover, without `confirmReplicas`.
      await agreed('the replica has the login', async () => {
        const [at, behind] = await Promise.all([scene.master, scene.replica].map(node => node.cli('DBSIZE')))
        return at !== '0' && at === behind
      })
      return { there, browser, stream: await browser.listen(here) }
    }
    const listeners = async (node: RedisServer) => Number((await node.cli('PUBSUB', 'NUMSUB', 'ears:ended')).split('\n')[1])

    it('hears of an end at the new master, after the old one was killed', async () => {
      const scene = await startScene()
      const { there, browser, stream } = await openAnswer(scene)
      await agreed('it listens at the master', async () => (await listeners(scene.master)) === 1)
      await scene.master.kill()
      await promoted(scene)
      await agreed('it listens at the new one', async () => (await listeners(scene.replica)) === 1)
      expect(stream.text()).not.toContain('ended')
      await agreed('the other process has found the new master', () =>
        browser.get(there, '/out').then(
          () => true,
          () => false,
        ),
      )
      await stream.ended
      expect(stream.text()).toContain('ended destroyed')
    })

    it('hears of an end at the new master, after the old one has handed over', async () => {
      const scene = await startScene()
      const { there, browser, stream } = await openAnswer(scene)
      await agreed('it listens at the master', async () => (await listeners(scene.master)) === 1)
      await scene.sentinel.cli('SENTINEL', 'FAILOVER', 'holdfast')
      await promoted(scene)
      await follows(scene)
      await agreed('it listens at one of both', async () => (await listeners(scene.replica)) + (await listeners(scene.master)) === 1)
      await agreed('the other process has found the new master', () =>
        browser.get(there, '/out').then(
          () => true,
          () => false,
        ),
      )
      await stream.ended
      expect(stream.text()).toContain('ended destroyed')
    })
  })
})
