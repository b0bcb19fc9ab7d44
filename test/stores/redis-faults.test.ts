// Lost answers, late commands and crashes, with a proxy where the network would be.
import type { SessionRecord } from 'holdfast'
import { type RedisClient, RedisStore } from 'holdfast/stores/redis'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { RECENT_VERSIONS } from '../../src/core/record.ts'
import { isDead, recordMaker } from '../../src/testing/records.ts'
import { until } from '../servers/process.ts'
import { startProxy, type TcpProxy } from '../servers/proxy.ts'
import { type RedisServer, startRedis } from '../servers/redis.ts'
import { overIoredis, overNodeRedis } from './clients/redis.mjs'

const { record, next, key, userKey } = recordMaker(() => Date.now())
const libraries = { ioredis: overIoredis, 'node-redis': overNodeRedis }
const names = ['ioredis', 'node-redis'] as const
type Library = (typeof names)[number]

let server: RedisServer

beforeEach(async () => {
  server = await startRedis()
})

afterEach(async () => {
  await server.stop()
})

const proxied = async (port = server.port): Promise<TcpProxy> => {
  const proxy = await startProxy(port)
  onTestFinished(() => proxy.stop())
  return proxy
}
/** By default node-redis waits for up to 250 ms before it connects again. */
const quick = { ioredis: {}, 'node-redis': { socket: { reconnectStrategy: 20 } } }
const connect = async (library: Library, url: string): Promise<RedisClient> => {
  const { client, end } = await libraries[library](url, quick[library])
  onTestFinished(end)
  return client
}
const storeOver = async (library: Library, url: string, options?: object): Promise<RedisStore> =>
  new RedisStore(await connect(library, url), options)
/** Kills the server; resolves when the client has noticed, and keeps what it is told for later. */
const killUnder = async (client: object) => {
  await server.kill()
  await until('the client has noticed', () =>
    'isReady' in client ? client.isReady === false : 'status' in client && client.status !== 'ready',
  )
}
const at = (port: number) => `redis://127.0.0.1:${port}`
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, Math.random() * ms))

describe.each(names)('H2, by %s:', library => {
  it('200 concurrent increments through 4 clients, whose connections break 50 times before an answer, give exactly 200', async () => {
    const proxies = await Promise.all([1, 2, 3, 4].map(() => proxied()))
    const stores = await Promise.all(proxies.map(({ port }) => storeOver(library, at(port))))
    const first = record({ data: '{"n":0}' })
    await stores[0]?.create(first)
    const isSave = (request: Buffer) => request.includes('\r\nsave\r\n')
    let cuts = 0
    const cutting = proxies.map(async (proxy, n) => {
      for (let cut = 0; cut < (n < 2 ? 13 : 12); cut++) {
        await proxy.cutNextAnswer(isSave)
        cuts++
      }
    })
    // ioredis sends again by itself; node-redis fails, and its caller asks again.
    const again = async <T>(ask: () => Promise<T>): Promise<T> => {
      for (;;) {
        try {
          return await ask()
        } catch (error) {
          if (library === 'ioredis') throw error
          await pause(10)
        }
      }
    }
    const increment = async (store: RedisStore) => {
      for (;;) {
        const found = (await again(() => store.load(first.key))) as SessionRecord
        const more = next(first, { data: JSON.stringify({ n: JSON.parse(found.data).n + 1 }) })
        const { status } = await again(() => store.save(more, found.version))
        if (status === 'saved') return
        expect(status).toBe('conflict')
        await pause(40)
      }
    }
    await Promise.all(Array.from({ length: 200 }, (_, n) => increment(stores[n % 4] as RedisStore)))
    // Those cuts that nobody needed any more.
    const rest = async (store: RedisStore | undefined, done: Promise<void>) => {
      let over = false
      void done.then(() => {
        over = true
      })
      while (!over) await again(async () => store?.save(next(first), 'another')).then(() => pause(1))
    }
    await Promise.all(cutting.map((done, n) => rest(stores[n], done)))
    expect(cuts).toBe(50)
    expect(await stores[0]?.load(first.key)).toMatchObject({ data: '{"n":200}' })
  }, 60_000)
})

it('H2: a write is known after hundreds of others that follow it closely, and after a pause after a dozen', async () => {
  let time = Date.now()
  const store = await storeOver('ioredis', server.url, { now: () => time })
  const first = record()
  const state = [first]
  const write = async (times: number) => {
    for (let n = 0; n < times; n++) {
      const before = state.at(-1) as SessionRecord
      const more = next(before)
      expect(await store.save(more, before.version)).toEqual({ status: 'saved' })
      state.push(more)
    }
  }
  const known = async (n: number) => (await store.save({ ...(state[n] as SessionRecord) }, 'another')).status === 'saved'
  expect(await store.create(first)).toBe(true)
  await write(200)
  expect([await store.create({ ...first }), await known(1), await known(100)]).toEqual([true, true, true])
  expect(await store.load(first.key)).toEqual(state.at(-1))
  time += 10_000
  await write(1)
  expect([await known(1), await known(200 - RECENT_VERSIONS), await known(201 - RECENT_VERSIONS)]).toEqual([false, false, true])
  // However many there are, a record does not grow without an end.
  await write(300)
  expect(Number(await server.cli('HSTRLEN', `holdfast:{${first.partition}}s:${first.key}`, 'r'))).toBe(256 * 17)
})

describe('H2, by ioredis:', () => {
  it('create, replace, delete and deleteByUser whose answers were lost are done once, and answer as if nothing had been', async () => {
    const proxy = await proxied()
    const store = await storeOver('ioredis', at(proxy.port))
    const of = (op: string) => (request: Buffer) => request.includes(`\r\n${op}\r\n`)
    const made = record({ userKey: userKey() })
    const moved = record({ userKey: made.userKey ?? '' })
    const lost = async <T>(op: string, ask: () => Promise<T>): Promise<T> => {
      const cut = proxy.cutNextAnswer(of(op))
      const [answer] = await Promise.all([ask(), cut])
      return answer
    }
    expect(await lost('create', () => store.create(made))).toBe(true)
    expect(await lost('replace', () => store.replace(made.key, made.version, moved, 'rotated'))).toEqual({ status: 'replaced' })
    expect(await store.listByUser(made.userKey ?? '')).toEqual([moved])
    expect(await store.load(made.key)).toEqual({ gone: 'rotated' })
    // Whether something lived a moment ago nobody knows any more: it is dead.
    expect(await lost('delete', () => store.delete(moved.key, 'destroyed'))).toBe(false)
    expect(await store.load(moved.key)).toEqual({ gone: 'destroyed' })
  })
})

describe.each(names)('H17, by %s:', library => {
  it('a login that was given up while Redis was away does not live when it is back', async () => {
    const client = await connect(library, server.url)
    const store = new RedisStore(client)
    const made = record({ userKey: userKey() })
    await store.load(made.key)
    await killUnder(client)
    const creating = store.create(made, 200).then(String, () => 'failed')
    // What an engine does when it has given up: it buries what may come to be.
    if (library === 'node-redis') expect(await creating).toBe('failed')
    const burying = store.delete(made.key, 'destroyed').catch(() => false)
    await server.start()
    await burying
    await creating
    await until('it answers', () =>
      store.load(key()).then(
        () => true,
        () => false,
      ),
    )
    expect(await isDead(store, made.key)).toBe(true)
    expect(await store.listByUser(made.userKey ?? '')).toEqual([])
  })
})

it('H17, by node-redis: what waits for a connection longer than its caller is not sent at all', async () => {
  const client = await connect('node-redis', server.url)
  const store = new RedisStore(client)
  const made = record()
  const kept = record()
  await store.create(kept)
  await killUnder(client)
  const asked = performance.now()
  const late = Promise.allSettled([store.create(made, 100), store.save(next(kept), kept.version, 100)])
  await until('their callers are gone', () => performance.now() > asked + 300)
  await server.start()
  expect((await late).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await until('it answers', () =>
    store.load(key()).then(
      () => true,
      () => false,
    ),
  )
  expect(await store.load(made.key)).toBe(null)
  expect(await store.load(kept.key)).toEqual(kept)
})

it('a server that is killed in the middle of load has all that it has acknowledged', async () => {
  const store = await storeOver('node-redis', server.url)
  const acknowledged = new Map<string, string>()
  const uncertain = new Set<string>()
  let on = true
  const visitor = async () => {
    while (on) {
      const made = record({ userKey: userKey() })
      try {
        if (await store.create(made)) acknowledged.set(made.key, made.data)
        let { version } = made
        for (let n = 0; n < 3; n++) {
          const more = next(made)
          uncertain.add(made.key)
          if ((await store.save(more, version)).status !== 'saved') throw new Error('not saved')
          acknowledged.set(made.key, more.data)
          uncertain.delete(made.key)
          version = more.version
        }
      } catch {
        return
      }
    }
  }
  const visitors = Array.from({ length: 20 }, visitor)
  await until('there is something to lose', () => acknowledged.size > 200)
  await server.kill()
  on = false
  await Promise.all(visitors)
  await server.start()
  await until('it answers', () =>
    store.load(key()).then(
      () => true,
      () => false,
    ),
  )
  for (const [session, data] of acknowledged) {
    const found = (await store.load(session)) as SessionRecord
    expect(found).toMatchObject({ key: session })
    if (!uncertain.has(session)) expect(found.data).toBe(data)
    expect((await store.listByUser(found.userKey ?? '')).map(({ key: listed }) => listed)).toEqual([session])
  }
})
