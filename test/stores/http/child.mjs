// One process of a site, on the built package: a Koa app with a store client of its own. It tells its port, and serves until it is ended.
import { once } from 'node:events'
import { createSessions, goneReason, login, update, userIdOf } from 'holdfast'
import session from 'holdfast/koa'
import Koa from 'koa'

/** @type {import('./children.ts').ChildSetup} */
const { module, open: options, keys, native, more } = JSON.parse(process.argv[2] ?? '')
const { open } = await import(module)
const { store } = await open(options)

const app = new Koa()
app.keys = keys
app.silent = true
const storeTimeout = 30_000
app.use(
  native
    ? session(createSessions({ keys, store, storeTimeout, cookie: { name: 'sid' }, ...more }), app)
    : session({ store, storeTimeout }, app),
)
app.use(async ctx => {
  if (ctx.path === '/in') ctx.session.n = 0
  if (ctx.path === '/out') {
    ctx.session = null
    ctx.body = 'out'
    return
  }
  if (ctx.path === '/login') {
    await login(ctx.session, 'ann')
    ctx.body = 'in'
    return
  }
  if (ctx.path === '/who') {
    ctx.body = userIdOf(ctx.session) ?? goneReason(ctx.session) ?? 'nobody'
    return
  }
  if (ctx.path === '/add') {
    for (let left = Number(ctx.query.times ?? 1); left > 0; left--) {
      await update(ctx.session, draft => {
        draft.n++
      })
    }
  }
  ctx.body = String(ctx.session.n ?? 'nothing')
})
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
console.log(`port ${server.address().port}`)
