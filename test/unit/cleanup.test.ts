import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Cleanup } from '../../src/stores/common/cleanup.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('an interval longer than timers can be is not none at all', async () => {
  const runs = vi.fn(async () => 0)
  const cleanup = new Cleanup('30d', runs)
  cleanup.start()
  await vi.advanceTimersByTimeAsync(20 * 86_400_000)
  expect(runs).toHaveBeenCalledTimes(0)
  await vi.advanceTimersByTimeAsync(16 * 86_400_000)
  expect(runs).toHaveBeenCalledTimes(1)
  cleanup.stop()
})
