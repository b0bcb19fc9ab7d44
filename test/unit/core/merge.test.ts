import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Data, put, sameJson } from '../../../src/core/json.ts'
import { type ConflictPolicy, merge } from '../../../src/core/merge.ts'

const keys = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor')
const { value, data } = fc.letrec<{ value: unknown; data: Data }>(tie => ({
  value: fc.oneof({ maxDepth: 4 }, fc.constantFrom<unknown>(1, 2, 'x', null, [1], [2]), tie('data')),
  data: fc.array(fc.tuple(keys, tie('value')), { maxLength: 4 }).map(objectOf),
}))

function objectOf(entries: ReadonlyArray<readonly [string, unknown]>): Data {
  const object: Data = {}
  for (const [key, item] of entries) put(object, key, item)
  return object
}

function merged(base: Data, mine: Data, theirs: Data, policy: ConflictPolicy = 'merge', guard: string[] = []): Data {
  const result = merge(base, mine, theirs, guard, policy)
  if (result.outcome !== 'merged') throw new Error(result.outcome)
  return result.data
}

/** Key order aside: JSON with sorted keys. */
const text = (of: unknown): string =>
  JSON.stringify(of, (_, item) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? objectOf(Object.entries(item).sort(([left], [right]) => (left < right ? -1 : 1)))
      : item,
  )

/** Every prototype in a tree is one of JSON's own. */
function clean(of: unknown): boolean {
  if (typeof of !== 'object' || of === null) return true
  const prototype: unknown = Object.getPrototypeOf(of)
  return (prototype === Object.prototype || prototype === Array.prototype) && Object.keys(of).every(key => clean((of as Data)[key]))
}

describe('merge: properties', () => {
  it('who changed nothing gets what is there', () => {
    fc.assert(fc.property(data, data, (base, theirs) => text(merged(base, base, theirs)) === text(theirs)))
  })

  it('who is alone gets what they wrote', () => {
    fc.assert(fc.property(data, data, (base, mine) => text(merged(base, mine, base)) === text(mine)))
  })

  it('two who wrote the same are at one', () => {
    fc.assert(fc.property(data, data, (base, both) => text(merged(base, both, both, 'error')) === text(both)))
  })

  it('disjoint changes commute, and all survive, at any level', () => {
    const edits = (owner: string) =>
      fc.array(fc.tuple(fc.nat(3), fc.option(value, { nil: undefined })), { maxLength: 4 }).map(list => ({ owner, list }))
    const leaves = fc.array(fc.tuple(fc.constantFrom('p', 'q'), fc.nat(3), value), { maxLength: 6 })
    fc.assert(
      fc.property(leaves, edits('p'), edits('q'), fc.nat(4), (initial, left, right, depth) => {
        const inner = objectOf(initial.map(([owner, n, item]) => [`${owner}${n}`, item] as const))
        const apply = ({ owner, list }: typeof left) => {
          const changed = { ...inner }
          for (const [n, item] of list)
            if (item === undefined) delete changed[`${owner}${n}`]
            else changed[`${owner}${n}`] = item
          return changed
        }
        const wrap = (core: Data) => Array.from({ length: depth }).reduce<Data>(within => ({ level: within, beside: 1 }), core)
        const [base, mine, theirs] = [wrap(inner), wrap(apply(left)), wrap(apply(right))]
        const both = { ...apply(left) }
        for (const key of Object.keys(both)) if (key.startsWith('q')) delete both[key]
        for (const [key, item] of Object.entries(apply(right))) if (key.startsWith('q')) both[key] = item
        expect(text(merged(base, mine, theirs, 'error'))).toBe(text(wrap(both)))
        expect(text(merged(base, theirs, mine, 'error'))).toBe(text(wrap(both)))
      }),
    )
  })

  it('no prototype is polluted, and no argument is changed', () => {
    fc.assert(
      fc.property(data, data, data, (base, mine, theirs) => {
        const before = JSON.stringify([base, mine, theirs])
        const result = merged(base, mine, theirs)
        expect(clean(result)).toBe(true)
        expect(JSON.stringify([base, mine, theirs])).toBe(before)
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
    )
  })

  it('guarded values stand together, mine or theirs, in both orders', () => {
    const guard = ['user', 'mfa', 'roles']
    const guarded = fc.record(
      { user: fc.constantFrom('alice', 'bob'), mfa: fc.boolean(), roles: fc.constantFrom([], ['admin']), n: fc.nat(2) },
      { requiredKeys: [] },
    )
    const who = (of: Data) => text(objectOf(guard.filter(key => key in of).map(key => [key, of[key]] as const)))
    fc.assert(
      fc.property(guarded, guarded, guarded, (base, one, two) => {
        for (const [mine, theirs] of [
          [one, two],
          [two, one],
        ] as const) {
          const result = merge(base, mine, theirs, guard, 'merge')
          if (who(theirs) !== who(base)) expect(result).toEqual({ outcome: 'guarded' })
          else expect(result.outcome === 'merged' && who(result.data)).toBe(who(mine))
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('merge: cases', () => {
  it.each<[string, Data, Data, Data, Data]>([
    ['both add a key', {}, { a: 1 }, { b: 2 }, { b: 2, a: 1 }],
    ['both add below a new object', {}, { o: { a: 1 } }, { o: { b: 2 } }, { o: { b: 2, a: 1 } }],
    ['the same path: mine is the later commit', { a: 1 }, { a: 2 }, { a: 3 }, { a: 2 }],
    ['I delete, they change elsewhere', { a: 1, b: 1 }, { b: 1 }, { a: 1, b: 2 }, { b: 2 }],
    ['they delete, I change elsewhere', { a: 1, b: 1 }, { a: 1, b: 2 }, { b: 1 }, { b: 2 }],
    ['I delete what they changed below', { o: { a: 1 } }, {}, { o: { a: 2 } }, {}],
    ['they delete what I changed below', { o: { a: 1 } }, { o: { a: 2 } }, {}, {}],
    ['I replace by a value what they changed below', { o: { a: 1 } }, { o: null }, { o: { a: 2 } }, { o: null }],
    ['they replace by a list what I changed below', { o: { a: 1 } }, { o: { a: 2 } }, { o: [1] }, { o: [1] }],
    ['lists are taken whole', { l: [1] }, { l: [1, 2] }, { l: [1, 3] }, { l: [1, 2] }],
    ['a value that both made an object is taken whole', { o: 1 }, { o: { a: 1 } }, { o: { b: 1 } }, { o: { a: 1 } }],
    ['a scalar I delete and they change', { a: 1 }, {}, { a: 2 }, {}],
  ])('%s', (_, base, mine, theirs, result) => {
    expect(merge(base, mine, theirs, [], 'merge')).toEqual({ outcome: 'merged', data: result })
  })

  it("a delete and a change below it are no conflict, also where conflict is 'error'", () => {
    expect(merged({ o: { a: 1 } }, {}, { o: { a: 2 } }, 'error')).toEqual({})
    expect(merged({ o: { a: 1 } }, { o: { a: 2 } }, {}, 'error')).toEqual({})
  })

  it("'error' names the path", () => {
    const result = merge({ o: { p: { a: 1 } } }, { o: { p: { a: 2 } } }, { o: { p: { a: 3 } } }, [], 'error')
    expect(result).toEqual({ outcome: 'conflict', path: ['o', 'p', 'a'] })
  })

  it('a function decides, and is asked only where both sides changed the same path', () => {
    const asked: unknown[] = []
    const sum: ConflictPolicy = (path, base, mine, theirs) => {
      asked.push([path, base, mine, theirs])
      return Number(mine) + Number(theirs) - Number(base)
    }
    expect(merged({ o: { n: 1 }, x: 1, y: 1 }, { o: { n: 3 }, x: 2, y: 1 }, { o: { n: 5 }, x: 1, y: 2 }, sum)).toEqual({
      o: { n: 7 },
      x: 2,
      y: 2,
    })
    expect(asked).toEqual([[['o', 'n'], 1, 3, 5]])
    expect(merged({ a: 1 }, { a: 2 }, { a: 3 }, () => undefined)).toEqual({})
  })

  it('what a function throws is not taken for a conflict', () => {
    const fail = () => {
      throw new RangeError('mine')
    }
    expect(() => merge({ a: 1 }, { a: 2 }, { a: 3 }, [], fail)).toThrow(new RangeError('mine'))
  })

  it('below level 16 a value is taken whole', () => {
    const nested = (levels: number, core: Data) => Array.from({ length: levels }).reduce<Data>(within => ({ d: within }), core)
    const at = (levels: number) => merged(nested(levels, {}), nested(levels, { mine: 1 }), nested(levels, { theirs: 1 }))
    expect(text(at(15))).toBe(text(nested(15, { mine: 1, theirs: 1 })))
    expect(text(at(16))).toBe(text(nested(16, { mine: 1 })))
  })

  it('a merge never gives a user back that the other side logged out (H1)', () => {
    const base = { user: { id: 1, lastSeen: 0 } }
    const seen = { user: { id: 1, lastSeen: 1 } }
    expect(merge(base, {}, seen, ['user'], 'merge')).toEqual({ outcome: 'guarded' })
    expect(merge(base, seen, {}, ['user'], 'merge')).toEqual({ outcome: 'guarded' })
    expect(merged(base, seen, {})).toEqual({})
    expect(sameJson(merged(base, {}, seen), {})).toBe(true)
  })
})
