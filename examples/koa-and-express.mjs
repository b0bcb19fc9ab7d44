// One login for two frameworks: Koa answers below /account, Express the rest, and both have the same sessions.
import { createServer } from 'node:http'
import express from 'express'
import { createSessions } from 'holdfast'
import onExpress from 'holdfast/express'
import onKoa from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import Koa from 'koa'

const sessions = createSessions({
  keys: ['replace me with a random secret of at least 32 octets'],
  store: new MemoryStore(),
})

const account = new Koa()
account.use(onKoa(sessions, account))
account.use(async ctx => {
  if (ctx.path === '/account/login') {
    await ctx.session.regenerate()
    ctx.session.userId = 'ann'
  }
  if (ctx.path === '/account/logout') ctx.session = null
  ctx.body = `account: ${ctx.session?.userId ?? 'nobody'}`
})

const shop = express()
shop.use(onExpress(sessions))
shop.get('/', (req, res) => {
  res.type('text').send(`shop: ${req.session.userId ?? 'nobody'}`)
})

const koa = account.callback()
const server = createServer((req, res) => (req.url.startsWith('/account') ? koa(req, res) : shop(req, res)))
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on http://localhost:${server.address().port}`)
})
