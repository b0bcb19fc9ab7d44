// H9: RedisStore on three masters, while slots move between them.
import type { SessionRecord } from 'holdfast'
import { RedisStore } from 'holdfast/stores/redis'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { isDead, recordMaker } from '../../src/testing/records.ts'
import { until } from '../servers/process.ts'
import { type RedisGroup, type RedisServer, startRedisCluster } from '../servers/redis.ts'
import { full } from '../support/full.ts'
import { overIoredis, overNodeRedis } from './clients/redis.mjs'

const { record, next, key, userKey } = recordMaker(() => Date.now())
const libraries = { ioredis: overIoredis, 'node-redis': overNodeRedis }
const names = ['ioredis', 'node-redis'] as const
/** As many as H9 asks for, or as many as show it. */
const USERS = full ? 1000 : 250
/** On a busy machine a slot takes long to move. */
const LIMIT_MS = 30_000

let cluster: RedisGroup
let masters: RedisServer[]
let replicas: RedisServer[]

beforeAll(async () => {
  cluster = await startRedisCluster()
  masters = cluster.nodes.slice(0, 3)
  replicas = cluster.nodes.slice(3)
})

afterAll(async () => {
  for (const connection of connections.values()) connection.disconnect()
  await cluster?.stop()
})

const connections = new Map<RedisServer, Redis>()

/** As redis-cli would, without a process for each command. */
async function tell(node: RedisServer, command: string, ...args: string[]): Promise<string> {
  const connection = connections.get(node) ?? new Redis(node.url)
  if (!connections.has(node))
    connections.set(
      node,
      connection.on('error', () => {}),
    )
  const answer = await connection.call(command, args)
  return Array.isArray(answer) ? answer.join('\n') : String(answer).replaceAll('\r', '').trim()
}

const storeOver = async (library: (typeof names)[number], options?: object, more?: object): Promise<RedisStore> => {
  const { client, end } = await libraries[library](cluster.url, more)
  onTestFinished(end)
  return new RedisStore(client, options)
}

/** Moves a slot by hand, in steps that a test may stop between. */
class Move {
  readonly slot: string
  readonly from: RedisServer
  readonly to: RedisServer

  constructor(slot: string, from: RedisServer, to: RedisServer) {
    this.slot = slot
    this.from = from
    this.to = to
  }

  static async of(slotOf: string): Promise<Move> {
    const slot = await tell(masters[0] as RedisServer, 'CLUSTER', 'KEYSLOT', slotOf)
    const from = (await Promise.all(masters.map(master => owns(master, slot)))).indexOf(true)
    return new Move(slot, masters[from] as RedisServer, masters[(from + 1) % 3] as RedisServer)
  }

  async begin(): Promise<void> {
    const { slot, from, to } = this
    await tell(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', await tell(from, 'CLUSTER', 'MYID'))
    await tell(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', await tell(to, 'CLUSTER', 'MYID'))
  }

  /** Some of the keys. False: there was none left. */
  async keys(count: number): Promise<boolean> {
    const keys = (await tell(this.from, 'CLUSTER', 'GETKEYSINSLOT', this.slot, String(count))).split('\n').filter(Boolean)
    if (keys.length > 0) await tell(this.from, 'MIGRATE', '127.0.0.1', String(this.to.port), '', '0', '5000', 'KEYS', ...keys)
    return keys.length > 0
  }

  async end(): Promise<void> {
    while (await this.keys(100));
    const owner = await tell(this.to, 'CLUSTER', 'MYID')
    for (const node of [this.to, this.from, ...masters]) await tell(node, 'CLUSTER', 'SETSLOT', this.slot, 'NODE', owner)
    // Who takes a slot over takes the next epoch that it knows of. Where the next move comes before all have heard of this one, two take
    // the same, and a node deletes its keys for an older claim.
    await until('all masters know who owns what, since which epoch', async () => new Set(await Promise.all(masters.map(known))).size === 1)
  }
}

interface KnownNode {
  id: string
  master: boolean
  epoch: string
  /** As `0-5460` or `7000`. */
  ranges: string[]
}

/** The nodes, as this one has heard. */
async function nodesKnownTo(node: RedisServer): Promise<KnownNode[]> {
  const lines = (await tell(node, 'CLUSTER', 'NODES')).split('\n').map(line => line.split(' '))
  return lines.map(([id = '', , flags = '', , , , epoch = '', , ...slots]) => ({
    id,
    master: flags.includes('master'),
    epoch,
    // In brackets stand those that are on their way.
    ranges: slots.filter(slot => !slot.startsWith('[')),
  }))
}

async function known(master: RedisServer): Promise<string> {
  const nodes = (await nodesKnownTo(master)).filter(node => node.master)
  return nodes
    .map(node => JSON.stringify(node))
    .sort()
    .join()
}

async function owns(master: RedisServer, slot: string): Promise<boolean> {
  const id = await tell(master, 'CLUSTER', 'MYID')
  const { ranges = [] } = (await nodesKnownTo(master)).find(node => node.id === id) ?? {}
  return ranges
    .map(range => range.split('-').map(Number))
    .some(([first = -1, last = first]) => first <= Number(slot) && Number(slot) <= last)
}

/** How often nodes have answered with an error of this kind. */
async function errors(kind: string): Promise<number> {
  const stats = await Promise.all(masters.map(master => tell(master, 'INFO', 'errorstats')))
  return stats.map(text => Number(new RegExp(`errorstat_${kind}:count=(\\d+)`).exec(text)?.[1] ?? 0)).reduce((sum, count) => sum + count)
}

/** A visitor's life: each operation, with what it must answer. */
async function live(store: RedisStore, user: string): Promise<void> {
  const anonymous = record()
  expect(await store.create(anonymous, LIMIT_MS)).toBe(true)
  const read = next(anonymous)
  expect(await store.save(read, anonymous.version, LIMIT_MS)).toEqual({ status: 'saved' })
  const login = record({ userKey: user, userId: user })
  expect(await store.replace(anonymous.key, read.version, login, 'regenerated', LIMIT_MS)).toEqual({ status: 'replaced' })
  expect(await store.load(anonymous.key, LIMIT_MS)).toEqual({ gone: 'regenerated' })
  const phone = record({ userKey: user })
  expect(await store.create(phone, LIMIT_MS)).toBe(true)
  expect(await store.touch(phone.key, { touchedAt: phone.touchedAt + 1, expiresAt: phone.expiresAt + 1 }, LIMIT_MS)).toBe(true)
  const rotated = record({ userKey: user })
  expect(await store.replace(login.key, login.version, rotated, 'rotated', LIMIT_MS)).toEqual({ status: 'replaced' })
  const tablet = record({ userKey: user })
  expect(await store.create(tablet, LIMIT_MS)).toBe(true)
  expect((await store.listByUser(user, LIMIT_MS)).map(({ key: at }) => at)).toEqual([phone.key, rotated.key, tablet.key])
  expect(await store.delete(phone.key, 'destroyed', LIMIT_MS)).toBe(true)
  expect(await store.deleteByUser(user, { except: rotated.key }, LIMIT_MS)).toBe(1)
  expect(await store.listByUser(user, LIMIT_MS)).toEqual([rotated])
  const gone = await Promise.all([login, phone, tablet].map(({ key: at }) => store.load(at, LIMIT_MS)))
  expect(gone).toEqual([{ gone: 'rotated' }, { gone: 'destroyed' }, { gone: 'revoked' }])
}

it(`H9: ${USERS} users log in, go on and log out by both libraries, while a slot with some of them moves to and fro`, async () => {
  const stores = await Promise.all(names.map(name => storeOver(name)))
  // One in twenty lives in the slot that moves.
  const users = Array.from({ length: USERS }, (_, n) => userKey(n % 20 === 0 ? 'abc' : undefined))
  let on = true
  let moves = 0
  const moving = async () => {
    while (on) {
      const move = await Move.of('{abc}')
      await move.begin()
      // Key by key, so that for a while a user's keys are on both sides.
      for (let n = 0; n < 15; n++) await move.keys(3)
      await move.end()
      moves++
    }
  }
  const mover = moving()
  const waiting = users.slice()
  const worker = async (store: RedisStore) => {
    for (let user = waiting.shift(); user !== undefined; user = waiting.shift()) await live(store, user)
  }
  try {
    await Promise.all(Array.from({ length: 40 }, (_, n) => worker(stores[n % 2] as RedisStore)))
  } finally {
    on = false
    await mover
  }
  expect(moves).toBeGreaterThan(1)
  expect(await errors('ASK')).toBeGreaterThan(0)
  expect(await errors('MOVED')).toBeGreaterThan(0)
  expect(await errors('CROSSSLOT')).toBe(0)
  for (const user of users) expect(await stores[0]?.listByUser(user)).toHaveLength(1)
  const sizes = await Promise.all(masters.map(async master => Number(await tell(master, 'DBSIZE'))))
  for (const size of sizes) expect(size).toBeGreaterThan(USERS / 2)
}, 60_000)

describe.each(names)('H9, by %s:', library => {
  it('a login whose keys are on two nodes waits until they are on one', async () => {
    const store = await storeOver(library)
    const user = userKey('xyz')
    const [first, second, third] = [record({ userKey: user }), record({ userKey: user }), record({ userKey: user })]
    await store.create(first)
    await store.create(second)
    const before = await errors('TRYAGAIN')
    const move = await Move.of('{xyz}')
    await move.begin()
    await move.keys(1)
    const all = Promise.all([store.create(third), store.listByUser(user), store.load(first.key), store.load(second.key)])
    await until('somebody is told to wait', async () => (await errors('TRYAGAIN')) > before)
    await move.end()
    const [created, listed, ...loaded] = await all
    expect(created).toBe(true)
    expect(listed.slice(0, 2)).toEqual([first, second])
    expect(loaded).toEqual([first, second])
    expect(await store.listByUser(user)).toEqual([first, second, third])
  })

  it('the script is sent again to nodes that have forgotten it', async () => {
    const store = await storeOver(library)
    const made = Array.from({ length: 30 }, () => record())
    await Promise.all(made.map(one => store.create(one)))
    for (const master of masters) await tell(master, 'SCRIPT', 'FLUSH')
    expect(await Promise.all(made.map(({ key: at }) => store.load(at)))).toEqual(made)
  })

  it('a session of a user whose key lies elsewhere is refused: no index could be kept', async () => {
    const store = await storeOver(library)
    const made = record({ key: key('abc'), userKey: userKey('xyz') })
    await expect(store.create(made)).rejects.toThrow(TypeError)
    expect(await store.load(made.key)).toBe(null)
  })

  it('H13: replicas are not read, whatever the client is set to', async () => {
    const more = library === 'ioredis' ? { scaleReads: 'slave' } : { useReplicas: true }
    const store = await storeOver(library, {}, more)
    for (const replica of replicas) await tell(replica, 'CONFIG', 'RESETSTAT')
    for (let n = 0; n < 30; n++) {
      const made = record({ userKey: userKey() })
      await store.create(made)
      expect(await store.load(made.key)).toEqual(made)
      expect(await store.listByUser(made.userKey ?? '')).toEqual([made])
    }
    for (const replica of replicas) expect(await tell(replica, 'INFO', 'commandstats')).not.toMatch(/cmdstat_eval/)
  })

  it('H13: replicas confirm, also when the slot has moved, and while it moves', async () => {
    const store = await storeOver(library, { confirmReplicas: 1 })
    const user = userKey('mno')
    const make = () => record({ userKey: user })
    const [moved, during, left, right] = [make(), make(), make(), make()]
    const anonymous = record()
    for (const made of [moved, during, left, right, anonymous]) await store.create(made)

    const first = await Move.of('{mno}')
    await first.begin()
    await first.end()
    expect(await store.delete(moved.key, 'destroyed')).toBe(true)

    const second = await Move.of('{mno}')
    await second.begin()
    while (await second.keys(100));
    const ending = store.delete(during.key, 'destroyed')
    await until('it has ended there', async () => (await store.load(during.key).catch(() => null)) !== null && isDead(store, during.key))
    await second.end()
    expect(await ending).toBe(true)

    const fresh = make()
    expect(await store.replace(anonymous.key, anonymous.version, fresh, 'regenerated')).toEqual({ status: 'replaced' })
    expect(await store.deleteByUser(user, { except: fresh.key })).toBe(2)
    expect(await store.listByUser(user)).toEqual([fresh])
  })
})

it('H10: of two logins from one visit in another slot, only the one that stays ends an older session; one left half-done counts for nobody', async () => {
  const { client, end } = await libraries.ioredis(cluster.url)
  onTestFinished(end)
  const store = new RedisStore(client)
  const user = userKey('abc')
  const made = () => ({ ...record({ userKey: user }), userId: user })
  const limit = { max: 2, deny: false }
  const [oldest, older, first, second, left] = [made(), made(), made(), made(), made()]
  const visit = record({ key: key('xyz') })
  for (const one of [oldest, older, visit]) await store.create(one)
  const move = (to: SessionRecord, by = store) => by.replace(visit.key, visit.version, to, 'regenerated', undefined, limit)

  // Its process ends once it has begun: it is told nothing of the second step.
  const half = crashingBefore(client, 'supersede')
  await expect(move(left, half)).rejects.toThrow('the process has ended')
  expect(await store.load(left.key)).toEqual(left)
  expect(await store.load(oldest.key)).toEqual(oldest)

  // The second has begun before the first ends the visit.
  const stopped = crashingBefore(client, 'supersede', async () => {
    expect(await move(first)).toEqual({ status: 'replaced' })
  })
  expect(await move(second, stopped)).toEqual({ status: 'missing' })
  expect(await Promise.all([oldest, older, first, second].map(one => store.load(one.key)))).toEqual([
    { gone: 'evicted' },
    older,
    first,
    null,
  ])

  // What is called again goes on, and counts once.
  expect(await move(first)).toEqual({ status: 'replaced' })
  expect(await store.load(older.key)).toEqual(older)
  const next = made()
  expect(await store.create(next, undefined, limit)).toBe(true)
  expect(await Promise.all([older, first, next].map(one => store.load(one.key)))).toEqual([{ gone: 'evicted' }, first, next])
})

/** A store that is stopped before it sends this operation: for good, or until something else is done. */
function crashingBefore(client: object, op: string, meanwhile?: () => Promise<void>): RedisStore {
  const stopped = new Proxy(client, {
    get(target, name) {
      const member = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      if (name !== 'call') return member.bind(target)
      return async (...args: unknown[]) => {
        if (args.flat().includes(op)) {
          if (!meanwhile) throw new Error('the process has ended')
          await meanwhile()
        }
        return member.apply(target, args)
      }
    },
  })
  return new RedisStore(stopped as never)
}

it('H9: a limit ends the waiting for a slot, and what was waiting is not done later', async () => {
  const store = await storeOver('node-redis')
  const user = userKey('pqr')
  const [first, second] = [record({ userKey: user }), record({ userKey: user })]
  await store.create(first)
  await store.load(key('pqr'))
  const move = await Move.of('{pqr}')
  await move.begin()
  try {
    await expect(store.create(second, 300)).rejects.toThrow(/TRYAGAIN|in time/)
  } finally {
    await move.end()
  }
  expect(await store.listByUser(user)).toEqual([first])
})

it('H13: a session that was ended stays dead when its master dies at once', async () => {
  const store = await storeOver('ioredis', { confirmReplicas: 1 })
  const [master, replica] = [masters.pop(), replicas.pop()] as [RedisServer, RedisServer]
  const made: SessionRecord[] = []
  while (made.length < 5) {
    const one = record()
    const slot = await tell(master, 'CLUSTER', 'KEYSLOT', `{${one.partition}}`)
    if (await owns(master, slot)) made.push(one)
  }
  for (const one of made) await store.create(one)
  for (const one of made) expect(await store.delete(one.key, 'destroyed')).toBe(true)
  await master.kill()
  await tell(replica, 'CLUSTER', 'FAILOVER', 'TAKEOVER')
  const answers = () =>
    store.load(made[0]?.key ?? '', 1000).then(
      () => true,
      () => false,
    )
  await until('the replica has taken over', answers)
  for (const one of made) expect(await store.load(one.key)).toEqual({ gone: 'destroyed' })
})
