import { fastifyApp } from '../apps/fastify.mjs'
import { constantSession } from '../routes.mjs'

/** Fastify alone. */
export default {
  name: 'fastify',
  base: 'fastify',
  create() {
    const session = constantSession()
    return fastifyApp(app => app.decorateRequest('session', { getter: () => session }))
  },
}
