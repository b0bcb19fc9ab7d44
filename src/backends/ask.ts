import { SessionError, SessionStoreError } from '../core/errors.ts'
import { isPromise, type MaybePromise } from '../core/maybe.ts'
import { MAX_TIMER_MS } from '../core/options.ts'
import { undecided } from '../core/store-errors.ts'

/** How long a store may take for one call. */
export const DEFAULT_STORE_TIMEOUT_MS = 5000

/**
 * Calls a store, which may answer at once, by a promise, by throwing, or never. Its failure gets Holdfast's type with its
 * own error as the cause; after `timeoutMs` the outcome is unknown, and a late answer is nobody's.
 */
export function ask<T>(operation: string, timeoutMs: number, call: () => MaybePromise<T>): MaybePromise<T> {
  let answer: MaybePromise<T>
  try {
    answer = call()
  } catch (cause) {
    throw typed(operation, cause)
  }
  return isPromise(answer) ? inTime(operation, timeoutMs, answer) : answer
}

function inTime<T>(operation: string, timeoutMs: number, answer: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new SessionStoreError(`${operation} within ${timeoutMs} ms`, { outcome: 'unknown' }))
    const timer = setTimeout(late, Math.min(timeoutMs, MAX_TIMER_MS))
    timer.unref()
    answer.then(
      value => {
        clearTimeout(timer)
        resolve(value)
      },
      (cause: unknown) => {
        clearTimeout(timer)
        reject(typed(operation, cause))
      },
    )
  })
}

function typed(operation: string, cause: unknown): SessionError {
  return cause instanceof SessionError ? cause : new SessionStoreError(operation, { cause })
}

const ATTEMPTS = 3
const PAUSE_MS = 25

/**
 * Calls a Holdfast store, and again where the call has failed: that one connection was lost says nothing about the next, and by
 * the store's contract a write that has been carried out knows itself again. All attempts share `timeoutMs`.
 */
export function insist<T>(timeoutMs: number, call: (leftMs: number) => Promise<T>): Promise<T> {
  const end = performance.now() + timeoutMs
  const again = async (error: unknown): Promise<T> => {
    let last = error
    for (let attempt = 2; attempt <= ATTEMPTS && mayPass(last); attempt++) {
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS * attempt * Math.random()))
      const left = end - performance.now()
      if (left <= 0) break
      try {
        return await call(left)
      } catch (next) {
        last = next
      }
    }
    // What failed before may have been carried out all the same.
    throw last === error ? error : undecided(last)
  }
  return call(timeoutMs).then(undefined, again)
}

/** Whether the same call may succeed next time. What a store or the engine has refused on purpose will not. */
function mayPass(error: unknown): boolean {
  return !(error instanceof SessionError) && !(error instanceof TypeError)
}
