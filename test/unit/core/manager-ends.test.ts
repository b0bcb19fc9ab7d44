// What needs a token that nobody can be given, new ids, and how a session ends.
import { describe, expect, it } from 'vitest'
import { SessionStoreError } from '../../../src/core/errors.ts'
import type { SessionStore } from '../../../src/core/store.ts'
import { MemoryStore } from '../../../src/stores/memory.ts'
import { clock, engine, HOUR, hold, MINUTE, START, storeWith, tokenOf } from '../support.ts'

describe('tokenless', () => {
  it("'error': what needs a token fails before anything is stored; what does not is saved", async () => {
    const e = engine()
    const fresh = await e.open()
    fresh.data.n = 1
    expect(() => e.manager.commit(fresh.session, {}, { tokenless: 'error' })).toThrow(
      expect.objectContaining({ code: 'HOLDFAST_HEADERS_SENT' }),
    )
    expect(e.calls).toEqual([])
    const token = await e.begin({ n: 1 })
    const { session, data } = await e.open(token)
    expect(() => e.manager.commit(session, {}, { tokenless: 'error', regenerate: true })).toThrow(
      expect.objectContaining({ code: 'HOLDFAST_HEADERS_SENT' }),
    )
    data.n = 2
    expect(await e.manager.commit(session, {}, { tokenless: 'error' })).toEqual({ action: 'none' })
    expect(await e.stored(token)).toEqual({ n: 2 })
  })

  it("'drop': what needs a token is not stored, on every request anew", async () => {
    const e = engine()
    for (let i = 0; i < 3; i++) {
      const { session, data } = await e.open()
      data.n = 1
      expect(await e.manager.commit(session, {}, { tokenless: 'drop' })).toEqual({ action: 'dropped' })
      expect(
        await e.manager.update(
          session,
          {},
          draft => {
            draft.n = 2
          },
          { tokenless: 'drop' },
        ),
      ).toEqual({ action: 'dropped' })
    }
    expect(e.calls).toEqual([])
  })

  it("'drop' and regenerate: the old id ends all the same", async () => {
    const e = engine()
    const token = await e.begin({ n: 1 })
    const { session } = await e.open(token)
    expect(await e.manager.commit(session, {}, { tokenless: 'drop', regenerate: true })).toEqual({ action: 'dropped' })
    expect(await e.stored(token)).toBeNull()
    expect(session.detached).toBe(true)
  })
})

describe('a logout ends the record', () => {
  it('also where another request has meanwhile changed who it belongs to', async () => {
    const e = engine({ guard: ['user'] })
    for (const change of ['commit', 'update'] as const) {
      const token = await e.begin({ n: 1 })
      const [mine, theirs] = [await e.open(token), await e.open(token)]
      theirs.data.user = 'bob'
      await e.manager.commit(theirs.session, {})
      mine.data.n = 2
      const changing = change === 'commit' ? e.manager.commit(mine.session, {}) : e.manager.update(mine.session, {}, draft => void draft.n)
      await Promise.resolve(changing).catch(() => {})
      mine.session.destroyed = true
      expect(await e.manager.commit(mine.session, {})).toEqual({ action: 'clear' })
      expect(await e.stored(token)).toBeNull()
    }
  })

  it('asked for again after it has failed, it has still failed', async () => {
    const memory = new MemoryStore({ now: clock().now })
    let away = false
    const store = storeWith(memory, { delete: (key, reason) => (away ? Promise.reject(new Error('away')) : memory.delete(key, reason)) })
    const e = engine({ store })
    const token = await e.begin({ n: 1 })
    const { session } = await e.open(token)
    session.destroyed = true
    away = true
    const first = await e.manager.commit(session, {})
    expect(first).toMatchObject({ action: 'clear', failure: { code: 'HOLDFAST_STORE' } })
    const asked = e.calls.length
    expect(await e.manager.commit(session, {})).toEqual(first)
    expect(e.calls.length).toBe(asked)
    await e.manager.close()
  })

  it('a new id that cannot be given ends the old one, also where that could not be loaded', async () => {
    const memory = new MemoryStore({ now: clock().now })
    let away = false
    const store = storeWith(memory, { load: key => (away ? Promise.reject(new Error('away')) : memory.load(key)) })
    const e = engine({ store, onStoreError: 'anonymous' })
    const token = await e.begin({ n: 1 })
    away = true
    const { session } = await e.open(token)
    away = false
    expect(await e.manager.commit(session, {}, { tokenless: 'drop', regenerate: true })).toEqual({ action: 'dropped' })
    expect(await e.stored(token)).toBeNull()
  })
})

describe('regenerate and end', () => {
  it('the new id has the data, the old one is dead at once, and its life goes on', async () => {
    const e = engine()
    const token = await e.begin({ n: 1 })
    e.clock.advance(MINUTE)
    const { session, data } = await e.open(token)
    data.user = 'alice'
    e.calls.length = 0
    const next = tokenOf(await e.manager.commit(session, {}, { regenerate: true }))
    expect(e.calls).toEqual(['replace'])
    expect(next).not.toBe(token)
    expect(session.id).toBe(next)
    expect(await e.stored(next)).toEqual({ n: 1, user: 'alice' })
    expect((await e.open(next)).session.life).toMatchObject({ createdAt: START, absoluteExpiresAt: START + 12 * HOUR })
    expect((await e.open(token)).session).toMatchObject({ loaded: null, detached: true })
  })

  it('a session that was never written gets a new id by regenerate', async () => {
    const e = engine()
    const { session } = await e.open()
    const first = session.id
    expect(tokenOf(await e.manager.commit(session, {}, { regenerate: true }))).not.toBe(first)
  })

  it('ends once; what never was is not looked for', async () => {
    const e = engine()
    const token = await e.begin({ n: 1 })
    const { session } = await e.open(token)
    session.destroyed = true
    e.calls.length = 0
    expect(await e.manager.commit(session, {})).toEqual({ action: 'clear' })
    expect(await e.manager.commit(session, {}, { force: true })).toEqual({ action: 'none' })
    expect(e.calls).toEqual(['delete'])
    expect(await e.stored(token)).toBeNull()
    const fresh = (await e.open()).session
    fresh.destroyed = true
    await e.manager.commit(fresh, {})
    expect(e.calls.filter(call => call === 'delete').length).toBe(1)
  })

  it('an end that failed is told with the failure, clears the token all the same, and is carried out as soon as the store is back (H17)', async () => {
    const e = engine()
    const { session } = await e.open(await e.begin({ n: 1 }))
    let away = true
    let ended: () => void = () => undefined
    const back = new Promise<void>(resolve => {
      ended = resolve
    })
    const remove: SessionStore['delete'] = async (...args) => {
      if (away) throw new SessionStoreError('delete', { cause: new Error('no') })
      const answer = await e.store.delete(...args)
      ended()
      return answer
    }
    const flaky = engine({ clock: e.clock, store: storeWith(e.store, { delete: remove }) })
    session.destroyed = true
    expect(await flaky.manager.commit(session, {})).toMatchObject({ action: 'clear', failure: { code: 'HOLDFAST_STORE' } })
    expect(await e.stored(session.id as string)).toEqual({ n: 1 })
    away = false
    await back
    expect(await e.stored(session.id as string)).toBeNull()
    expect(flaky.manager.commit(session, {})).toMatchObject({ failure: { code: 'HOLDFAST_STORE' } })
  })

  it('after its end no update brings it back', async () => {
    const e = engine()
    const { session } = await e.open(await e.begin({ user: 'alice' }))
    session.destroyed = true
    const ended = await e.manager.update(session, {}, draft => {
      draft.n = 1
    })
    expect(ended).toEqual({ action: 'clear' })
    expect(
      await e.manager.update(session, {}, draft => {
        draft.n = 2
      }),
    ).toEqual({ action: 'none' })
    expect(e.calls).not.toContain('save')
    expect(e.calls.filter(call => call === 'create').length).toBe(1)
  })

  it('ids that are taken are never adopted; a genid that repeats itself is a typed error', async () => {
    let n = 0
    const store = engine().store
    const e = engine({ place: { in: 'store', store, newId: () => `id${Math.floor(n++ / 3)}` } })
    const first = await e.begin({ who: 1 })
    const second = await e.begin({ who: 2 })
    expect(new Set([first, second]).size).toBe(2)
    expect([await e.stored(first), await e.stored(second)]).toEqual([{ who: 1 }, { who: 2 }])
    const stuck = engine({ place: { in: 'store', store, newId: () => first } })
    await expect(stuck.begin({ who: 3 })).rejects.toMatchObject({
      code: 'HOLDFAST_STORE',
      outcome: 'not-applied',
      message: expect.stringContaining('genid'),
    })
    expect(await e.stored(first)).toEqual({ who: 1 })
  })

  it('a detached session of a skipped request is never stored', async () => {
    const e = engine()
    const session = e.manager.detached()
    Object.assign(hold(session), { n: 1 })
    expect(await e.manager.commit(session, {}, { force: true })).toEqual({ action: 'none' })
    expect(e.calls).toEqual([])
    await e.manager.close()
    expect(e.calls).toEqual(['close'])
  })
})
