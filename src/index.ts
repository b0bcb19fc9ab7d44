export type { ReaderOptions } from './backends/readers.ts'
export type { CookieOptions } from './cookie/transport.ts'
export type { OnStoreError } from './core/config.ts'
export type { LogoutOptions, SignalOptions, SiteData } from './core/controls.ts'
export * from './core/errors.ts'
export type { SessionEvent, SessionEventName } from './core/events.ts'
export {
  authenticatedAtOf,
  destroy,
  factorChanged,
  goneReason,
  idOf,
  isNew,
  login,
  logout,
  reauthenticated,
  regenerate,
  reload,
  requireFresh,
  save,
  signalOf,
  update,
  userIdOf,
} from './core/functions.ts'
export type { IdpSession, LoginOptions, ReauthenticatedOptions, RegenerateOptions } from './core/login.ts'
export type { Device } from './core/login-facts.ts'
export type { ConflictPolicy } from './core/merge.ts'
export type { NativeSession } from './core/native-session.ts'
export type { Duration } from './core/options.ts'
export type { Gone, GoneReason, Life, SessionRecord } from './core/record.ts'
export type { SchemaResult, StandardSchema } from './core/schema.ts'
export * from './core/session-data.ts'
export type {
  Ended,
  EndingsListener,
  IndexedSessionStore,
  ReplaceResult,
  SaveResult,
  SessionPage,
  SessionStore,
  Unwatch,
  UserLimit,
  WatchableSessionStore,
} from './core/store.ts'
export { headerTransport, type ReadHeader, type ResponseHeaders, type TokenTransport } from './core/transport.ts'
export type { KeyInput } from './crypto/key-list.ts'
export type { KeysOption } from './crypto/key-source.ts'
export type { KeyProvider } from './crypto/provided-keys.ts'
export type { AuditReport, Finding } from './native/audit/audit.ts'
export type { PolicyName } from './native/audit/levels.ts'
export { createSessions } from './native/create-sessions.ts'
export type { CsrfOptions } from './native/csrf.ts'
export type { DeviceOption, DeviceOptions } from './native/devices.ts'
export type { CreateSessionsOptions } from './native/options.ts'
export type { ListOptions, PageOptions, PeopleMethods, RevokeAllOptions, SiteSession, SiteSessions, UserSession } from './native/people.ts'
export type { Sessions, Watched, WatchOptions } from './native/sessions.ts'
