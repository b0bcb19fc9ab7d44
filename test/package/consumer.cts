import session = require('holdfast/koa')
import expressSession = require('holdfast/express')
import express = require('express')
import Koa = require('koa')

const app = new Koa()
app.use(session({ maxAge: 'session' }, app))
app.use(session.createSession(app))
app.use(async ctx => {
  await ctx.session?.save()
})
express().use(expressSession({ secret: 'secret', store: new expressSession.MemoryStore() }))
