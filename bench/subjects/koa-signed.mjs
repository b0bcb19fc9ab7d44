import session from 'holdfast/koa'
import { koaApp } from '../apps/koa.mjs'

/** The drop-in in cookie mode: koa-session's own cookies. */
export default { name: 'koa-signed', base: 'koa', create: () => koaApp(app => app.use(session(app))) }
