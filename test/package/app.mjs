// The packed tarball serves a Koa app and an Express app: two requests of one visitor each.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import express from 'express'
import expressSession from 'holdfast/express'
import session from 'holdfast/koa'
import Koa from 'koa'

const koa = new Koa()
koa.keys = ['a key of the test']
koa.use(session(koa))
koa.use(ctx => {
  ctx.session.views = (ctx.session.views ?? 0) + 1
  ctx.body = `${ctx.session.views} views`
})

const app = express()
app.use(expressSession({ secret: 'a secret of the test', resave: false, saveUninitialized: false }))
app.get('/', (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1
  res.send(`${req.session.views} views`)
})

await visit(koa, ['koa.sess', 'koa.sess.sig'])
await visit(app, ['connect.sid'])

async function visit(site, names) {
  const server = site.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}/`
  const first = await fetch(url)
  assert.equal(await first.text(), '1 views')
  const cookie = first.headers.getSetCookie().map(line => line.split(';')[0])
  assert.deepEqual(
    cookie.map(pair => pair.split('=')[0]),
    names,
  )
  const second = await fetch(url, { headers: { cookie: cookie.join('; ') } })
  assert.equal(await second.text(), '2 views')
  server.close()
}
