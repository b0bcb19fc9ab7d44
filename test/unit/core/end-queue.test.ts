import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EndQueue } from '../../../src/core/end-queue.ts'

it('gives back what ended before a time, earliest first, and nothing else', () => {
  const step = fc.oneof(fc.record({ push: fc.nat(20) }), fc.record({ before: fc.nat(22) }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const queue = new EndQueue()
      let kept: number[] = []
      for (const one of steps) {
        if ('push' in one) {
          queue.push(one.push, String(one.push))
          kept = [...kept, one.push].sort((a, b) => a - b)
        } else {
          const ended = kept[0] !== undefined && kept[0] < one.before
          expect(queue.takeBefore(one.before)).toBe(ended ? String(kept.shift()) : undefined)
        }
        expect(queue.size).toBe(kept.length)
      }
    }),
  )
})

it('can be emptied', () => {
  const queue = new EndQueue()
  queue.push(1, 'a')
  queue.clear()
  expect([queue.size, queue.takeBefore(9)]).toEqual([0, undefined])
})
