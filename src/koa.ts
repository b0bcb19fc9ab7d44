export { csrf } from './koa/csrf.ts'
export type { CreateSession, KoaApp, NativeMiddleware, NativeOptions, SessionMiddleware } from './koa/middleware.ts'
export { session as createSession, session as default, session as 'module.exports' } from './koa/middleware.ts'
export { SessionOptions } from './koa/options.ts'
export type {
  CreateSessionOptions,
  ExternalKey,
  KoaSession,
  KoaSessionMembers,
  KoaSessionStore,
  NativeContext,
  NativeKoaSession,
  SessionAssignment,
  SessionContext,
} from './koa/types.ts'
