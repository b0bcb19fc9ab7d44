// A plain switch from express-session without its types: one import types every request, and any key goes.

import { createServer, type IncomingMessage } from 'node:http'
import connect from 'connect'
import express, { type NextFunction, type Request, type Response } from 'express'
import { createSessions, type SessionEvent, save, update } from 'holdfast'
import session, {
  Cookie,
  type CookieOptions,
  type ExpressSession,
  MemoryStore,
  Session,
  type SessionData,
  type SessionOptions,
  type SessionRequest,
  type SessionWire,
  Store,
} from 'holdfast/express'
import 'holdfast/express/request'
import { MemoryStore as HoldfastMemoryStore } from 'holdfast/stores/memory'
import passport from 'passport'
import { Server } from 'socket.io'
import { same } from '../same.ts'

// @ts-expect-error: @types/express-session is not in this project; it would declare this name
export type Absent = Express.SessionStore

const app = express()
const secret = 'keyboard cat'

app.use(session({ secret }))
app.use(session({ secret, resave: false, saveUninitialized: true }))
app.use(session())
app.use('/admin', session({ secret, name: 'admin', property: 'admin' }))
// Every option of the peer.
app.use(
  session({
    secret: [secret, Buffer.from('older')],
    name: 'sid',
    cookie: {
      maxAge: 60_000,
      expires: new Date(),
      path: '/',
      domain: 'example.com',
      secure: 'auto',
      httpOnly: true,
      sameSite: 'lax',
      partitioned: true,
      priority: 'high',
      signed: true,
      encode: value => value,
    },
    genid: req => `${req.ip}-${req.get('user-agent')}`,
    proxy: undefined,
    resave: false,
    rolling: true,
    saveUninitialized: false,
    store: new MemoryStore(),
    unset: 'destroy',
  }),
)
app.use(session({ secret, genid: (req: Request) => req.path, cookie: (req: Request) => ({ secure: req.secure, sameSite: 'auto' }) }))
app.use(session({ secret, skip: req => req.path === '/health', strict: true, storeTimeout: '5s', touchInterval: 1000 }))
app.use(session({ secret, idleTimeout: '30m', absoluteTimeout: 43_200_000, rememberTimeout: '30d', user: data => data.userId ?? null }))
export const ended: Promise<number> = session({ secret }).revokeAll('ann')
app.use(session({ secret, conflict: 'error', onGone: 'error', onStoreError: 'anonymous', guard: ['user'], maxRecordBytes: 1000 }))
app.use(session({ secret, store: new HoldfastMemoryStore() }))
const settings: SessionOptions = { secret, resave: false }
settings.cookie = { secure: true } satisfies CookieOptions
app.use(session(settings))
const older: session.SessionOptions = settings
app.use(session(older))

app.get('/', (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1
  req.session.cart.items.push('apple')
  delete req.session.cart
  res.send(`${req.session.views} views`)

  same<string, typeof req.session.id>()
  same<string, typeof req.sessionID>()
  same<Cookie, typeof req.session.cookie>()
  same<number | null, typeof req.session.cookie.originalMaxAge>()
  req.session.cookie.maxAge = 1000
  req.session.cookie.maxAge = null
  req.session.cookie.expires = false
  req.session.cookie.expires = new Date()
  req.session.cookie.secure = true
  const line: string = req.session.cookie.serialize('sid', 'value')
  void line

  req.session.touch()
  req.session.resetMaxAge().save()
  req.session.save(error => console.log(error.message))
  req.session.save((error?: Error) => void error?.message)
  req.session.regenerate((error: Error | null) => void error?.message)
  req.session.reload(error => void error)
  req.session.destroy(() => res.redirect('/'))

  req.sessionStore.get(req.sessionID, (error, found) => void [error.message, found.user])
  req.sessionStore.set('id', { cookie: new Cookie(), user: 'jane' })
  req.sessionStore.set('id', req.session, error => void error)
  req.sessionStore.destroy('id')
  req.sessionStore.all?.((_error, found) => Object.values(found).length)
  req.sessionStore.load('id', (_error, found) => found?.save())
  req.sessionStore.regenerate(req, () => undefined)
  req.sessionStore.generate(req)
  req.sessionStore.on('disconnect', () => undefined)
})

app.get('/async', async (req, res) => {
  await req.session.regenerate()
  await req.session.regenerate({ keep: ['cart'] })
  req.session.regenerate({ keep: true }, error => void error)
  await req.session.save()
  await req.session.reload()
  await req.session.update(draft => {
    draft.views = (draft.views ?? 0) + 1
  })
  await update(req.session, draft => {
    draft.views = 1
  })
  await save(req.session)
  const session = req.session
  req.session = session
  req.session = null
  req.session = undefined
  await session.destroy()
  res.end()
})

// Route parameters, a middleware of one's own, a router, and a middleware for one route.
app.get('/users/:id', session({ secret }), (req, res) => {
  const id: string | string[] | undefined = req.params.id
  req.session.last = id
  res.end()
})
function known(req: Request, res: Response, next: NextFunction): void {
  if (req.session.user) next()
  else res.sendStatus(401)
}
app.use(express.Router().use(session({ secret })).get('/', known))

// Helpers that take a session, by this name or that.
function greet(one: ExpressSession, two: Session, three: session.Session & Partial<session.SessionData>): string {
  return `${one.user} ${two.id} ${three.cookie.maxAge}`
}
app.use((req, _res, next) => next(greet(req.session, req.session, req.session)))
const isSession = (value: unknown): boolean => value instanceof Session && value.cookie instanceof Cookie
void isSession

// Passport beside it.
app.use(passport.session())
app.post('/login', (req, res, next) => {
  req.login({ name: 'jane' }, error => (error ? next(error) : res.redirect('/')))
  req.logout(() => undefined)
})

// Stores of one's own.
class MyStore extends session.Store {
  readonly #records = new Map<string, string>()
  get(sid: string, cb: (err: unknown, s?: SessionWire | null) => void) {
    cb(null, JSON.parse(this.#records.get(sid) ?? 'null'))
  }
  set(sid: string, data: SessionWire, cb?: (err?: unknown) => void) {
    this.#records.set(sid, JSON.stringify({ ...data, end: data.cookie.expires }))
    cb?.()
  }
  destroy(sid: string, cb?: (err?: unknown) => void) {
    this.#records.delete(sid)
    cb?.()
  }
}
// As @types/express-session has it: SessionData, and `override` of what is optional.
class TheirStore extends Store {
  override get(sid: string, callback: (err: Error | null, found?: SessionData | null) => void): void {
    callback(null, sid === '' ? null : undefined)
  }
  override set(_sid: string, data: SessionData, callback?: (err?: Error) => void): void {
    callback?.(data.cookie.maxAge ? undefined : new Error('no life'))
  }
  override async destroy(): Promise<void> {}
  override touch(_sid: string, _data: SessionData, callback?: () => void): void {
    callback?.()
  }
  override all(callback: (err: Error | null, found?: Record<string, SessionData>) => void): void {
    callback(null, {})
  }
  override length(callback: (err: Error | null, length?: number) => void): void {
    callback(null, 0)
  }
  override clear(callback?: (err?: Error) => void): void {
    callback?.()
    this.emit('disconnect')
  }
}
const stores: Store[] = [new MyStore(), new TheirStore(), new MemoryStore({ maxSessions: 10 })]
for (const store of stores) app.use(session({ secret, store }))
app.use(session({ secret, store: new MyStore() }))
app.use(session({ secret, store: new TheirStore() }))
app.use(session({ secret, store: { get: (_id, done) => done(null, null), set: () => {}, destroy: async () => {} } }))

// The names on the function are the module's own.
same<typeof session.Store, typeof Store>()
same<typeof session.Cookie, typeof Cookie>()
same<typeof session.Session, typeof Session>()
same<typeof session.MemoryStore, typeof MemoryStore>()
same<typeof session.default, typeof session>()
same<session.Store, Store>()
same<session.Cookie, Cookie>()
same<session.Session, Session>()
same<session.SessionData, SessionData>()
same<session.SessionOptions, SessionOptions>()

// Without Express: connect, node:http, socket.io, a WebSocket's upgrade.
const middleware = session({ secret })
connect().use(middleware)
connect().use((req, res) => {
  const { session, sessionID } = req as SessionRequest
  session.views = (session.views ?? 0) + 1
  res.end(sessionID)
})
createServer((req, res) => {
  middleware(req, res, error => {
    if (error) throw error
    const { session } = req as SessionRequest<{ userId: string }>
    same<string | undefined, typeof session.userId>()
    // @ts-expect-error: unknown key
    session.user = 'jane'
    res.end()
  })
})
const io = new Server()
io.engine.use(middleware)
io.use((socket, next) => middleware(socket.request, {}, next))
io.on('connection', socket => void (socket.request as SessionRequest).session.reload(() => undefined))
async function upgrade(req: IncomingMessage): Promise<string | undefined> {
  const listener = (event: SessionEvent) => void event
  middleware.on('session:expired', listener).off('session:expired', listener)
  return (await middleware.load(req))?.userId
}
void upgrade

// Native mode.
interface Login {
  userId?: string
}
const sessions = createSessions<Login>({ keys: ['a secret of at least thirty-two octets'], idleTimeout: '30m' })
app.use(session(sessions))
app.use(session(sessions, { property: 'login', skip: req => req.path === '/health' }))
const native = session(sessions)
same<typeof sessions.load, typeof native.load>()
same<typeof sessions.list, typeof native.list>()
same<Promise<Login | null>, ReturnType<typeof native.load>>()

// Misuse is a type error.

// @ts-expect-error: the peer's option beside a manager
session(sessions, { secret })
// @ts-expect-error: the peer's option beside a manager
session(sessions, { resave: false })
// @ts-expect-error: options and options
session({ secret }, { property: 'admin' })
// @ts-expect-error: cookie mode is native mode's
session({ secret, encrypt: true })
// @ts-expect-error: no such value
session({ secret, unset: 'delete' })
// @ts-expect-error: a typing mistake in an option's name
session({ secret, saveUninitialised: false })
// @ts-expect-error: a number is no secret
session({ secret: 1 })
// @ts-expect-error: genid gives a string
session({ secret, genid: () => 1 })
// @ts-expect-error: ms, not a duration
session({ secret, cookie: { maxAge: '1d' } })
// @ts-expect-error: no such value
session({ secret, cookie: { sameSite: 'some' } })
// @ts-expect-error: a store has destroy too
session({ secret, store: { get: () => null, set: () => {} } })
// @ts-expect-error: a class is no store
session({ secret, store: MyStore })
// @ts-expect-error: an app is no option
session(app)
// @ts-expect-error: Store is the base of stores, not one
new Store()
// @ts-expect-error: a store has set and destroy too
class Half extends Store {
  get() {}
}
void Half

app.use((req, _res, next) => {
  // @ts-expect-error: text is no session
  req.session = 'x'
  // @ts-expect-error: plain data are no session
  req.session = { views: 1 }
  // @ts-expect-error: the id is what it is
  req.session.id = 'x'
  // @ts-expect-error: ms, not a duration
  req.session.cookie.maxAge = '1d'
  next()
})
