import type { ServerResponse } from 'node:http'
import { isPromise, type MaybePromise } from '../core/maybe.ts'
import type { ExpressRequestSession, Next } from './request-session.ts'

/** Opens the session where that takes time, and sees to it that the answer waits for its save. */
export function begin(part: ExpressRequestSession, res: ServerResponse, next: Next): void {
  const skipped = skips(part)
  if (skipped && !('error' in skipped)) part.explainSkipped(res)
  const opened = skipped ?? guarded(part, res, next)
  // Outside of the promise: what the handler throws at once is no rejection of ours.
  if (isPromise(opened)) void opened.then(failure => process.nextTick(proceed, next, failure))
  else proceed(next, opened)
}

interface Failure {
  error?: unknown
}

const FINE: Failure = Object.freeze({})

/** Whether the request shall have no session; undefined: it shall. */
function skips(part: ExpressRequestSession): Failure | undefined {
  try {
    return part.skips() ? FINE : undefined
  } catch (error) {
    part.openFailed()
    return { error }
  }
}

function guarded(part: ExpressRequestSession, res: ServerResponse, next: Next): MaybePromise<Failure> {
  part.guard(res, next)
  return part.plan.manager.eager ? open(part) : FINE
}

/** What has failed, if anything has: then the request goes on with an empty session that is never stored. */
function open(part: ExpressRequestSession): MaybePromise<Failure> {
  const failed = (error: unknown) => {
    part.openFailed()
    return { error }
  }
  try {
    const opened = part.open()
    return isPromise(opened) ? opened.then(() => FINE, failed) : FINE
  } catch (error) {
    return failed(error)
  }
}

function proceed(next: Next, failure: Failure): void {
  if ('error' in failure) next(failure.error)
  else next()
}
