import { describe, expect, it } from 'vitest'
import { Lanes } from '../../../src/core/lanes.ts'
import { gate } from '../support.ts'

/** Timers that fire when told to. */
function timer() {
  const pending = new Set<() => void>()
  return {
    after(_ms: number, fire: () => void) {
      pending.add(fire)
      return () => pending.delete(fire)
    },
    fire() {
      for (const one of pending) one()
      pending.clear()
    },
    get size() {
      return pending.size
    },
  }
}

const patient = { max: 100, waitMs: 5000, after: timer().after }

describe('lanes', () => {
  it('work of one name is done in order, work of others at once', async () => {
    const lanes = new Lanes()
    const door = gate()
    const done: string[] = []
    const first = lanes.run(
      'a',
      async () => {
        await door.pass()
        done.push('first')
      },
      patient,
    )
    const second = lanes.run('a', async () => void done.push('second'), patient)
    await lanes.run('b', async () => void done.push('other'), patient)
    door.open()
    await Promise.all([first, second])
    expect(done).toEqual(['other', 'first', 'second'])
  })

  it('a failure is its own, and the next goes on', async () => {
    const lanes = new Lanes()
    const failed = lanes.run('a', () => Promise.reject(new Error('no')), patient)
    const next = lanes.run('a', async () => 'yes', patient)
    await expect(failed).rejects.toThrow('no')
    expect(await next).toBe('yes')
  })

  it('H18: one more than may wait is refused at once, and the others get their turn', async () => {
    const lanes = new Lanes()
    const { after, size } = timer()
    const limits = { max: 100, waitMs: 5000, after }
    const door = gate()
    let runs = 0
    const work = async () => {
      await door.pass()
      return ++runs
    }
    const running = lanes.run('a', work, limits)
    const waiting = Array.from({ length: 100 }, () => lanes.run('a', work, limits))
    await expect(lanes.run('a', work, limits)).rejects.toMatchObject({
      code: 'HOLDFAST_BUSY',
      status: 503,
      headers: { 'Retry-After': '1' },
    })
    door.open()
    await Promise.all([running, ...waiting])
    expect(runs).toBe(101)
    // Who has had a turn no longer waits: there is room again.
    expect(await lanes.run('a', work, limits)).toBe(102)
    expect(size).toBe(0)
  })

  it('H18: who has waited too long is refused, is not run later, and holds up nobody', async () => {
    const lanes = new Lanes()
    const clock = timer()
    const limits = { max: 100, waitMs: 5000, after: clock.after }
    const door = gate()
    const done: string[] = []
    const first = lanes.run(
      'a',
      async () => {
        await door.pass()
        done.push('first')
      },
      limits,
    )
    const late = lanes.run('a', async () => void done.push('late'), limits)
    const refused = expect(late).rejects.toMatchObject({ code: 'HOLDFAST_BUSY', message: expect.stringContaining('5000 ms') })
    clock.fire()
    await refused
    const next = lanes.run('a', async () => void done.push('next'), patient)
    door.open()
    await Promise.all([first, next])
    expect(done).toEqual(['first', 'next'])
    expect(clock.size).toBe(0)
  })

  it('behind work that never ends no more gather than may wait, also when they are told to go', async () => {
    const lanes = new Lanes()
    const clock = timer()
    const limits = { max: 2, waitMs: 5000, after: clock.after }
    const door = gate()
    const stuck = lanes.run('a', () => door.pass(), limits)
    await door.reached
    const late = [1, 2].map(() => lanes.run('a', async () => 'late', limits).catch((error: { code: string }) => error.code))
    clock.fire()
    expect(await Promise.all(late)).toEqual(['HOLDFAST_BUSY', 'HOLDFAST_BUSY'])
    await expect(lanes.run('a', async () => 'one more', limits)).rejects.toMatchObject({ code: 'HOLDFAST_BUSY' })
    door.open()
    await stuck
    expect(await lanes.run('a', async () => 'again', limits)).toBe('again')
  })
})
