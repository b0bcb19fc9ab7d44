import session from 'holdfast/koa'
import { koaApp } from '../apps/koa.mjs'
import { MapStore } from '../map-store.mjs'

/** The drop-in with a koa-session store. */
export default { name: 'koa-map', base: 'koa', create: () => koaApp(app => app.use(session({ store: new MapStore() }, app))) }
