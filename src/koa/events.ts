import type { Context } from 'koa'
import { describeEvent, type EventSink } from '../core/events.ts'
import type { KoaRequestSession } from './request-session.ts'

/** Reports an error that must not change the answer, the way Koa reports its own. A listener that throws changes nothing. */
export function reportBeside(ctx: Context, thrown: unknown): void {
  const error = thrown instanceof Error ? thrown : new Error('something that is no error was thrown', { cause: thrown })
  try {
    if (ctx.app.listenerCount('error') > 0) ctx.app.emit('error', error, ctx)
  } catch {
    process.emitWarning('an error listener of the app threw', { type: 'HoldfastWarning', code: 'HOLDFAST_LISTENER' })
  }
}

/** koa-session's events go to the app, after the current turn. A listener that throws changes no outcome. */
export function emitOnApp(refOf: (id: string) => string): EventSink {
  return (name, occurrence, request) => {
    const { ctx } = request as KoaRequestSession
    setImmediate(() => {
      try {
        ctx.app.emit(name, describeEvent(occurrence, { ctx }, refOf))
      } catch (error) {
        reportBeside(ctx, error)
      }
    })
  }
}
