import { koaApp } from '../apps/koa.mjs'
import { constantSession } from '../routes.mjs'

/** Koa alone. */
export default { name: 'koa', base: 'koa', create: () => koaApp(app => Object.assign(app.context, { session: constantSession() })) }
