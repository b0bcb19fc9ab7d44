// Your own session ids. These can be guessed, so they only show the option: whoever guesses an id is logged in as its owner.
const session = require('holdfast/koa')
const Koa = require('koa')

const sessions = new Map()
const store = {
  get: async id => sessions.get(id),
  set: async (id, data) => void sessions.set(id, structuredClone(data)),
  destroy: async id => void sessions.delete(id),
}

const app = new Koa()
app.keys = ['replace me with a long random secret']

app.use(session({ store, genid: _ctx => `custom-session-id-${Date.now()}` }, app))

app.use(ctx => {
  ctx.session.views = (ctx.session.views ?? 0) + 1
  ctx.body = `${ctx.session.views} views`
})

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on http://localhost:${server.address().port}`)
})
