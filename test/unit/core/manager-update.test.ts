import { describe, expect, it } from 'vitest'
import { assume, type Data } from '../../../src/core/json.ts'
import type { SessionStore } from '../../../src/core/store.ts'
import { MemoryStore } from '../../../src/stores/memory.ts'
import { clock, engine, gate, MINUTE, storeWith, tokenOf } from '../support.ts'

const increment = (draft: Data) => {
  draft.n = Number(draft.n ?? 0) + 1
}

describe('update', () => {
  it.each([1, 2, 50, 101])('%i at once, each in a request of its own, count exactly (promise 3)', async count => {
    const e = engine()
    const token = await e.begin({ n: 0 })
    const requests = await Promise.all(Array.from({ length: count }, () => e.open(token)))
    await Promise.all(requests.map(({ session }) => e.manager.update(session, {}, increment)))
    expect(await e.stored(token)).toEqual({ n: count })
  })

  it('several in one request count exactly, also when the session is new: one record, one token', async () => {
    const e = engine()
    const { session, data } = await e.open()
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => e.manager.update(session, {}, increment)))
    expect(data).toEqual({ n: 5 })
    expect(results.map(({ action }) => action)).toEqual(['set', 'none', 'none', 'none', 'none'])
    expect(e.calls.filter(call => call === 'create').length).toBe(1)
    expect(await e.stored(tokenOf(results[0] as never))).toEqual({ n: 5 })
  })

  it('runs on what is stored now, again when somebody was quicker', async () => {
    const time = clock()
    const memory = new MemoryStore({ now: time.now })
    const door = gate()
    let first = true
    const save: SessionStore['save'] = async (...args) => {
      if (first) {
        first = false
        await door.pass()
      }
      return memory.save(args[0], args[1])
    }
    const e = engine({ store: storeWith(memory, { save }), clock: time })
    const token = await e.begin({ n: 0 })
    const [slow, quick] = [await e.open(token), await e.open(token)]
    const seen: unknown[] = []
    const updating = e.manager.update(slow.session, {}, draft => {
      seen.push(draft.n)
      increment(draft)
    })
    await door.reached
    quick.data.n = 10
    await e.manager.commit(quick.session, {})
    door.open()
    await updating
    expect(seen).toEqual([0, 10])
    expect([await e.stored(token), slow.data]).toEqual([{ n: 11 }, { n: 11 }])
  })

  it('is the last write of its request, also where what it added stands elsewhere in the text of another', async () => {
    const time = clock()
    const memory = new MemoryStore({ now: time.now })
    const door = gate()
    let saves = 0
    const save: SessionStore['save'] = async (...args) => {
      if (++saves === 1) await door.pass()
      return memory.save(args[0], args[1])
    }
    const e = engine({ store: storeWith(memory, { save }), clock: time })
    const token = await e.begin({ a: 1 })
    const [slow, quick] = [await e.open(token), await e.open(token)]
    // As adapters do.
    const held = slow.session.take()
    slow.session.hold(held, data => assume(held, data))
    const updating = e.manager.update(slow.session, {}, increment)
    await door.reached
    quick.data.b = 2
    await e.manager.commit(quick.session, {})
    door.open()
    await updating
    expect(held).toEqual({ a: 1, b: 2, n: 1 })
    // Its own, refused; the other's; and its own again.
    expect(saves).toBe(3)
    await e.manager.commit(slow.session, {})
    expect(saves).toBe(3)
  })

  it('saves what the handler changed before, first', async () => {
    const e = engine()
    const token = await e.begin({ n: 0 })
    const { session, data } = await e.open(token)
    data.mine = 1
    await e.manager.update(session, {}, increment)
    expect(await e.stored(token)).toEqual({ n: 1, mine: 1 })
    expect(await e.manager.commit(session, {})).toEqual({ action: 'none' })
  })

  it('what the function throws reaches the caller; nothing is written, and the session is as before', async () => {
    const e = engine()
    const token = await e.begin({ n: 0 })
    const { session, data } = await e.open(token)
    const failing = (draft: Data) => {
      draft.n = 9
      throw new RangeError('mine')
    }
    await expect(e.manager.update(session, {}, failing)).rejects.toEqual(new RangeError('mine'))
    expect([await e.stored(token), data]).toEqual([{ n: 0 }, { n: 0 }])
    await e.manager.update(session, {}, increment)
    expect(await e.stored(token)).toEqual({ n: 1 })
  })

  it('an asynchronous function is a TypeError, and its rejection nobody’s (H18)', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    const e = engine()
    const token = await e.begin({ n: 0 })
    const { session } = await e.open(token)
    try {
      await expect(e.manager.update(session, {}, async () => Promise.reject(new Error('later')))).rejects.toThrow(/synchronous function/)
      await new Promise(resolve => setImmediate(resolve))
    } finally {
      process.off('unhandledRejection', note)
    }
    expect(unhandled).toEqual([])
    expect(await e.stored(token)).toEqual({ n: 0 })
  })

  it('what JSON cannot write is a typed error', async () => {
    const e = engine()
    const { session } = await e.open(await e.begin({ n: 0 }))
    await expect(e.manager.update(session, {}, draft => Object.assign(draft, { big: 1n }))).rejects.toMatchObject({ code: 'HOLDFAST_DATA' })
  })

  it('never runs on a session that belongs to somebody else by now (H1)', async () => {
    const e = engine({ guard: ['user'] })
    const token = await e.begin({ user: 'alice', n: 0 })
    const [slow, login] = [await e.open(token), await e.open(token)]
    login.data.user = 'bob'
    await e.manager.commit(login.session, {})
    const seen: unknown[] = []
    const updating = e.manager.update(slow.session, {}, draft => {
      seen.push(draft.user)
      increment(draft)
    })
    await expect(updating).rejects.toMatchObject({ code: 'HOLDFAST_CONFLICT' })
    expect(seen).toEqual(['alice'])
    expect(await e.stored(token)).toEqual({ user: 'bob', n: 0 })
    expect(e.events).toMatchObject([{ name: 'session:conflict', reason: 'guarded' }])
  })

  it('of a detached session stays in memory', async () => {
    const e = engine()
    const token = await e.begin({ n: 0 })
    await e.manager.commit((await e.open(token)).session, {}, { regenerate: true })
    const { session, data } = await e.open(token)
    e.calls.length = 0
    expect(await e.manager.update(session, {}, increment)).toEqual({ action: 'none' })
    expect([data, e.calls]).toEqual([{ n: 1 }, []])
  })
})

describe('reload', () => {
  it('puts what is stored now in the place of what the handler has', async () => {
    const e = engine()
    const token = await e.begin({ n: 0, gone: 1 })
    const [reader, writer] = [await e.open(token), await e.open(token)]
    delete writer.data.gone
    Object.assign(writer.data, { n: 1, added: 1 })
    writer.session.maxAge = MINUTE
    await e.manager.commit(writer.session, {})
    reader.data.mine = 1
    expect(await e.manager.reload(reader.session, {})).toBe(true)
    expect(reader.data).toEqual({ n: 1, added: 1 })
    expect(reader.session.maxAge).toBe(MINUTE)
    e.calls.length = 0
    expect(await e.manager.commit(reader.session, {})).toMatchObject({ action: 'none' })
    expect(e.calls).toEqual([])
  })

  it('of what has ended says so, and of what never was', async () => {
    const e = engine()
    const token = await e.begin({ n: 0 })
    const { session, data } = await e.open(token)
    const expiring = await e.open(await e.begin({ n: 1 }))
    await e.manager.commit((await e.open(token)).session, {}, { regenerate: true })
    expect(await e.manager.reload(session, {})).toBe(false)
    expect(session.detached).toBe(true)
    expect(e.events.map(({ name }) => name)).toEqual(['session:gone'])
    data.n = 5
    expect(await e.manager.commit(session, {})).toEqual({ action: 'none' })
    e.clock.advance(31 * MINUTE)
    expect(await e.manager.reload(expiring.session, {})).toBe(false)
    expect(await e.manager.reload((await e.open()).session, {})).toBe(false)
  })

  it('waits for a commit that is under way', async () => {
    const e = engine()
    const { session, data } = await e.open(await e.begin({ n: 0 }))
    data.n = 1
    const committing = e.manager.commit(session, {})
    expect(await e.manager.reload(session, {})).toBe(true)
    expect(data).toEqual({ n: 1 })
    await committing
  })
})
