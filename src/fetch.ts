export { session as default, session as 'module.exports' } from './fetch/middleware.ts'
export type { FetchOptions, FetchSessions, HonoContext } from './fetch/types.ts'
