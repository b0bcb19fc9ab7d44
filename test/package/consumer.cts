import session = require('holdfast/koa')
import Koa = require('koa')

const app = new Koa()
app.use(session({ maxAge: 'session' }, app))
app.use(session.createSession(app))
app.use(async ctx => {
  await ctx.session?.save()
})
