import type { IncomingMessage } from 'node:http'
import type { Presented } from '../core/backend.ts'
import type { SessionEvent, SessionEventName } from '../core/events.ts'
import type { NativeSession } from '../core/native-session.ts'
import type { Session } from '../core/session.ts'
import type { Warnings } from '../core/warnings.ts'
import { headersOf, type Sessions } from '../native/sessions.ts'
import { holdNative, isLoopback, reportPlainHttp } from '../request/native.ts'
import { skips } from '../request/skip.ts'
import { forwardedProto, hostOf, isSecure } from './connection.ts'
import { RequestProperty } from './property.ts'
import { ExpressRequestSession, type Plan } from './request-session.ts'

/** Holdfast's own mode: the manager's transport, and the session class of every framework. */
export class NativePlan implements Plan {
  readonly noStore = true
  readonly sessions: Sessions<object>
  readonly property: RequestProperty
  readonly warnings: Warnings
  readonly #skip: ((source: never) => boolean) | undefined

  constructor(sessions: Sessions<object>, property: string, skip: ((source: never) => boolean) | undefined, warnings: Warnings) {
    this.sessions = sessions
    this.property = new RequestProperty(property)
    this.warnings = warnings
    this.#skip = skip
  }

  get manager(): Sessions<object>['manager'] {
    return this.sessions.manager
  }

  get explains(): boolean {
    return this.sessions.explains
  }

  get vary(): string | undefined {
    return this.sessions.transport.vary
  }

  skip(source: object): boolean {
    return skips(this.#skip?.(source as never))
  }

  tell(name: SessionEventName, event: SessionEvent): boolean {
    return this.sessions.tell(name, event)
  }

  begin(req: IncomingMessage): ExpressRequestSession {
    return new NativeRequest(req, this)
  }
}

/** One request's session in native mode, behind one of Node's responses. */
export class NativeRequest extends ExpressRequestSession {
  readonly plan: NativePlan

  constructor(req: IncomingMessage, plan: NativePlan) {
    super(req)
    this.plan = plan
  }

  /** Whether the browser's connection is, by the framework's own rules of which proxy to trust. */
  protected get encrypted(): boolean {
    return isSecure(this.req, undefined)
  }

  /** The framework's setting by which a proxy is believed. */
  protected get trust(): string {
    return "app.set('trust proxy', …)"
  }

  protected override get knowsUsers(): boolean {
    return true
  }

  protected override get looksFirst(): boolean {
    return true
  }

  protected readToken(): Presented | undefined {
    return this.plan.sessions.readToken(this.req)
  }

  protected writeToken(token: string, expiresAt: number | undefined): void {
    const { transport } = this.plan.sessions
    transport.write(this.headers, token, expiresAt, headersOf(this.req))
    if (transport.secure && !this.encrypted && !isLoopback(hostOf(this.req)))
      reportPlainHttp(this.plan.warnings, transport, forwardedProto(this.req), this.trust)
  }

  protected clearToken(): void {
    this.plan.sessions.transport.clear(this.headers, headersOf(this.req))
  }

  protected hold(source: object, session: Session): NativeSession {
    return holdNative(this, source, session)
  }
}
