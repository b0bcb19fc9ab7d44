import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Asker } from '../core/login-facts.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { type NativePlan, NativeRequest } from '../express/native.ts'
import { OF_SUCCESS, reportBeside } from '../request/beside.ts'
import { letGo } from '../request/let-go.ts'

/** One request's session in Fastify, behind Node's response: also where a handler has hijacked the reply. */
export class FastifyRequestSession extends NativeRequest {
  readonly #reply: FastifyReply
  /** Fastify's error handler has been told; what it answers carries no session. */
  #refused = false

  constructor(plan: NativePlan, reply: FastifyReply) {
    super(reply.request.raw, plan)
    this.#reply = reply
  }

  override get source(): FastifyRequest {
    return this.#reply.request
  }

  /** `trustProxy` says whether proxies are believed. */
  override get asker(): Asker {
    return { ip: this.source.ip, userAgent: this.source.headers['user-agent'] }
  }

  protected override get encrypted(): boolean {
    return this.source.protocol === 'https'
  }

  protected override get trust(): string {
    return 'the option trustProxy'
  }

  /** In time for Fastify's error handler: what is held Fastify takes for sent. An answer that is an error goes out in any case. */
  async beforeSend(payload: unknown): Promise<void> {
    if (this.#refused || this.#reply.raw.statusCode >= 400) return
    try {
      await this.conclude()
    } catch (error) {
      this.#refused = true
      letGo(payload)
      for (const name of OF_SUCCESS) this.#reply.removeHeader(name)
      throw error
    }
  }

  override beforeHead(): MaybePromise<void> {
    return this.#refused ? this.beforeAnswer() : super.beforeHead()
  }

  /** Nobody else can answer any more: Fastify is done with the reply, or has none. */
  override failed(error: unknown): void {
    const { raw } = this.#reply
    reportBeside(this.plan, this.source, error)
    if (raw.headersSent) return
    raw.statusCode = 500
    raw.end('Internal Server Error')
  }
}
