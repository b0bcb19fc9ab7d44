import { expect, it } from 'vitest'
import { nativeFormat } from '../../src/backends/native-format.ts'
import type { KeyInput } from '../../src/crypto/keyring.ts'
import { clock, DAY, engine, hold, MINUTE, secret, tokenOf } from './support.ts'

const inCookie = { place: { in: 'cookie', format: nativeFormat }, protection: 'sealed' } as const

it('a provider is awaited once before the first opening; from then on the session is synchronous', async () => {
  let asked = 0
  const keys = {
    load: async () => {
      asked++
      return [secret(1)]
    },
  }
  const { manager } = engine({ ...inCookie, keys })
  expect(manager.eager).toBe(true)
  const session = await manager.open(undefined, {})
  expect([manager.eager, asked]).toEqual([false, 1])
  Object.assign(hold(session), { user: 'ann' })
  const token = tokenOf(await manager.commit(session, {}))
  const again = manager.open(token, {})
  expect('then' in again).toBe(false)
  expect((await again).take()).toEqual({ user: 'ann' })
  await manager.close()
})

it('a provider that fails fails the request with the typed error, not with a fresh session', async () => {
  const { manager } = engine({ ...inCookie, keys: { load: () => Promise.reject(new Error('down')) } })
  await expect(manager.open('x', {})).rejects.toMatchObject({ code: 'HOLDFAST_KEYS' })
  await expect(manager.open(undefined, {})).rejects.toMatchObject({ code: 'HOLDFAST_KEYS' })
})

it('H6 through the engine: forged under a leaked key, issued again under the new one, refused once it is revoked', async () => {
  let keys: KeyInput[] = [secret(1)]
  const e = engine({ ...inCookie, keys: () => keys })
  const forged = await e.begin({ user: 'admin' })
  keys = [secret(2), secret(1)]
  const { session } = await e.open(forged)
  const reissued = tokenOf(await e.manager.commit(session, {}))
  expect((await e.open(reissued)).data).toEqual({ user: 'admin' })
  // Nor does a new id wash it.
  e.clock.advance(MINUTE)
  const regenerated = tokenOf(await e.manager.commit(session, {}, { regenerate: true }))
  keys = [secret(2), { secret: secret(1), revoked: true }]
  for (const token of [forged, reissued, regenerated]) expect((await e.open(token)).data).toEqual({})
})

it.each(['sealed', 'signed'] as const)('rejectIssuedBefore through the engine: %s', async protection => {
  let limit: number | undefined
  const time = clock()
  const e = engine({ ...(protection === 'sealed' ? inCookie : { protection }), clock: time, rejectIssuedBefore: () => limit })
  const old = await e.begin({ user: 'ann' })
  time.advance(5 * MINUTE)
  const { session, data } = await e.open(old)
  data.n = 1
  const result = await e.manager.commit(session, {})
  limit = time.now()
  for (const token of [old, result.token ?? old]) expect((await e.open(token)).data).toEqual({})
  expect((await e.open(await e.begin({ user: 'ann' }))).data).toEqual({ user: 'ann' })
})

it('an envelope that has ended is an expired session, told as such', async () => {
  const time = clock()
  const e = engine({ ...inCookie, clock: time })
  const token = await e.begin({ user: 'ann' })
  time.advance(31 * MINUTE)
  expect((await e.open(token)).data).toEqual({})
  expect(e.events.map(({ name, reason }) => [name, reason])).toEqual([['session:expired', 'idle']])
  time.advance(DAY)
  expect((await e.open(token)).data).toEqual({})
})
