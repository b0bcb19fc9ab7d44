// The subjects over a real Redis, beside those of the in-process benchmark. Each client is the one that its users would take.
import { RedisStore as ConnectRedis } from 'connect-redis'
import expressSession from 'express-session'
import { createSessions } from 'holdfast'
import holdfastExpress from 'holdfast/express'
import holdfastKoa from 'holdfast/koa'
import { RedisStore } from 'holdfast/stores/redis'
import { Redis } from 'ioredis'
import koaSession from 'koa-session'
import { createClient } from 'redis'
import { expressApp } from './apps/express.mjs'
import { koaApp } from './apps/koa.mjs'
import { KEYS } from './routes.mjs'

const overIoredis = app => url => {
  const client = new Redis(url)
  return { ...app(client), close: () => client.disconnect() }
}

const overNodeRedis = app => async url => {
  const client = await createClient({ url }).connect()
  return { ...app(client), close: () => client.destroy() }
}

/** A store as koa-session's users write one. */
function jsonStore(redis) {
  return {
    async get(id) {
      const text = await redis.get(id)
      return text === null ? undefined : JSON.parse(text)
    },
    set: (id, data, maxAge) => redis.set(id, JSON.stringify(data), 'PX', maxAge),
    destroy: id => redis.del(id),
  }
}

const options = { secret: KEYS, resave: false, saveUninitialized: false }
const withHoldfast = client => expressApp(app => app.use(holdfastExpress({ ...options, store: new RedisStore(client) })))

/** @type {Record<string, { base: string, create(url: string): { listener: import('node:http').RequestListener, close(): void } | Promise<any> }>} */
export const redisSubjects = {
  'koa-redis': {
    base: 'koa',
    create: overIoredis(client => koaApp(app => app.use(holdfastKoa({ store: new RedisStore(client) }, app)))),
  },
  'koa-redis-native': {
    base: 'koa',
    create: overIoredis(client => koaApp(app => app.use(holdfastKoa(createSessions({ keys: KEYS, store: new RedisStore(client) }), app)))),
  },
  'koa-session-redis': {
    base: 'koa',
    create: overIoredis(client => koaApp(app => app.use(koaSession({ store: jsonStore(client) }, app)))),
  },
  'express-redis': { base: 'express', create: overIoredis(withHoldfast) },
  'express-redis-node': { base: 'express', create: overNodeRedis(withHoldfast) },
  // connect-redis takes the clients of node-redis only.
  'express-session-redis': {
    base: 'express',
    create: overNodeRedis(client => expressApp(app => app.use(expressSession({ ...options, store: new ConnectRedis({ client }) })))),
  },
}

/**
 * Any subject by its name.
 * @param {string} name
 * @param {string} redis the address of a server, for those that need one
 */
export async function open(name, redis) {
  const { base, create } = redisSubjects[name] ?? (await import(`./subjects/${name}.mjs`)).default
  return { base, ...(await create(redis)) }
}
