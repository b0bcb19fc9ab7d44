// An app of express-session's with its declaration, switched by the import of the function alone. `tsconfig.peer.json` compiles the same
// file with express-session in that place: it is a program of the peer's, as it stood.

import connectPgSimple from 'connect-pg-simple'
import { RedisStore } from 'connect-redis'
import express, { type NextFunction, type Request, type Response } from 'express'
import type { Session, SessionData } from 'express-session'
import session from 'holdfast/express'
import memorystore from 'memorystore'
import { createClient } from 'redis'
import { same } from '../same.ts'

declare module 'express-session' {
  interface SessionData {
    userId: string
    views: number
  }
}

const options: session.SessionOptions = {
  secret: ['keyboard cat', 'older'],
  name: 'sid',
  resave: false,
  saveUninitialized: false,
  rolling: true,
  unset: 'destroy',
  cookie: { maxAge: 60_000, secure: 'auto', sameSite: 'lax', httpOnly: true, signed: true },
  genid: req => `${req.ip}-${req.get('user-agent')}`,
}

class MyStore extends session.Store {
  readonly #records = new Map<string, string>()
  // biome-ignore lint/suspicious/noExplicitAny: as @types/express-session declares it
  get(sid: string, callback: (err: any, found?: SessionData | null) => void): void {
    callback(null, JSON.parse(this.#records.get(sid) ?? 'null'))
  }
  // biome-ignore lint/suspicious/noExplicitAny: as @types/express-session declares it
  set(sid: string, data: SessionData, callback?: (err?: any) => void): void {
    this.#records.set(sid, JSON.stringify({ ...data, life: data.cookie.maxAge }))
    callback?.()
  }
  // biome-ignore lint/suspicious/noExplicitAny: as @types/express-session declares it
  destroy(sid: string, callback?: (err?: any) => void): void {
    this.#records.delete(sid)
    callback?.()
  }
  override touch(_sid: string, _data: SessionData, callback?: () => void): void {
    callback?.()
  }
}
const store: session.Store = new MyStore()

const app = express()
app.use(session({ ...options, store }))
app.use(session({ ...options, store: new session.MemoryStore() }))
app.use(session({ ...options, store: new (memorystore(session))({ checkPeriod: 1000 }) }))
app.use(session({ ...options, store: new (connectPgSimple(session))({ conString: 'postgres://localhost' }) }))
app.use(session({ ...options, store: new RedisStore({ client: createClient() }) }))

app.get('/', (req, res) => {
  same<string | undefined, typeof req.session.userId>()
  same<number | undefined, typeof req.session.views>()
  req.session.views = (req.session.views ?? 0) + 1
  req.session.userId = 'jane'
  delete req.session.userId
  req.session.cookie.expires = new Date()
  res.send(`${req.session.views} views`)
  // @ts-expect-error: unknown key
  req.session.userid = 'jane'
  // @ts-expect-error: userId is a string
  req.session.userId = 1
})
app.get('/users/:id', session(options), (req, res) => {
  const id: string | string[] | undefined = req.params.id
  res.send(id)
})
app.post('/login', (req, res, next) => {
  req.session.regenerate(error => {
    if (error) return next(error)
    req.session.userId = 'jane'
    req.session.save(() => res.redirect('/'))
  })
})
function known(req: Request, res: Response, next: NextFunction): void {
  if (userOf(req.session)) next()
  else req.session.destroy(error => res.status(401).send(error.message))
}
function userOf(value: Session & Partial<SessionData>): string | undefined {
  return value.userId
}
app.use(express.Router().use(known))
