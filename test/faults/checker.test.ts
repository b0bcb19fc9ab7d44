// The checker itself: it finds what it is for, by hand, at random and in real processes, and finds nothing where nothing is wrong.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { check, type Judgement, told } from './check.ts'
import type { Operation } from './history.ts'
import { type Client, run, type Step, stores } from './model.ts'

const BASE = { session: 's', token: 0, worker: 0 }
type Given = Pick<Operation, 'kind'> & Partial<Operation>

/** An operation from one moment to another; acknowledged unless told. */
function at(invoked: number, returned: number, given: Given): Operation {
  return { ...BASE, outcome: 'acknowledged', ...given, invoked, returned }
}
const opened = at(0, 1, { kind: 'open' })
const write = (invoked: number, returned: number, value: string, more: Partial<Operation> = {}) =>
  at(invoked, returned, { kind: 'write', field: 'a', value, ...more })
const read = (invoked: number, returned: number, a: string | undefined, more: Partial<Operation> = {}) =>
  at(invoked, returned, { kind: 'read', saw: { name: 's', ...(a !== undefined && { a }) }, ...more })
const bump = (invoked: number, returned: number, count: number | undefined, more: Partial<Operation> = {}) =>
  at(invoked, returned, { kind: 'bump', ...(count !== undefined && { count }), ...more })
const counted = (invoked: number, returned: number, n: number) => at(invoked, returned, { kind: 'read', saw: { name: 's', n } })
const denied = (invoked: number, returned: number, more: Partial<Operation> = {}) =>
  at(invoked, returned, { kind: 'read', outcome: 'refused', gone: true, ...more })
const FOREVER = Number.POSITIVE_INFINITY
const unknown = { outcome: 'unknown', error: 'ECONNRESET' } as const
const refused = { outcome: 'refused', error: 'HOLDFAST_STORE (not-applied)' } as const

type Verdicts = [lost: number, resurrected: number, strange: number]
const counts = ({ lost, resurrected, strange }: Judgement): Verdicts => [lost.length, resurrected.length, strange.length]

const byHand: Record<string, [name: string, history: Operation[], verdicts: Verdicts][]> = {
  'a field': [
    ['an acknowledged write is seen', [write(2, 3, 'x'), read(4, 5, 'x')], [0, 0, 0]],
    ['an acknowledged write is not seen', [write(2, 3, 'x'), read(4, 5, undefined)], [1, 0, 0]],
    ['it was overwritten by a later one', [write(2, 3, 'x'), write(4, 5, 'y'), read(6, 7, 'y')], [0, 0, 0]],
    ['the later one is not seen', [write(2, 3, 'x'), write(4, 5, 'y'), read(6, 7, 'x')], [1, 0, 0]],
    ['of two that overlap either may be the later', [write(2, 5, 'x'), write(3, 4, 'y'), read(6, 7, 'x')], [0, 0, 0]],
    ['a read that overlaps a write may see it', [write(2, 5, 'x'), read(3, 4, 'x')], [0, 0, 0]],
    ['or not', [write(2, 5, 'x'), read(3, 4, undefined)], [0, 0, 0]],
    ['but what was seen once is seen from then on', [write(2, 9, 'x'), read(3, 4, 'x'), read(5, 6, undefined)], [1, 0, 0]],
    [
      'a value that was overwritten does not come again',
      [write(2, 9, 'x'), write(2, 9, 'y'), read(3, 4, 'x'), read(5, 6, 'y'), read(7, 8, 'x')],
      [1, 0, 0],
    ],
    ['a write of which nothing is known may not be there', [write(2, 9, 'x', unknown), read(10, 11, undefined)], [0, 0, 0]],
    ['or come late', [write(2, 9, 'x', unknown), read(10, 11, undefined), read(12, 13, 'x')], [0, 0, 0]],
    ['also after others', [write(2, 3, 'x', unknown), write(4, 5, 'y'), read(6, 7, 'y'), read(8, 9, 'x')], [0, 0, 0]],
    ['but once it has come, it has come', [write(2, 3, 'x', unknown), read(4, 5, 'x'), write(6, 7, 'y'), read(8, 9, 'x')], [1, 0, 0]],
    ['one that is still under way is such a one', [write(2, FOREVER, 'x', { outcome: 'unknown' }), read(4, 5, 'x')], [0, 0, 0]],
    ['a refused write is not there', [write(2, 3, 'x', refused), read(4, 5, undefined)], [0, 0, 0]],
    ['a refused write is there', [write(2, 3, 'x', refused), read(4, 5, 'x')], [0, 0, 1]],
    ['a value that nobody wrote', [read(4, 5, 'x')], [0, 0, 1]],
    ['a value that nobody wrote to a field that is written', [write(2, 3, 'y'), read(4, 5, 'x')], [0, 0, 1]],
    ['a value before it was written', [read(2, 3, 'x'), write(4, 5, 'x')], [0, 0, 1]],
    ['the data of another session', [at(2, 3, { kind: 'read', saw: { name: 't' } })], [0, 0, 1]],
  ],
  'the counter': [
    ['each increment counts', [bump(2, 5, 1), bump(3, 4, 2), counted(6, 7, 2)], [0, 0, 0]],
    ['two made it the same', [bump(2, 5, 1), bump(3, 4, 1)], [1, 0, 0]],
    ['one that was acknowledged is missing in the end', [bump(2, 3, 1), counted(4, 5, 0), counted(6, 7, 0)], [1, 0, 0]],
    ['one of which nothing is known counts', [bump(2, 3, undefined, unknown), counted(4, 5, 1)], [0, 0, 0]],
    ['or does not', [bump(2, 3, undefined, unknown), counted(4, 5, 0)], [0, 0, 0]],
    ['but not twice', [bump(2, 3, undefined, unknown), counted(4, 5, 2)], [0, 0, 1]],
    ['a refused one does not', [bump(2, 3, undefined, refused), counted(4, 5, 1)], [0, 0, 1]],
    ['it goes back', [bump(2, 9, undefined, unknown), counted(3, 4, 1), counted(5, 6, 0)], [1, 0, 0]],
    ['an increment made it less than it was', [bump(2, 3, 1), bump(2, 3, 2), bump(4, 5, 2)], [1, 0, 0]],
  ],
  'a token': [
    ['is worth nothing after a logout', [at(2, 3, { kind: 'logout' }), denied(4, 5)], [0, 0, 0]],
    ['is read by after a logout', [at(2, 3, { kind: 'logout' }), read(4, 5, undefined)], [0, 1, 0]],
    ['is written by after a logout', [at(2, 3, { kind: 'logout' }), write(4, 5, 'x')], [0, 1, 0]],
    ['is written by while a logout is under way', [at(2, 5, { kind: 'logout' }), write(3, 6, 'x')], [0, 0, 0]],
    ['lives after a logout that failed', [at(2, 3, { kind: 'logout', ...unknown }), read(4, 5, undefined)], [0, 0, 0]],
    ['or does not', [at(2, 3, { kind: 'logout', ...unknown }), denied(4, 5)], [0, 0, 0]],
    [
      'gives way to the next one',
      [at(2, 3, { kind: 'regenerate', next: 1 }), denied(4, 5), read(4, 5, undefined, { token: 1 })],
      [0, 0, 0],
    ],
    ['lives on beside the next one', [at(2, 3, { kind: 'regenerate', next: 1 }), read(4, 5, undefined)], [0, 1, 0]],
    ['has two that follow it', [at(2, 4, { kind: 'regenerate', next: 1 }), at(3, 5, { kind: 'regenerate', next: 2 })], [0, 0, 1]],
    ['is unknown, though nobody has ended it', [denied(4, 5)], [1, 0, 0]],
    ['is unknown, once a new id was asked for', [at(2, 3, { kind: 'regenerate', ...unknown }), denied(4, 5)], [0, 0, 0]],
    ['is unknown, and a new id was refused', [at(2, 3, { kind: 'regenerate', ...refused }), denied(4, 5)], [1, 0, 0]],
    [
      'is unknown after its predecessor logged out',
      [at(2, 9, { kind: 'regenerate', next: 1 }), at(3, 8, { kind: 'logout' }), denied(10, 11, { token: 1 })],
      [0, 0, 0],
    ],
    ['was dead and lives', [at(2, 3, { kind: 'logout', ...unknown }), denied(4, 5), read(6, 7, undefined)], [0, 1, 0]],
  ],
}

describe.each(Object.entries(byHand))('%s', (_, cases) => {
  it.each(cases)('%s', (_name, history, verdicts) => {
    const judgement = check([opened, ...history])
    expect(counts(judgement), told([...judgement.lost, ...judgement.resurrected, ...judgement.strange])).toEqual(verdicts)
  })
})

describe('a session with a short life', () => {
  const short = (last: Operation) => [at(0, 1, { kind: 'open', lives: 3000 }), last]
  it.each<[string, Operation, Verdicts]>([
    ['is served in time', read(2900, 2901, undefined), [0, 0, 0]],
    ['is served long after its time', read(5000, 5001, undefined), [0, 1, 0]],
    ['is gone in its time', denied(5000, 5001), [0, 0, 0]],
    ['is gone before its time', denied(500, 501), [1, 0, 0]],
  ])('%s', (_name, last, verdicts) => expect(counts(check(short(last)))).toEqual(verdicts))
})

it('counts what was acknowledged, and each error', () => {
  const history = [opened, write(2, 3, 'x', unknown), write(2, 3, 'y', unknown), bump(2, 3, undefined, refused)]
  expect(check(history)).toMatchObject({ acknowledged: 1, errors: { ECONNRESET: 2, 'HOLDFAST_STORE (not-applied)': 1 } })
})

it('where clocks differ, one process may deny what another serves', () => {
  const history = [opened, denied(2, 3), read(4, 5, undefined)]
  expect(counts(check(history))).toEqual([1, 1, 0])
  expect(counts(check(history, { clocksDiffer: true }))).toEqual([0, 0, 0])
})

describe('at random', () => {
  const client = fc.constantFrom<Client>(0, 1, 2)
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('read', 'write', 'bump' as const), client }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('logout', 'regenerate' as const), client }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('advance' as const), client }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), client }) },
  )
  // In lists of this length each of the broken stores shows itself once in eight or oftener: 500 of them do not all miss it.
  const steps = fc.array(step, { minLength: 80, maxLength: 200, size: 'max' })

  it('a store that compares before it writes has a clean history, with whatever answers lost', () => {
    fc.assert(
      fc.property(steps, list => {
        const judgement = check(run(stores.correct(), list))
        expect(told([...judgement.lost, ...judgement.resurrected, ...judgement.strange])).toBe('')
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['one of which the last writer wins loses writes', stores.lastWriterWins, 'lost'],
    ['one whose save inserts brings sessions back', stores.upsert, 'resurrected'],
    ['one that forgets the last write loses it', stores.forgetful, 'lost'],
  ] as const)('%s, and that is found', (_name, store, verdict) => {
    const found = fc.check(
      fc.property(steps, list => check(run(store(), list))[verdict].length === 0),
      { numRuns: 500 },
    )
    expect(found.failed).toBe(true)
  })
})
