// A network that delays, holds back, loses, ends one direction and cuts answers off, between the site's processes and each server.
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startProxy, type TcpProxy } from '../servers/proxy.ts'
import type { TestServer } from '../servers/server.ts'
import { type PlaceName, places, subjects } from '../stores/subjects.ts'
import { full } from '../support/full.ts'
import { underFault } from './fault.ts'
import type { Load } from './load.ts'
import { build } from './site.ts'
import { targetOn } from './stores.ts'

vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 })
beforeAll(() => build())

/** What the requests' `storeTimeout` is. */
const TIMEOUT_MS = 1500
/** How many answers do not arrive. */
const TIMES = full ? 30 : 8

interface Fault {
  name: string
  /** In the table. */
  fault: string
  /** Only with clients that give up a connection over which nothing comes. */
  withTimeouts?: true
  inject(proxy: TcpProxy, load: Load): Promise<string>
}

const cut: Fault = {
  name: 'connections break after the server has carried a request out, and before its answer arrives',
  fault: 'proxy: answers dropped',
  async inject(proxy, load) {
    for (let n = 0; n < TIMES; n++) await proxy.cutNextAnswer()
    await load.moreAcknowledged(20)
    return `${TIMES} answers dropped`
  },
}

const faults: readonly Fault[] = [
  cut,
  {
    name: 'connections break in the middle of an answer',
    fault: 'proxy: answers truncated',
    async inject(proxy, load) {
      for (let n = 0; n < TIMES; n++) await proxy.truncateNextAnswer()
      await load.moreAcknowledged(20)
      return `${TIMES} answers truncated`
    },
  },
  {
    name: 'all is slow, and then too slow',
    fault: 'proxy: delays, also beyond `storeTimeout`',
    async inject(proxy, load) {
      proxy.delay(TIMEOUT_MS / 10)
      await load.moreAcknowledged(50)
      proxy.delay(2 * TIMEOUT_MS)
      await load.moreFailed(20)
      proxy.delay(0)
      return `delays of ${TIMEOUT_MS / 10} and ${2 * TIMEOUT_MS} ms`
    },
  },
  {
    name: 'requests arrive when nobody waits for them any more',
    fault: 'proxy: requests held back, and delivered late',
    async inject(proxy, load) {
      for (let n = 0; n < 3; n++) {
        proxy.hold('requests')
        await load.moreFailed(10)
        const late = proxy.waiting()
        expect(late).toBeGreaterThan(0)
        proxy.release()
        await load.moreAcknowledged(20)
      }
      return 'three times'
    },
  },
  {
    name: 'one direction of each connection ends',
    fault: 'proxy: connections half-closed',
    async inject(proxy, load) {
      for (let n = 0; n < 10; n++) {
        expect(proxy.connections()).toBeGreaterThan(0)
        proxy.halfClose(n % 2 === 0 ? 'requests' : 'answers')
        await load.moreAcknowledged(10)
      }
      return '10 times'
    },
  },
  {
    name: 'nothing arrives any more, and no connection ends',
    fault: 'proxy: packets lost, connections silent',
    withTimeouts: true,
    async inject(proxy, load) {
      proxy.lose()
      await load.moreFailed(20)
      const lost = proxy.lost()
      expect(lost).toBeGreaterThan(0)
      proxy.pass()
      return `${lost} connections silent`
    },
  },
  {
    name: 'no connection can be made',
    fault: 'proxy: connections refused',
    async inject(proxy, load) {
      proxy.refuse()
      proxy.cut()
      await load.moreFailed(20)
      await proxy.accept()
      return 'refused until 20 requests had failed'
    },
  },
]

const stores: { place: PlaceName; name: string; store: string }[] = [
  { place: 'redis', name: 'RedisStore with ioredis', store: 'Redis, ioredis' },
  { place: 'redis', name: 'RedisStore with node-redis', store: 'Redis, node-redis' },
  { place: 'postgres', name: 'PostgresStore with pg', store: 'PostgreSQL' },
  { place: 'mysql', name: 'MysqlStore with mysql2/promise', store: 'MariaDB' },
  { place: 'mongodb', name: 'MongoStore on DocumentDB', store: 'DocumentDB' },
]
const missing = await subjects.find(({ place }) => place === 'mongodb')?.missing?.()

// `npm test` plays one of them.
const played = (full ? stores : stores.slice(0, 1)).map(one => [one.store, one] as const)

describe.each(played)('A proxy before %s:', (store, { place, name }) => {
  describe.skipIf(place === 'mongodb' && missing !== undefined)(missing && place === 'mongodb' ? missing : 'on a server', () => {
    let server: TestServer
    beforeAll(async () => {
      const ground = await places[place].start()
      if (!ground.server) throw new Error(`there is no server of ${place}`)
      server = { ...ground.server, url: ground.url }
    })
    afterAll(() => server?.stop())

    it.each((full ? faults : [cut]).map(one => [one.name, one] as const))('%s', async (_, { fault, withTimeouts, inject }) => {
      const proxy = await startProxy(server.port)
      onTestFinished(() => proxy.stop())
      const target = targetOn({ ...server, url: server.url.replace(`:${server.port}`, `:${proxy.port}`) }, name)
      await underFault({
        store,
        fault,
        target: withTimeouts ? { ...target, module: new URL('clients/with-timeouts.mjs', import.meta.url).href } : target,
        promised: true,
        operations: full ? 150 : 50,
        sessions: { storeTimeout: TIMEOUT_MS },
        recovery: 120_000,
        inject: ({ load }) => inject(proxy, load),
      })
    })
  })
})
