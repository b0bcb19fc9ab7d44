import session from 'holdfast/koa'
import { koaApp } from '../apps/koa.mjs'

/** The drop-in with an encrypted cookie. */
export default { name: 'koa-sealed', base: 'koa', create: () => koaApp(app => app.use(session({ encrypt: true }, app))) }
