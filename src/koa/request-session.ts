import type { Context } from 'koa'
import { RequestSession } from '../request/request-session.ts'
import { keepThroughErrors, markPrivate, markVary, setsAny } from './headers.ts'
import type { Plan } from './plan.ts'

/** One request's session in Koa: what survives Koa's error handling, and what caches are told. */
export abstract class KoaRequestSession extends RequestSession {
  readonly ctx: Context
  abstract override readonly plan: Plan

  constructor(ctx: Context) {
    super()
    this.ctx = ctx
  }

  get source(): Context {
    return this.ctx
  }

  protected get headersSent(): boolean {
    return this.ctx.res.headersSent
  }

  protected asksToSkip(): boolean {
    return this.plan.skip(this.ctx)
  }

  protected tell(write: () => void): void {
    keepThroughErrors(this.ctx, this.plan.cookieNames, write)
    markPrivate(this.ctx.res)
  }

  /** At the end of a request, committed or not: what caches must know. */
  finish(failed: boolean): void {
    const { ctx, plan } = this
    if (this.accessed && plan.vary) markVary(ctx, plan.vary, failed)
    // Koa signs an older key's cookie anew by itself.
    if (setsAny(ctx.res, plan.cookieNames)) markPrivate(ctx.res)
  }
}
