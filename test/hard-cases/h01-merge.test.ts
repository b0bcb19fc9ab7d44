import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Data } from '../../src/core/json.ts'
import { merge } from '../../src/core/merge.ts'
import { gate, holdfastStores, type Mode, type Site, type Turn, tellAll, type Visitor } from '../promises/support.ts'
import { type Open, table } from '../promises/table.ts'

type Change = (turn: Turn) => unknown

/**
 * Two requests of one visitor that both load the same session; then `first` commits, then `second`. Gives what is stored
 * afterwards, and what the second one was told.
 */
async function race(open: Open, mode: Mode, base: object, first: Change, second: Change, options = {}) {
  const doors = { first: gate(), second: gate() }
  const held = (name: 'first' | 'second', change: Change) => async (turn: Turn) => {
    // The session is read before the barrier: both start from the same base.
    JSON.stringify(turn.session)
    await doors[name].pass()
    await change(turn)
    return 'done'
  }
  const site: Site = await open({
    [mode.native ? 'native' : 'options']: options,
    routes: {
      '/in': turn => void Object.assign(turn.session, base),
      '/first': held('first', first),
      '/second': held('second', second),
      '/read': tellAll,
    },
  })
  const visitor: Visitor = site.visitor()
  await visitor.get('/in')
  const answers = [visitor.get('/first'), visitor.get('/second')] as const
  await Promise.all([doors.first.reached, doors.second.reached])
  doors.first.open()
  const one = await answers[0]
  doors.second.open()
  const two = await answers[1]
  return { stored: JSON.parse((await visitor.get('/read')).body) as Data, one, two, site }
}

const setMfa: Change = turn => {
  turn.session.mfa = true
}
const asBob: Change = turn => {
  turn.session.userId = 'bob'
  turn.session.mfa = false
}
const dropUser: Change = turn => {
  delete turn.session.user
}
const see: Change = turn => {
  turn.session.user.lastSeen = 1
}

table(holdfastStores, (open, mode) => {
  const base = { userId: 'alice', mfa: false, cart: { a: 1 } }

  it.each([
    ['mfa, then another user', setMfa, asBob, { userId: 'alice', mfa: true }],
    ['another user, then mfa', asBob, setMfa, { userId: 'bob', mfa: false }],
  ] as const)('H1: a state that no request wrote is never made: %s', async (_name, first, second, guarded) => {
    const { stored, site } = await race(open, mode, base, first, second)
    expect({ userId: stored.userId, mfa: stored.mfa }).toEqual(guarded)
    expect(site.events.map(({ name, event }) => [name, event.reason])).toEqual([['session:conflict', 'guarded']])
  })

  it.each([
    ['the logout first', dropUser, see],
    ['the late write first', see, dropUser],
  ] as const)('H1: a deleted user does not come back through a write below it: %s', async (_name, first, second) => {
    const { stored } = await race(open, mode, { user: { name: 'ann' }, cart: 1 }, first, second, { guard: [] })
    expect(stored).toEqual({ cart: 1 })
  })

  it('H1: what only the other one changed survives beside a guarded change', async () => {
    const addToCart: Change = turn => {
      turn.session.cart.b = 2
    }
    const { stored } = await race(open, mode, base, addToCart, asBob)
    expect(stored).toEqual({ userId: 'bob', mfa: false, cart: { a: 1, b: 2 } })
  })

  it("H1: with onGone 'error' the one whose changes are dropped is told 409", async () => {
    const { one, two, stored } = await race(open, mode, base, setMfa, asBob, { onGone: 'error' })
    expect([one.status, two.status]).toEqual([200, 409])
    expect(stored).toMatchObject({ userId: 'alice', mfa: true })
  })

  it('H1: update() runs on theirs only if the guarded values are those that it started from', async () => {
    let runs = 0
    const update: Change = turn =>
      turn.session.update((draft: Data) => {
        runs++
        draft.admin = draft.userId
      })
    const { stored, two } = await race(open, mode, base, asBob, update)
    expect(stored).toEqual({ userId: 'bob', mfa: false, cart: { a: 1 } })
    expect([two.status, runs]).toEqual([409, 1])
  })
})

describe('H1: the guarded values of a merge', () => {
  const guard = ['userId', 'mfa', 'roles']
  const value = fc.constantFrom<unknown>(undefined, 'alice', 'bob', false, true, ['admin'], [], { a: 1 }, null)
  const data = fc
    .record({ userId: value, mfa: value, roles: value, cart: value, n: fc.integer({ min: 0, max: 2 }) })
    .map(record => JSON.parse(JSON.stringify(record)) as Data)
  const guarded = (from: Data) => JSON.stringify(Object.fromEntries(guard.filter(key => key in from).map(key => [key, from[key]])))

  it('are, together, mine or theirs', () => {
    fc.assert(
      fc.property(data, data, data, (base, mine, theirs) => {
        const result = merge(base, mine, theirs, guard, 'merge')
        if (result.outcome !== 'merged') return guarded(theirs) !== guarded(base)
        return [guarded(mine), guarded(theirs)].includes(guarded(result.data))
      }),
      { numRuns: 2000 },
    )
  })
})
