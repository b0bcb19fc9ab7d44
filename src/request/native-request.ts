import type { Presented } from '../core/backend.ts'
import type { NativeSession } from '../core/native-session.ts'
import type { Session } from '../core/session.ts'
import type { ReadHeader, ResponseHeaders, TokenTransport } from '../core/transport.ts'
import { isHeadersSent, isTold, type Reporter, reportBeside } from './beside.ts'
import { markVary, restrictCaching } from './caching.ts'
import { forwardedText, holdNative, isLoopback, reportPlainHttp } from './native.ts'
import { type RequestPlan, RequestSession } from './request-session.ts'

/** What an adapter has made of a manager and its options. */
export interface NativeRequestPlan extends RequestPlan, Reporter {
  readonly sessions: { readonly transport: TokenTransport; tokenIn(header: ReadHeader): Presented | undefined }
}

/** The browser's connection. */
export interface Connection {
  readonly https: boolean
  readonly host: string
  /** What a proxy said of it, in X-Forwarded-Proto. */
  readonly came: string | undefined
  /** The setting by which a proxy is believed. */
  readonly trust: string
}

/** One request's session in native mode, where the handler hands its answer back and nothing of it has left by then. */
export abstract class NativeRequest extends RequestSession {
  abstract override readonly plan: NativeRequestPlan
  /** The request's headers. */
  protected abstract readonly sent: ReadHeader
  protected abstract readonly connection: Connection
  /** The answer has left, or none can carry a token. */
  protected left = false
  /** What was due before the head is stored. What could not be is not tried again behind it. */
  protected saved = false
  /** Those of the answer, while they are written. */
  #headers: ResponseHeaders | undefined
  /** What the browser is to be told: the last word counts. */
  #due: (() => void) | undefined

  /** Saves what is due. Throws where an answer of this status must not leave; without a status there is none. */
  async conclude(status: number | undefined): Promise<void> {
    const known = this.failure
    try {
      await this.commit()
      this.saved = true
    } catch (error) {
      if (status !== undefined && status < 400) throw error
      if (known === undefined || error !== known) reportBeside(this.plan, this.source, error)
    }
  }

  /** Saves what has changed since the head has left. Throws where the answer must not end as if all were well. */
  protected async concludeLate(): Promise<void> {
    const known = this.failure
    try {
      await this.commit()
    } catch (error) {
      if (isTold(error, known)) return
      reportBeside(this.plan, this.source, error)
      if (!isHeadersSent(error)) throw error
    }
  }

  /** Whether the head depends on the session at all. */
  protected get hasWord(): boolean {
    return (!this.skipped && (this.accessed || this.#due !== undefined)) || this.plan.explains === true
  }

  /** Says in the answer's headers what browser and caches must know. */
  protected tellIn(headers: ResponseHeaders): void {
    this.#headers = headers
    if (this.skipped) {
      this.explainTo(headers)
      return
    }
    const { showsUser } = this
    const { vary } = this.plan.sessions.transport
    if (this.accessed && vary) markVary(headers, vary)
    this.#due?.()
    this.explainTo(headers)
    if (showsUser || this.#due) restrictCaching(headers, showsUser ? 'no-store' : 'private')
  }

  protected tell(write: () => void): void {
    this.#due = write
  }

  protected get headersSent(): boolean {
    return this.left
  }

  protected setHeader(name: string, value: string): void {
    this.#headers?.set(name, value)
  }

  protected readToken(): Presented | undefined {
    return this.plan.sessions.tokenIn(this.sent)
  }

  protected writeToken(token: string, expiresAt: number | undefined): void {
    const { sessions, warnings } = this.plan
    const { transport } = sessions
    transport.write(this.#headers as ResponseHeaders, token, expiresAt, this.sent)
    if (!transport.secure) return
    const { https, host, came, trust } = this.connection
    if (!https && !isLoopback(host)) reportPlainHttp(warnings, transport, forwardedText(came ?? ''), trust)
  }

  protected clearToken(): void {
    this.plan.sessions.transport.clear(this.#headers as ResponseHeaders, this.sent)
  }

  protected override get knowsUsers(): boolean {
    return true
  }

  protected override get looksFirst(): boolean {
    return true
  }

  protected hold(source: object, session: Session): NativeSession {
    return holdNative(this, source, session)
  }
}
