import { describe, expect, it } from 'vitest'
import { CookieBackend, type CookieFormat } from '../../../src/backends/cookie.ts'
import { nativeFormat } from '../../../src/backends/native-format.ts'
import { engineOn, MINUTE, policy, tokenOf } from '../support.ts'

const engine = (format: CookieFormat = nativeFormat, part = {}) => engineOn(new CookieBackend(format), part)

describe('CookieBackend', () => {
  it('opens and commits synchronously: no promise anywhere', () => {
    const { manager } = engine()
    expect(manager.eager).toBe(false)
    const session = manager.open(undefined, {})
    if (session instanceof Promise) throw new Error('a promise')
    session.hold({ a: 1 }, () => {})
    const result = manager.commit(session, {})
    if (result instanceof Promise) throw new Error('a promise')
    const again = manager.open(tokenOf(result), {})
    expect(again instanceof Promise ? undefined : again.take()).toEqual({ a: 1 })
    expect(again instanceof Promise ? undefined : again.id).toBeUndefined()
  })

  it('each write needs a new token, and no change needs none', async () => {
    const { manager, open, begin, clock } = engine(nativeFormat, { policy: policy({ touch: 10 * MINUTE }) })
    const token = await begin({ n: 1 })
    const { session, data } = await open(token)
    expect(await manager.commit(session, {})).toEqual({ action: 'none' })
    data.n = 2
    const second = tokenOf(await manager.commit(session, {}))
    expect(second).not.toBe(token)
    expect(await manager.commit(session, {})).toEqual({ action: 'none' })
    clock.advance(MINUTE)
    data.n = 3
    expect(tokenOf(await manager.commit(session, {}))).not.toBe(second)
  })

  it('a touch that is due issues it again with a longer life', async () => {
    const { manager, open, begin, clock } = engine()
    const token = await begin({ n: 1 })
    clock.advance(20 * MINUTE)
    const touched = tokenOf(await manager.commit((await open(token)).session, {}))
    clock.advance(20 * MINUTE)
    expect((await open(token)).session.loaded).toBeNull()
    expect((await open(touched)).data).toEqual({ n: 1 })
  })

  it('what was written is shared with nobody', async () => {
    const { manager, open, begin } = engine()
    const { session, data } = await open(await begin({ list: [1] }))
    ;(data.list as number[]).push(2)
    await manager.commit(session, {})
    ;(session.take().list as number[]).push(3)
    expect([data, session.take()]).toEqual([{ list: [1, 2] }, { list: [1, 2] }])
  })

  it('ends by clearing; regenerate writes it anew', async () => {
    const { manager, open, begin } = engine()
    const token = await begin({ n: 1 })
    const { session } = await open(token)
    session.destroyed = true
    expect(await manager.commit(session, {})).toEqual({ action: 'clear' })
    const again = (await open(token)).session
    expect((await manager.commit(again, {}, { regenerate: true })).action).toBe('none')
    const fresh = await open()
    expect((await manager.commit(fresh.session, {}, { regenerate: true })).action).toBe('set')
    await manager.close()
  })

  it('what its format cannot read is a fresh session, what it throws reaches the handler', async () => {
    const { open, events, manager } = engine()
    expect((await open('garbage')).session.loaded).toBeNull()
    expect(events).toEqual([{ name: 'session:malformed', reason: 'malformed', id: undefined }])
    const failing = engine({
      ...nativeFormat,
      decode: () => {
        throw new RangeError('mine')
      },
    })
    expect(() => failing.manager.open('x', {})).toThrow(new RangeError('mine'))
    expect(manager.open(undefined, {})).not.toBeInstanceOf(Promise)
  })

  it('an answer of a hook that comes later is refused, not taken for a yes', async () => {
    const hooks = { valid: async () => true, beforeSave: async () => undefined }
    const { begin } = engine()
    const token = await begin({ n: 1 })
    expect(() => engine(nativeFormat, { valid: hooks.valid }).manager.open(token, {})).toThrow(
      expect.objectContaining({ code: 'HOLDFAST_ASYNC_HOOK' }),
    )
    const { manager, open } = engine(nativeFormat, { beforeSave: hooks.beforeSave })
    const { session, data } = await open(token)
    data.n = 2
    expect(() => manager.commit(session, {})).toThrow(expect.objectContaining({ code: 'HOLDFAST_ASYNC_HOOK' }))
  })

  it('a hook that rejects as well is no unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    try {
      const token = await engine().begin({ n: 1 })
      const { manager } = engine(nativeFormat, { valid: () => Promise.reject(new Error('later')) })
      expect(() => manager.open(token, {})).toThrow(expect.objectContaining({ code: 'HOLDFAST_ASYNC_HOOK' }))
      await new Promise(resolve => setImmediate(resolve))
    } finally {
      process.off('unhandledRejection', note)
    }
    expect(unhandled).toEqual([])
  })

  it('a token that no browser would keep is refused, and nothing counts as written', async () => {
    const tooLong = () => {
      throw new RangeError('too long')
    }
    const { manager, open } = engine(nativeFormat, { checkToken: tooLong })
    const { session, data } = await open()
    data.n = 1
    expect(() => manager.commit(session, {})).toThrow('too long')
    expect(session.loaded).toBeNull()
    expect(() => manager.commit(session, {})).toThrow('too long')
  })
})
