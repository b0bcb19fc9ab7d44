// One request's commits, on a Holdfast store. How a session ends is in manager-ends.test.ts, what overlapping requests do to each other
// in manager-races.test.ts.
import { describe, expect, it } from 'vitest'
import { SessionStoreError } from '../../../src/core/errors.ts'
import type { Data } from '../../../src/core/json.ts'
import type { SessionStore } from '../../../src/core/store.ts'
import { SignedCodec } from '../../../src/crypto/signed.ts'
import { fixedKeys } from '../crypto/keys.ts'
import { DAY, engine, MINUTE, policy, START, secret, storeWith, tokenOf } from '../support.ts'

describe('commit', () => {
  it('writes what changed, once, and gives a token for a new session only', async () => {
    const e = engine()
    const { session, data } = await e.open()
    expect(await e.manager.commit(session, {})).toEqual({ action: 'none' })
    data.n = 1
    const token = tokenOf(await e.manager.commit(session, {}))
    expect(await e.manager.commit(session, {})).toEqual({ action: 'none' })
    data.n = 2
    expect(await e.manager.commit(session, {})).toEqual({ action: 'none' })
    data.n = 2
    expect(await e.manager.commit(session, {})).toEqual({ action: 'none' })
    expect(e.calls).toEqual(['create', 'save'])
    expect(await e.stored(token)).toEqual({ n: 2 })
    expect(session.id).toBe(token)
  })

  it('sees a change below the top, a removal and another order of keys', async () => {
    const e = engine()
    const token = await e.begin({ a: { b: [1] }, c: 1 })
    const changes: ((data: Data) => unknown)[] = [
      data => (data.a as { b: number[] }).b.push(2),
      data => delete data.c,
      data => Object.assign(data, { x: 1 }),
      data => {
        const { a } = data
        delete data.a
        data.a = a
      },
    ]
    for (const change of changes) {
      const { session, data } = await e.open(token)
      e.calls.length = 0
      change(data)
      await e.manager.commit(session, {})
      expect(e.calls).toEqual(['save'])
    }
    expect(await e.stored(token)).toEqual({ a: { b: [1, 2] }, x: 1 })
  })

  it('what nobody opened is neither parsed nor written', async () => {
    const e = engine()
    const token = await e.begin({ n: 1 })
    const session = await e.manager.open(token, {})
    e.calls.length = 0
    expect(await e.manager.commit(session, {})).toEqual({ action: 'none' })
    expect(e.calls).toEqual([])
  })

  it('a touch that is due is one call, at most once in its interval, and changes no data', async () => {
    const e = engine({ policy: policy({ touch: MINUTE }) })
    const token = await e.begin({ n: 1 })
    e.calls.length = 0
    for (let i = 0; i < 10; i++) {
      e.clock.advance(10_000)
      const { session } = await e.open(token)
      await e.manager.commit(session, {})
      await e.manager.commit(session, {})
    }
    expect(e.calls.filter(call => call === 'touch').length).toBe(1)
    expect(e.calls.filter(call => call === 'save')).toEqual([])
    e.clock.advance(29 * MINUTE)
    expect(await e.stored(token)).toEqual({ n: 1 })
  })

  it('what was written or touched once is not touched again in the same request', async () => {
    const e = engine({ policy: policy({ touch: 'always' }) })
    const { session, data } = await e.open(await e.begin({ n: 1 }))
    e.calls.length = 0
    await e.manager.commit(session, {})
    await e.manager.commit(session, {})
    data.n = 2
    await e.manager.commit(session, {})
    await e.manager.commit(session, {})
    expect(e.calls).toEqual(['touch', 'save'])
  })

  it('a session that expired meanwhile is not revived by a touch', async () => {
    const e = engine()
    const { session } = await e.open(await e.begin({ n: 1 }))
    e.clock.advance(31 * MINUTE)
    expect(await e.manager.commit(session, {})).toEqual({ action: 'none' })
    expect(await e.stored(session.id as string)).toBeNull()
    expect(session.detached).toBe(true)
  })

  it('what JSON cannot write is a typed error that names the key, and nothing is stored', async () => {
    const e = engine()
    const { session, data } = await e.open()
    Object.assign(data, { fine: 1, big: 1n })
    await expect((async () => e.manager.commit(session, {}))()).rejects.toMatchObject({
      code: 'HOLDFAST_DATA',
      message: expect.stringContaining('"big"'),
    })
    expect(e.calls).toEqual([])
    delete data.big
    expect((await e.manager.commit(session, {})).action).toBe('set')
  })

  it('the token goes out again with an expiry while the session has a life of its own', async () => {
    const e = engine({ policy: policy({ absoluteMs: null }) })
    const { session, data } = await e.open()
    session.maxAge = 30 * DAY
    data.n = 1
    expect(await e.manager.commit(session, {})).toEqual({ action: 'set', token: session.id, expiresAt: START + 30 * DAY })
    e.clock.advance(2 * DAY)
    const again = await e.open(session.id)
    again.data.n = 2
    expect(await e.manager.commit(again.session, {})).toEqual({ action: 'set', token: session.id, expiresAt: START + 32 * DAY })
    const third = await e.open(session.id)
    third.session.maxAge = undefined
    expect(await e.manager.commit(third.session, {}, { force: true })).toEqual({ action: 'none' })
    expect((await e.open(session.id)).session.life).toMatchObject({ idleMs: 30 * MINUTE })
    expect((await e.open(session.id)).session.maxAge).toBeUndefined()
  })

  it("with 'on-save' each save hands the token out, and a mere read does not", async () => {
    const e = engine({ reissue: 'on-save' })
    const token = await e.begin({ n: 1 })
    const { session, data } = await e.open(token)
    expect(await e.manager.commit(session, {})).toEqual({ action: 'none' })
    data.n = 2
    expect(await e.manager.commit(session, {})).toEqual({ action: 'set', token })
  })

  it('commits of one session follow each other, and a failed one does not hold up the next', async () => {
    const e = engine()
    const running: string[] = []
    let fail = true
    const save: SessionStore['save'] = async (...args) => {
      running.push('in')
      await Promise.resolve()
      running.push('out')
      if (fail) {
        fail = false
        throw new SessionStoreError('save', { cause: new Error('once') })
      }
      return e.store.save(...args)
    }
    const store = storeWith(e.store, { save })
    const slow = engine({ store, clock: e.clock })
    const { session, data } = await slow.open(await slow.begin({ n: 0 }))
    data.a = 1
    const first = slow.manager.commit(session, {})
    data.b = 2
    const second = slow.manager.commit(session, {}, { force: true })
    const third = slow.manager.commit(session, {})
    await expect(first).rejects.toMatchObject({ code: 'HOLDFAST_STORE' })
    await Promise.all([second, third])
    expect(running).toEqual(['in', 'out', 'in', 'out'])
    expect(await slow.stored(session.id as string)).toEqual({ n: 0, a: 1, b: 2 })
  })

  it.each([[async () => undefined], [() => undefined]])(
    'beforeSave may change the session, at once or later, and comes only before a write',
    async wait => {
      let asked = 0
      const e = engine({
        beforeSave: async (_, session) => {
          asked++
          await wait()
          Object.assign(holders.get(session) ?? {}, { stamp: asked })
        },
      })
      const holders = new WeakMap<object, object>()
      const { session, data } = await e.open()
      holders.set(session, data)
      await e.manager.commit(session, {})
      expect(asked).toBe(0)
      data.n = 1
      const token = tokenOf(await e.manager.commit(session, {}))
      expect(await e.stored(token)).toEqual({ n: 1, stamp: 1 })
    },
  )

  it('a token under an older key is issued again under the newest (promise 22)', async () => {
    const keys = [secret(1)]
    const e = engine({ protection: 'signed', keys: () => keys })
    const old = await e.begin({ n: 1 })
    keys.unshift(secret(2))
    const { session } = await e.open(old)
    const reissued = tokenOf(await e.manager.commit(session, {}))
    expect(new SignedCodec(fixedKeys([secret(2)]), { scope: 'sid', now: e.clock.now }).decode(reissued)?.value).toBe(session.id)
    expect(await e.manager.commit(session, {})).toEqual({ action: 'none' })
    expect((await e.open(reissued)).data).toEqual({ n: 1 })
    expect(await e.manager.commit((await e.open(reissued)).session, {})).toEqual({ action: 'none' })
  })
})
