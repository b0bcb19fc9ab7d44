import { createSessions } from 'holdfast'
import session from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import { koaApp } from '../apps/koa.mjs'
import { KEYS } from '../routes.mjs'

/** Native mode with a Holdfast store. */
export default {
  name: 'koa-store',
  base: 'koa',
  create: () => koaApp(app => app.use(session(createSessions({ keys: KEYS, store: new MemoryStore() }), app))),
}
