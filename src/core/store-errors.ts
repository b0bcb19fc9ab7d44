import type { ManagerConfig } from './config.ts'
import { SessionStoreError } from './errors.ts'

/** A failure after a step that was carried out, or may have been: of the whole nobody can say any more that it was not. */
export function undecided(error: unknown): unknown {
  if (!(error instanceof SessionStoreError) || error.outcome === 'unknown') return error
  return new SessionStoreError('finish what it has begun', { cause: error, outcome: 'unknown' })
}

/** Whether a request goes on although the store has failed it. If so, an event has said it. */
export function goesOnWithout({ onStoreError, emit }: ManagerConfig, error: unknown, operation: string, request: unknown): boolean {
  if (!(error instanceof SessionStoreError)) return false
  if ((typeof onStoreError === 'function' ? onStoreError(error, request) : onStoreError) !== 'anonymous') return false
  emit('store:error', { reason: operation, value: error }, request)
  return true
}
