import cookie from '@fastify/cookie'
import session from '@fastify/session'
import { fastifyApp } from '../apps/fastify.mjs'
import { KEYS } from '../routes.mjs'

/** With its own store in memory. */
export default {
  name: 'fastify-session',
  base: 'fastify',
  create: () =>
    fastifyApp(async app => {
      await app.register(cookie)
      await app.register(session, { secret: KEYS, saveUninitialized: false })
    }),
}
