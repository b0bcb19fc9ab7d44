import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ask, DEFAULT_STORE_TIMEOUT_MS } from '../../../src/backends/ask.ts'
import { SessionStoreError, SessionStoreFullError } from '../../../src/core/errors.ts'
import { DAY } from '../support.ts'

const cause = new Error('disk on fire')
const never = () => new Promise<number>(() => {})

/** What became of a call: its value or its error. */
async function outcome(call: () => unknown): Promise<unknown> {
  try {
    return await ask('load', 1000, call as () => number)
  } catch (error) {
    return error
  }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('ask', () => {
  it('gives a value at once, and a promise as a promise', async () => {
    expect(ask('load', 1000, () => 5)).toBe(5)
    expect(ask('load', 1000, () => undefined)).toBeUndefined()
    const answer = ask('load', 1000, async () => 6)
    expect(answer).toBeInstanceOf(Promise)
    expect(await answer).toBe(6)
  })

  it('takes anything with a then for a promise', async () => {
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: it is what is tested
      then(resolve: (value: number) => void) {
        resolve(7)
      },
    }
    expect(await outcome(() => thenable)).toBe(7)
  })

  it.each([
    [
      'throws',
      () => {
        throw cause
      },
    ],
    ['rejects', () => Promise.reject(cause)],
  ])('a store that %s: its error is the cause', async (_, call) => {
    const error = await outcome(call)
    expect(error).toBeInstanceOf(SessionStoreError)
    expect(error).toMatchObject({
      code: 'HOLDFAST_STORE',
      cause,
      outcome: 'unknown',
      status: 500,
      expose: false,
      message: 'the session store failed to load',
    })
  })

  it("keeps Holdfast's own errors as they are", async () => {
    const full = new SessionStoreFullError(5)
    expect(
      await outcome(() => {
        throw full
      }),
    ).toBe(full)
    expect(await outcome(() => Promise.reject(full))).toBe(full)
  })

  it('takes over the status of the cause where it is one of an error', async () => {
    const status = async (value: unknown) => ((await outcome(() => Promise.reject({ status: value }))) as SessionStoreError).status
    expect([
      await status(503),
      await status(404),
      await status(399),
      await status(600),
      await status('503'),
      await status(undefined),
    ]).toEqual([503, 404, 500, 500, 500, 500])
    expect(((await outcome(() => Promise.reject(undefined))) as SessionStoreError).status).toBe(500)
  })

  it('a store that never answers fails in time, and what became of it is unknown', async () => {
    let failed: unknown
    void outcome(never).then(error => {
      failed = error
    })
    await vi.advanceTimersByTimeAsync(999)
    expect(failed).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(failed).toMatchObject({ code: 'HOLDFAST_STORE', outcome: 'unknown', message: expect.stringContaining('within 1000 ms') })
  })

  it.each([
    ['value', (late: PromiseWithResolvers) => late.resolve(5)],
    ['error', (late: PromiseWithResolvers) => late.reject(cause)],
  ])('a late %s is nobody’s', async (_, answer) => {
    const late = withResolvers()
    const waiting = outcome(() => late.promise)
    await vi.advanceTimersByTimeAsync(1000)
    answer(late)
    await vi.runAllTimersAsync()
    expect(await waiting).toMatchObject({ outcome: 'unknown' })
  })

  it('leaves no timer behind', async () => {
    await outcome(async () => 5)
    await outcome(() => Promise.reject(cause))
    await outcome(() => 5)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('the longest time is that of a timer, not none', async () => {
    let failed = false
    void Promise.resolve(ask('load', 400 * DAY, never)).catch(() => {
      failed = true
    })
    await vi.advanceTimersByTimeAsync(DAY)
    expect(failed).toBe(false)
  })

  it('waits five seconds unless told otherwise', () => {
    expect(DEFAULT_STORE_TIMEOUT_MS).toBe(5000)
  })
})

interface PromiseWithResolvers {
  promise: Promise<number>
  resolve(value: number): void
  reject(error: unknown): void
}

function withResolvers(): PromiseWithResolvers {
  let resolve = (_: number) => {}
  let reject = (_: unknown) => {}
  const promise = new Promise<number>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
