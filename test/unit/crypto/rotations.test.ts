import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TokenCodec } from '../../../src/core/backend.ts'
import type { KeyInput } from '../../../src/crypto/keyring.ts'
import { SealedCodec } from '../../../src/crypto/sealed.ts'
import { SignedCodec } from '../../../src/crypto/signed.ts'
import { clock, DAY, HOUR, START, secret } from '../support.ts'
import { fixedKeys } from './keys.ts'

type State = 'active' | 'revoked' | 'removed'

/** What an operator may do to a site's keys, and a browser with its token. */
const step = fc.oneof(
  fc.record({ act: fc.constant('add' as const) }),
  fc.record({ act: fc.constantFrom('revoke' as const, 'remove' as const), nth: fc.nat(5) }),
  fc.record({ act: fc.constantFrom('visit' as const, 'begin' as const), nth: fc.nat(5) }),
)

const kinds: Array<[string, (keys: () => KeyInput[], now: () => number) => TokenCodec]> = [
  ['sealed', (keys, now) => new SealedCodec(fixedKeys(keys), { scope: 'sid', longestLifeMs: 400 * DAY, now })],
  ['signed', (keys, now) => new SignedCodec(fixedKeys(keys), { scope: 'sid', now })],
]

describe.each(kinds)('any order of rotations: %s', (_kind, make) => {
  it('the newest active key writes, all active ones read, and a revoked origin ends its whole line', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), steps => {
        const time = clock()
        // Newest first. What is removed is no longer known, and so its re-issues live on.
        const keys: Array<{ n: number; state: State }> = [{ n: 0, state: 'active' }]
        const inputs = () =>
          keys.filter(({ state }) => state !== 'removed').map(({ n, state }) => ({ secret: secret(n), revoked: state === 'revoked' }))
        const codec = make(inputs, time.now)
        const stateOf = (n: number) => keys.find(key => key.n === n)?.state
        const newest = () => keys.find(({ state }) => state === 'active')?.n as number
        const active = () => keys.filter(({ state }) => state === 'active').length
        const tokens: Array<{ token: string; key: number; origin: number; bornAt: number }> = []
        const begin = () =>
          tokens.push({ token: codec.encode('x', undefined, START + 400 * DAY), key: newest(), origin: newest(), bornAt: time.now() })
        begin()
        for (const { act, ...more } of steps) {
          time.advance(HOUR)
          const nth = 'nth' in more ? more.nth : 0
          if (act === 'add') keys.unshift({ n: keys.length, state: 'active' })
          else if (act === 'begin') begin()
          else if (act === 'visit') {
            const held = tokens[nth % tokens.length] as (typeof tokens)[number]
            const decoded = codec.decode(held.token)
            if (decoded?.stale) Object.assign(held, { token: codec.encode(decoded.value, decoded.line, START + 400 * DAY), key: newest() })
          } else {
            const key = keys[nth % keys.length] as (typeof keys)[number]
            // The last one that writes stays; what was removed stays so.
            if (key.state === 'active' && active() === 1) continue
            if (key.state !== 'removed') key.state = act === 'revoke' ? 'revoked' : 'removed'
          }
          for (const { token, key, origin, bornAt } of tokens) {
            const decoded = codec.decode(token)
            const reads = stateOf(key) === 'active' && stateOf(origin) !== 'revoked'
            expect(decoded !== null).toBe(reads)
            if (decoded) expect([decoded.stale, decoded.line.bornAt]).toEqual([key !== newest(), bornAt])
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  it('H6: forged under a leaked old key, re-issued under new ones, and refused once the old one is revoked', () => {
    const time = clock()
    let keys: KeyInput[] = [secret(1)]
    const site = make(() => keys, time.now)
    // The forger has the leaked key, and chooses the beginning of the line as well.
    const forged = make(() => [secret(1)], time.now).encode('{"user":"admin"}', undefined, START + 400 * DAY)
    const reissues = [forged]
    for (const n of [2, 3, 4]) {
      time.advance(DAY)
      keys = [secret(n), ...keys]
      const decoded = site.decode(reissues.at(-1) as string)
      expect(decoded?.stale).toBe(true)
      reissues.push(site.encode(decoded?.value as string, decoded?.line, START + 400 * DAY))
    }
    const honest = site.encode('{"user":"ann"}', undefined, START + 400 * DAY)
    keys = keys.map(key => (key === secret(1) ? { secret: key, revoked: true } : key))
    expect(reissues.map(token => site.decode(token))).toEqual([null, null, null, null])
    expect(site.decode(honest)?.value).toBe('{"user":"ann"}')
  })
})
