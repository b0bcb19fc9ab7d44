import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copy, dataOf, parseData, put, sameJson } from '../../../src/core/json.ts'

/** Few values, so that two of them are often the same, and every kind that JSON treats in a way of its own. */
const leaf = fc.oneof(
  fc.constantFrom<unknown>(null, undefined, true, 0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY, '', 'a', '1', '\ud800', 'null'),
  fc
    .constantFrom<() => unknown>(
      () => new Date(0),
      () => new Date(Number.NaN),
      () => new Date(0).toISOString(),
      () => () => 1,
      () => Symbol('s'),
      () => new Map([['a', 1]]),
      () => Object(1),
      () => Object('a'),
      () => Object(false),
      () => ({ toJSON: () => 1 }),
      () => ({ toJSON: () => undefined }),
      () => ({ toJSON: () => ({ a: 1 }), b: 2 }),
      () =>
        new (class Point {
          a = 1
        })(),
      // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
      () => [1, , 2],
    )
    .map(make => make()),
)
const key = fc.constantFrom('a', 'b', '1', '0', '__proto__', 'constructor', 'length')
const { value } = fc.letrec(tie => ({
  value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, leaf, tie('list'), tie('object')),
  list: fc.array(tie('value'), { maxLength: 3 }),
  object: fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map(entries => {
    const object = {}
    for (const [name, item] of entries) put(object, name, item)
    return object
  }),
}))

describe('sameJson', () => {
  it('never says that two values are the same whose JSON text differs', () => {
    fc.assert(
      fc.property(value, value, (a, b) => !sameJson(a, b) || JSON.stringify(a) === JSON.stringify(b)),
      { numRuns: 10_000 },
    )
  })

  it('knows a value again from its JSON text', () => {
    fc.assert(
      fc.property(fc.jsonValue(), a => {
        expect(sameJson(a, JSON.parse(JSON.stringify(a)))).toBe(true)
      }),
    )
  })

  it('says the same as JSON.stringify for values that JSON can hold', () => {
    const small = fc.jsonValue({ maxDepth: 2 })
    fc.assert(
      fc.property(small, small, (a, b) => {
        expect(sameJson(a, b)).toBe(JSON.stringify(a) === JSON.stringify(b))
      }),
    )
  })

  it.each<[string, unknown, unknown, boolean]>([
    ['the order of keys counts', { a: 1, b: 2 }, { b: 2, a: 1 }, false],
    ['undefined and functions are not written', { a: 1, b: undefined, c: () => 1 }, { a: 1 }, true],
    ['in an array they are null', [undefined, 1], [null, 1], true],
    ['NaN is null', { a: Number.NaN }, { a: null }, true],
    ['-0 is 0', [-0], [0], true],
    ['null is not absent', { a: null }, {}, false],
    ['a hole is null', new Array(2), [null, null], true],
    ['the length of an array counts', [1], [1, null], false],
    ['an array is not an object', [], {}, false],
    ['an array is not an object with its indexes', [1], { 0: 1 }, false],
    ['a date is its text', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }, true],
    ['an invalid date is null', [new Date(Number.NaN)], [null], true],
    ['two dates', new Date(0), new Date(1), false],
    ['toJSON is asked', { a: { toJSON: () => [1] } }, { a: [1] }, true],
    ['boxed values are their values', [Object(1), Object('a'), Object(true)], [1, 'a', true], true],
    ['__proto__ is a key', JSON.parse('{"__proto__":{"a":1}}'), {}, false],
    ['what toJSON gives is not asked again', { a: { toJSON: () => new Date(0) } }, { a: {} }, true],
    ['toJSON is told its key', { a: { toJSON: (name: string) => name } }, { a: 'a' }, true],
    [
      'toJSON may give itself',
      {
        a: {
          b: 1,
          toJSON() {
            return this
          },
        },
      },
      {
        a: {
          b: 1,
          toJSON() {
            return this
          },
        },
      },
      true,
    ],
    ['text is not a number', { a: '1' }, { a: 1 }, false],
    ['a value is not an object', 1, {}, false],
    ['null is not an object', null, {}, false],
  ])('%s', (_, a, b, same) => {
    expect([sameJson(a, b), sameJson(b, a)]).toEqual([same, same])
  })
})

describe('copy', () => {
  it('has the same JSON text and shares no object', () => {
    const plain = fc.object({ withDate: true, withNullPrototype: true, withSparseArray: true, key: fc.oneof(key, fc.string()) })
    fc.assert(
      fc.property(plain, original => {
        const twin = copy(original)
        expect(JSON.stringify(twin)).toBe(JSON.stringify(original))
        expect(objectsIn(twin).filter(object => objectsIn(original).includes(object))).toEqual([])
      }),
    )
  })

  it('keeps cycles and what is shared', () => {
    const shared = { a: 1 }
    const original: Record<string, unknown> = { first: shared, second: shared, list: [] }
    original.self = original
    ;(original.list as unknown[]).push(original.list)
    const twin = copy(original)
    expect(twin.self).toBe(twin)
    expect((twin.list as unknown[])[0]).toBe(twin.list)
    expect(twin.first).toBe(twin.second)
    expect(twin.first).not.toBe(shared)
  })

  it('keeps __proto__ as a key and pollutes nothing', () => {
    const twin = copy(JSON.parse('{"__proto__":{"admin":true}}') as Record<string, unknown>)
    expect(Object.getPrototypeOf(twin)).toBe(Object.prototype)
    expect(Object.keys(twin)).toEqual(['__proto__'])
    expect(twin.admin).toBeUndefined()
  })

  it('copies dates and objects without a prototype', () => {
    const original = { at: new Date(0), bare: Object.create(null) as object }
    const twin = copy(original)
    expect(twin).toEqual(original)
    expect(twin.at).not.toBe(original.at)
    expect(Object.getPrototypeOf(twin.bare)).toBeNull()
  })

  it('keeps an instance of a class as it is, and tells so: its private parts cannot be copied', () => {
    class Id {
      #id = 7
      toJSON() {
        return this.#id
      }
    }
    const original = { id: new Id(), link: new URL('http://x/'), boxed: Object(3) as unknown, list: [new Uint8Array([1])] }
    let told = 0
    const twin = copy(original, () => told++)
    expect(told).toBe(4)
    expect(JSON.stringify(twin)).toBe('{"id":7,"link":"http://x/","boxed":3,"list":[{"0":1}]}')
    copy({ plain: [{}] }, () => told++)
    expect(told).toBe(4)
  })

  it('takes nothing that an object inherits for data, and makes a plain array of any array', () => {
    class List extends Array<unknown> {}
    Object.defineProperty(Object.prototype, 'tossedIn', { value: { admin: true }, enumerable: true, writable: true, configurable: true })
    try {
      const twin = copy({ own: { a: [1] }, list: List.of({ b: 2 }) } as Record<string, unknown>)
      expect(Object.keys(twin)).toEqual(['own', 'list'])
      expect(Object.keys(twin.own as object)).toEqual(['a'])
      expect(Object.getPrototypeOf(twin.list)).toBe(Array.prototype)
    } finally {
      Reflect.deleteProperty(Object.prototype, 'tossedIn')
    }
  })

  it('copies many objects, and one of them in two places, as it does few', () => {
    const shared = { n: -1 }
    const twin = copy([shared, ...Array.from({ length: 200 }, (_, n) => ({ n })), shared])
    expect(twin.map(({ n }) => n)).toEqual([-1, ...Array.from({ length: 200 }, (_, n) => n), -1])
    expect(twin[0]).toBe(twin[201])
    expect(twin[0]).not.toBe(shared)
  })

  it('gives values and functions as they are', () => {
    const work = () => 1
    expect([copy(1), copy('a'), copy(null), copy(undefined), copy(work)]).toEqual([1, 'a', null, undefined, work])
  })
})

describe('dataOf, put, parseData', () => {
  it('takes own enumerable keys without functions', () => {
    const holder = Object.create({ inherited: 1 }) as Record<string, unknown>
    Object.defineProperty(holder, 'hidden', { value: 1 })
    Object.assign(holder, { a: 1, work: () => 1, nothing: undefined })
    put(holder, '__proto__', 2)
    expect(Object.entries(dataOf(holder))).toEqual([
      ['a', 1],
      ['nothing', undefined],
      ['__proto__', 2],
    ])
  })

  it('puts __proto__ as a key that can be changed and removed', () => {
    const target: Record<string, unknown> = {}
    put(target, '__proto__', { admin: true })
    expect(target.admin).toBeUndefined()
    put(target, '__proto__', 2)
    expect(Object.values(target)).toEqual([2])
    expect(Reflect.deleteProperty(target, '__proto__')).toBe(true)
    expect(Object.keys(target)).toEqual([])
  })

  it('parses objects, and anything else as nothing', () => {
    expect(JSON.stringify(parseData('{"__proto__":1,"a":[2]}'))).toBe('{"__proto__":1,"a":[2]}')
    for (const text of ['[1]', 'null', '"a"', '1']) expect(parseData(text)).toEqual({})
  })
})

function objectsIn(value: unknown, found: object[] = []): object[] {
  if (typeof value !== 'object' || value === null || found.includes(value)) return found
  found.push(value)
  for (const item of Object.values(value)) objectsIn(item, found)
  return found
}
