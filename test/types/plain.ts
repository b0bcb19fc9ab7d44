// A plain switch from koa-session: SessionData is not augmented, and what compiled before still compiles.

import Router from '@koa/router'
import session, { type CreateSessionOptions, createSession, type KoaSession, type SessionContext, SessionOptions } from 'holdfast/koa'
import Koa from 'koa'
import { same } from './same.ts'

const app = new Koa()

app.use(session(app))
app.use(session({ key: 'koa.sess', maxAge: 86_400_000 }, app))
app.use(session(app, { key: 'koa:sess', maxAge: 'session' }))
app.use(createSession({ signed: false }, app))
same<typeof createSession, typeof session>()

// The README's options block of koa-session, and every other option of the peer.
app.use(
  session(
    {
      key: 'koa.sess',
      maxAge: 86_400_000,
      autoCommit: true,
      overwrite: true,
      httpOnly: true,
      signed: true,
      rolling: false,
      renew: false,
      secure: true,
      sameSite: null,
    },
    app,
  ),
)
app.use(
  session(
    {
      domain: 'example.com',
      path: '/',
      partitioned: true,
      priority: 'high',
      sameSite: 'lax',
      prefix: 'sess:',
      genid: ctx => `id-${ctx.path}`,
      valid: (ctx, data) => ctx.ip === data.ip,
      beforeSave: (ctx, value) => {
        value.savedAt = ctx.path
      },
      encode: data => JSON.stringify(data),
      decode: value => JSON.parse(value),
      externalKey: { get: ctx => ctx.get('x-session'), set: (ctx, value) => ctx.set('x-session', value) },
    },
    app,
  ),
)
app.use(session({ property: 'admin', encrypt: true }, app))
app.use(session({ idleTimeout: '30m', absoluteTimeout: 43_200_000, touchInterval: '1m', rememberTimeout: '30d' }, app))
const users = session({ user: data => data.userId ?? null }, app)
same<ReturnType<typeof users.revokeAll>, Promise<number>>()
same<
  keyof Awaited<ReturnType<typeof users.list>>[number],
  'handle' | 'device' | 'createdAt' | 'authenticatedAt' | 'touchedAt' | 'expiresAt' | 'current'
>()
session({ device: { ip: 'full', locate: async ip => (ip === '::1' ? 'here' : undefined) } }, app)
// @ts-expect-error: an address is kept truncated, in full or not at all
session({ device: { ip: 'half' } }, app)
// @ts-expect-error: a timeout is a number or a text
session({ idleTimeout: true }, app)

const saved = new Map<string, object>()
app.use(
  session(
    {
      store: {
        get: async key => saved.get(key),
        set: async (key, data, maxAge, { changed, rolling, ctx }) => {
          const list: [number, boolean, boolean, string] = [maxAge, changed, rolling, ctx.path]
          saved.set(key, { ...data, list })
        },
        destroy: async (key, { ctx }) => {
          saved.delete(`${key}${ctx.path}`)
        },
      },
    },
    app,
  ),
)

class ContextStore {
  readonly #ctx: Koa.Context
  constructor(ctx: Koa.Context) {
    this.#ctx = ctx
  }
  async get(key: string) {
    return saved.get(key + this.#ctx.path)
  }
  async set(key: string, data: object) {
    saved.set(key, data)
  }
  async destroy(key: string) {
    saved.delete(key)
  }
}
app.use(session({ ContextStore }, app))

const settings: CreateSessionOptions = { maxAge: 1000 }
app.use(session(settings, app))
const defaults: SessionOptions = SessionOptions.parse({})
app.use(session({ ...defaults, key: 'other' }, app))
same<string, ReturnType<typeof SessionOptions.parse>['key']>()

app.use(async (ctx, next) => {
  ctx.session.views = (ctx.session.views ?? 0) + 1
  ctx.body = `${ctx.session.views} views`
  ctx.session.cart.items.push('apple')
  ctx.session = { user: 'jane' }
  ctx.session = null

  same<boolean, typeof ctx.session.isNew>()
  same<number, typeof ctx.session.length>()
  same<boolean, typeof ctx.session.populated>()
  same<string | undefined, typeof ctx.session.externalKey>()
  ctx.session.maxAge = 1000
  ctx.session.maxAge = 'session'
  ctx.sessionOptions.maxAge = 1000
  ctx.sessionOptions.path = '/admin'
  const json: object = ctx.session.toJSON()
  void json

  await ctx.session.save()
  await ctx.session.regenerate()
  await ctx.session.manuallyCommit()
  ctx.session.save(error => void error?.message)
  ctx.session.save((error?: Error) => void error?.message)
  ctx.session.regenerate((error?: Error) => void error?.message)
  await ctx.session.regenerate({ keep: ['cart'] })
  ctx.session.regenerate({ keep: true }, error => void error?.message)
  await next()
})

const router = new Router()
router.get('/', async ctx => {
  ctx.session.views = (ctx.session.views ?? 0) + 1
  await ctx.session.save()
  ctx.session = null
})
app.use(router.routes())

// An app with types of its own, a class of its own, and helpers that take a context or a session.
interface State {
  user: string
}
interface Extra {
  db: { find(id: string): string }
}
const own = new Koa<State, Extra & SessionContext>()
own.use(session(own))
own.use(session({ maxAge: 1000, genid: ctx => ctx.path }, own))
own.use(ctx => {
  ctx.session.user = ctx.db.find(ctx.state.user)
  same<string, typeof ctx.state.user>()
})
// A context that says what its session holds takes nothing else, also where SessionData is not augmented.
interface Login {
  userId?: string
}
const typed = new Koa<Koa.DefaultState, SessionContext<Login>>()
typed.use(session<Login>(typed))
typed.use(async ctx => {
  same<string | undefined, typeof ctx.session.userId>()
  await ctx.session.update(draft => {
    draft.userId = 'jane'
    // @ts-expect-error: unknown key
    draft.user = 'jane'
  })
  // @ts-expect-error: unknown key
  ctx.session.user = 'jane'
  // @ts-expect-error: unknown key
  ctx.session = { user: 'jane' }
})
class App extends Koa {}
const derived = new App()
derived.use(session({}, derived))

function helper(ctx: Koa.Context, parameterized: Koa.ParameterizedContext<State>, value: KoaSession): boolean {
  return ctx.session.isNew && parameterized.session.isNew && value.views > 0
}
app.use(ctx => void helper(ctx, own.createContext(ctx.req, ctx.res), ctx.session))

// Misuse is a type error.

// @ts-expect-error: an app is required
session({ maxAge: 1000 })
// @ts-expect-error: an app is required
session()
// @ts-expect-error: maxAge is a number of milliseconds or 'session'
session({ maxAge: {} }, app)
// @ts-expect-error: maxAge is a number of milliseconds or 'session'
session({ maxAge: '1d' }, app)
// @ts-expect-error: key is a string
session({ key: 1 }, app)
// @ts-expect-error: rolling is a boolean
session({ rolling: 'yes' }, app)
// @ts-expect-error: sameSite is text
session({ sameSite: true }, app)
// @ts-expect-error: a typing mistake in an option's name
session({ maxage_: 1000 }, app)
// @ts-expect-error: a store has destroy too
session({ store: { get: async () => null, set: async () => {} } }, app)
// @ts-expect-error: externalKey has set too
session({ externalKey: { get: () => 'id' } }, app)
// @ts-expect-error: genid gives a string
session({ genid: () => 1 }, app)
// @ts-expect-error: not a Koa app
session({}, {})

app.use(async ctx => {
  // @ts-expect-error: an object or null
  ctx.session = 'x'
  // @ts-expect-error: an object or null
  ctx.session = 1
  // @ts-expect-error: an object or null
  ctx.session = undefined
  // @ts-expect-error: maxAge is a number or 'session'
  ctx.session.maxAge = {}
  // @ts-expect-error: maxAge is a number or 'session'
  ctx.sessionOptions.maxAge = {}
  // @ts-expect-error: save() gives no value
  const value: string = await ctx.session.save()
  void value
})
