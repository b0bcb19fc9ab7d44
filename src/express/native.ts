import type { IncomingMessage } from 'node:http'
import type { Presented } from '../core/backend.ts'
import type { SessionEvent, SessionEventName } from '../core/events.ts'
import { assume, type Data } from '../core/json.ts'
import { NativeSession } from '../core/native-session.ts'
import type { Session } from '../core/session.ts'
import type { Warnings } from '../core/warnings.ts'
import { headersOf, type Sessions } from '../native/sessions.ts'
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
  readonly #skip: ((req: IncomingMessage) => boolean) | undefined

  constructor(sessions: Sessions<object>, property: string, skip: ((req: IncomingMessage) => boolean) | undefined, warnings: Warnings) {
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

  skip(req: IncomingMessage): boolean {
    return skips(this.#skip?.(req))
  }

  tell(name: SessionEventName, event: SessionEvent): boolean {
    return this.sessions.tell(name, event)
  }

  begin(req: IncomingMessage): ExpressRequestSession {
    return new NativeRequest(req, this)
  }
}

/** Browsers take Secure cookies from here over plain http as well. */
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

class NativeRequest extends ExpressRequestSession {
  readonly plan: NativePlan

  constructor(req: IncomingMessage, plan: NativePlan) {
    super(req)
    this.plan = plan
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
    if (transport.secure && !isSecure(this.req, undefined) && !LOOPBACK.test(hostOf(this.req))) this.#reportPlainHttp(transport.cookieName)
  }

  /** Secure does not depend on the request, so the cookie is sent; but over plain http no browser keeps it. */
  #reportPlainHttp(name = ''): void {
    this.plan.warnings.warn(
      'HOLDFAST_INSECURE',
      `the session cookie "${name}" is Secure, and a request looks like plain http (${forwardedProto(this.req)}): browsers keep it over https only. ` +
        "Serve the site over https; behind a proxy that ends TLS set app.set('trust proxy', …), so that this warning knows.",
    )
  }

  protected clearToken(): void {
    this.plan.sessions.transport.clear(this.headers, headersOf(this.req))
  }

  protected hold(source: object, session: Session): NativeSession {
    const holder = new NativeSession(this)
    const fill = (data: Data) => assume(holder, data)
    fill(source as Data)
    session.hold(holder, fill)
    return holder
  }
}
