export { Cookie, type CookieData, type CookieOptions } from './express/cookie.ts'
export { csrf } from './express/csrf.ts'
export { MemoryStore } from './express/memory-store.ts'
export type { ExpressSessionFunction, NativeMiddleware, NativeOptions, SessionMiddleware } from './express/middleware.ts'
export { session as default, session as 'module.exports' } from './express/middleware.ts'
export { SessionClass as Session } from './express/session.ts'
export { Store } from './express/store.ts'
export type {
  ExpressSession,
  ExpressSessionMembers,
  ExpressStore,
  NativeExpressSession,
  SessionData,
  SessionOptions,
  SessionRequest,
  SessionWire,
} from './express/types.ts'
