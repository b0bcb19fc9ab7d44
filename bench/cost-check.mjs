// What test/cost compares with what was recorded: node bench/cost-check.mjs memory, or redis, prints it as JSON.
// node bench/cost-check.mjs --record writes both into test/cost/recorded.json, with Node 20: its requests allocate most.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { memoryInterpreted } from './cost-memory.mjs'

const path = relative => fileURLToPath(new URL(relative, import.meta.url))
const holdfast = ['koa-signed', 'koa-sealed', 'koa-map', 'koa-store', 'express-store', 'express-sealed']
const holdfastOnRedis = ['koa-redis', 'koa-redis-native', 'express-redis', 'express-redis-node']

const parts = {
  /** Octets above the bare framework. */
  async memory() {
    const { koa, express, ...found } = await memoryInterpreted(['koa', 'express', ...holdfast])
    const bare = { koa, express }
    const above = ({ base, costs }) =>
      Object.entries(costs).map(([scenario, { memory }]) => [scenario, memory - bare[base].costs[scenario].memory])
    return Object.fromEntries(Object.entries(found).map(([name, one]) => [name, Object.fromEntries(above(one))]))
  },
  redis: async () => (await import('./cost-redis.mjs')).redisCosts(holdfastOnRedis),
}

const built = spawnSync(process.execPath, [path('../scripts/build.mjs'), '--if-stale'], { stdio: ['ignore', 2, 2] })
if (built.status !== 0) process.exit(1)

const [what] = process.argv.slice(2)
if (what === '--record') {
  if (!process.version.startsWith('v20.')) throw new Error(`costs are recorded with Node 20, not with ${process.version}`)
  const recorded = { memory: await parts.memory(), redis: await parts.redis() }
  writeFileSync(path('../test/cost/recorded.json'), `${JSON.stringify(recorded, null, 2)}\n`)
} else console.log(JSON.stringify(await parts[what]()))
