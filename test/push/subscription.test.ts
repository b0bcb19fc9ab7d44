// One connection for all who want to hear of ends: when it is made, when it goes, and who is told that it was lost.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Line, Subscription } from '../../src/stores/common/subscription.ts'
import { gate } from '../unit/support.ts'
import { Hearing } from './hearing.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** Connections that the test holds the other end of. */
function lines() {
  const made: Line[] = []
  const state = { made, closed: 0, door: undefined as ReturnType<typeof gate> | undefined }
  const subscription = new Subscription(async line => {
    made.push(line)
    await state.door?.pass()
    return async () => {
      state.closed++
    }
  })
  return { state, subscription }
}

const MINUTE = 60_000

it('it goes a while after the last has gone, and not while somebody listens', async () => {
  const { state, subscription } = lines()
  const [one, two] = [new Hearing(), new Hearing()]
  const leave = [await subscription.watch(one.listener), await subscription.watch(two.listener)]
  await leave[0]?.()
  await leave[0]?.()
  await vi.advanceTimersByTimeAsync(MINUTE)
  state.made[0]?.tell({ keys: ['a'] })
  expect([state.made.length, state.closed, one.keys, two.keys]).toEqual([1, 0, [], ['a']])
  await leave[1]?.()
  expect(state.closed).toBe(0)
  await vi.advanceTimersByTimeAsync(MINUTE)
  expect([state.closed, vi.getTimerCount()]).toEqual([1, 0])
})

it('who comes while it lingers takes it over', async () => {
  const { state, subscription } = lines()
  await (await subscription.watch(new Hearing().listener))?.()
  await vi.advanceTimersByTimeAsync(100)
  const next = new Hearing()
  await subscription.watch(next.listener)
  await vi.advanceTimersByTimeAsync(MINUTE)
  state.made[0]?.tell({ keys: ['a'] })
  expect([state.made.length, state.closed, next.keys]).toEqual([1, 0, ['a']])
})

it('what is lost after it was let go of is nobody’s loss', async () => {
  const { state, subscription } = lines()
  await (await subscription.watch(new Hearing().listener))?.()
  await vi.advanceTimersByTimeAsync(MINUTE)
  const next = new Hearing()
  await subscription.watch(next.listener)
  // As a connection does that is closed.
  state.made[0]?.lost()
  await vi.advanceTimersByTimeAsync(0)
  state.made[1]?.tell({ keys: ['a'] })
  expect([state.closed, next.lost, next.keys]).toEqual([1, 0, ['a']])
})

it('all who listen are told once that it was lost, and then no more by it', async () => {
  const { state, subscription } = lines()
  const [one, two] = [new Hearing(), new Hearing()]
  const leave = await subscription.watch(one.listener)
  await subscription.watch(two.listener)
  const [line] = state.made as [Line]
  line.lost()
  line.lost()
  line.tell({ keys: ['late'] })
  await vi.advanceTimersByTimeAsync(0)
  expect([one.lost, two.lost, state.closed]).toEqual([1, 1, 1])
  const again = new Hearing()
  await subscription.watch(again.listener)
  // Of the first one, which has gone.
  line.lost()
  line.tell({ keys: ['late'] })
  await leave?.()
  await vi.advanceTimersByTimeAsync(MINUTE)
  state.made[1]?.tell({ keys: ['a'] })
  expect([state.made.length, state.closed, again.lost, again.keys, one.keys]).toEqual([2, 1, 0, ['a'], []])
})

it('one that is lost as soon as it was had is told as lost, after it was had', async () => {
  const { state, subscription } = lines()
  state.door = gate()
  const hearing = new Hearing()
  const watching = subscription.watch(hearing.listener)
  await state.door.reached
  state.made[0]?.lost()
  expect(hearing.lost).toBe(0)
  state.door.open()
  expect(await watching).toBeTypeOf('function')
  await vi.advanceTimersByTimeAsync(0)
  expect([hearing.lost, state.closed]).toEqual([1, 1])
})

it('close() while it is being made closes it when it is there, and tells nobody', async () => {
  const { state, subscription } = lines()
  state.door = gate()
  const hearing = new Hearing()
  const watching = subscription.watch(hearing.listener)
  await state.door.reached
  const closing = subscription.close()
  state.door.open()
  await closing
  await watching
  expect([state.closed, hearing.lost]).toEqual([1, 0])
})

it('one that is lost before it is there has failed, whatever its last word: it may be had yet', async () => {
  const subscription = new Subscription(async line => {
    line.lost()
    return null
  })
  const hearing = new Hearing()
  await expect(subscription.watch(hearing.listener)).rejects.toThrow('lost')
  expect(hearing.lost).toBe(0)
})

it('one that cannot be had is asked for anew by the next, and fails for all who wait for it', async () => {
  let attempts = 0
  const subscription = new Subscription(async () => {
    attempts++
    if (attempts === 1) throw new Error('no way')
    return attempts === 2 ? null : async () => {}
  })
  const both = [subscription.watch(new Hearing().listener), subscription.watch(new Hearing().listener)]
  for (const one of both) await expect(one).rejects.toThrow('no way')
  expect(await subscription.watch(new Hearing().listener)).toBeNull()
  expect(await subscription.watch(new Hearing().listener)).toBeTypeOf('function')
  expect(attempts).toBe(3)
})
