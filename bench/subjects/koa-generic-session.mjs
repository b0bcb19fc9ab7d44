import convert from 'koa-convert'
import session from 'koa-generic-session'
import { koaApp } from '../apps/koa.mjs'

/** Its defaults: a store in memory. It is a generator, so Koa 3 needs koa-convert around it. */
export default { name: 'koa-generic-session', base: 'koa', create: () => koaApp(app => app.use(convert(session()))) }
