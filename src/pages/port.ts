import type { Readable } from 'node:stream'
import type { SessionEvent, SessionEventName } from '../core/events.ts'

/** What a login knew of its device. */
export interface PageDevice {
  label: string
  ip?: string | undefined
  place?: string | undefined
}

/** One session as a page shows it. Times in ms since the epoch. */
export interface PageSession {
  handle: string
  device?: PageDevice | undefined
  createdAt: number
  authenticatedAt?: number | undefined
  touchedAt: number
  expiresAt: number
  current: boolean
}

/** The same on a page for those who run the site. */
export interface SitePageSession extends PageSession {
  userId: string
}

/** All that the account page asks of a manager that `createSessions` has made. */
export interface AccountSessions {
  list(userId: string, options?: { current?: object | undefined }): Promise<PageSession[]>
  revoke(userId: string, handle: string): Promise<boolean>
  revokeAll(userId: string, options?: { except?: object | undefined }): Promise<number>
  csrfToken(session: object): string
  readonly csrf: { valid(session: object | null, token: string): boolean }
  readonly manager: { now(): number }
}

/** One requirement of a standard, and what the configuration does about it. */
export interface PageFinding {
  readonly standard: string
  readonly id: string
  readonly about: string
  readonly status: 'met' | 'unmet' | 'app'
  readonly text: string
}

/** What the admin page asks beside. */
export interface AdminSessions extends AccountSessions {
  list(userId: string, options?: { current?: object | undefined }): Promise<PageSession[]>
  list(options: {
    cursor?: string | undefined
    limit?: number | undefined
    current?: object | undefined
  }): Promise<{ sessions: SitePageSession[]; cursor: string | null }>
  revokeEveryone(): Promise<number>
  audit(): { readonly findings: readonly PageFinding[] }
  tell(name: SessionEventName, event: SessionEvent): boolean
  readonly manager: { now(): number; probe(): Promise<void> }
}

/** A request, as every framework can say it. */
export interface PageRequest {
  readonly method: string
  readonly query: URLSearchParams
  header(name: string): string | undefined
  /** What the session middleware has put there; undefined where none ran, or the request shall have no session. */
  readonly session: object | undefined
  /** The fields of the form that was sent; null: it was too large. */
  form(): Promise<URLSearchParams | null>
  /** The framework's own request or context, for the app's hooks and for events. */
  readonly source: unknown
}

export interface PageAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Readable
}

/** A page: the path that it answers, and how. */
export interface Page {
  readonly path: string
  readonly property: string
  answer(request: PageRequest): Promise<PageAnswer>
}
