// Native mode: one manager, and every method of a session as a function.

import type { IncomingMessage } from 'node:http'
import { createSessions, destroy, idOf, isNew, regenerate, reload, type SessionStore, save, update } from 'holdfast'
import session, { type NativeContext } from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import Koa from 'koa'
import { same } from './same.ts'

const keys = ['a secret of at least thirty-two octets']
const store: SessionStore = new MemoryStore()
const sessions = createSessions({ keys, store, idleTimeout: '30m', absoluteTimeout: '12h', conflict: 'error' })
const app = new Koa()
app.use(session(sessions, app))
app.use(async ctx => {
  same<string | undefined, ReturnType<typeof idOf>>()
  same<boolean, ReturnType<typeof isNew>>()
  void [idOf(ctx.session), isNew(ctx.session)]
  await update(ctx.session, draft => {
    draft.views = (draft.views ?? 0) + 1
  })
  await save(ctx.session)
  await regenerate(ctx.session)
  await destroy(ctx.session)
  const found: boolean = await reload(ctx.session)
  void found
})

interface Login {
  userId: string
}
const logins = createSessions<Login>({ keys, cookie: { sameSite: 'lax' } })
const own = new Koa<Koa.DefaultState, NativeContext<Login>>()
own.use(session(logins, own))
own.use(async ctx => {
  ctx.session.userId = 'jane'
  await ctx.session.update(draft => {
    draft.userId = 'joe'
  })
  ctx.session = { userId: 'jim' }
  ctx.session = null
  // @ts-expect-error: unknown key
  ctx.session.user = 'jane'
  // @ts-expect-error: koa-session's member
  void ctx.session.externalKey
  // @ts-expect-error: koa-session's member
  ctx.session.maxAge = 5
})
async function upgrade(request: IncomingMessage): Promise<string | undefined> {
  return (await logins.load(request))?.userId
}
void upgrade

// Misuse is a type error.

// @ts-expect-error: keys are required
createSessions({ store })
// @ts-expect-error: a koa-session store is for the drop-in
createSessions({ keys, store: { get: () => null, set: () => {}, destroy: () => {} } })
// @ts-expect-error: maxAge is the drop-in's word
createSessions({ keys, maxAge: 1000 })
// @ts-expect-error: a koa-session option beside a manager
session(sessions, app, { maxAge: 1000 })
// @ts-expect-error: text is no session
void save('x')
