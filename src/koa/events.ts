import type { Context } from 'koa'
import { describeEvent, type EventSink } from '../core/events.ts'
import type { RequestSession } from './request-session.ts'

/** Reports an error that must not change the answer, the way Koa reports its own. */
export function reportBeside(ctx: Context, error: unknown): void {
  if (ctx.app.listenerCount('error') > 0) ctx.app.emit('error', error instanceof Error ? error : new Error('not an error was thrown'), ctx)
}

/** koa-session's events go to the app, after the current turn. A listener that throws changes no outcome. */
export function emitOnApp(refOf: (id: string) => string): EventSink {
  return (name, occurrence, request) => {
    const { ctx } = request as RequestSession
    setImmediate(() => {
      try {
        ctx.app.emit(name, describeEvent(occurrence, { ctx }, refOf))
      } catch (error) {
        reportBeside(ctx, error)
      }
    })
  }
}
