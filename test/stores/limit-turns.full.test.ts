// H10 where a store has no transactions: who begins a session has the turn. Somebody stays in the middle of theirs; others go on, and who
// comes back late has missed it.
import { existsSync, readdirSync } from 'node:fs'
import type { IndexedSessionStore, SessionRecord } from 'holdfast'
import { FileStore } from 'holdfast/stores/file'
import { MongoStore } from 'holdfast/stores/mongodb'
import { afterAll, describe, expect, it } from 'vitest'
import { inTurn, Sightings, type Turn } from '../../src/stores/common/turn.ts'
import { diskFileSystem } from '../../src/stores/file/system.ts'
import { recordMaker } from '../../src/testing/records.ts'
import { type Gate, gate } from '../promises/support.ts'
import { temporaryFolder, until } from '../servers/process.ts'
import { describeWithDocumentDB, hooked } from './mongodb-support.ts'

const { login, record, userKey } = recordMaker(() => Date.now())
const limit = { max: 1, deny: true }

/** Two stores of one place; `stop` lets the next login at `one` take its turn, and stops it before it inserts anything. */
interface Pair {
  one: IndexedSessionStore
  two: IndexedSessionStore
  stop(fresh: SessionRecord): Gate
}

function turns(name: string, open: () => Pair): void {
  for (const way of ['create', 'replace'] as const) {
    it(`${name}: who is late finds the key barred, by ${way}, and the limit holds`, async () => {
      const { one, two, stop } = open()
      const [user, visit] = [userKey('abc'), record()]
      const [late, next] = [login(user), login(user)]
      await one.create(visit)
      const stopped = stop(late)
      const answer =
        way === 'create'
          ? one.create(late, undefined, limit)
          : one.replace(visit.key, visit.version, late, 'regenerated', undefined, limit).then(({ status }) => status)
      await stopped.reached
      expect(await two.create(next, undefined, limit)).toBe(true)
      stopped.open()
      expect(await answer).toBe(way === 'create' ? false : 'denied')
      expect(await two.listByUser(user)).toEqual([next])
      expect([await one.load(visit.key), await one.load(late.key)]).toEqual([visit, { gone: 'evicted' }])
      // Nobody has the turn any more.
      const last = login(user)
      expect(await one.create(last, undefined, { max: 1, deny: false })).toBe(true)
      expect(await two.listByUser(user)).toEqual([last])
    })
  }

  it(`${name}: logins whose own limit is shorter than a turn may be get past one that died, too`, async () => {
    const { one, two, stop } = open()
    const user = userKey('abc')
    const dead = login(user)
    const stopped = stop(dead)
    const late = one.create(dead, undefined, limit)
    await stopped.reached
    const fresh = [login(user), login(user), login(user)]
    const answers: unknown[] = []
    for (const next of fresh) {
      const answer = await two.create(next, 1500, limit).catch(({ outcome }) => outcome ?? 'given up')
      answers.push(answer)
      if (answer === true) break
    }
    // The second comes to 2 s; on a busy machine it may be the third.
    expect(answers[0]).not.toBe(true)
    expect(answers.at(-1)).toBe(true)
    expect(await two.listByUser(user)).toEqual([fresh[answers.length - 1]])
    expect(await two.load(dead.key)).toEqual({ gone: 'evicted' })
    stopped.open()
    expect(await late).toBe(false)
  })

  it(`${name}: of a login that comes twice, the second does not wait for ever for a first that stays away, and both are one`, async () => {
    const { one, two, stop } = open()
    const fresh = login(userKey())
    const stopped = stop(fresh)
    const answer = one.create(fresh, undefined, limit)
    await stopped.reached
    expect(await two.create({ ...fresh }, undefined, limit)).toBe(true)
    stopped.open()
    expect(await answer).toBe(true)
    expect(await two.listByUser(fresh.userKey as string)).toEqual([fresh])
  })
}

describe('FileStore', () => {
  const folder = temporaryFolder('limit-turns')
  afterAll(() => folder.remove())
  let count = 0
  turns('turns', () => {
    const directory = `${folder.path}/${count++}`
    let stop: Gate | undefined
    const disk = diskFileSystem(false)
    const fs = {
      ...disk,
      // The entry in the index comes before the record.
      async makeFolder(path: string) {
        if (path.startsWith(`${directory}/users/`)) {
          const stopped = stop
          stop = undefined
          await stopped?.pass()
        }
        return disk.makeFolder(path)
      },
    }
    const options = { directory, fsync: false, cleanupInterval: false } as const
    return {
      one: new FileStore(options, fs),
      two: new FileStore(options),
      stop: () => {
        stop = gate()
        return stop
      },
    }
  })
})

it('FileStore: a turn whose owner was killed goes with a clean-up, an hour later, and what it was for is barred', async () => {
  const folder = temporaryFolder('limit-turns-left')
  const users = (name: string) =>
    existsSync(`${folder.path}/${name}`)
      ? readdirSync(`${folder.path}/${name}`).flatMap(shard => readdirSync(`${folder.path}/${name}/${shard}`))
      : []
  let ageMs = 0
  const disk = diskFileSystem(false)
  const fs = { ...disk, age: async (path: string) => (path.includes('/turns/') ? ageMs : disk.age(path)) }
  const options = { directory: folder.path, fsync: false, cleanupInterval: false } as const
  const killed = new FileStore(options, {
    ...disk,
    makeFolder: async path => (path.includes('/users/') ? new Promise<never>(() => {}) : disk.makeFolder(path)),
  })
  const store = new FileStore(options, fs)
  const fresh = login(userKey())
  void killed.create(fresh, undefined, limit)
  await until('it has the turn', async () => users('turns').length === 1)
  await store.deleteExpired(1)
  expect(users('turns')).toHaveLength(1)
  ageMs = 2 * 3_600_000
  await store.deleteExpired(1)
  expect([users('turns'), await store.load(fresh.key)]).toEqual([[], { gone: 'evicted' }])
  folder.remove()
})

describeWithDocumentDB('MongoStore', ground => {
  turns('turns', () => {
    const collection = ground.collection()
    let stop: { key: string; gate: Gate } | undefined
    const stoppable = new Proxy(collection, {
      get: (target, name: keyof typeof collection) => {
        const member = target[name] as unknown
        if (typeof member !== 'function') return member
        return async (...args: [{ _id?: unknown }]) => {
          const stopped = name === 'insertOne' && args[0]._id === stop?.key ? stop?.gate : undefined
          if (stopped) stop = undefined
          await stopped?.pass()
          return member.apply(target, args)
        }
      },
    })
    return {
      one: new MongoStore(withCursors(stoppable, collection)),
      two: new MongoStore(collection as never),
      stop: ({ key }) => {
        stop = { key, gate: gate() }
        return stop.gate
      },
    }
  })
})

describeWithDocumentDB('MongoStore', ground => {
  it('a turn whose answer was lost is given back', async () => {
    const collection = ground.collection()
    let inserts = 0
    const after = (name: string) => {
      if (name === 'insertOne' && inserts++ === 0) throw new Error('the connection broke')
    }
    const store = new MongoStore(hooked(collection, { after }))
    const fresh = login(userKey())
    const turn = { _id: `turn:${fresh.userKey}` }
    await expect(store.create(fresh, undefined, limit)).rejects.toThrow('the connection broke')
    await until('it lies there no more', async () => (await collection.findOne(turn)) === null)
    expect(await store.create(fresh, undefined, limit)).toBe(true)
  })
})

describe('Whose turn has been seen', () => {
  const noPlace = { take: async () => null, leave: async () => {}, bar: async () => {} }

  it('is known to the next call, too, and to no other user', async () => {
    let ms = 0
    const sightings = new Sightings(() => ms)
    const dead: Turn = { word: 'of the dead', key: 'its key' }
    const barred: string[] = []
    const looked: (string | undefined)[] = []
    const give = (over: string | undefined) => {
      looked.push(over)
      if (over === dead.word) return null
      // The call is given up at its second look.
      if (looked.length % 2 === 0) throw new Error('the time is up')
      return dead
    }
    const place = {
      ...noPlace,
      take: async (_: Turn, over: string | undefined) => give(over),
      bar: async (key: string) => void barred.push(key),
    }
    const login = (name: string) => inTurn({ place, key: 'new', name, sightings }, async () => 'in')
    await expect(login('ann')).rejects.toThrow('the time is up')
    ms = 2000
    await expect(login('ann')).rejects.toThrow('the time is up')
    ms = 2001
    await expect(login('bob')).rejects.toThrow('the time is up')
    expect(barred).toEqual([])
    expect(await login('ann')).toBe('in')
    expect([barred, looked.slice(-2)]).toEqual([['its key'], [undefined, dead.word]])
    // It is not kept any longer than it is of use.
    expect(sightings.stayedMs('ann', dead.word)).toBe(0)
  })

  it('begins anew with each turn, and is forgotten, the oldest first, where there are too many', () => {
    let ms = 0
    const sightings = new Sightings(() => ms)
    const stayed = (name: string, word: string) => sightings.stayedMs(name, word)
    stayed('ann', 'one')
    ms = 1500
    expect([stayed('ann', 'one'), stayed('ann', 'two')]).toEqual([1500, 0])
    ms = 3000
    expect(stayed('ann', 'two')).toBe(1500)
    for (let n = 1; n < 1000; n++) stayed(`user ${n}`, 'word')
    expect(stayed('ann', 'two')).toBe(1500)
    stayed('one more', 'word')
    ms = 4000
    expect([stayed('user 1', 'word'), stayed('ann', 'two')]).toEqual([1000, 0])
  })

  it('is its own where a command was sent twice', async () => {
    const place = { ...noPlace, take: async (turn: Turn) => turn }
    expect(await inTurn({ place, key: 'new', name: 'ann', sightings: new Sightings() }, async () => 'in')).toBe('in')
  })
})

/** `find` answers with a cursor, at once. */
function withCursors(stoppable: object, collection: object): never {
  return new Proxy(stoppable, {
    get: (target, name) => {
      if (name !== 'find') return Reflect.get(target, name)
      return (Reflect.get(collection, 'find') as (...args: unknown[]) => unknown).bind(collection)
    },
  }) as never
}
