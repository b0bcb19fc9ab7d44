import { SessionAsyncHookError } from '../core/errors.ts'
import { isPromise } from '../core/maybe.ts'

/** A `skip` hook's answer. A promise would be neither yes nor no. */
export function skips(answer: unknown): boolean {
  if (!isPromise(answer)) return answer === true
  answer.then(undefined, () => undefined)
  throw new SessionAsyncHookError('skip')
}
