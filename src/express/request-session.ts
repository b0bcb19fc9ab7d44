import type { IncomingMessage, ServerResponse } from 'node:http'
import { whenClosed } from '../core/closing.ts'
import type { Asker } from '../core/login-facts.ts'
import { isPromise, type MaybePromise } from '../core/maybe.ts'
import type { ResponseHeaders } from '../core/transport.ts'
import { isHeadersSent, isTold, type Reporter, reportBeside } from '../request/beside.ts'
import { markVary, restrictCaching } from '../request/caching.ts'
import { type RequestPlan, RequestSession } from '../request/request-session.ts'
import { type Gatekeeper, HeldResponse } from './held-response.ts'
import type { RequestProperty } from './property.ts'

/** What `next` of Express and connect is. */
export type Next = (error?: unknown) => void

/** What `session()` has made of its options. */
export interface Plan extends RequestPlan, Reporter {
  /** The request header that the answer depends on, for `Vary`. */
  readonly vary: string | undefined
  /** The name on the request. */
  readonly property: RequestProperty
  /** Of what the adapter calls its request. */
  skip(source: object): boolean
  begin(req: IncomingMessage): ExpressRequestSession
}

/** One request's session behind a response that waits for it. */
export abstract class ExpressRequestSession extends RequestSession implements Gatekeeper {
  readonly req: IncomingMessage
  abstract override readonly plan: Plan
  #held: HeldResponse | undefined
  #res: ServerResponse | undefined
  #next: Next | undefined
  /** What the browser is to be told with the head: the last word counts. */
  #due: (() => void) | undefined

  constructor(req: IncomingMessage) {
    super()
    this.req = req
  }

  /** Whether a store that is asked for a new session of the request shall ask it. */
  get answersStores(): boolean {
    return false
  }

  get source(): object {
    return this.req
  }

  /** Express's setting `trust proxy` says whether proxies are believed; without Express they are not. */
  get asker(): Asker {
    const { headers, ip = this.req.socket?.remoteAddress } = this.req as IncomingMessage & { ip?: string }
    return { ip, userAgent: headers['user-agent'] }
  }

  /** Of a request that shall have no session, and whose answer waits for nothing. */
  explainSkipped(res: ServerResponse): void {
    this.explainTo({ get: name => res.getHeader(name), set: (name, value) => res.setHeader(name, value) })
  }

  /** From here on nothing leaves before the session is stored. `next` gets the error if it cannot be. */
  guard(res: ServerResponse, next: Next): void {
    this.#res = res
    this.#next = next
    this.#held = new HeldResponse(res, this)
  }

  beforeHead(): MaybePromise<void> {
    // A failure may be the very one that the handler was told, and that its answer tells of.
    const known = this.failure
    try {
      const concluded = this.conclude()
      if (!isPromise(concluded)) return this.#tellNow()
      return concluded.then(() => this.#tellNow()).then(undefined, error => this.#refused(error, known))
    } catch (error) {
      this.#refused(error, known)
    }
  }

  /** A save that fails must not be a success. Where the answer is an error already, that one goes out, and the failure is told beside it. */
  #refused(error: unknown, known: unknown): void {
    if ((this.#res as ServerResponse).statusCode < 400) throw error
    this.beforeAnswer()
    if (known === undefined || error !== known) reportBeside(this.plan, this.source, error)
  }

  beforeEnd(): MaybePromise<void> {
    const known = this.failure
    try {
      const concluded = this.conclude()
      return isPromise(concluded) ? concluded.then(undefined, error => unlessTold(error, known)) : concluded
    } catch (error) {
      unlessTold(error, known)
    }
  }

  failed(error: unknown): void {
    this.#next?.(error)
  }

  breaksOff(error: unknown): boolean {
    return !isHeadersSent(error)
  }

  /** The handler is done with its session, as far as can be known. To delete the property is to end the session. */
  protected conclude(): MaybePromise<void> {
    const { property } = this.plan
    if (!property.stands(this.req)) this.set(property.retake(this.req) ?? null)
    return this.commit()
  }

  protected get headersSent(): boolean {
    return this.#held?.headSent ?? false
  }

  /** The headers, also while the handler may set none. */
  protected get headers(): ResponseHeaders {
    return (this.#held as HeldResponse).headers
  }

  protected setHeader(name: string, value: string): void {
    this.headers.set(name, value)
  }

  protected onClose(listener: () => void): void {
    if (this.#res) whenClosed(this.#res, this.req.socket, listener)
  }

  protected asksToSkip(): boolean {
    return this.plan.skip(this.source)
  }

  /** The head is the first that the browser sees, and what a handler or an error handler does to headers before is done. */
  protected tell(write: () => void): void {
    this.#due = write
  }

  /** What was stored before it failed is told all the same: record and token both exist, or neither. */
  beforeAnswer(): void {
    try {
      this.#tellNow()
    } catch {
      // It is the telling that has failed.
    }
  }

  #tellNow(): void {
    // Something before us has let the head go already.
    if (this.headersSent) return
    const { vary } = this.plan
    const { showsUser } = this
    if (this.accessed && vary) markVary(this.headers, vary)
    this.#due?.()
    this.explainTo(this.headers)
    const tellsToken = this.#due !== undefined || this.tellLast()
    if (showsUser || tellsToken) restrictCaching(this.headers, showsUser ? 'no-store' : 'private')
  }

  /** What else the head must say; whether it says a token. */
  protected tellLast(): boolean {
    return false
  }
}

/** What the handler's own `save()` has failed of after the head need not fail again: the answer cannot change any more. */
function unlessTold(error: unknown, known: unknown): void {
  if (!isTold(error, known)) throw error
}
