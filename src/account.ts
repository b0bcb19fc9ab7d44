export { type AccountOptions, account, account as default } from './pages/account.ts'
export type { AccountTexts } from './pages/account-texts.ts'
export type { KoaLike, PageMiddleware } from './pages/middleware.ts'
export type { AccountSessions, PageDevice, PageSession } from './pages/port.ts'
