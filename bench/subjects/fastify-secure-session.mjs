import secureSession from '@fastify/secure-session'
import { fastifyApp } from '../apps/fastify.mjs'

/** Its encrypted cookie. */
export default {
  name: 'fastify-secure-session',
  base: 'fastify',
  create: () => fastifyApp(app => app.register(secureSession, { key: Buffer.alloc(32, 'a key of the benchmark'), cookie: { path: '/' } })),
}
