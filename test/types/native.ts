// Native mode: one manager, and every method of a session as a function.

import type { IncomingMessage } from 'node:http'
import {
  authenticatedAtOf,
  createSessions,
  destroy,
  factorChanged,
  idOf,
  isNew,
  login,
  logout,
  reauthenticated,
  regenerate,
  reload,
  requireFresh,
  type SessionStore,
  type Sessions,
  type StandardSchema,
  save,
  signalOf,
  update,
  userIdOf,
} from 'holdfast'
import session, { csrf, type NativeContext } from 'holdfast/koa'
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
  same<AbortSignal, ReturnType<typeof signalOf>>()
  signalOf(ctx.session, { every: '1m' }).addEventListener('abort', () => ctx.res.end())
})

const middleware = session(sessions, app)
same<Sessions['load'], typeof middleware.load>()
same<Sessions['list'], typeof middleware.list>()
same<Sessions['revokeAll'], typeof middleware.revokeAll>()
same<Sessions['beginLogin'], typeof middleware.beginLogin>()

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

// Who is logged in, as methods and as functions.
own.use(csrf(logins, { origins: ['https://shop.example'], token: ctx => ctx.get('x-token') }))
own.use(async ctx => {
  await ctx.session.login('jane', { remember: '7d', expiresAt: new Date(), idp: { iss: 'https://id.example', sid: '1' } })
  ctx.session.requireFresh('10m')
  await ctx.session.reauthenticated({ factor: 'totp' })
  await ctx.session.regenerate({ keep: ['userId'] })
  const others: number = await ctx.session.factorChanged()
  await ctx.session.logout({ clearSiteData: ['cache'] })
  void others
  await login(ctx.session, 'jane', { remember: true })
  requireFresh(ctx.session, 60_000)
  await reauthenticated(ctx.session)
  same<Promise<number>, ReturnType<typeof factorChanged>>()
  same<string | undefined, ReturnType<typeof userIdOf>>()
  same<number | undefined, ReturnType<typeof authenticatedAtOf>>()
  void [userIdOf(ctx.session), authenticatedAtOf(ctx.session), await factorChanged(ctx.session)]
  await logout(ctx.session, { clearSiteData: true })
  // @ts-expect-error: a user id is a text
  await ctx.session.login(7)
  // @ts-expect-error: an option of login that there is not
  await ctx.session.login('jane', { forever: true })
  // @ts-expect-error: cookies alone, not all that a browser knows
  await ctx.session.logout({ clearSiteData: ['passwords'] })
})
async function upgrade(request: IncomingMessage): Promise<string | undefined> {
  return (await logins.load(request))?.userId
}
void upgrade
async function socket(request: IncomingMessage): Promise<string | undefined> {
  const watched = await logins.watch(request, { origins: ['https://shop.example'], every: 60_000 })
  watched?.signal.addEventListener('abort', () => request.destroy())
  return watched?.data.userId
}
void socket
createSessions({ keys, passive: (ctx: Koa.Context) => ctx.path === '/poll' })
const ended: Promise<number> = sessions.revokeByIdp('https://idp.example', 's1')
void ended

// A schema types the data, also for the other options. What validators make: test/promises/schema-validators.test.ts.
interface Cart {
  items: string[]
}
declare const schema: StandardSchema<Cart>
const carts = createSessions({
  keys,
  schema,
  version: 2,
  migrate: (old: { list: string }, from) => ({ items: from === 1 ? old.list.split(',') : [] }),
  user: data => data.items[0],
})
same<Sessions<Cart>, typeof carts>()
const cartApp = new Koa<Koa.DefaultState, NativeContext<Cart>>()
cartApp.use(session(carts, cartApp))
cartApp.use(ctx => {
  ctx.session.items.push('apple')
  // @ts-expect-error: the schema says a list
  ctx.session.items = 7
})
createSessions({ keys: { load: async () => keys, refreshEvery: '1m' }, rejectIssuedBefore: () => undefined, rotate: { every: '15m' } })
createSessions({ keys, schema: { '~standard': { version: 1, vendor: 'x', validate: (value: unknown) => ({ value: value as Cart }) } } })

// Whose sessions there are.
async function people(current: object): Promise<string[]> {
  const { sessions: page, cursor } = await carts.list({ limit: 50, cursor: undefined, current })
  const own = await carts.list('ann', { current })
  const ended: boolean = await carts.revoke('ann', own[0]?.handle ?? '')
  const count: number = (await carts.count()) + (await carts.revokeAll('ann', { except: current }))
  return [page[0]?.userId ?? '', own[0]?.device?.place ?? '', cursor ?? '', `${ended} ${count}`]
}
void people
createSessions({ keys, store, device: { ip: false, locate: ip => ip } })
// @ts-expect-error: a visitor may have no user
void carts.list(undefined)
// @ts-expect-error: a page has no handle
void carts.list('ann', { limit: 5 })

// Misuse is a type error.

// @ts-expect-error: no Standard Schema
createSessions({ keys, schema: {} })
// @ts-expect-error: the schema has no such key
createSessions({ keys, schema, user: data => data.userId })

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
