// The smallest useful app: a view counter in a signed cookie.
import session from 'holdfast/koa'
import Koa from 'koa'

const app = new Koa()
app.keys = ['replace me with a long random secret']

app.use(session(app))

app.use(ctx => {
  ctx.session.views = (ctx.session.views ?? 0) + 1
  ctx.body = `${ctx.session.views} views`
})

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on http://localhost:${server.address().port}`)
})
