import { describeEvent, type SessionEvent, type SessionEventName } from '../core/events.ts'
import type { Warnings } from '../core/warnings.ts'

/** Who is told of what cannot be an answer any more. */
export interface Reporter {
  /** Tells an event; whether anybody listens. */
  tell(name: SessionEventName, event: SessionEvent): boolean
  readonly warnings: Warnings
}

/** A save has failed beside an answer that goes out as it is. */
export function reportBeside(reporter: Reporter, request: unknown, error: unknown): void {
  const { code = 'HOLDFAST_COMMIT', message = 'something that is no error was thrown' } = (error ?? {}) as {
    code?: string
    message?: string
  }
  if (reporter.tell('commit:error', describeEvent({ reason: code, value: error }, { request }, String))) return
  reporter.warnings.warn('HOLDFAST_COMMIT', `an answer that was an error went out without its session: ${message}`)
}

/** What a success says of itself, and an error in its place must not. */
export const OF_SUCCESS: readonly string[] = [
  ...['Location', 'Cache-Control', 'ETag', 'Last-Modified', 'Expires', 'Accept-Ranges', 'Trailer'],
  ...['Content-Type', 'Content-Length', 'Content-Encoding', 'Content-Language', 'Content-Location', 'Content-Range', 'Content-Disposition'],
]

const HEADERS_SENT = 'HOLDFAST_HEADERS_SENT'

/** The head has left, so the answer cannot change any more; what was asked for has not been done. */
export function isHeadersSent(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === HEADERS_SENT
}

/** Whether it is what the handler was told already, after the head: that need not fail again. */
export function isTold(error: unknown, known: unknown): boolean {
  return error === known || (isHeadersSent(error) && isHeadersSent(known))
}
