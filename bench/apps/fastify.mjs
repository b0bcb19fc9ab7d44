import Fastify from 'fastify'
import { routes } from '../routes.mjs'

/**
 * The routes in Fastify.
 * @param {(app: import('fastify').FastifyInstance) => unknown} install puts the session in
 */
export async function fastifyApp(install) {
  const app = Fastify()
  await install(app)
  for (const [path, answer] of Object.entries(routes)) app.get(path, (request, reply) => reply.send(answer(request)))
  await app.ready()
  return { listener: (req, res) => app.routing(req, res), close: () => app.close() }
}
