import { describe, expect, it } from 'vitest'
import { EndedIds, LegacyBackend, type LegacyPort } from '../../../src/backends/legacy.ts'
import { SessionGoneError } from '../../../src/core/errors.ts'
import type { Data } from '../../../src/core/json.ts'
import type { Life } from '../../../src/core/record.ts'
import { engineOn, gate, MINUTE, START } from '../support.ts'

/** A peer's store that keeps the very objects that it is given, and hands them out again. */
function peer(overrides: Partial<LegacyPort> = {}, ended = new EndedIds()) {
  const kept = new Map<string, { data: Data; life: Life }>()
  const calls: string[] = []
  let ids = 0
  const port: LegacyPort = {
    newId: () => `id${++ids}`,
    load(id) {
      calls.push(`load ${id}`)
      const found = kept.get(id)
      return found ? { wire: found.data, life: found.life, data: () => found.data } : { absent: true }
    },
    save(id, data, { life, changed }) {
      calls.push(`save ${id} ${changed}`)
      kept.set(id, { data, life })
    },
    delete(id) {
      calls.push(`delete ${id}`)
      kept.delete(id)
    },
    ...overrides,
  }
  return { ...engineOn(new LegacyBackend(port, ended, 1000)), port, kept, calls, ended }
}

describe('LegacyBackend', () => {
  it('makes the calls of a peer, with raw ids, and none that are not needed', async () => {
    const { manager, open, begin, calls, clock } = peer()
    const token = await begin({ n: 1 })
    expect(token).toBe('id1')
    const { session, data } = await open(token)
    await manager.commit(session, {})
    data.n = 2
    await manager.commit(session, {})
    clock.advance(2 * MINUTE)
    await manager.commit((await open(token)).session, {})
    await manager.commit(session, {}, { force: true })
    await manager.commit(session, {}, { regenerate: true })
    expect(calls.splice(0)).toEqual([
      'save id1 true',
      'load id1',
      'save id1 true',
      'load id1',
      'save id1 false',
      'save id1 false',
      'delete id1',
      'save id2 false',
    ])
    session.destroyed = true
    expect(await manager.commit(session, {})).toEqual({ action: 'clear' })
    expect(await manager.commit(session, {})).toEqual({ action: 'none' })
    expect(calls).toEqual(['delete id2'])
    await manager.close()
  })

  it('answers at once where the store does', () => {
    const { manager } = peer()
    const session = manager.open('id9', {})
    expect(session).not.toBeInstanceOf(Promise)
    if (!(session instanceof Promise)) expect(manager.commit(session, {}, { force: true })).toMatchObject({ action: 'set' })
  })

  it('shares no object between store, requests and what it compares with', async () => {
    const { manager, open, begin, kept } = peer()
    const given = { nested: { n: 1 } }
    const token = await begin(given)
    given.nested.n = 5
    expect(kept.get(token)?.data).toEqual({ nested: { n: 1 } })
    const [one, two] = [await open(token), await open(token)]
    ;(one.data.nested as Data).n = 2
    expect([two.data, kept.get(token)?.data, (await open(token)).data]).toEqual(Array(3).fill({ nested: { n: 1 } }))
    await manager.commit(one.session, {})
    expect(kept.get(token)?.data).toEqual({ nested: { n: 2 } })
    ;(one.data.nested as Data).n = 3
    expect(kept.get(token)?.data).toEqual({ nested: { n: 2 } })
    await manager.commit(one.session, {})
    expect(kept.get(token)?.data).toEqual({ nested: { n: 3 } })
  })

  it('sees a change inside an instance that it cannot copy, and hands the instance itself to the store', async () => {
    class Cart {
      #items: string[] = []
      add(item: string) {
        this.#items.push(item)
      }
      toJSON() {
        return this.#items
      }
    }
    const { manager, open, begin, kept, calls } = peer()
    const cart = new Cart()
    cart.add('a')
    const token = await begin({ cart })
    expect(kept.get(token)?.data.cart).toBe(cart)
    const { session, data } = await open(token)
    calls.length = 0
    await manager.commit(session, {})
    expect(calls).toEqual([])
    ;(data.cart as Cart).add('b')
    await manager.commit(session, {})
    expect(calls).toEqual(['save id1 true'])
    await manager.commit(session, {})
    ;(data.cart as Cart).add('c')
    await manager.commit(session, {})
    expect(calls).toEqual(['save id1 true', 'save id1 true'])
  })

  it('refuses to save what this process has ended meanwhile, by destroy and by regenerate', async () => {
    for (const end of ['destroy', 'regenerate']) {
      const { manager, open, begin, kept, events } = peer()
      const token = await begin({ n: 1 })
      const [slow, other] = [await open(token), await open(token)]
      other.session.destroyed = end === 'destroy'
      await manager.commit(other.session, {}, { regenerate: end === 'regenerate' })
      slow.data.n = 2
      expect(await manager.commit(slow.session, {})).toEqual({ action: 'none' })
      expect(kept.has(token)).toBe(false)
      expect(events.map(({ name }) => name)).toEqual(['session:gone'])
      slow.data.n = 3
      expect(await manager.commit(slow.session, {}, { force: true })).toEqual({ action: 'none' })
      expect(kept.has(token)).toBe(false)
    }
  })

  it('refuses also to touch and to regenerate it', async () => {
    const { manager, open, begin, kept, clock } = peer()
    const token = await begin({ n: 1 })
    const [touch, regenerate, other] = [await open(token), await open(token), await open(token)]
    other.session.destroyed = true
    await manager.commit(other.session, {})
    clock.advance(2 * MINUTE)
    expect(await manager.commit(touch.session, {})).toEqual({ action: 'none' })
    expect(() => manager.commit(regenerate.session, {}, { regenerate: true })).toThrow(SessionGoneError)
    expect(kept.size).toBe(0)
  })

  it('an id that was ended and is in use again is no longer refused', async () => {
    const { manager, open, begin, kept } = peer({ newId: () => 'same' })
    const first = await open(await begin({ n: 1 }))
    first.session.destroyed = true
    await manager.commit(first.session, {})
    const { session, data } = await open(await begin({ n: 2 }))
    data.n = 3
    await manager.commit(session, {})
    expect(kept.get('same')?.data).toEqual({ n: 3 })
  })

  it('what ends while a load is under way counts as ended after it', async () => {
    const door = gate()
    const life: Life = { createdAt: START, touchedAt: START, idleMs: MINUTE, expiresAt: START + MINUTE }
    const { manager, ended, kept } = peer({
      async load() {
        await door.pass()
        return { wire: {}, life, data: () => ({ n: 1 }) }
      },
    })
    const opening = manager.open('x', {})
    await door.reached
    ended.add('x')
    door.open()
    const session = await opening
    expect(await manager.commit(session, {}, { force: true })).toEqual({ action: 'none' })
    expect(kept.size).toBe(0)
  })

  it.each(['load', 'save', 'delete'] as const)('a store whose %s fails: a typed error, and a second try may succeed', async method => {
    const cause = new Error('no')
    let failing = false
    const setup = peer()
    const original = setup.port[method] as (...args: unknown[]) => unknown
    Object.assign(setup.port, {
      [method]: (...args: unknown[]) => {
        if (failing) throw cause
        return original(...args)
      },
    })
    const { manager, open, begin } = setup
    const token = await begin({ n: 1 })
    const { session, data } = await open(token)
    const work = async () => {
      if (method === 'load') return open(token)
      if (method === 'delete') session.destroyed = true
      data.n = 2
      return manager.commit(session, {})
    }
    failing = true
    await expect(work()).rejects.toMatchObject({ code: 'HOLDFAST_STORE', cause })
    failing = false
    await work()
    const after = (await open(token)).data
    expect(after).toEqual(method === 'load' ? { n: 1 } : method === 'save' ? { n: 2 } : {})
  })
})

describe('EndedIds', () => {
  it('knows what ended after a moment, and not what ended before', () => {
    const ended = new EndedIds()
    const before = ended.now()
    ended.add('a')
    const after = ended.now()
    expect([ended.since('a', before), ended.since('a', after), ended.since('b', before)]).toEqual([true, false, false])
    ended.add('a')
    expect(ended.since('a', after)).toBe(true)
  })

  it('is bounded, and forgets the oldest', () => {
    const ended = new EndedIds()
    for (let i = 0; i < 10_000; i++) ended.add(`id${i}`)
    ended.add('id0')
    ended.add('one more')
    expect([ended.since('id0', 0), ended.since('id1', 0), ended.since('id2', 0), ended.since('one more', 0)]).toEqual([
      true,
      false,
      true,
      true,
    ])
  })
})
