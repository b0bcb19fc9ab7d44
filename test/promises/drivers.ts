import { expressDrivers } from './express.ts'
import { fastifyDrivers } from './fastify.ts'
import { fetchDrivers } from './fetch.ts'
import { koaDrivers } from './koa.ts'
import type { Driver } from './support.ts'

export { connectDriver, expressDrivers } from './express.ts'
export { koaDrivers } from './koa.ts'

/** Every framework that the suites run over. */
export const drivers: Driver[] = [...koaDrivers, ...expressDrivers, ...fetchDrivers, ...fastifyDrivers]
