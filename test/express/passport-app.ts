// An app with a login, as passport's tutorial makes one, behind `session(options)`.
import { createRequire } from 'node:module'
import type { Loose } from '../support/subjects.ts'
import { createApp, type ExpressMajor } from './stores/libraries.ts'

const require = createRequire(import.meta.url)
const versions = { '0.6': 'passport06', '0.7': 'passport' } as const

export type PassportVersion = keyof typeof versions
export const passportVersions = Object.keys(versions) as PassportVersion[]

const users: Record<string, { id: number; name: string; password: string }> = {
  1: { id: 1, name: 'ada', password: 'lovelace' },
  2: { id: 2, name: 'bob', password: 'builder' },
}

/** A passport of its own, which knows two users by name and password. */
export function configured(passport: Loose): Loose {
  const { Strategy } = require('passport-local')
  const verify = (name: string, password: string, done: Loose) => {
    const user = Object.values(users).find(one => one.name === name && one.password === password)
    if (name === 'breaks') done(new Error('the users cannot be asked'))
    else done(null, user ?? false, user ? undefined : { message: 'wrong' })
  }
  passport.use(new Strategy(verify))
  passport.serializeUser((user: Loose, done: Loose) => done(null, user.id))
  passport.deserializeUser((id: number, done: Loose) => done(null, users[id] ?? false))
  return passport
}

export const userNamed = (name: string) => Object.values(users).find(user => user.name === name)

export function passportApp(major: ExpressMajor, version: PassportVersion) {
  return (session: Loose, options: Loose): Loose => {
    const { Passport } = require(versions[version])
    const passport = configured(new Passport())
    const app = createApp(major)
    app.set('etag', false)
    app.use(session(options))
    app.use(passport.initialize())
    app.use(passport.session())

    app.get('/', (req: Loose, res: Loose) => {
      const { cookie, ...data } = req.session
      res.json({ user: req.user?.name, known: req.isAuthenticated(), id: req.sessionID, data, maxAge: cookie.maxAge })
    })
    app.get('/set', (req: Loose, res: Loose) => {
      Object.assign(req.session, req.query)
      res.json('set')
    })
    const failureRedirect = '/?failed'
    app.get('/login', passport.authenticate('local', { successRedirect: '/', failureRedirect }))
    app.get('/login-and-keep', passport.authenticate('local', { successRedirect: '/', failureRedirect, keepSessionInfo: true }))
    app.get('/login-with-message', passport.authenticate('local', { successRedirect: '/', failureRedirect, failureMessage: true }))
    app.get('/login-or-401', passport.authenticate('local'), (req: Loose, res: Loose) => res.json(req.user.name))
    app.get('/login-or-error', passport.authenticate('local', { failWithError: true }), (_req: Loose, res: Loose) => res.json('in'))
    app.get('/login-and-return', passport.authenticate('local', { successReturnToOrRedirect: '/', keepSessionInfo: true }))
    app.get('/login-without-session', passport.authenticate('local', { session: false }), (req: Loose, res: Loose) =>
      res.json(req.user.name),
    )
    app.get('/login-by-hand', (req: Loose, res: Loose, next: Loose) => {
      passport.authenticate('local', (error: unknown, user: Loose, info: Loose) => {
        if (error || !user) return error ? next(error) : res.status(403).json(info)
        req.login(user, { keepSessionInfo: req.query.keep === 'yes' }, (failed: unknown) =>
          failed ? next(failed) : res.json(req.user.name),
        )
      })(req, res, next)
    })
    const left = (res: Loose, next: Loose) => (error: unknown) => (error ? next(error) : res.redirect('/'))
    app.get('/logout', (req: Loose, res: Loose, next: Loose) => req.logout(left(res, next)))
    app.get('/logout-and-keep', (req: Loose, res: Loose, next: Loose) => req.logout({ keepSessionInfo: true }, left(res, next)))
    app.get('/logout-and-set', (req: Loose, res: Loose, next: Loose) => {
      req.logout((error: unknown) => {
        if (error) return next(error)
        req.session.farewell = 'bye'
        res.redirect('/')
      })
    })
    app.get('/leave', (req: Loose, res: Loose, next: Loose) => req.session.destroy(left(res, next)))
    app.use((error: Loose, _req: Loose, res: Loose, _next: unknown) => void res.status(error.status ?? 500).json(error.message))
    return app
  }
}
