import { session } from './koa/middleware.ts'
import { SessionOptions } from './koa/options.ts'

// `require('holdfast/koa')` is the function itself and carries the other exports, as koa-session's does.
Object.assign(session, { createSession: session, default: session, SessionOptions })

export type { NativeOptions, SessionMiddleware } from './koa/middleware.ts'
export type {
  CreateSessionOptions,
  ExternalKey,
  KoaSession,
  KoaSessionMembers,
  KoaSessionStore,
  SessionAssignment,
  SessionContext,
} from './koa/types.ts'
export { SessionOptions, session as createSession, session as default, session as 'module.exports' }
