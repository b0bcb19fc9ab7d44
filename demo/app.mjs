import { readFile } from 'node:fs/promises'
import session from 'holdfast/koa'
import Koa from 'koa'
import { messagePage } from './layout.mjs'
import { day, modeOf, modes } from './modes.mjs'
import { Overlap } from './overlap.mjs'
import { mountPeople } from './people.mjs'
import { noted, showOutcome } from './report.mjs'
import { securityHeaders } from './request.mjs'
import { routes } from './routes.mjs'

const fileAt = (name, type) => ({ type, text: readFile(new URL(name, import.meta.url)) })
const icon = fileAt('favicon.svg', 'svg')
const files = {
  '/style.css': fileAt('style.css', 'css'),
  '/devices.js': fileAt('devices.js', 'js'),
  '/favicon.svg': icon,
  '/favicon.ico': icon, // where browsers look for it on the library's pages
}

/** The demo: people in native mode, and two independent sessions of the drop-in, of which a request uses the one that the visitor has chosen. */
export function createApp({ keys, opened, people }) {
  const app = new Koa()
  app.keys = keys
  app.context.opened = opened
  app.context.overlap = new Overlap()

  app.use(securityHeaders)
  app.use(refusals)
  app.use(staticFiles)
  mountPeople(app, people) // is ctx.visitor
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
