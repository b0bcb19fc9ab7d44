import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SessionStoreError } from '../../../src/core/errors.ts'
import { isGone, type SessionRecord } from '../../../src/core/record.ts'
import type { SessionStore } from '../../../src/core/store.ts'
import { keyOf } from '../../../src/crypto/session-id.ts'
import { MemoryStore } from '../../../src/stores/memory.ts'
import { clock, engine, storeWith } from '../support.ts'

const lost = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })

/** Fails the first `times` calls of a method, before or after it has done its work. */
function failing(store: SessionStore, method: 'create' | 'save' | 'load' | 'delete', times: number, after = false): SessionStore {
  let left = times
  const call = async (...args: never[]) => {
    if (!after && left-- > 0) throw lost()
    const answer = await (store[method] as (...all: never[]) => Promise<unknown>)(...args)
    if (after && left-- > 0) throw lost()
    return answer
  }
  return storeWith(store, { [method]: call })
}

describe('a call that fails', () => {
  it.each(['create', 'save', 'load'] as const)('%s is made again, and the request goes on (promise 6)', async method => {
    const time = clock()
    const store = new MemoryStore({ now: time.now })
    const before = engine({ store, clock: time })
    const token = await before.begin({ n: 1 })
    const e = engine({ store: failing(store, method, 2), clock: time })
    const { session, data } = await e.open(method === 'create' ? undefined : token)
    data.m = 2
    const { action } = await e.manager.commit(session, {})
    expect(action).toBe(method === 'create' ? 'set' : 'none')
    expect(await before.stored(session.id as string)).toEqual(method === 'create' ? { m: 2 } : { n: 1, m: 2 })
  })

  it('three times fails the request, with its own error as the cause', async () => {
    const e = engine({ store: failing(new MemoryStore(), 'load', 3) })
    await expect(e.open('abc.some id')).rejects.toMatchObject({ code: 'HOLDFAST_STORE', outcome: 'unknown', cause: { code: 'ECONNRESET' } })
  })

  it('after its work was done is made again, and counts once (H2)', async () => {
    const time = clock()
    const store = new MemoryStore({ now: time.now })
    const token = await engine({ store, clock: time }).begin({ n: 0 })
    const e = engine({ store: failing(store, 'save', 2, true), clock: time })
    const { session } = await e.open(token)
    await e.manager.update(session, {}, draft => {
      draft.n = Number(draft.n) + 1
    })
    expect(await e.stored(token)).toEqual({ n: 1 })
  })

  it('is not made again where the store has refused on purpose', async () => {
    const store = new MemoryStore()
    let calls = 0
    const create = async () => {
      calls++
      throw new SessionStoreError('create', { outcome: 'not-applied' })
    }
    const e = engine({ store: storeWith(store, { create }) })
    const { session, data } = await e.open()
    data.n = 1
    await expect(e.manager.commit(session, {})).rejects.toMatchObject({ outcome: 'not-applied' })
    expect(calls).toBe(1)
  })
})

describe('what nobody waits for any more (H17)', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** A store that holds back what it is asked for, until it is let go. */
  function holding(store: SessionStore, method: 'create' | 'replace'): { store: SessionStore; letGo: () => Promise<void>; keys: string[] } {
    const held: Array<() => Promise<unknown>> = []
    const keys: string[] = []
    const call = (...args: never[]) => {
      const record = args.find((arg: unknown) => typeof arg === 'object') as unknown as SessionRecord
      keys.push(record.key)
      held.push(() => (store[method] as (...all: never[]) => Promise<unknown>)(...args))
      return new Promise<never>(() => undefined)
    }
    return { store: storeWith(store, { [method]: call }), letGo: async () => void (await Promise.all(held.map(one => one()))), keys }
  }

  it('a login whose create has timed out leaves no record, whenever the store carries it out', async () => {
    const inner = new MemoryStore()
    const { store, letGo, keys } = holding(inner, 'create')
    const e = engine({ store, storeTimeout: 1000 })
    const { session, data } = await e.open()
    data.user = 'ann'
    const failed = expect(e.manager.commit(session, {})).rejects.toMatchObject({ code: 'HOLDFAST_STORE', outcome: 'unknown' })
    await vi.advanceTimersByTimeAsync(1000)
    await failed
    await vi.advanceTimersByTimeAsync(1)
    await letGo()
    expect(keys).toHaveLength(1)
    expect(await inner.load(keys[0] as string)).toEqual({ gone: 'destroyed' })
  })

  it('a replace that has timed out leaves no new record either, and the old one is as the store says', async () => {
    const inner = new MemoryStore()
    const token = await engine({ store: inner }).begin({ n: 1 })
    const { store, letGo, keys } = holding(inner, 'replace')
    const e = engine({ store, storeTimeout: 1000 })
    const { session } = await e.open(token)
    const failed = expect(e.manager.commit(session, {}, { regenerate: true })).rejects.toMatchObject({ outcome: 'unknown' })
    await vi.advanceTimersByTimeAsync(1000)
    await failed
    await vi.advanceTimersByTimeAsync(1)
    await letGo()
    expect(await inner.load(keys[0] as string)).toEqual({ gone: 'destroyed' })
    expect(isGone((await inner.load(keyOf('sid', token))) as object)).toBe(false)
  })

  it('goes on being tried for a minute, and then no longer', async () => {
    const inner = new MemoryStore()
    const token = await engine({ store: inner }).begin({ n: 1 })
    let calls = 0
    const remove = async () => {
      calls++
      throw new SessionStoreError('delete', { cause: lost() })
    }
    const e = engine({ store: storeWith(inner, { delete: remove }) })
    const { session } = await e.open(token)
    session.destroyed = true
    expect(await e.manager.commit(session, {})).toMatchObject({ action: 'clear', failure: { code: 'HOLDFAST_STORE' } })
    await vi.advanceTimersByTimeAsync(59_000)
    const within = calls
    expect(within).toBeGreaterThan(5)
    await vi.advanceTimersByTimeAsync(60_000)
    const after = calls
    expect(after).toBeLessThan(within + 4)
    await vi.advanceTimersByTimeAsync(600_000)
    expect(calls).toBe(after)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends with close()', async () => {
    const inner = new MemoryStore()
    const token = await engine({ store: inner }).begin({ n: 1 })
    const remove = async () => {
      throw new SessionStoreError('delete', { cause: lost() })
    }
    const e = engine({ store: storeWith(inner, { delete: remove }) })
    const { session } = await e.open(token)
    session.destroyed = true
    await e.manager.commit(session, {})
    await e.manager.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('limits of a record (H21)', () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : { in: nested(levels - 1) })

  it('64 levels are stored, 65 are refused with the path', async () => {
    const e = engine()
    const { session, data } = await e.open()
    data.deep = nested(63)
    expect((await e.manager.commit(session, {})).action).toBe('set')
    data.deep = nested(64)
    await expect(e.manager.commit(session, {})).rejects.toMatchObject({
      code: 'HOLDFAST_DATA',
      message: expect.stringContaining('"deep.in.in'),
    })
    expect(await e.stored(session.id as string)).toEqual({ deep: nested(63) })
  })

  it('arrays count as levels', async () => {
    const e = engine()
    const { session, data } = await e.open()
    data.deep = JSON.parse('['.repeat(64) + ']'.repeat(64))
    await expect(e.manager.commit(session, {})).rejects.toMatchObject({ code: 'HOLDFAST_DATA' })
  })

  it.each([
    ['x', 1],
    ['é', 2],
    ['€', 3],
  ])('counts octets, not characters (%s)', async (letter, octets) => {
    const e = engine({ maxRecordBytes: 1000 })
    const { session, data } = await e.open()
    // {"a":"…"} has eight octets of its own.
    data.a = letter.repeat(Math.floor(992 / octets))
    expect((await e.manager.commit(session, {})).action).toBe('set')
    data.a += letter.repeat(octets === 1 ? 1 : 2)
    await expect(e.manager.commit(session, {})).rejects.toMatchObject({
      code: 'HOLDFAST_TOO_LARGE',
      limit: 1000,
      largestKeys: [{ key: 'a' }],
    })
  })

  it.each([
    ['too deep', () => `{"a":${'['.repeat(4500)}${']'.repeat(4500)}}`],
    ['too large', () => JSON.stringify({ a: 'x'.repeat(262_144) })],
    ['no JSON', () => '{"a":'],
  ])('a stored record that is %s is a fresh session and an event', async (_name, text) => {
    const time = clock()
    const store = new MemoryStore({ now: time.now })
    const e = engine({ store, clock: time })
    const token = await e.begin({ n: 1 })
    const kept = (await store.load(keyOf('sid', token))) as SessionRecord
    await store.save({ ...kept, data: text(), version: 'another version!' }, kept.version)
    const { session, data } = await e.open(token)
    expect(data).toEqual({})
    expect(e.events.map(({ name }) => name)).toEqual(['session:malformed'])
    data.n = 2
    expect((await e.manager.commit(session, {})).action).toBe('set')
  })
})

describe('whose session it is', () => {
  const users = { userOf: (data: { user?: unknown }) => data.user as string | undefined }

  it('a session that changes hands gets a new id by itself, and the old one is dead', async () => {
    const e = engine(users)
    const token = await e.begin({ cart: 1 })
    const { session, data } = await e.open(token)
    data.user = 'ann'
    const result = await e.manager.commit(session, {})
    expect(result.action).toBe('set')
    expect(result.token).not.toBe(token)
    expect(await e.stored(result.token as string)).toEqual({ cart: 1, user: 'ann' })
    expect(await e.stored(token)).toBeNull()
  })

  it('all sessions of a user lie in one partition, whatever id they began with', async () => {
    const e = engine(users)
    const tokens = await Promise.all([1, 2, 3].map(() => e.begin({ user: 'ann' })))
    expect(new Set(tokens.map(token => token.slice(0, 3))).size).toBe(1)
    const other = await e.begin({ user: 'bob' })
    expect(other.slice(0, 3)).not.toBe(tokens[0]?.slice(0, 3))
  })

  it('a login that meets a logout fails: what comes next counts on it', async () => {
    const e = engine(users)
    const token = await e.begin({ cart: 1 })
    const [login, logout] = [await e.open(token), await e.open(token)]
    logout.session.destroyed = true
    await e.manager.commit(logout.session, {})
    login.data.user = 'ann'
    await expect(e.manager.commit(login.session, {})).rejects.toMatchObject({ code: 'HOLDFAST_GONE' })
  })

  it('an update may be a login, too', async () => {
    const e = engine(users)
    const token = await e.begin({ cart: 1 })
    const { session } = await e.open(token)
    const result = await e.manager.update(session, {}, draft => {
      draft.user = 'ann'
    })
    expect(result.action).toBe('set')
    expect([await e.stored(token), await e.stored(result.token as string)]).toEqual([null, { cart: 1, user: 'ann' }])
  })
})
