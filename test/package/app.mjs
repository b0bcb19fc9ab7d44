// The packed tarball serves a Koa app: two requests of one visitor.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import session from 'holdfast/koa'
import Koa from 'koa'

const app = new Koa()
app.keys = ['a key of the test']
app.use(session(app))
app.use(ctx => {
  ctx.session.views = (ctx.session.views ?? 0) + 1
  ctx.body = `${ctx.session.views} views`
})
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${server.address().port}/`
const first = await fetch(url)
assert.equal(await first.text(), '1 views')
const cookie = first.headers.getSetCookie().map(line => line.split(';')[0])
assert.deepEqual(
  cookie.map(pair => pair.split('=')[0]),
  ['koa.sess', 'koa.sess.sig'],
)
const second = await fetch(url, { headers: { cookie: cookie.join('; ') } })
assert.equal(await second.text(), '2 views')
server.close()
