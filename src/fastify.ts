export type { FastifySessionOptions } from './fastify/plugin.ts'
export { csrf, holdfast as default, holdfast as 'module.exports' } from './fastify/plugin.ts'
