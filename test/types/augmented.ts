// SessionData augmented: the declared keys are typed everywhere, and an unknown key is a type error.

import Router from '@koa/router'
import type { SessionData } from 'holdfast'
import session, { type SessionContext } from 'holdfast/koa'
import Koa from 'koa'
import { same } from './same.ts'

declare module 'holdfast' {
  interface SessionData {
    userId?: string
    views?: number
    cart?: { items: string[] }
  }
}

same<string | undefined, SessionData['userId']>()

const app = new Koa()
app.use(session({ maxAge: 'session', beforeSave: (_ctx, value) => void value.userId?.toUpperCase() }, app))

app.use(async (ctx, next) => {
  same<string | undefined, typeof ctx.session.userId>()
  same<number | undefined, typeof ctx.session.views>()
  ctx.session.userId = 'jane'
  ctx.session.views = (ctx.session.views ?? 0) + 1
  ctx.session.cart?.items.push('apple')
  delete ctx.session.userId
  ctx.session = { userId: 'jane' }
  ctx.session = { userId: 'jane', maxAge: 1000 }
  ctx.session = null
  same<boolean, typeof ctx.session.isNew>()
  await ctx.session.save()

  // @ts-expect-error: unknown key
  ctx.session.userid = 'jane'
  // @ts-expect-error: unknown key
  void ctx.session.user
  // @ts-expect-error: userId is a string
  ctx.session.userId = 1
  // @ts-expect-error: views is a number
  ctx.session = { views: 'many' }
  // @ts-expect-error: unknown key
  ctx.session = { user: 'jane' }
  // @ts-expect-error: an object or null
  ctx.session = 'x'
  await next()
})

const router = new Router()
router.get('/', async (ctx, next) => {
  same<string | undefined, typeof ctx.session.userId>()
  // @ts-expect-error: unknown key
  ctx.session.user = 'jane'
  // @ts-expect-error: userId is a string
  ctx.session.userId = 1
  await ctx.session.regenerate()
  await next()
})
app.use(router.routes())

function helper(ctx: Koa.Context, own: Koa.ParameterizedContext): string | undefined {
  // @ts-expect-error: unknown key
  void own.session.user
  return ctx.session.userId
}
void helper

// A type parameter in place of the interface, for one app or one handler.
interface Admin {
  role?: 'read' | 'write'
}
const admin = new Koa<Koa.DefaultState, SessionContext<Admin>>()
admin.use(session<Admin>({ key: 'admin' }, admin))
admin.use(session<Admin>(admin))
admin.use(ctx => {
  same<'read' | 'write' | undefined, typeof ctx.session.role>()
  ctx.session.role = 'write'
  ctx.session = { role: 'read' }
  ctx.session = null
  // @ts-expect-error: not a role
  ctx.session.role = 'root'
})
