// The view counter with the whole option block, behind a proxy that ends TLS and says so in X-Forwarded-Proto.
import session from 'holdfast/koa'
import Koa from 'koa'

const app = new Koa()
app.keys = ['replace me with a long random secret']
app.proxy = true // believe the proxy's X-Forwarded-Proto; without it `secure: true` would never see https

app.use(
  session(
    {
      key: 'koa.sess', // name of the cookie
      maxAge: 86400000, // one day, in ms; 'session' means until the browser closes
      autoCommit: true, // save by itself when the middleware below has finished
      overwrite: true, // replace a cookie of this name that is already in the answer
      httpOnly: true, // not readable by scripts in the page
      signed: true, // app.keys guard it against changes
      rolling: false, // true: every answer restarts the life of maxAge
      renew: false, // true: restart it only when less than half is left
      secure: true, // https only; on plain http one warning and no cookie
      sameSite: null, // unset; 'lax' is the better choice for most sites
    },
    app,
  ),
)

app.use(ctx => {
  ctx.session.views = (ctx.session.views ?? 0) + 1
  ctx.body = `${ctx.session.views} views`
})

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on http://localhost:${server.address().port}`)
})
