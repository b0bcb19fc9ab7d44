export { type AdminAction, type AdminOptions, admin, admin as default } from './pages/admin.ts'
export type { AdminTexts } from './pages/admin-texts.ts'
export type { KoaLike, PageMiddleware } from './pages/middleware.ts'
export type { AdminSessions, PageDevice, PageFinding, PageSession, SitePageSession } from './pages/port.ts'
