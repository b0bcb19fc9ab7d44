import express from 'express'
import { createSessions, type SessionData } from 'holdfast'
import expressSession, { type SessionOptions } from 'holdfast/express'
import session, { type CreateSessionOptions, createSession } from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import Koa from 'koa'

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
export const all: unknown[] = [createSessions, MemoryStore]
