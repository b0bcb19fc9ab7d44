import { promisify } from 'node:util'
import session from 'holdfast/express'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Loose } from '../support/subjects.ts'

// What the drop-in keeps sessions in where no store is given: express-session's MemoryStore, with an end to its growth.

let now = Date.UTC(2030, 0, 1)
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now })
})
afterEach(() => {
  now += 86_400_000
  vi.useRealTimers()
})

const pass = (ms: number) => vi.setSystemTime(Date.now() + ms)

function open(maxSessions?: number) {
  const store = new session.MemoryStore({ maxSessions }) as Loose
  const call = (name: string) => promisify(store[name].bind(store)) as (...args: unknown[]) => Promise<Loose>
  const put = (id: string, data: object = {}, maxAge: number | null = null) =>
    call('set')(id, { cookie: new session.Cookie({ maxAge }), ...data })
  return {
    get: call('get'),
    put,
    touch: call('touch'),
    destroy: call('destroy'),
    all: call('all'),
    length: call('length'),
    clear: call('clear'),
  }
}

describe('MemoryStore of holdfast/express', () => {
  it('gives back a copy of what was stored', async () => {
    const { get, put } = open()
    const data = { user: { name: 'ann' } }
    await put('a', data)
    data.user.name = 'changed'
    const stored = await get('a')
    expect(stored).toMatchObject({ user: { name: 'ann' }, cookie: { originalMaxAge: null } })
    stored.user.name = 'changed'
    expect((await get('a')).user.name).toBe('ann')
    expect(await get('b')).toBeUndefined()
  })

  it('lets nobody in whose time has passed, and a touch brings nobody back', async () => {
    const { get, put, touch, length, all } = open()
    await put('short', {}, 1000)
    await put('long', {}, 5000)
    pass(1000)
    expect(await get('short')).toBeUndefined()
    await touch('short', { cookie: new session.Cookie({ maxAge: 9000 }) })
    expect(await get('short')).toBeUndefined()
    await touch('long', { cookie: new session.Cookie({ maxAge: 9000 }), more: 1 })
    pass(8000)
    expect(Object.keys(await get('long'))).toEqual(['cookie'])
    expect([await length(), Object.keys(await all())]).toEqual([1, ['long']])
  })

  it('is emptied by destroy and clear', async () => {
    const { get, put, destroy, length, clear } = open()
    for (const id of ['a', 'b', 'c']) await put(id)
    await destroy('a')
    expect([await get('a'), await length()]).toEqual([undefined, 2])
    await clear()
    expect(await length()).toBe(0)
  })

  it('promise 26: is bounded: what has expired goes first, then the oldest that nobody has logged in to', async () => {
    const { get, put, length } = open(3)
    await put('ann', { userId: 'ann' })
    await put('short', {}, 1000)
    await put('old')
    pass(2000)
    await put('new')
    expect(await get('old')).toBeDefined()
    for (let n = 0; n < 100; n++) await put(`bot-${n}`)
    expect(await length()).toBe(3)
    expect(await get('ann')).toBeDefined()
    expect([await get('bot-97'), await get('bot-98'), await get('bot-99')].map(Boolean)).toEqual([false, true, true])
  })

  it('promise 26: a new one is refused rather than a login lost; who is in stays in', async () => {
    const { get, put } = open(2)
    await put('ann', { passport: { user: 1 } })
    await put('bob', { user: 'bob' })
    await expect(put('new')).rejects.toMatchObject({ code: 'HOLDFAST_STORE_FULL', status: 503 })
    await put('ann', { passport: { user: 1 }, more: true })
    expect(await get('ann')).toMatchObject({ more: true })
    expect(await get('bob')).toMatchObject({ user: 'bob' })
  })

  it('when it is full, a visitor costs no look at those who are signed in', async () => {
    const { get, put } = open(2000)
    await put('visitor')
    for (let i = 0; i < 1999; i++) await put(`u${i}`, { user: `u${i}` })
    await put('the next one') // looks once a second for what has expired
    const [all, keys] = [vi.spyOn(Map.prototype, Symbol.iterator), vi.spyOn(Map.prototype, 'keys')]
    try {
      for (let i = 0; i < 500; i++) await put(`v${i}`)
      expect(all.mock.calls.length + keys.mock.calls.length).toBeLessThan(10)
    } finally {
      all.mockRestore()
      keys.mockRestore()
    }
    expect(await get('u0')).toMatchObject({ user: 'u0' })
    expect(await get('v498')).toBeUndefined()
    expect(await get('v499')).toBeDefined()
  })
})
