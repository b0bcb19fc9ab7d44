// Put something into the session on /, read it on /user, end the session on /destroy.
const session = require('holdfast/koa')
const Koa = require('koa')

const app = new Koa()
app.keys = ['replace me with a long random secret']

app.use(session({ key: 'koa:sess' }, app))

app.use(ctx => {
  switch (ctx.path) {
    case '/':
      ctx.session.user = { name: 'Ada', visits: (ctx.session.user?.visits ?? 0) + 1 }
      ctx.body = 'set'
      break
    case '/user':
      ctx.body = ctx.session.user ?? { name: null }
      break
    case '/destroy':
      ctx.session = null
      ctx.body = 'destroyed'
      break
  }
})

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on http://localhost:${server.address().port}`)
})
