// Sessions in a store of your own: three methods. The cookie then holds nothing but the id.
import session from 'holdfast/koa'
import Koa from 'koa'

const sessions = new Map() // stands for a database; it grows, and forgets everything when the process ends
const store = {
  async get(id) {
    const found = sessions.get(id)
    return found && found.expiresAt > Date.now() ? JSON.parse(found.json) : undefined
  },
  async set(id, data, maxAge) {
    sessions.set(id, { json: JSON.stringify(data), expiresAt: Date.now() + maxAge })
  },
  async destroy(id) {
    sessions.delete(id)
  },
}

const app = new Koa()
app.keys = ['replace me with a long random secret']

app.use(session({ store, maxAge: 86400000 }, app))

app.use(ctx => {
  if (ctx.path === '/logout') ctx.session = null
  else ctx.session.views = (ctx.session.views ?? 0) + 1
  ctx.body = `${ctx.session?.views ?? 0} views, ${sessions.size} in the store`
})

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on http://localhost:${server.address().port}`)
})
