import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { SessionEndedError } from '../../../src/core/errors.ts'
import { MemoryStore } from '../../../src/stores/memory.ts'
import { DAY, engine, gate, MINUTE, policy, storeWith } from '../support.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: Date.UTC(2030, 0, 1) })
})

afterEach(() => {
  vi.useRealTimers()
})

const wallClock = { now: () => Date.now(), advance: (ms: number) => vi.setSystemTime(Date.now() + ms) }
const reasonOf = ({ reason }: AbortSignal) => (reason as SessionEndedError | undefined)?.reason

it('what ends while the store is being asked is found out all the same', async () => {
  const store = new MemoryStore()
  let door: ReturnType<typeof gate> | undefined
  const slow = storeWith(store, {
    load: async key => {
      const found = await store.load(key)
      // Its answer is on its way when the session ends.
      await door?.pass()
      return found
    },
  })
  const { manager, open, begin } = engine({ store: slow, clock: wallClock })
  const token = await begin({ name: 'ann' })
  const [{ session: watched }, { session: other }] = [await open(token), await open(token)]
  const watch = manager.watch(watched, {})
  door = gate()
  const looking = watch.look()
  await door.reached
  other.destroyed = true
  await manager.commit(other, {})
  const { open: release } = door
  door = undefined
  release()
  await looking
  expect(reasonOf(watch.signal)).toBe('destroyed')
})

it('an end that is further away than a timer can wait is waited for', async () => {
  const { manager, open, begin } = engine({ policy: policy({ idleMs: 60 * DAY, absoluteMs: null }), clock: wallClock })
  const { session } = await open(await begin({ name: 'ann' }))
  const { signal } = manager.watch(session, {})
  await vi.advanceTimersByTimeAsync(60 * DAY)
  expect(signal.aborted).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  expect(reasonOf(signal)).toBe('idle')
  expect(vi.getTimerCount()).toBe(0)
})

it('nothing waits after stop() and after close(), and nothing is told', async () => {
  const { manager, open, begin } = engine({ clock: wallClock })
  const { session } = await open(await begin({ name: 'ann' }))
  const [one, two] = [manager.watch(session, {}), manager.watch(session, {})]
  await vi.advanceTimersByTimeAsync(0)
  expect(vi.getTimerCount()).toBe(2)
  one.stop()
  expect(vi.getTimerCount()).toBe(1)
  await manager.close()
  expect(vi.getTimerCount()).toBe(0)
  await vi.advanceTimersByTimeAsync(40 * MINUTE)
  expect([one.signal.aborted, two.signal.aborted]).toEqual([false, false])
})

it('the shortest interval that was asked for counts, and a longer one changes nothing', async () => {
  const { manager, open, begin, calls } = engine({ clock: wallClock })
  const { session } = await open(await begin({ name: 'ann' }))
  const watch = manager.watch(session, {})
  watch.lookEvery(MINUTE)
  watch.lookEvery(10 * MINUTE)
  await vi.advanceTimersByTimeAsync(0)
  calls.length = 0
  await vi.advanceTimersByTimeAsync(5 * MINUTE)
  expect(calls).toEqual(Array(5).fill('load'))
})

it('a session that was lost in its own request is over at once', async () => {
  const { manager, open, begin } = engine({ clock: wallClock })
  const token = await begin({ name: 'ann' })
  const { session } = await open(token)
  session.lose()
  expect(reasonOf(manager.watch(session, {}).signal)).toBe('gone')
  expect(vi.getTimerCount()).toBe(0)
})
