// What is particular to RedisStore: its script, its keys, what it costs, and what Redis does by itself. On one server.

import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import type { SessionRecord } from 'holdfast'
import { type RedisClient, RedisStore } from 'holdfast/stores/redis'
import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { SCRIPT, SCRIPT_SHA } from '../../src/stores/redis/scripts.ts'
import { isDead, MINUTE, recordMaker } from '../../src/testing/records.ts'
import { until } from '../servers/process.ts'
import { startProxy } from '../servers/proxy.ts'
import { type RedisServer, startRedis } from '../servers/redis.ts'
import { type Connected, overIoredis, overNodeRedis } from './clients/redis.mjs'

const { record, next, key, userKey } = recordMaker(() => Date.now())
const libraries = { ioredis: overIoredis, 'node-redis': overNodeRedis }
const names = ['ioredis', 'node-redis'] as const

let server: RedisServer
/** Looks past the store. */
let redis: Redis
const connected: Connected[] = []

const connect = async (library: (typeof names)[number], url = server.url, more?: object) => {
  const made = await libraries[library](url, more)
  connected.push(made)
  return made.client
}

beforeAll(async () => {
  server = await startRedis()
  redis = new Redis(server.url)
})

afterAll(async () => {
  await Promise.all(connected.map(({ end }) => end()))
  redis?.disconnect()
  await server?.stop()
})

beforeEach(async () => {
  await redis.flushall()
})

describe('RedisStore is made', () => {
  const broken: [string, unknown, object | undefined, RegExp][] = [
    [
      'without a client',
      undefined,
      undefined,
      /client must be a Redis or a Cluster of ioredis, or a client, pool, sentinel or cluster of node-redis/,
    ],
    ['with null', null, undefined, /client must be/],
    ['with an address', 'redis://localhost', undefined, /client must be/],
    ['with a client of another kind', { get() {}, set() {} }, undefined, /client must be/],
    [
      'with a client that has a keyPrefix',
      { call() {}, pipeline() {}, isCluster: false, options: { keyPrefix: 'x' } },
      undefined,
      /no keyPrefix/,
    ],
    ['with a misspelt option', { sendCommand() {}, multi() {} }, { prefx: 'a' }, /no option "prefx"/],
    ['H14: with a prefix that has braces', { sendCommand() {}, multi() {} }, { prefix: 'a{1}' }, /prefix must be 1 to 64/],
    ['with an empty prefix', { sendCommand() {}, multi() {} }, { prefix: '' }, /prefix must be 1 to 64/],
    ['with half a replica', { sendCommand() {}, multi() {} }, { confirmReplicas: 0.5 }, /confirmReplicas must be a whole number/],
    ['with a clock that is none', { sendCommand() {}, multi() {} }, { now: 1 }, /now must be a function/],
  ]
  it.each(broken)('never %s', (_, client, options, message) => {
    expect(() => new RedisStore(client as RedisClient, options)).toThrow(message)
    expect(() => new RedisStore(client as RedisClient, options)).toThrow(TypeError)
  })

  it('with each kind of client, as the libraries type them', () => {
    const address = { host: '127.0.0.1', port: server.port }
    const clients = [
      new Redis({ ...address, lazyConnect: true }),
      new Cluster([address], { lazyConnect: true }),
      createClient({ url: server.url }),
      createClientPool({ url: server.url }),
      createCluster({ rootNodes: [{ socket: address }] }),
      createSentinel({ name: 'holdfast', sentinelRootNodes: [address] }),
    ]
    for (const client of clients) expect(new RedisStore(client)).toBeInstanceOf(RedisStore)
  })

  it('with a pool of node-redis, too', async () => {
    const pool = createClientPool({ url: server.url })
    await pool.connect()
    try {
      const store = new RedisStore(pool)
      const made = record({ userKey: userKey() })
      expect(await store.create(made)).toBe(true)
      expect(await store.listByUser(made.userKey ?? '')).toEqual([made])
      expect(await store.delete(made.key, 'destroyed')).toBe(true)
    } finally {
      await pool.close()
    }
  })

  it('with an ioredis that gives numbers as text', async () => {
    const store = new RedisStore(await connect('ioredis', server.url, { stringNumbers: true }))
    const made = record({ userKey: userKey() })
    const moved = record({ userKey: made.userKey ?? '' })
    expect(await store.create(made)).toBe(true)
    expect(await store.create(next(made))).toBe(false)
    expect(await store.touch(made.key, made)).toBe(true)
    const saved = next(made)
    expect(await store.save(saved, made.version)).toEqual({ status: 'saved' })
    expect(await store.replace(made.key, saved.version, moved, 'rotated')).toEqual({ status: 'replaced' })
    expect(await store.deleteByUser(made.userKey ?? '')).toBe(1)
    expect(await store.delete(moved.key, 'destroyed')).toBe(false)
  })
})

describe.each(names)('The script, by %s', library => {
  it('is known by its right name', async () => {
    expect(SCRIPT_SHA).toBe(createHash('sha1').update(SCRIPT).digest('hex'))
    expect(await redis.script('LOAD', SCRIPT)).toBe(SCRIPT_SHA)
  })

  it('is sent again when Redis has forgotten it: SCRIPT FLUSH, and a new start', async () => {
    const store = new RedisStore(await connect(library))
    const made = record({ userKey: userKey() })
    await store.create(made)
    const forget = [
      () => redis.script('FLUSH'),
      async () => {
        await server.kill()
        await server.start()
      },
    ]
    for (const lose of forget) {
      await lose()
      const again = () => store.load(made.key)
      // While it is away, node-redis fails; that is for its caller to see.
      await until('it answers', () =>
        again().then(
          () => true,
          () => false,
        ),
      )
      const saved = next(made)
      expect(await store.load(made.key)).toEqual(made)
      expect(await store.save(saved, made.version)).toEqual({ status: 'saved' })
      expect(await store.listByUser(made.userKey ?? '')).toEqual([saved])
      Object.assign(made, saved)
    }
  })

  it('costs one command for each operation, and octets close to those of the record', async () => {
    const proxy = await startProxy(server.port)
    const store = new RedisStore(await connect(library, `redis://127.0.0.1:${proxy.port}`))
    // What it looks at once goes out behind the first answer, so it has come back before the second.
    for (const one of ['first', 'second']) await store.load(one)
    const calls = async () => {
      const stats = await redis.info('commandstats')
      const count = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
      return { evalsha: count('evalsha'), eval: count('eval') }
    }
    const size = 20_000
    const make = (part: Partial<SessionRecord>) => record({ data: JSON.stringify({ text: 'x'.repeat(size) }), userId: 'alice', ...part })
    const made = make({ userKey: userKey() })
    const user = made.userKey ?? ''
    const saved = next(made, { data: made.data })
    const moved = make({ userKey: user })
    const anonymous = make({})
    const cost: Record<string, { commands: number; out: number; back: number }> = {}
    const measure = async (name: string, operation: () => Promise<unknown>) => {
      const [before, octets] = [await calls(), proxy.octets()]
      await operation()
      const [after, now] = [await calls(), proxy.octets()]
      expect(after.eval).toBe(before.eval)
      cost[name] = { commands: after.evalsha - before.evalsha, out: now.toServer - octets.toServer, back: now.toClient - octets.toClient }
    }
    await measure('create', () => store.create(anonymous))
    await measure('create for a user', () => store.create(made))
    await measure('save', () => store.save(saved, made.version))
    for (let n = 0; n < 20; n++) await store.save(next(saved, { data: made.data }), ((await store.load(made.key)) as SessionRecord).version)
    await measure('load', () => store.load(made.key))
    await measure('conflict', () => store.save(next(made), 'another'))
    await measure('touch', () => store.touch(made.key, { touchedAt: Date.now(), expiresAt: Date.now() + 11 * MINUTE }))
    const { version } = (await store.load(made.key)) as SessionRecord
    await measure('replace', () => store.replace(made.key, version, moved, 'rotated'))
    await measure('delete', () => store.delete(moved.key, 'destroyed'))
    await measure('list of a user', () => store.listByUser(user))
    await proxy.stop()

    for (const [name, { commands }] of Object.entries(cost)) expect([name, commands]).toEqual([name, name === 'list of a user' ? 2 : 1])
    const most = 600
    const octets = Object.entries(cost).map(([name, { out, back }]) => [name, out < most, back < most])
    const big = (name: string) => ['load', 'conflict'].includes(name)
    const sends = (name: string) => /^create|^save|^replace/.test(name)
    expect(octets).toEqual(Object.keys(cost).map(name => [name, !sends(name), !big(name)]))
    for (const [name, { out, back }] of Object.entries(cost)) expect([name, Math.max(out, back) < size + most]).toEqual([name, true])
  })
})

describe.each(names)('Redis, by %s,', library => {
  const keysOf = async (store: RedisStore, made: SessionRecord) => {
    await store.create(made)
    const user = made.userKey ?? ''
    return { session: `holdfast:{${made.key.slice(0, 3)}}s:${made.key}`, index: `holdfast:{${user.slice(0, 3)}}u:${user}` }
  }

  it('removes by itself what has ended, never early; the index goes with the last session', async () => {
    const store = new RedisStore(await connect(library))
    const life = (ms: number, part: Partial<SessionRecord> = {}) =>
      record({ idleMs: ms, expiresAt: Date.now() + ms, userKey: userKey(), ...part })
    const short = life(300)
    const { session, index } = await keysOf(store, short)
    expect((await redis.keys('*')).sort()).toEqual([session, index].sort())
    // Its clock is the server's, so its end may be compared with that of the record.
    expect(await redis.pexpiretime(session)).toBeGreaterThanOrEqual(short.expiresAt)
    expect(await redis.pexpiretime(index)).toBeGreaterThanOrEqual(short.expiresAt)
    await store.delete(key(), 'destroyed')
    await until('the session and its index are gone', async () => (await redis.exists(session, index)) === 0)
    expect(Date.now()).toBeGreaterThanOrEqual(short.expiresAt)
    expect(await redis.dbsize()).toBe(1)
    expect(await redis.pttl((await redis.keys('*'))[0] ?? '')).toBeGreaterThan(MINUTE - 5000)
  })

  it('keeps the index for as long as one of its sessions may live, however often they are touched and saved', async () => {
    const store = new RedisStore(await connect(library))
    const user = userKey()
    const start = Date.now()
    const make = (part: Partial<SessionRecord> = {}) => record({ userKey: user, idleMs: MINUTE, expiresAt: start + MINUTE, ...part })
    const touched = make()
    let saved = make()
    const { index } = await keysOf(store, touched)
    const { session } = await keysOf(store, saved)
    const ends = async () => {
      const sessions = await Promise.all(
        [touched, saved].map(async ({ key: at }) => Number(await redis.pexpiretime(session.replace(/\{.*/, `{${at.slice(0, 3)}}s:${at}`)))),
      )
      return [Number(await redis.pexpiretime(index)), Math.max(...sessions)] as const
    }
    // Times that a request hands in, an hour of them, need no waiting.
    for (let minute = 1; minute <= 60; minute++) {
      const at = start + minute * MINUTE
      expect(await store.touch(touched.key, { touchedAt: at, expiresAt: at + MINUTE })).toBe(true)
      const [indexEnds, last] = await ends()
      expect(last).toBeGreaterThanOrEqual(at + MINUTE)
      expect(indexEnds).toBeGreaterThanOrEqual(last)
      const again = make({ key: saved.key, touchedAt: at, expiresAt: at + 2 * MINUTE })
      expect(await store.save(again, saved.version)).toEqual({ status: 'saved' })
      saved = again
      const [after, lastAfter] = await ends()
      expect(after).toBeGreaterThanOrEqual(lastAfter)
    }
    // An absolute end is the end of both.
    const bounded = make({ userKey: userKey(), absoluteExpiresAt: start + 2 * MINUTE })
    const keys = await keysOf(store, bounded)
    expect(await redis.pexpiretime(keys.index)).toBeLessThan(start + 2 * MINUTE + 2000)
  })

  it('is not asked to expire anything by a clock that is not its own', async () => {
    const store = new RedisStore(await connect(library), { now: () => Date.UTC(2020, 0, 1) })
    const made = record({ userKey: userKey() })
    const { session, index } = await keysOf(store, made)
    await store.touch(made.key, { touchedAt: made.touchedAt + 1, expiresAt: made.expiresAt + 1 })
    await store.save(next(made), made.version)
    expect([await redis.pttl(session), await redis.pttl(index)]).toEqual([-1, -1])
    await store.delete(made.key, 'destroyed')
    expect(await redis.pttl(session)).toBe(-1)
  })

  it('holds no more of an index than its sessions: others go with the next list, or with a login', async () => {
    let time = Date.UTC(2030, 0, 1)
    const store = new RedisStore(await connect(library), { now: () => time })
    const records = recordMaker(() => time)
    const user = userKey()
    const login = () => records.record({ userKey: user, expiresAt: time + MINUTE })
    const { index } = await keysOf(store, login())
    time += MINUTE + 1
    const second = login()
    await store.create(second)
    expect(await redis.zcard(index)).toBe(2)
    expect(await store.listByUser(user)).toEqual([second])
    expect(await redis.zcard(index)).toBe(1)
    for (let n = 0; n < 100; n++) {
      time += MINUTE + 1
      await store.create(login())
      expect(await redis.zcard(index)).toBeLessThanOrEqual(17)
      // It is done in the background.
      if ((await redis.zcard(index)) >= 16) await until('the index is swept', async () => (await redis.zcard(index)) < 16)
    }
  })

  it('shows nobody a session that got its key from one of theirs', async () => {
    let time = Date.UTC(2030, 0, 1)
    const store = new RedisStore(await connect(library), { now: () => time })
    const records = recordMaker(() => time)
    const [alice, bob] = [userKey('abc'), userKey('abc')]
    const hers = records.record({ userKey: alice, expiresAt: time + 1 })
    await store.create(hers)
    time += 2
    const his = records.record({ key: hers.key, userKey: bob })
    expect(await store.create(his)).toBe(true)
    expect(await store.deleteByUser(alice)).toBe(0)
    expect([await store.listByUser(alice), await store.listByUser(bob)]).toEqual([[], [his]])
  })

  it('H14: keeps prefixes apart, also where one begins another', async () => {
    const client = await connect(library)
    const stores = ['a', 'a:', 'a:u', 'b'].map(prefix => new RedisStore(client, { prefix }))
    const user = userKey()
    const at = key(user.slice(0, 3))
    const made = stores.map(() => record({ key: at, userKey: user }))
    for (const [n, store] of stores.entries()) expect(await store.create(made[n] as SessionRecord)).toBe(true)
    for (const [n, store] of stores.entries()) {
      expect(await store.load(at)).toEqual(made[n])
      expect(await store.listByUser(user)).toEqual([made[n]])
      expect((await store.list()).records).toEqual([made[n]])
    }
    expect(await stores[1]?.deleteByUser(user)).toBe(1)
    for (const n of [0, 2, 3]) expect(await stores[n]?.load(at)).toEqual(made[n])
  })

  it('with its memory full refuses logins, changes nothing by halves, and still logs out', async () => {
    const store = new RedisStore(await connect(library))
    const user = userKey()
    const [first, second] = [record({ userKey: user }), record({ userKey: user })]
    await store.create(first)
    await store.create(second)
    await redis.config('SET', 'maxmemory', '1')
    try {
      const refused = await store.create(record({ data: '{"secret":"s3cr3t"}' })).catch((error: unknown) => error)
      expect(refused).toMatchObject({ message: expect.stringContaining('OOM') })
      expect(inspect(refused, { depth: 9 })).not.toContain('s3cr3t')
      await expect(store.save(next(first), first.version)).rejects.toThrow(/OOM/)
      await expect(store.replace(first.key, first.version, record({ userKey: user }), 'rotated')).rejects.toThrow(/OOM/)
      expect(await store.listByUser(user)).toEqual([first, second])
      expect(await store.delete(first.key, 'destroyed')).toBe(true)
      expect(await store.deleteByUser(user)).toBe(1)
    } finally {
      await redis.config('SET', 'maxmemory', '0')
    }
    for (const { key: at } of [first, second]) expect(await isDead(store, at)).toBe(true)
    expect(await store.listByUser(user)).toEqual([])
  })
})

describe.each(names)('H13: eviction, by %s,', library => {
  const warned = async (operation: (warn: { mock: { calls: unknown[][] } }) => Promise<void>) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      await operation(warn)
    } finally {
      warn.mockRestore()
      await redis.config('SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction')
    }
  }
  /** How often INFO was asked for, by everybody but this test. */
  const looks = async () => Number(/cmdstat_info:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1])
  const use = async (store: RedisStore) => {
    await redis.config('RESETSTAT')
    for (let n = 0; n < 3; n++) await store.load(key())
    await until('it has looked', async () => (await looks()) > 0)
    // What was asked after it on the same connection has been answered: so was it.
    await store.load(key())
  }

  it('is reported once, with the policy', async () => {
    await redis.config('SET', 'maxmemory', '1gb', 'maxmemory-policy', 'volatile-lru')
    const store = new RedisStore(await connect(library))
    await warned(async warn => {
      await use(store)
      await until('it is reported', () => warn.mock.calls.length > 0)
      await store.load(key())
      const [[text, how] = []] = warn.mock.calls
      expect(text).toMatch(/volatile-lru.*noeviction/)
      expect(how).toEqual({ type: 'HoldfastWarning', code: 'HOLDFAST_REDIS_EVICTION' })
      expect(warn.mock.calls).toHaveLength(1)
    })
  })

  it.each([
    ['there is no limit to its memory', '0', 'allkeys-lru'],
    ['nothing is evicted', '1gb', 'noeviction'],
  ])('is no matter where %s', async (_, memory, policy) => {
    await redis.config('SET', 'maxmemory', memory, 'maxmemory-policy', policy)
    const store = new RedisStore(await connect(library))
    await warned(async warn => {
      await use(store)
      expect(warn.mock.calls).toEqual([])
    })
  })

  it('is not looked for where that is not permitted, and nothing else suffers', async () => {
    await redis.config('SET', 'maxmemory', '1gb', 'maxmemory-policy', 'allkeys-lru')
    await redis.acl('SETUSER', 'app', 'reset', 'on', '>secret', '~holdfast:*', '+@all', '-info')
    const more = { username: 'app', password: 'secret', enableReadyCheck: false }
    const store = new RedisStore(await connect(library, server.url, more))
    await warned(async warn => {
      const made = record()
      expect(await store.create(made)).toBe(true)
      expect(await store.load(made.key)).toEqual(made)
      expect(warn.mock.calls).toEqual([])
    })
  })
})
