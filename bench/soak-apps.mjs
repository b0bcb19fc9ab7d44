// The apps of bench/soak.mjs, one for each place where sessions live. All have the same addresses.
import express from 'express'
import { createSessions } from 'holdfast'
import { account } from 'holdfast/account'
import expressSession from 'holdfast/express'
import koaSession from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import { RedisStore } from 'holdfast/stores/redis'
import { Redis } from 'ioredis'
import Koa from 'koa'
import { KEYS, seeds } from './routes.mjs'

/** Short enough that what broken connections have left behind ends as fast as it comes; who comes by now and then stays signed in. */
const IDLE_MS = 240_000

/** By the methods of native sessions. What they answer is who is signed in. */
const native = {
  '/read': session => session.user,
  '/write': session => {
    session.count = (session.count ?? 0) + 1
    return session.user
  },
  '/login': async (session, user) => {
    await session.login(`u-${user}`)
    Object.assign(session, seeds['/seed200'](Number(user)))
    return session.user
  },
  '/logout': async session => {
    await session.logout()
  },
  '/regenerate': async session => {
    await session.regenerate()
    return session.user
  },
}

function nativeApp(sessions, ...pages) {
  const app = new Koa()
  app.use(koaSession(sessions, app))
  for (const page of pages) app.use(page)
  app.use(async ctx => {
    const user = await native[ctx.path]?.(ctx.session, ctx.query.user)
    ctx.body = user?.id ?? 'nobody'
  })
  return app.callback()
}

/** express-session's methods. */
function dropInApp(store) {
  const app = express()
  app.use(expressSession({ secret: KEYS, resave: false, saveUninitialized: false, store, name: 'memory.sid', cookie: { maxAge: IDLE_MS } }))
  const answer = (req, res) => res.send(req.session?.user?.id ?? 'nobody')
  app.get('/read', answer)
  app.get('/write', (req, res) => {
    req.session.count = (req.session.count ?? 0) + 1
    answer(req, res)
  })
  app.get('/login', (req, res, next) =>
    req.session.regenerate(error => {
      if (error) return next(error)
      Object.assign(req.session, seeds['/seed200'](Number(req.query.user)))
      answer(req, res)
    }),
  )
  app.get('/logout', (req, res, next) => req.session.destroy(error => (error ? next(error) : answer(req, res))))
  app.get('/regenerate', (req, res, next) => {
    const data = { user: req.session.user, count: req.session.count }
    req.session.regenerate(error => {
      if (error) return next(error)
      Object.assign(req.session, data)
      answer(req, res)
    })
  })
  return app
}

/** @param {string} redisUrl @returns {Record<string, import('node:http').RequestListener>} */
export function soakApps(redisUrl) {
  const common = { keys: KEYS, idleTimeout: IDLE_MS }
  const overRedis = createSessions({ ...common, store: new RedisStore(new Redis(redisUrl)), cookie: { name: '__Host-redis' } })
  const inCookies = createSessions({ ...common, cookie: { name: '__Host-cookie' } })
  return {
    redis: nativeApp(overRedis, account(overRedis)),
    cookie: nativeApp(inCookies),
    memory: dropInApp(new MemoryStore()),
  }
}
