import { readFile } from 'node:fs/promises'
import session from 'holdfast/koa'
import Koa from 'koa'
import { day, modeOf, modes } from './modes.mjs'
import { Overlap } from './overlap.mjs'
import { messagePage } from './page.mjs'
import { noted, showOutcome } from './report.mjs'
import { securityHeaders } from './request.mjs'
import { routes } from './routes.mjs'

const files = {
  '/style.css': { type: 'css', text: readFile(new URL('./style.css', import.meta.url)) },
  '/favicon.svg': { type: 'svg', text: readFile(new URL('./favicon.svg', import.meta.url)) },
}

/** The demo: two independent sessions on one Koa app, of which a request uses the one that the visitor has chosen. */
export function createApp({ keys, opened }) {
  const app = new Koa()
  app.keys = keys
  app.context.opened = opened
  app.context.overlap = new Overlap()

  app.use(securityHeaders)
  app.use(refusals)
  app.use(staticFiles)
  app.use(showOutcome)
  app.use(session(optionsFor('cookie'), app)) // is ctx.session
  app.use(session({ ...optionsFor('store'), property: 'stored', store: noted(opened.store) }, app)) // is ctx.stored
  app.use(app.context.overlap.routes)
  app.use(routes)
  return app
}

const optionsFor = mode => ({ key: modes[mode].cookieName, maxAge: day, sameSite: 'lax', skip: ctx => modeOf(ctx) !== mode })

async function refusals(ctx, next) {
  try {
    await next()
  } catch (error) {
    const page = pageFor(error)
    if (!page) throw error
    if (!error.expose) ctx.app.emit('error', error, ctx)
    ctx.status = error.expose ? error.status : 503
    ctx.body = page
  }
}

function pageFor(error) {
  if (error.expose) return messagePage('Refused', error.message)
  if (error.code !== 'HOLDFAST_STORE') return undefined
  return messagePage('The store does not answer', 'Nothing was changed that you would not be told of. Try again when the database is back.')
}

async function staticFiles(ctx, next) {
  const file = Object.hasOwn(files, ctx.path) ? files[ctx.path] : undefined
  if (!file) return next()
  ctx.type = file.type
  ctx.set('Cache-Control', 'no-cache')
  ctx.body = await file.text
}
