import type { Context } from 'koa'
import { whenClosed } from '../core/closing.ts'
import type { Asker } from '../core/login-facts.ts'
import type { Session } from '../core/session.ts'
import type { ResponseHeaders } from '../core/transport.ts'
import type { Caching } from '../request/caching.ts'
import { RequestSession } from '../request/request-session.ts'
import { beforeHead, keepNoStore, keepThroughErrors, markCaching, markVary, setsAny } from './headers.ts'
import type { Plan } from './plan.ts'

/** One request's session in Koa: what survives Koa's error handling, and what caches are told. */
export abstract class KoaRequestSession extends RequestSession {
  readonly ctx: Context
  abstract override readonly plan: Plan
  /** What this has said of caching. */
  #caching: Caching | undefined
  /** Until the handler is done: it may send the head itself, and what caches must know goes along. */
  #awaitsHead: boolean | undefined

  constructor(ctx: Context) {
    super()
    this.ctx = ctx
  }

  get source(): Context {
    return this.ctx
  }

  /** `app.proxy` says whether proxies are believed. */
  get asker(): Asker {
    const { ip, req } = this.ctx
    return { ip, userAgent: req.headers['user-agent'] }
  }

  protected get headersSent(): boolean {
    return this.ctx.res.headersSent
  }

  protected setHeader(name: string, value: string): void {
    this.ctx.res.setHeader(name, value)
  }

  protected asksToSkip(): boolean {
    return this.plan.skip(this.ctx)
  }

  protected tell(write: () => void): void {
    keepThroughErrors(this.ctx, this.plan.cookieNames, write)
    this.#restrictCaching(this.showsUser)
  }

  protected onClose(listener: () => void): void {
    whenClosed(this.ctx.res, this.ctx.req.socket, listener)
  }

  /** Of an error's answer, too, in which Koa keeps nothing else. */
  explain(): void {
    const { res } = this.ctx
    const headers: ResponseHeaders = { get: name => res.getHeader(name), set: (name, value) => res.setHeader(name, value) }
    keepThroughErrors(this.ctx, [], () => this.explainTo(headers))
  }

  /** Of a request that shall have no session. */
  explainSkipped(): void {
    if (this.plan.explains && !this.ctx.res.headersSent) this.explain()
  }

  protected override met(_session: Session): void {
    if (!this.plan.noStore || this.skipped || this.#awaitsHead !== undefined) return
    this.#awaitsHead = true
    beforeHead(this.ctx.res, () => {
      if (this.#awaitsHead) this.#tellCaches(false)
    })
  }

  /** At the end of a request, committed or not: what caches must know. */
  finish(failed: boolean): void {
    const { ctx, plan } = this
    this.#awaitsHead = false
    this.#tellCaches(failed)
    if (plan.explains && !ctx.res.headersSent) this.explain()
    if (failed && this.showsUser) keepNoStore(ctx)
  }

  #tellCaches(failed: boolean): void {
    const { ctx, plan, showsUser } = this
    if (this.accessed && plan.vary) markVary(ctx, plan.vary, failed)
    // Koa signs an older key's cookie anew by itself.
    if (showsUser || this.#caching || setsAny(ctx.res, plan.cookieNames)) this.#restrictCaching(showsUser)
  }

  #restrictCaching(showsUser: boolean): void {
    const caching = showsUser ? 'no-store' : 'private'
    markCaching(this.ctx.res, caching, this.#caching)
    this.#caching = caching
  }
}
