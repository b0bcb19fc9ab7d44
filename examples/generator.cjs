// The view counter as a generator function, for apps that still run on Koa 2. (Koa 3 has none.)
const session = require('holdfast/koa')
const Koa = require('koa2') // in your app: 'koa', version 2

const app = new Koa()
app.keys = ['replace me with a long random secret']

app.use(session(app))

app.use(function* (next) {
  this.session.views = (this.session.views ?? 0) + 1
  this.body = `${this.session.views} views`
  yield next
})

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on http://localhost:${server.address().port}`)
})
