// H13: what has ended stays dead when a replica takes over, and replicas are not read.
import type { SessionRecord } from 'holdfast'
import { RedisStore } from 'holdfast/stores/redis'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { isDead, recordMaker } from '../../src/testing/records.ts'
import { until } from '../servers/process.ts'
import { startProxy } from '../servers/proxy.ts'
import { type RedisServer, replicasFed, startRedis, startRedisSentinel } from '../servers/redis.ts'
import { overIoredis, overNodeRedis } from './clients/redis.mjs'

const { record, key, userKey } = recordMaker(() => Date.now())
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

const storeOver = async (library: Library, url: string, options?: object, more?: object): Promise<RedisStore> => {
  const { client, end } = await libraries[library](url, more)
  onTestFinished(end)
  return new RedisStore(client, options)
}

describe.each(names)('H13, by %s:', library => {
  /** A replica behind a proxy, that can be held back. */
  const withReplica = async () => {
    const proxy = await startProxy(server.port)
    onTestFinished(() => proxy.stop())
    const replica = await startRedis('--replicaof', '127.0.0.1', String(proxy.port))
    onTestFinished(() => replica.stop())
    await until('the replica gets what is written', async () => (await replicasFed(server)) === 1)
    const failOver = async () => {
      await server.kill()
      proxy.cut()
      await replica.cli('REPLICAOF', 'NO', 'ONE')
      return storeOver(library, replica.url)
    }
    return { proxy, failOver, has: async (session: SessionRecord) => (await replica.cli('KEYS', `*${session.key}`)) !== '' }
  }

  it('without confirmReplicas, a logout that no replica has is undone by a fail-over', async () => {
    const { proxy, failOver, has } = await withReplica()
    const store = await storeOver(library, server.url)
    const made = record()
    await store.create(made)
    await until('the replica has it', () => has(made))
    proxy.hold('answers')
    expect(await store.delete(made.key, 'destroyed')).toBe(true)
    const after = await failOver()
    expect(await after.load(made.key)).toEqual(made)
  })

  it('with confirmReplicas, no logout, new id or revocation is acknowledged that a fail-over could undo', async () => {
    const { proxy, failOver, has } = await withReplica()
    const store = await storeOver(library, server.url, { confirmReplicas: 1 })
    const user = userKey()
    const [out, rotated, ...others] = [
      record(),
      record({ userKey: userKey() }),
      record({ userKey: user }),
      record({ userKey: user }),
    ] as const
    const fresh = record({ userKey: rotated.userKey ?? '' })
    for (const made of [out, rotated, ...others]) await store.create(made)
    await until('the replica has them', () => has(others[1]))
    const ends: (() => Promise<unknown>)[] = [
      () => store.delete(out.key, 'destroyed'),
      () => store.replace(rotated.key, rotated.version, fresh, 'rotated'),
      () => store.deleteByUser(user),
    ]
    proxy.hold('answers')
    for (const end of ends) {
      await expect(end()).rejects.toMatchObject({
        code: 'HOLDFAST_STORE',
        outcome: 'unknown',
        message: expect.stringContaining('0 of 1 replicas'),
      })
      // Nor if it is asked for again, when there is nothing left to be done.
      await expect(end()).rejects.toMatchObject({ outcome: 'unknown' })
    }
    proxy.release()
    expect([await ends[0]?.(), await ends[1]?.(), await ends[2]?.()]).toEqual([false, { status: 'replaced' }, 0])
    const after = await failOver()
    for (const made of [out, rotated, ...others]) expect(await isDead(after, made.key)).toBe(true)
    expect(await after.load(fresh.key)).toEqual(fresh)
  })

  it('under Sentinel, a session that was ended stays dead when its master dies at once', async () => {
    const group = await startRedisSentinel()
    onTestFinished(() => group.stop())
    const store = await storeOver(library, group.url, { confirmReplicas: 1 })
    const user = userKey()
    const [out, other, stays] = [record(), record({ userKey: user }), record({ userKey: userKey() })]
    for (const made of [out, other, stays]) await store.create(made)
    expect(await store.delete(out.key, 'destroyed')).toBe(true)
    expect(await store.deleteByUser(user)).toBe(1)
    await group.nodes[0]?.kill()
    await until('the replica has taken over', () =>
      store.load(key()).then(
        () => true,
        () => false,
      ),
    )
    await until('it takes writes', () =>
      store.create(record()).then(
        () => true,
        () => false,
      ),
    )
    expect(await store.load(out.key)).toEqual({ gone: 'destroyed' })
    expect(await store.load(other.key)).toEqual({ gone: 'revoked' })
    expect(await store.listByUser(user)).toEqual([])
    expect(await store.load(stays.key)).toEqual(stays)
  }, 40_000)
})

it('what is asked for again is a write, so that WAIT counts who has it, whatever version of Redis', async () => {
  const store = await storeOver('ioredis', server.url)
  const replica = await startRedis('--replicaof', '127.0.0.1', String(server.port))
  onTestFinished(() => replica.stop())
  await until('the replica gets what is written', async () => (await replicasFed(server)) === 1)
  const [old, fresh] = [record({ key: key('abc') }), record({ key: key('abc') })]
  await store.create(old)
  const ends = [
    () => store.replace(old.key, old.version, fresh, 'rotated'),
    () => store.delete(old.key, 'destroyed'),
    () => store.create(fresh),
    () => store.deleteByUser(userKey()),
  ]
  await ends[0]?.()
  for (const end of ends) {
    const offset = async () => Number(/master_repl_offset:(\d+)/.exec(await server.cli('INFO', 'replication'))?.[1])
    const before = await offset()
    await end()
    expect(await offset()).toBeGreaterThan(before)
  }
  expect(await store.load(fresh.key)).toEqual(fresh)
})

it('under Sentinel, node-redis with a pool of replicas reads from the master', async () => {
  const group = await startRedisSentinel()
  onTestFinished(() => group.stop())
  const store = await storeOver('node-redis', group.url, {}, { replicaPoolSize: 1 })
  const made = record({ userKey: userKey() })
  await store.create(made)
  for (let n = 0; n < 10; n++) expect(await store.load(made.key)).toEqual(made)
  expect(await store.listByUser(made.userKey ?? '')).toEqual([made])
  expect(await group.nodes[1]?.cli('INFO', 'commandstats')).not.toMatch(/cmdstat_eval/)
})
