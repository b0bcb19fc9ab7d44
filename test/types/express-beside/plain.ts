// Beside @types/express-session, which connect-redis and connect-pg-simple bring: its types of the request remain.

import connectPgSimple from 'connect-pg-simple'
import { RedisStore } from 'connect-redis'
import express from 'express'
import * as peer from 'express-session'
import { regenerate, save, update } from 'holdfast'
import session, { MemoryStore, type SessionOptions, Store } from 'holdfast/express'
import memorystore from 'memorystore'
import passport from 'passport'
import { createClient } from 'redis'
import { same } from '../same.ts'

const app = express()
const secret = 'keyboard cat'

app.use(session({ store: new RedisStore({ client: createClient(), prefix: 'app:' }), secret, resave: false, saveUninitialized: false }))

const PgStore = connectPgSimple(session)
app.use(session({ store: new PgStore({ conString: 'postgres://localhost' }), secret }))
app.use(session({ store: new (connectPgSimple(session))(), secret }))
// It asks for the whole module of the peer.
app.use(session({ store: new (memorystore(session))({ checkPeriod: 1000 }), secret }))

// Stores and options that are typed as the peer's.
declare const theirs: peer.Store
declare const theirOptions: peer.SessionOptions
app.use(session({ store: theirs, secret }))
app.use(session({ store: new peer.MemoryStore(), secret }))
app.use(session(theirOptions))
const options: SessionOptions = theirOptions
app.use(session({ ...options, rolling: true, store: new MemoryStore() }))
class TheirStore extends Store {
  get(_sid: string, callback: (err: unknown, found?: peer.SessionData | null) => void): void {
    callback(null, null)
  }
  set(_sid: string, _data: peer.SessionData, callback?: (err?: unknown) => void): void {
    callback?.()
  }
  destroy(_sid: string, callback?: (err?: unknown) => void): void {
    callback?.()
  }
}
app.use(session({ store: new TheirStore(), secret }))

app.use(passport.initialize())
app.use(passport.session())
app.post('/login', passport.authenticate('local'), (req, res, next) => {
  req.session.regenerate(error => {
    if (error) return next(error)
    req.login({ name: 'jane' }, failure => {
      if (failure) return next(failure)
      req.session.save()
      req.session.save(() => res.redirect('/'))
    })
  })
})
app.post('/logout', (req, res, next) => {
  req.logout({ keepSessionInfo: true }, error => (error ? next(error) : req.session.destroy(() => res.redirect('/'))))
})
app.get('/', async (req, res) => {
  same<peer.Session & Partial<peer.SessionData>, typeof req.session>()
  same<string, typeof req.sessionID>()
  same<string, typeof req.session.id>()
  req.session.cookie.maxAge = 1000
  req.session.touch()
  req.session.reload(() => undefined)
  req.sessionStore.get(req.sessionID, (_error, found) => void found?.cookie)
  req.sessionStore.generate(req)
  // What only Holdfast has: its functions take the session as it is typed.
  await regenerate(req.session)
  await update(req.session, draft => {
    draft.cookie = req.session.cookie
  })
  await save(req.session)
  // @ts-expect-error: the peer's interface is not augmented here
  req.session.userId = 'jane'
  res.end()
})
