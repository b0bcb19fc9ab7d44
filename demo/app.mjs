import { readFile } from 'node:fs/promises'
import session from 'holdfast/koa'
import Koa from 'koa'
import { day, modeOf, modes } from './modes.mjs'
import { messagePage } from './page.mjs'
import { noted, showOutcome } from './report.mjs'
import { securityHeaders } from './request.mjs'
import { routes } from './routes.mjs'

const files = {
  '/style.css': { type: 'css', text: readFile(new URL('./style.css', import.meta.url)) },
  '/favicon.svg': { type: 'svg', text: readFile(new URL('./favicon.svg', import.meta.url)) },
}

/** The demo: two independent sessions on one Koa app, of which a request uses the one that the visitor has chosen. */
export function createApp({ keys, store }) {
  const app = new Koa()
  app.keys = keys

  app.use(securityHeaders)
  app.use(refusals)
  app.use(staticFiles)
  app.use(showOutcome)
  app.use(session(optionsFor('cookie'), app)) // is ctx.session
  app.use(session({ ...optionsFor('store'), property: 'stored', store: noted(store) }, app)) // is ctx.stored
  app.use(routes)
  return app
}

const optionsFor = mode => ({ key: modes[mode].cookieName, maxAge: day, sameSite: 'lax', skip: ctx => modeOf(ctx) !== mode })

async function refusals(ctx, next) {
  try {
    await next()
  } catch (error) {
    if (!error.expose) throw error
    ctx.status = error.status
    ctx.body = messagePage('Refused', error.message)
  }
}

async function staticFiles(ctx, next) {
  const file = Object.hasOwn(files, ctx.path) ? files[ctx.path] : undefined
  if (!file) return next()
  ctx.type = file.type
  ctx.set('Cache-Control', 'no-cache')
  ctx.body = await file.text
}
