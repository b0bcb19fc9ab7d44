import session from 'koa-session'
import { koaApp } from '../apps/koa.mjs'

/** Cookie mode, its defaults: base64 in one cookie, the signature in another. */
export default { name: 'koa-session', base: 'koa', create: () => koaApp(app => app.use(session(app))) }
