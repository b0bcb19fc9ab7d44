import express, { type Request } from 'express'
import { createSessions, type SessionData } from 'holdfast'
import { account } from 'holdfast/account'
import { admin } from 'holdfast/admin'
import expressSession, { type SessionOptions } from 'holdfast/express'
import session, { type CreateSessionOptions, createSession } from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import Koa, { type Context } from 'koa'

const app = new Koa()
const options: CreateSessionOptions = { maxAge: 'session' }
app.use(session(options, app))
app.use(createSession(app))
app.use(ctx => {
  ctx.session = null
})
const expressOptions: SessionOptions = { secret: 'secret', resave: false, saveUninitialized: false }
express().use(expressSession(expressOptions))
export const data: SessionData = {}
const sessions = createSessions({ keys: ['secret'], store: new MemoryStore() })
app.use(account(sessions, { within: '5m' }))
app.use(admin<Context>(sessions, { authorize: async ctx => ctx.ip === '::1' }))
express().use(account(sessions), admin<Request>(sessions, { authorize: req => req.ip === '::1', actor: req => req.ip ?? 'nobody' }))
export const all: unknown[] = [createSessions, MemoryStore]
