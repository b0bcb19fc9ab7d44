import { describe, expect, it } from 'vitest'
import type { SessionRecord } from '../../../src/core/record.ts'
import { keyOf } from '../../../src/crypto/session-id.ts'
import { engine, HOUR, MINUTE, storeWith, tokenOf } from '../support.ts'

describe('open', () => {
  it.each([
    ['no token', undefined, []],
    ['an empty one', '', []],
    ['an unknown one', 'abc.unknown', ['session:missed']],
  ])('%s: a fresh session, never under that id', async (_, token, events) => {
    const e = engine()
    const { session, data } = await e.open(token)
    expect([session.loaded, data, session.detached]).toEqual([null, {}, false])
    expect(session.id).not.toBe(token)
    expect(e.events.map(({ name }) => name)).toEqual(events)
    data.n = 1
    expect(tokenOf(await e.manager.commit(session, {}))).not.toBe(token)
  })

  it('a forged token reaches no store', async () => {
    const e = engine({ protection: 'signed' })
    const token = await e.begin({ n: 1 })
    e.calls.length = 0
    const { session } = await e.open(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)
    expect([session.loaded, e.calls]).toEqual([null, []])
    expect(e.events).toEqual([{ name: 'session:invalid', reason: 'signature' }])
    expect((await e.open(token)).data).toEqual({ n: 1 })
  })

  it('ends a session at its idle and at its absolute end, whatever the token says', async () => {
    const e = engine()
    const token = await e.begin({ n: 1 })
    e.clock.advance(30 * MINUTE)
    expect(await e.stored(token)).toEqual({ n: 1 })
    e.clock.advance(1)
    expect(await e.stored(token)).toBeNull()
    const used = await e.begin({ n: 2 })
    for (let at = 0; at < 12 * HOUR; at += 20 * MINUTE) {
      const { session, data } = await e.open(used)
      data.at = at
      await e.manager.commit(session, {})
      e.clock.advance(20 * MINUTE)
    }
    expect(await e.stored(used)).not.toBeNull()
    e.clock.advance(1)
    expect(await e.stored(used)).toBeNull()
  })

  it('a store that keeps what has expired gains nobody a session', async () => {
    const e = engine()
    const token = await e.begin({ n: 1 })
    const kept = (await e.store.load(keyOf('sid', token))) as SessionRecord
    const lax = engine({ store: storeWith(e.store, { load: async () => kept }), clock: e.clock })
    e.clock.advance(31 * MINUTE)
    const { session } = await lax.open(token)
    expect(session.loaded).toBeNull()
    expect(lax.events).toEqual([{ name: 'session:expired', reason: 'idle', id: token, value: { n: 1 } }])
  })

  it.each(['oops', '', '[1]', 'null', '"text"', '{"a":'])('a record whose data are %j is a fresh session and an event', async data => {
    const e = engine()
    const token = await e.begin({ n: 1 })
    const kept = (await e.store.load(keyOf('sid', token))) as SessionRecord
    const odd = engine({ store: storeWith(e.store, { load: async () => ({ ...kept, data }) }), clock: e.clock })
    const { session, data: own } = await odd.open(token)
    expect([session.loaded, own]).toEqual([null, {}])
    expect(odd.events.map(({ name }) => name)).toEqual(['session:malformed'])
  })

  it.each([[async () => false], [() => false], [async () => undefined], [() => 0]])('valid may refuse, at once or later', async valid => {
    const seen: unknown[] = []
    const e = engine({
      valid: (_, wire) => {
        seen.push(wire)
        return valid()
      },
    })
    const token = await e.begin({ n: 1 })
    expect((await e.open(token)).session.loaded).toBeNull()
    expect(seen).toEqual([{ n: 1 }])
    expect(e.events).toEqual([{ name: 'session:invalid', reason: 'rejected', id: token, value: { n: 1 } }])
  })

  it.each([[async () => true], [() => 'yes']])('valid may accept, and its error is the handler’s', async valid => {
    const e = engine({ valid })
    expect((await e.open(await e.begin({ n: 1 }))).data).toEqual({ n: 1 })
    const failing = engine({ valid: () => Promise.reject(new RangeError('mine')), store: e.store, clock: e.clock })
    await expect(failing.open(await e.begin({ n: 1 }))).rejects.toEqual(new RangeError('mine'))
  })
})
