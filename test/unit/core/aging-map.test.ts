import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import { AgingMap } from '../../../src/core/aging-map.ts'

it('drops what is oldest, whatever was set, deleted and cleared before', () => {
  const key = fc.nat(9).map(String)
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ set: key }) },
    { weight: 3, arbitrary: fc.record({ delete: key }) },
    { weight: 6, arbitrary: fc.constant('drop' as const) },
    { weight: 1, arbitrary: fc.constant('clear' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), steps => {
      const map = new AgingMap<number>()
      let kept: string[] = []
      for (const one of steps) {
        if (one === 'drop') {
          expect(map.dropOldest()).toBe(kept.shift())
        } else if (one === 'clear') {
          map.clear()
          kept = []
        } else if ('set' in one) {
          map.set(one.set, 0)
          if (!kept.includes(one.set)) kept.push(one.set)
        } else {
          map.delete(one.delete)
          kept = kept.filter(name => name !== one.delete)
        }
        expect([...map.keys()]).toEqual(kept)
      }
    }),
  )
})

it('seldom looks for the oldest anew', () => {
  const map = new AgingMap<number>()
  for (let n = 0; n < 10_000; n++) map.set(String(n), n)
  const begun = vi.spyOn(map, 'keys')
  for (let n = 10_000; n < 40_000; n++) {
    map.dropOldest()
    map.set(String(n), n)
  }
  expect(begun).toHaveBeenCalledTimes(1)
  expect([...map.keys()].at(0)).toBe('30000')
})

it('does not hold on to where the oldest was while the map is renewed', () => {
  const map = new AgingMap<number>()
  for (let n = 0; n < 2000; n++) map.set(String(n), n)
  map.dropOldest()
  const begun = vi.spyOn(map, 'keys')
  for (let n = 2000; n < 6000; n++) {
    map.delete(String(n - 2000))
    map.set(String(n), n)
  }
  map.dropOldest()
  expect(begun).toHaveBeenCalledTimes(1)
  expect([...map.keys()].at(0)).toBe('4001')
})
