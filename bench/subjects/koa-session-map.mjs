import session from 'koa-session'
import { koaApp } from '../apps/koa.mjs'
import { MapStore } from '../map-store.mjs'

/** With a store. */
export default { name: 'koa-session-map', base: 'koa', create: () => koaApp(app => app.use(session({ store: new MapStore() }, app))) }
