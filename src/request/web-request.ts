import type { SessionHolder } from '../core/controls.ts'
import { SessionHeadersSentError } from '../core/errors.ts'
import type { Asker } from '../core/login-facts.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { type ReadHeader, webHeadersOf } from '../core/transport.ts'
import { letGo } from './let-go.ts'
import { type Connection, NativeRequest, type NativeRequestPlan } from './native-request.ts'
import { bodyUntil, webResponseHeaders } from './web.ts'

/** What `session()` has made of its options. */
export interface WebPlan extends NativeRequestPlan {
  /** X-Forwarded-Proto and X-Forwarded-For are believed. */
  readonly proxy: boolean
  skip(source: object): boolean
  ipOf(source: object, rest: readonly unknown[]): string | undefined
  /** Answers what is thrown; undefined: whoever runs the handler does. */
  readonly answerTo: ((error: unknown, source: object, rest: readonly unknown[]) => Response | Promise<Response>) | undefined
}

/** A body that writes on and on is not waited for. */
const MOST_ROUNDS = 10
/** Bodies that nobody reads to their end and nobody cancels, such as that of an answer to HEAD. */
const unread = new FinalizationRegistry<() => void>(over => over())

/** One web-standard request's session. */
export class WebRequest extends NativeRequest {
  readonly plan: WebPlan
  /** A framework's own object, or the request. */
  readonly source: object
  protected readonly sent: ReadHeader
  readonly #request: Request
  readonly #rest: readonly unknown[]
  #listeners: (() => void)[] = []
  /** What was asked for and is not done yet. */
  readonly #asked = new Set<Promise<void>>()
  #isOver = false

  constructor(plan: WebPlan, source: object, request: Request, rest: readonly unknown[]) {
    super()
    this.plan = plan
    this.source = source
    this.sent = webHeadersOf(request.headers)
    this.#request = request
    this.#rest = rest
  }

  get asker(): Asker {
    return { ip: this.#forwarded('for') ?? this.plan.ipOf(this.source, this.#rest), userAgent: this.sent('user-agent') }
  }

  protected get connection(): Connection {
    const { protocol, hostname } = new URL(this.#request.url)
    const proto = this.#forwarded('proto')?.toLowerCase() ?? protocol.slice(0, -1)
    return { https: proto === 'https', host: hostname, came: this.sent('x-forwarded-proto'), trust: 'proxy: true' }
  }

  /** What the first proxy has said, where proxies are believed. */
  #forwarded(what: string): string | undefined {
    return (this.plan.proxy && this.sent(`x-forwarded-${what}`)?.split(',')[0]?.trim()) || undefined
  }

  /** Runs a handler between opening its session and storing it. What is thrown goes on, unless the plan answers it. */
  async serve(handle: () => Response | Promise<Response>): Promise<Response> {
    let response: Response
    try {
      await this.#ready()
      response = await handle()
      if (typeof response?.status !== 'number' || response.bodyUsed)
        throw new TypeError('the handler must return a Response that nobody has read')
    } catch (error) {
      response = await this.#answered(error)
    }
    // An upgrade and `Response.error()` carry no header.
    this.left = response.status < 200
    try {
      await this.#concluded(response.status)
    } catch (error) {
      letGo(response)
      if (!this.plan.answerTo) throw error
      response = await this.plan.answerTo(error, this.source, this.#rest)
    }
    return this.told(response)
  }

  /** With what the handler has begun and does not await, such as a login: behind the head its token could reach nobody. */
  async #concluded(status: number): Promise<void> {
    await this.conclude(status)
    for (let round = 0; this.#asked.size > 0 && round < MOST_ROUNDS; round++) {
      await Promise.allSettled(this.#asked)
      await this.conclude(status)
    }
  }

  protected override asked(work: () => MaybePromise<void>): Promise<void> {
    const done = super.asked(work)
    const over = () => void this.#asked.delete(done)
    this.#asked.add(done)
    done.then(over, over)
    return done
  }

  async #ready(): Promise<void> {
    try {
      if (!this.skips() && this.plan.manager.eager) await this.open()
    } catch (error) {
      this.openFailed()
      throw error
    }
  }

  async #answered(error: unknown): Promise<Response> {
    const { answerTo } = this.plan
    if (answerTo) return answerTo(error, this.source, this.#rest)
    // Nobody is there to be told a token: what needs none is stored, and nothing else.
    this.left = true
    await this.conclude(undefined)
    this.#close()
    throw error
  }

  /** Its head has left: who comes with the same request begins anew. */
  get answered(): boolean {
    return this.left
  }

  override get(): SessionHolder | null {
    this.#refuseLateAccess()
    return super.get()
  }

  override set(value: unknown): void {
    this.#refuseLateAccess()
    super.set(value)
  }

  /** Nobody awaits the end of a body whose session was not looked at by then: what it changed would be lost. */
  #refuseLateAccess(): void {
    if (!this.saved || !this.left || this.accessed || this.skipped) return
    throw new SessionHeadersSentError('the session was first used after the answer had left: look at it before you return the Response')
  }

  /** The answer with what browser and caches must know. What its body changes in the session is saved when it ends. */
  told(response: Response): Response {
    const { status, statusText, body } = response
    const says = status >= 200 && this.hasWord
    const headers = new Headers(response.headers)
    if (says) this.tellIn(webResponseHeaders(headers))
    this.left = true
    const follows = says && body !== null && this.accessed && this.saved && !this.skipped && this.#request.method !== 'HEAD'
    if (!follows) this.#close()
    if (!says) return response
    if (!follows) return new Response(body, { status, statusText, headers })
    const followed = bodyUntil(body, () => this.concludeLate(), this.#close)
    unread.register(followed, this.#close)
    return new Response(followed, { status, statusText, headers })
  }

  readonly #close = (): void => {
    this.#isOver = true
    for (const listener of this.#listeners.splice(0)) listener()
  }

  protected onClose(listener: () => void): void {
    const { signal } = this.#request
    if (this.#isOver || signal.aborted) {
      listener()
      return
    }
    this.#listeners.push(listener)
    signal.addEventListener('abort', this.#close, { once: true })
  }

  protected asksToSkip(): boolean {
    return this.plan.skip(this.source)
  }
}
