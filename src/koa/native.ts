import type { Context } from 'koa'
import type { Presented } from '../core/backend.ts'
import type { NativeSession } from '../core/native-session.ts'
import type { Session } from '../core/session.ts'
import type { ReadHeader, ResponseHeaders } from '../core/transport.ts'
import type { Warnings } from '../core/warnings.ts'
import type { Sessions } from '../native/sessions.ts'
import { holdNative, isLoopback, reportPlainHttp } from '../request/native.ts'
import { skips } from '../request/skip.ts'
import { forwardedProto } from './cookies.ts'
import type { Plan } from './plan.ts'
import { KoaRequestSession } from './request-session.ts'

/** Holdfast's own mode in Koa: the manager's transport, and the session class of every framework. */
export class NativePlan implements Plan {
  readonly sessions: Sessions<object>
  readonly autoCommit = true
  readonly noStore = true
  readonly cookieNames: readonly string[]
  readonly #skip: ((ctx: Context) => boolean) | undefined

  readonly warnings: Warnings

  constructor(sessions: Sessions<object>, skip: ((ctx: Context) => boolean) | undefined, warnings: Warnings) {
    this.sessions = sessions
    this.warnings = warnings
    this.#skip = skip
    this.cookieNames = sessions.cookieNames
  }

  get manager(): Sessions<object>['manager'] {
    return this.sessions.manager
  }

  get attends(): boolean {
    return this.#skip !== undefined || this.explains
  }

  get explains(): boolean {
    return this.sessions.explains
  }

  get vary(): string | undefined {
    return this.sessions.transport.vary
  }

  skip(ctx: Context): boolean {
    return skips(this.#skip?.(ctx))
  }

  sameAs(other: Plan): boolean {
    return other instanceof NativePlan && other.sessions === this.sessions
  }

  begin(ctx: Context): KoaRequestSession {
    return new NativeRequest(ctx, this)
  }
}

class NativeRequest extends KoaRequestSession {
  readonly plan: NativePlan

  constructor(ctx: Context, plan: NativePlan) {
    super(ctx)
    this.plan = plan
  }

  get #headers(): ResponseHeaders {
    const { res } = this.ctx
    return { get: name => res.getHeader(name), set: (name, value) => res.setHeader(name, value) }
  }

  /** What the browser has sent, by name. */
  get #sent(): ReadHeader {
    return name => this.ctx.get(name) || undefined
  }

  protected override get knowsUsers(): boolean {
    return true
  }

  protected override get looksFirst(): boolean {
    return true
  }

  protected readToken(): Presented | undefined {
    return this.plan.sessions.readToken(this.ctx.req)
  }

  protected writeToken(token: string, expiresAt: number | undefined): void {
    const { transport } = this.plan.sessions
    transport.write(this.#headers, token, expiresAt, this.#sent)
    if (transport.secure && !this.ctx.secure && !isLoopback(this.ctx.hostname))
      reportPlainHttp(this.plan.warnings, transport, forwardedProto(this.ctx), 'app.proxy = true')
  }

  protected clearToken(): void {
    this.plan.sessions.transport.clear(this.#headers, this.#sent)
  }

  protected hold(source: object, session: Session): NativeSession {
    return holdNative(this, source, session)
  }
}
