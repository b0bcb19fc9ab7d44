import { describe, expect, it } from 'vitest'
import { SessionStoreFullError } from '../../../src/core/errors.ts'
import { MemoryStore } from '../../../src/stores/memory.ts'
import { testSessionStore } from '../store-contract.ts'
import { storeAgreesWithModel } from '../store-model.ts'
import { clock, MINUTE, record } from '../support.ts'

testSessionStore({ describe, it, create: now => new MemoryStore({ now }) })

it('agrees with the model, whatever is done to it', async () => {
  await storeAgreesWithModel(now => new MemoryStore({ now }), 400)
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
    await store.save(record({ key: 'a', version: 'a2', userKey: 'u' }), 'a')
    await add('c')
    expect(await alive('a', 'b', 'c')).toBe('ac')
    await store.save(record({ key: 'a', version: 'a3' }), 'a2')
    expect(store.size).toBe(2)
    await add('d')
    await add('e')
    expect(await alive('a', 'c', 'd', 'e')).toBe('de')
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
