// What overlapping requests of one session do to each other, on a Holdfast store. Each race is made by opening both sessions before
// either writes, or by a gate inside the store's call; none by luck.
import { describe, expect, it } from 'vitest'
import type { Data } from '../../../src/core/json.ts'
import type { SessionStore } from '../../../src/core/store.ts'
import { MemoryStore } from '../../../src/stores/memory.ts'
import { clock, DAY, engine, gate, MINUTE, policy, storeWith, tokenOf } from '../support.ts'

const set = (draft: Data) => {
  draft.n = 5
}

describe('two commits', () => {
  it('of different paths both survive, also below the top', async () => {
    const e = engine()
    const token = await e.begin({ cart: { a: 1 } })
    const [one, two] = [await e.open(token), await e.open(token)]
    Object.assign(one.data.cart as object, { b: 2 })
    Object.assign(two.data.cart as object, { c: 3 })
    two.data.seen = true
    await e.manager.commit(one.session, {})
    e.calls.length = 0
    expect(await e.manager.commit(two.session, {})).toEqual({ action: 'none' })
    expect(e.calls).toEqual(['save', 'save'])
    expect(await e.stored(token)).toEqual({ cart: { a: 1, b: 2, c: 3 }, seen: true })
    expect(two.data).toEqual({ cart: { a: 1, b: 2, c: 3 }, seen: true })
    expect(await e.manager.commit(two.session, {})).toEqual({ action: 'none' })
  })

  it('of one path: the later wins; with error it fails with 409; a function decides', async () => {
    const run = async (conflict: 'merge' | 'error' | (() => unknown)) => {
      const e = engine({ conflict })
      const token = await e.begin({ n: 1 })
      const [one, two] = [await e.open(token), await e.open(token)]
      one.data.n = 2
      two.data.n = 3
      await e.manager.commit(one.session, {})
      const result = await Promise.resolve(e.manager.commit(two.session, {})).catch((error: unknown) => error)
      return [result, await e.stored(token)]
    }
    expect(await run('merge')).toEqual([{ action: 'none' }, { n: 3 }])
    expect(await run(() => 7)).toEqual([{ action: 'none' }, { n: 7 }])
    expect(await run('error')).toEqual([
      expect.objectContaining({ code: 'HOLDFAST_CONFLICT', status: 409, message: expect.stringContaining('"n"') }),
      { n: 2 },
    ])
  })

  it('a hundred at once, each of a key of its own: all are there (promise 1)', async () => {
    const e = engine()
    const token = await e.begin({ start: 0 })
    const requests = await Promise.all(Array.from({ length: 100 }, () => e.open(token)))
    for (const [n, { data }] of requests.entries()) data[`k${n}`] = n
    await Promise.all(requests.map(({ session }) => e.manager.commit(session, {})))
    const stored = await e.stored(token)
    for (let n = 0; n < 100; n++) expect(stored?.[`k${n}`]).toBe(n)
  })

  it('a conflict function must answer at once: a promise is a typed error, and nothing is stored', async () => {
    for (const answer of [() => Promise.resolve(7), () => Promise.reject(new Error('no'))]) {
      const e = engine({ conflict: answer })
      const token = await e.begin({ n: 1 })
      const [one, two] = [await e.open(token), await e.open(token)]
      one.data.n = 2
      two.data.n = 3
      await e.manager.commit(one.session, {})
      await expect(e.manager.commit(two.session, {})).rejects.toMatchObject({ code: 'HOLDFAST_ASYNC_HOOK' })
      expect(await e.stored(token)).toEqual({ n: 2 })
    }
  })

  it('promise 6: saves that wait for each other give up together, when the store no longer answers', async () => {
    const memory = new MemoryStore({ now: clock().now })
    let silent = false
    const store = storeWith(memory, { save: (made, version) => (silent ? new Promise(() => {}) : memory.save(made, version)) })
    const e = engine({ store, storeTimeout: 150 })
    const token = await e.begin({ n: 0 })
    const requests = await Promise.all(Array.from({ length: 12 }, () => e.open(token)))
    for (const [n, { data }] of requests.entries()) data[`k${n}`] = n
    const first = requests.shift() as (typeof requests)[number]
    await e.manager.commit(first.session, {})
    // From now on each of them meets a conflict, waits for its turn, and the store is gone when that comes.
    let conflicts = 0
    const waiting = requests.map(({ session }) => e.manager.commit(session, {}))
    while (conflicts++ < 3) await null
    silent = true
    const codes = await Promise.all(
      waiting.map(one =>
        Promise.resolve(one).then(
          () => 'saved',
          (error: { code: string }) => error.code,
        ),
      ),
    )
    expect(codes.filter(code => code === 'HOLDFAST_STORE').length).toBeGreaterThan(0)
    expect(codes.filter(code => code === 'HOLDFAST_STORE').length).toBeLessThan(4)
    expect(codes.filter(code => code === 'HOLDFAST_BUSY').length).toBeGreaterThan(7)
  })

  it('what the handler changes while its save is under way is not lost by a merge', async () => {
    const e = engine()
    const token = await e.begin({ n: 0 })
    const [mine, theirs] = [await e.open(token), await e.open(token)]
    theirs.data.theirs = 1
    await e.manager.commit(theirs.session, {})
    mine.data.mine = 1
    const saving = e.manager.commit(mine.session, {})
    mine.data.late = 1
    await saving
    await e.manager.commit(mine.session, {})
    expect(await e.stored(token)).toEqual({ n: 0, theirs: 1, mine: 1, late: 1 })
  })

  it.each(['ignore', 'error'] as const)('who they belong to is never mixed (onGone %s)', async onGone => {
    const e = engine({ onGone, guard: ['user', 'mfa'] })
    const token = await e.begin({ user: 'alice', mfa: false, n: 0 })
    const [one, two] = [await e.open(token), await e.open(token)]
    Object.assign(one.data, { mfa: true, n: 1 })
    two.data.user = 'bob'
    await e.manager.commit(two.session, {})
    const result = await Promise.resolve(e.manager.commit(one.session, {})).catch((error: unknown) => error)
    if (onGone === 'error') expect(result).toMatchObject({ code: 'HOLDFAST_CONFLICT' })
    else expect(result).toEqual({ action: 'none' })
    expect(await e.stored(token)).toEqual({ user: 'bob', mfa: false, n: 0 })
    expect(e.events).toMatchObject([{ name: 'session:conflict', reason: 'guarded', id: token }])
    expect(one.session.detached).toBe(true)
    one.data.n = 2
    expect(await e.manager.commit(one.session, {}, { force: true })).toEqual({ action: 'none' })
  })

  it('if only mine changed who it is, their other changes stay', async () => {
    const e = engine({ guard: ['user', 'mfa'] })
    const token = await e.begin({ user: 'alice', mfa: true, n: 0 })
    const [mine, theirs] = [await e.open(token), await e.open(token)]
    theirs.data.n = 1
    await e.manager.commit(theirs.session, {})
    Object.assign(mine.data, { user: 'bob', mfa: false })
    await e.manager.commit(mine.session, {})
    expect(await e.stored(token)).toEqual({ user: 'bob', mfa: false, n: 1 })
  })

  it("another request's own life survives a merge, and mine counts where I set one", async () => {
    const e = engine({ policy: policy({ absoluteMs: null }) })
    const token = await e.begin({ n: 0 })
    const [remember, slow, forget] = [await e.open(token), await e.open(token), await e.open(token)]
    remember.session.maxAge = 30 * DAY
    remember.data.a = 1
    await e.manager.commit(remember.session, {})
    slow.data.b = 1
    await e.manager.commit(slow.session, {})
    expect((await e.open(token)).session.life).toMatchObject({ maxAge: 30 * DAY, idleMs: 30 * DAY, expiresAt: e.clock.now() + 30 * DAY })
    forget.session.maxAge = MINUTE
    forget.data.c = 1
    await e.manager.commit(forget.session, {})
    expect((await e.open(token)).session.life).toMatchObject({ maxAge: MINUTE, expiresAt: e.clock.now() + MINUTE })
  })
})

describe('a session that ended meanwhile (promise 2)', () => {
  const ends = {
    destroyed: async (e: ReturnType<typeof engine>, token: string) => {
      const { session } = await e.open(token)
      session.destroyed = true
      await e.manager.commit(session, {})
    },
    regenerated: async (e: ReturnType<typeof engine>, token: string) => {
      await e.manager.commit((await e.open(token)).session, {}, { regenerate: true })
    },
    expired: async (e: ReturnType<typeof engine>) => {
      e.clock.advance(31 * MINUTE)
    },
  }

  it.each(Object.entries(ends))('%s: no save, forced save, touch, regenerate or update brings it back', async (_, end) => {
    const e = engine()
    const token = await e.begin({ n: 0 })
    const [changed, forced, touched, renewed, updated] = await Promise.all([1, 2, 3, 4, 5].map(() => e.open(token)))
    if (!changed || !forced || !touched || !renewed || !updated) throw new Error('not opened')
    await end(e, token)
    e.events.length = 0
    changed.data.n = 1
    touched.session.stale = true
    const none = { action: 'none' }
    expect(await e.manager.commit(changed.session, {})).toEqual(none)
    expect(await e.manager.commit(forced.session, {}, { force: true })).toEqual(none)
    expect(await e.manager.commit(touched.session, {})).toEqual(none)
    await expect(e.manager.commit(renewed.session, {}, { regenerate: true })).rejects.toMatchObject({ code: 'HOLDFAST_GONE' })
    expect(await e.manager.update(updated.session, {}, set)).toEqual(none)
    expect(await e.stored(token)).toBeNull()
    expect(e.events.filter(({ name }) => name === 'session:gone').length).toBeGreaterThanOrEqual(5)
    changed.data.n = 2
    expect(await e.manager.commit(changed.session, {})).toEqual(none)
    expect(await e.stored(token)).toBeNull()
  })

  it('it is detached and not replaced by a fresh one: no cookie of an older request takes the newer one’s place (H4)', async () => {
    const e = engine()
    const token = await e.begin({ n: 0 })
    const next = tokenOf(await e.manager.commit((await e.open(token)).session, {}, { regenerate: true }))
    const late = await e.open(token)
    late.data.n = 1
    expect(await e.manager.commit(late.session, {})).toEqual({ action: 'none' })
    expect(await e.manager.commit(late.session, {}, { force: true })).toEqual({ action: 'none' })
    expect(await e.stored(next)).toEqual({ n: 0 })
    expect(e.events).toMatchObject([
      { name: 'session:gone', reason: 'regenerated' },
      { name: 'session:gone', reason: 'dropped' },
    ])
  })

  it('regenerate gives one that came too late a record of its own, but brings no lost data back', async () => {
    const e = engine()
    const token = await e.begin({ user: 'alice' })
    const lost = await e.open(token)
    await ends.destroyed(e, token)
    lost.data.n = 1
    await e.manager.commit(lost.session, {})
    await expect((async () => e.manager.commit(lost.session, {}, { regenerate: true }))()).rejects.toMatchObject({ code: 'HOLDFAST_GONE' })
    const late = await e.open(token)
    expect(late.data).toEqual({})
    late.data.n = 2
    expect(await e.stored(tokenOf(await e.manager.commit(late.session, {}, { regenerate: true })))).toEqual({ n: 2 })
    expect(await e.stored(token)).toBeNull()
  })

  it("with onGone 'error' the response fails with 409", async () => {
    const e = engine({ onGone: 'error' })
    const token = await e.begin({ n: 0 })
    const { session, data } = await e.open(token)
    await ends.destroyed(e, token)
    data.n = 1
    await expect(e.manager.commit(session, {})).rejects.toMatchObject({ code: 'HOLDFAST_GONE', status: 409 })
  })

  it('a logout that arrives while a save is inside the store is not undone', async () => {
    const time = clock()
    const memory = new MemoryStore({ now: time.now })
    const door = gate()
    const save: SessionStore['save'] = async (...args) => {
      await door.pass()
      return memory.save(args[0], args[1])
    }
    const e = engine({ store: storeWith(memory, { save }), clock: time })
    const token = await e.begin({ n: 0 })
    const slow = await e.open(token)
    slow.data.n = 1
    const saving = e.manager.commit(slow.session, {})
    await door.reached
    await ends.destroyed(e, token)
    door.open()
    expect(await saving).toEqual({ action: 'none' })
    expect(await e.stored(token)).toBeNull()
  })

  it('of two racing regenerates one gets a new token, and one live session is left (H3)', async () => {
    const e = engine()
    const token = await e.begin({ n: 0 })
    const rivals = [await e.open(token), await e.open(token)]
    const results = await Promise.allSettled(rivals.map(({ session }) => e.manager.commit(session, {}, { regenerate: true })))
    const outcomes = results.map(result =>
      result.status === 'fulfilled' ? result.value?.action : (result.reason as { code: string }).code,
    )
    expect(outcomes.sort()).toEqual(['HOLDFAST_GONE', 'set'])
    expect((e.store as unknown as MemoryStore).size).toBe(2)
  })

  it('a regenerate that would give a new id to another identity is refused, and says so', async () => {
    const e = engine()
    const token = await e.begin({ n: 0 })
    const [login, regenerator] = [await e.open(token), await e.open(token)]
    login.data.userId = 'bob'
    await e.manager.commit(login.session, {})
    regenerator.data.userId = 'alice'
    await expect(e.manager.commit(regenerator.session, {}, { regenerate: true })).rejects.toMatchObject({ code: 'HOLDFAST_GONE' })
    expect(await e.stored(token)).toEqual({ n: 0, userId: 'bob' })
  })

  it('a save that lands before a regenerate is in the new session', async () => {
    const e = engine()
    const token = await e.begin({ n: 0 })
    const [writer, regenerator] = [await e.open(token), await e.open(token)]
    writer.data.saved = 1
    await e.manager.commit(writer.session, {})
    regenerator.data.user = 'alice'
    const next = tokenOf(await e.manager.commit(regenerator.session, {}, { regenerate: true }))
    expect(await e.stored(next)).toEqual({ n: 0, saved: 1, user: 'alice' })
    expect(await e.stored(token)).toBeNull()
  })
})

it('a record that changes under each attempt is a typed error in the end, and nothing is written', async () => {
  const memory = new MemoryStore({ now: clock().now })
  let attempts = 0
  const save: SessionStore['save'] = async (record, expected) => {
    const current = await memory.load(record.key)
    if (!current || 'gone' in current) throw new Error('not there')
    attempts++
    await memory.save({ ...current, version: `other ${attempts}`, data: `{"theirs":${attempts}}` }, current.version)
    return memory.save(record, expected)
  }
  const e = engine({ store: storeWith(memory, { save }) })
  const token = await e.begin({ n: 0 })
  const { session, data } = await e.open(token)
  data.mine = 1
  await expect(e.manager.commit(session, {})).rejects.toMatchObject({ code: 'HOLDFAST_CONFLICT', status: 409 })
  expect(attempts).toBe(20)
  const other = await e.open(token)
  await expect(e.manager.update(other.session, {}, set)).rejects.toMatchObject({ code: 'HOLDFAST_CONFLICT' })
  expect(attempts).toBe(40)
  expect(await e.stored(token)).toEqual({ theirs: 40 })
})
