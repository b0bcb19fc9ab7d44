import { MemoryStore } from 'holdfast/stores/memory'
import { testSessionStore } from 'holdfast/testing'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { EndQueue } from '../../src/core/end-queue.ts'
import { SessionStoreFullError } from '../../src/core/errors.ts'
import { Shelf } from '../../src/stores/memory/shelf.ts'
import { clock, MINUTE, record } from '../unit/support.ts'
import { open } from './clients/memory.mjs'
import type { Opened } from './opened.ts'

const opened: Opened[] = []
afterAll(async () => {
  await Promise.all(opened.map(({ end }) => end()))
})

describe('MemoryStore', () => {
  testSessionStore({
    describe,
    it,
    runs: 200,
    create: async ({ space, now }) => {
      const made = await open({ url: '', space, now })
      opened.push(made)
      return made.store
    },
  })
})

describe('a full MemoryStore', () => {
  /** A store of this size, and the names of what lives in it. */
  function full(maxSessions: number) {
    const time = clock()
    const store = new MemoryStore({ maxSessions, now: time.now })
    const add = (key: string, part: { userKey?: string; idle?: number } = {}) => {
      const { idle = 30 * MINUTE, ...others } = part
      return store.create(record({ key, version: key, idleMs: idle, expiresAt: time.now() + idle, ...others }, time.now()))
    }
    const alive = async (...keys: string[]) => {
      const found = await Promise.all(keys.map(async key => ((await store.load(key)) ? key : '')))
      return found.join('')
    }
    return { store, time, add, alive }
  }

  it('is never larger than it may be', async () => {
    const { store, add } = full(10)
    for (let i = 0; i < 100; i++) {
      await add(`s${i}`)
      if (i % 3 === 0) await store.delete(`s${i}`, 'destroyed')
      if (i % 7 === 0) await store.delete(`none${i}`, 'destroyed')
      expect(store.size).toBeLessThanOrEqual(10)
    }
    expect(store.size).toBe(10)
  })

  it('finds the oldest without looking at what has gone before it', async () => {
    const { add, alive } = full(3000)
    for (let i = 0; i < 3000; i++) await add(`s${i}`)
    const begun = vi.spyOn(Map.prototype, 'keys')
    try {
      for (let i = 3000; i < 6000; i++) await add(`s${i}`)
      expect(begun.mock.calls.length).toBeLessThanOrEqual(2)
    } finally {
      begun.mockRestore()
    }
    expect(await alive('s2999', 's3000')).toBe('s3000')
  })

  it('forgets what has expired first, wherever it lies', async () => {
    const { time, add, alive } = full(8)
    for (const key of 'abcde') await add(key)
    await add('x', { idle: MINUTE })
    await add('y', { idle: MINUTE, userKey: 'u' })
    await add('z', { idle: MINUTE })
    time.advance(MINUTE + 1)
    for (const key of 'fgh') await add(key)
    expect(await alive(...'abcdefghxyz')).toBe('abcdefgh')
  })

  it('then anonymous sessions, oldest first, and never one of a user', async () => {
    const { add, alive } = full(5)
    await add('U', { userKey: 'u' })
    for (const key of 'abc') await add(key)
    await add('V', { userKey: 'v' })
    await add('d')
    expect(await alive(...'UabcVd')).toBe('UbcVd')
    await add('e')
    await add('f')
    await add('g')
    expect(await alive(...'UbcdefgV')).toBe('UefgV')
  })

  it('refuses a new session rather than evict a user, with 503', async () => {
    const { store, time, add, alive } = full(2)
    await add('U', { userKey: 'u' })
    await add('V', { userKey: 'v', idle: MINUTE })
    await expect(add('W', { userKey: 'w' })).rejects.toBeInstanceOf(SessionStoreFullError)
    await expect(add('a')).rejects.toMatchObject({
      code: 'HOLDFAST_STORE_FULL',
      status: 503,
      message: expect.stringContaining('2 sessions'),
    })
    expect(await alive('U', 'V')).toBe('UV')
    expect((await store.save(record({ key: 'U', version: 'next', userKey: 'u' }), 'U')).status).toBe('saved')
    time.advance(MINUTE + 1)
    expect(await add('W', { userKey: 'w' })).toBe(true)
    expect(await alive('U', 'V', 'W')).toBe('UW')
  })

  it('ends sessions all the same', async () => {
    const { store, add, alive } = full(2)
    await add('U', { userKey: 'u' })
    await add('V', { userKey: 'v' })
    expect(await store.delete('never was', 'destroyed')).toBe(false)
    expect(await store.delete('U', 'destroyed')).toBe(true)
    expect(await store.load('U')).toEqual({ gone: 'destroyed' })
    expect(await alive('V')).toBe('V')
  })

  it('replaces a session of a user without losing either', async () => {
    const { store, add, alive } = full(2)
    await add('U', { userKey: 'u' })
    await add('V', { userKey: 'v' })
    const next = record({ key: 'W', version: 'W', userKey: 'u' })
    expect((await store.replace('U', 'U', next, 'regenerated')).status).toBe('replaced')
    expect(await alive('V', 'W')).toBe('VW')
    expect(await store.load('U')).not.toMatchObject({ key: 'U' })
  })

  it.each([1, 2, 3])('replaces an anonymous session and keeps the new one (room for %i)', async room => {
    const { store, add, alive } = full(room)
    for (let n = 1; n < room; n++) await add(`U${n}`, { userKey: 'u' })
    await add('a')
    expect((await store.replace('a', 'a', record({ key: 'b', version: 'b' }), 'regenerated')).status).toBe('replaced')
    expect(await alive('b')).toBe('b')
    expect(store.size).toBeLessThanOrEqual(room)
  })

  it('a session that logs in, or out, changes sides', async () => {
    const { store, add, alive } = full(2)
    await add('a')
    await add('b')
    await store.replace('a', 'a', record({ key: 'A', version: 'A', userKey: 'u' }), 'regenerated')
    await add('c')
    expect(await alive('a', 'b', 'c', 'A')).toBe('cA')
    await store.replace('A', 'A', record({ key: 'd', version: 'd' }), 'regenerated')
    expect(store.size).toBe(2)
    await add('e')
    await add('f')
    expect(await alive('c', 'A', 'd', 'e', 'f')).toBe('ef')
  })

  it('H21: bots cannot evict logged-in users, whatever they do to their own sessions', async () => {
    const { store, time, add } = full(100)
    const users = Array.from({ length: 60 }, (_, n) => `U${n}`)
    for (const user of users) await add(user, { userKey: user })
    for (let n = 0; n < 5000; n++) {
      await add(`bot${n}`)
      const touched = { touchedAt: time.now(), expiresAt: time.now() + MINUTE }
      await store.touch(`bot${n - 1}`, touched)
      await store.save(record({ key: `bot${n - 1}`, version: 'next', userKey: 'claimed' }, time.now()), `bot${n - 1}`)
      if (n % 2) await store.replace(`bot${n}`, `bot${n}`, record({ key: `next${n}` }, time.now()), 'rotated')
      if (n % 3) await store.delete(`nothing${n}`, 'evicted')
      time.advance(10)
    }
    expect(await store.listByUser('claimed')).toEqual([])
    for (const user of users) expect(await store.listByUser(user)).toHaveLength(1)
    // And a user still finds room.
    for (let n = 0; n < 40; n++) expect(await add(`late${n}`, { userKey: 'late' })).toBe(true)
    await expect(add('one too many', { userKey: 'late' })).rejects.toBeInstanceOf(SessionStoreFullError)
    expect(await store.listByUser('late')).toHaveLength(40)
  })
})

it('a time that is no number ends no session of others, nor the process', async () => {
  let asked = 0
  const now = () => {
    if (++asked > 1000) throw new Error('endless')
    return 5000
  }
  const store = new MemoryStore({ now })
  await store.create(record({ key: 'odd', expiresAt: Number.NaN }, 5000))
  for (const key of 'abcdef') expect(await store.create(record({ key }, 5000))).toBe(true)
  expect(await store.load('a')).toMatchObject({ key: 'a' })
})

it('keeps no trace of sessions that ended early', async () => {
  const time = clock()
  const store = new MemoryStore({ now: time.now })
  for (let i = 0; i < 5000; i++) {
    await store.create(record({ key: `s${i}` }, time.now()))
    await store.delete(`s${i}`, 'destroyed')
    time.advance(100)
  }
  time.advance(MINUTE)
  await store.create(record({ key: 'last' }, time.now()))
  expect(store.size).toBe(1)
})

it('remembers no end for longer than it must: neither of what ended early, nor of lives that change all the time', () => {
  const time = clock()
  const ends = new EndQueue()
  const shelf = new Shelf(100, time.now, ends)
  shelf.insert(record({ key: 'a' }, time.now()))
  for (let n = 1; n <= 10_000; n++) {
    const held = shelf.findLive('a')
    if (held) shelf.update(held, { ...held.record, expiresAt: time.now() + (n % 2 ? 20 : 30) * MINUTE }, [])
    shelf.insert(record({ key: `${n}` }, time.now()))
    shelf.forget(`${n}`)
  }
  expect(ends.size).toBeLessThanOrEqual(1003)
  time.advance(30 * MINUTE)
  expect(shelf.findLive('a')).toBeDefined()
  expect(shelf.forgetEnded(time.now() + 1, 100)).toBe(1)
})

it('close forgets everything, and it has no timer', async () => {
  const store = new MemoryStore()
  await store.create(record({ key: 'a', userKey: 'u', expiresAt: Number.MAX_SAFE_INTEGER }))
  await store.delete('b', 'destroyed')
  expect(store.size).toBe(2)
  await store.close()
  expect([store.size, await store.load('a')]).toEqual([0, null])
  expect(process.getActiveResourcesInfo().filter(kind => kind === 'Immediate')).toEqual([])
})

it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null])('maxSessions %s is refused', maxSessions => {
  expect(() => new MemoryStore({ maxSessions: maxSessions as number })).toThrow(
    new TypeError('maxSessions must be a whole number, 1 or more'),
  )
})

it('takes no option that it does not know, and no clock that is none', () => {
  expect(() => new MemoryStore({ max: 5 } as object)).toThrow('MemoryStore: there is no option "max"; there are maxSessions, now')
  expect(() => new MemoryStore({ now: 5 as never })).toThrow(new TypeError('now must be a function'))
})

it('lists and ends the sessions of a user at the cost of those alone', async () => {
  let asked = 0
  const now = () => {
    asked++
    return 5000
  }
  const store = new MemoryStore({ now })
  for (let n = 0; n < 5000; n++) await store.create(record({ key: `${n}`, userKey: n % 1000 ? `u${n % 100}` : 'alice' }, 5000))
  asked = 0
  expect(await store.listByUser('alice')).toHaveLength(5)
  expect(asked).toBeLessThanOrEqual(5)
  expect(await store.deleteByUser('alice')).toBe(5)
  // Each is looked at, buried, and swept for.
  expect(asked).toBeLessThanOrEqual(5 + 5 + 3 * 5)
})

it('removes in batches what nobody asked for again', async () => {
  const time = clock()
  const store = new MemoryStore({ now: time.now })
  for (let n = 0; n < 25; n++) await store.create(record({ key: `${n}`, ...(n % 2 && { userKey: 'u' }) }, time.now()))
  time.advance(30 * MINUTE + 10 * MINUTE)
  expect([await store.deleteExpired(10), store.size]).toEqual([0, 25])
  time.advance(1)
  expect([await store.deleteExpired(10), store.size]).toEqual([10, 15])
  expect([await store.deleteExpired(100), store.size]).toEqual([15, 0])
})
