// How RedisStore hears of ends: by each library, alone, under Sentinel and on a Cluster; what it costs, and what it leaves behind.

import { RedisStore } from 'holdfast/stores/redis'
import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool } from 'redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { MINUTE, recordMaker } from '../../src/testing/records.ts'
import { until } from '../servers/process.ts'
import { type RedisServer, startRedis } from '../servers/redis.ts'
import { type Ground, openStore, type PlaceName, places, subjects } from '../stores/subjects.ts'
import { Hearing, type WatchableStore } from './hearing.ts'

const { record, key, userKey } = recordMaker(() => Date.now())

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server?.stop())

/** How many connections have subscribed to this channel. */
async function subscribers(channel: string): Promise<number> {
  return Number((await server.cli('PUBSUB', 'NUMSUB', channel)).split('\n')[1])
}

async function connections(): Promise<number> {
  return (await server.cli('CLIENT', 'LIST')).split('\n').length
}

function ioredis(): Redis {
  const redis = new Redis(server.url)
  redis.on('error', () => {})
  onTestFinished(() => redis.disconnect())
  return redis
}

/** Before it sends this operation of the script, something else is done. */
function heldUp<C extends object>(client: C, op: string, meanwhile: () => Promise<void>): C {
  return new Proxy(client, {
    get(target, name) {
      const member = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      if (name !== 'call' && name !== 'sendCommand') return member.bind(target)
      return async (...args: unknown[]) => {
        if (args.flat().includes(op)) await meanwhile()
        return member.apply(target, args)
      }
    },
  })
}

let prefixes = 0
const newPrefix = () => `push${prefixes++}:`

describe.each<[PlaceName]>([['redis'], ['redis-sentinel'], ['redis-cluster']])('on %s', place => {
  let ground: Ground
  beforeAll(async () => {
    ground = await places[place].start()
  }, 120_000)
  afterAll(() => ground?.stop())

  it.each(subjects.filter(one => one.place === place).map(one => [one.name, one] as const))(
    '%s tells what another client has ended, in whichever slot',
    async (_, subject) => {
      const space = `space${prefixes++}`
      const open = async () => {
        const opened = await openStore(subject, ground, { space })
        onTestFinished(() => opened.end())
        return opened.store as WatchableStore
      }
      const [here, other] = [await open(), await open()]
      const hearing = new Hearing()
      const unwatch = await here.watch?.(hearing.listener)
      expect(unwatch).toBeTypeOf('function')
      const made = Array.from({ length: 30 }, () => record({ userKey: userKey() }))
      for (const one of made) await other.create(one)
      expect(await here.findEnded?.(made.map(one => one.key))).toEqual([])
      const successors: string[] = []
      for (const [n, one] of made.entries()) {
        if (n % 3 === 0) await other.delete(one.key, 'revoked')
        else if (n % 3 === 1) await other.deleteByUser(one.userKey ?? '')
        else {
          const user = one.userKey ?? ''
          const successor = record({ userKey: user })
          successors.push(successor.key)
          await other.replace(one.key, one.version, successor, 'regenerated')
        }
      }
      await until('all of it is told', () => hearing.keys.length === made.length)
      expect([...hearing.keys].sort()).toEqual(made.map(one => one.key).sort())
      expect((await here.findEnded?.([...made.map(one => one.key), ...successors]))?.sort()).toEqual(made.map(one => one.key).sort())
      await unwatch?.()
      expect(hearing.lost).toBe(0)
    },
  )
})

it('a pool of node-redis tells, too', async () => {
  const pool = createClientPool({ url: server.url })
  pool.on('error', () => {})
  await pool.connect()
  onTestFinished(() => pool.destroy())
  const store = new RedisStore(pool, { prefix: newPrefix() })
  const hearing = new Hearing()
  expect(await store.watch(hearing.listener)).toBeTypeOf('function')
  const at = key()
  await store.delete(at, 'revoked')
  await until('it is told', () => hearing.keys.length === 1)
  expect(hearing.keys).toEqual([at])
  await store.close()
})

describe.each(['ioredis', 'node-redis'] as const)('with %s', library => {
  async function open(prefix: string, beforeItSays = async () => {}): Promise<RedisStore> {
    if (library === 'ioredis') return new RedisStore(heldUp(ioredis(), 'tell', beforeItSays), { prefix })
    const client = createClient({ url: server.url })
    client.on('error', () => {})
    await client.connect()
    onTestFinished(() => client.destroy())
    return new RedisStore(heldUp(client, 'tell', beforeItSays), { prefix })
  }

  it('there is one connection for all who listen, none before, and none a while after the last has gone', async () => {
    const prefix = newPrefix()
    const store = await open(prefix)
    await store.load(key())
    const before = await connections()
    const unwatchings = await Promise.all([new Hearing(), new Hearing(), new Hearing()].map(({ listener }) => store.watch(listener)))
    expect([await subscribers(`${prefix}ended`), await connections()]).toEqual([1, before + 1])
    await unwatchings[0]?.()
    await unwatchings[1]?.()
    await unwatchings[1]?.()
    expect(await subscribers(`${prefix}ended`)).toBe(1)
    await unwatchings[2]?.()
    await until('it is closed', async () => (await connections()) === before, 10_000)
  })

  it('close() ends the connection at once, and what is asked for later is not had', async () => {
    const prefix = newPrefix()
    const store = await open(prefix)
    await store.load(key())
    const before = await connections()
    const hearing = new Hearing()
    await store.watch(hearing.listener)
    await store.close()
    await until('it is closed', async () => (await connections()) === before)
    expect([await store.watch(hearing.listener), hearing.lost]).toEqual([null, 0])
  })

  it('a connection that is lost is told once, and another one can be had', async () => {
    const prefix = newPrefix()
    const store = await open(prefix)
    const hearing = new Hearing()
    await store.watch(hearing.listener)
    await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until('it is told', () => hearing.lost > 0)
    const again = new Hearing()
    expect(await store.watch(again.listener)).toBeTypeOf('function')
    const at = key()
    await store.delete(at, 'revoked')
    await until('it is heard', () => again.keys.includes(at))
    expect([hearing.lost, hearing.keys]).toEqual([1, []])
    await store.close()
  })

  it('a connection that is lost before its own message can come back is not taken for one that cannot be had', async () => {
    const prefix = newPrefix()
    let once = true
    const store = await open(prefix, async () => {
      if (!once) return
      once = false
      expect(await subscribers(`${prefix}ended`)).toBe(1)
      await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    })
    const hearing = new Hearing()
    await expect(store.watch(hearing.listener)).rejects.toThrow('lost')
    expect(await store.watch(hearing.listener)).toBeTypeOf('function')
    expect(hearing.lost).toBe(0)
    await store.close()
  })

  it('where the server is away nothing is had, and nothing is left that tries', async () => {
    const own = await startRedis()
    onTestFinished(() => own.stop())
    const client = library === 'ioredis' ? new Redis(own.url) : createClient({ url: own.url })
    client.on('error', () => {})
    if (library === 'node-redis') await (client as ReturnType<typeof createClient>).connect()
    onTestFinished(
      () => void (client as { disconnect?: () => unknown; destroy?: () => unknown })[library === 'ioredis' ? 'disconnect' : 'destroy']?.(),
    )
    const store = new RedisStore(client as Redis, { prefix: newPrefix() })
    await store.load(key())
    await own.kill()
    const hearing = new Hearing()
    await expect(store.watch(hearing.listener)).rejects.toThrow()
    await own.start()
    // The caller's own connection comes back, and no other one.
    await store.load(key(), 10_000)
    expect((await own.cli('CLIENT', 'LIST')).split('\n')).toHaveLength(2)
    expect(hearing.lost).toBe(0)
    await store.close()
  })
})

describe('a user of the server who may not', () => {
  async function as(name: string, ...rules: string[]): Promise<RedisStore> {
    await server.cli('ACL', 'SETUSER', name, 'on', 'nopass', '+@all', '~*', 'resetchannels', ...rules)
    const redis = new Redis(server.url, { username: name, password: 'any' })
    onTestFinished(() => redis.disconnect())
    return new RedisStore(redis, { prefix: 'acl:' })
  }

  it('publish still ends sessions, and is not told; nor is anybody who would have to be', async () => {
    const store = await as('mute')
    const made = record()
    await store.create(made)
    expect(await store.delete(made.key, 'destroyed')).toBe(true)
    expect(await store.load(made.key)).toEqual({ gone: 'destroyed' })
    await expect(store.watch(new Hearing().listener)).rejects.toThrow(/NOPERM|permissions/)
    await store.close()
  })

  it('publish, but may subscribe, finds out by a message of its own that does not come back', async () => {
    const store = await as('listener', '&acl:ended', '-publish')
    expect(await store.watch(new Hearing().listener)).toBeNull()
    await store.close()
  })

  it('and who may do both needs no more than the channel of the store', async () => {
    const store = await as('both', '&acl:ended')
    const hearing = new Hearing()
    expect(await store.watch(hearing.listener)).toBeTypeOf('function')
    const at = key()
    await store.delete(at, 'revoked')
    await until('it is told', () => hearing.keys.includes(at))
    await store.close()
  })
})

it('messages hold the key of a record, and nothing else of it', async () => {
  const prefix = newPrefix()
  const store = new RedisStore(ioredis(), { prefix })
  const ear = ioredis()
  const heard: string[] = []
  ear.on('pmessage', (_pattern, channel, message) => heard.push(`${channel} ${message}`))
  await ear.psubscribe(`${prefix}*`)
  const user = userKey()
  const [one, two] = [record({ userKey: user, userId: 'ann', data: '{"secret":1}', meta: { place: 'Berlin' } }), record({ userKey: user })]
  await store.create(one)
  await store.create(two)
  await store.touch(one.key, { touchedAt: Date.now(), expiresAt: Date.now() + MINUTE })
  await store.deleteByUser(user)
  await until('it is heard', () => heard.length === 2)
  expect(heard.sort()).toEqual([one, two].map(made => `${prefix}ended ${made.key}`).sort())
})

it('a Cluster of which no master is known yet cannot tell, and leaves nothing behind', async () => {
  const cluster = new Cluster([{ host: '127.0.0.1', port: server.port }], { lazyConnect: true })
  onTestFinished(() => cluster.disconnect())
  await expect(new RedisStore(cluster, { prefix: newPrefix() }).watch(new Hearing().listener)).rejects.toThrow('no master')
})
