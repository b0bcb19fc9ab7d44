import Koa from 'koa'
import { KEYS, routes } from '../routes.mjs'

/**
 * The routes in Koa.
 * @param {(app: Koa) => unknown} install puts the session in
 */
export function koaApp(install) {
  const app = new Koa()
  app.keys = KEYS
  install(app)
  app.use(ctx => {
    const answer = routes[ctx.path]
    if (answer) ctx.body = answer(ctx)
  })
  return { listener: app.callback() }
}
