// Costs that are not time, in tables: node bench/cost.mjs [memory] [redis] [import] [size]
//   --subjects koa,koa-signed: those of memory and redis; --interpreted: see cost-memory.mjs
//   --json: in place of tables; --update: the tables go into docs/performance.md
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { importTimes } from './cost-import.mjs'
import { memoryInterpreted, memoryOf } from './cost-memory.mjs'
import { bundleSizes } from './cost-size.mjs'
import { table } from './cost-table.mjs'
import { update } from './marked.mjs'

const path = relative => fileURLToPath(new URL(relative, import.meta.url))
const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    subjects: { type: 'string' },
    interpreted: { type: 'boolean' },
    json: { type: 'boolean' },
    update: { type: 'boolean' },
  },
})
const subjects = given.subjects?.split(',')
const modules = [
  ...['holdfast', 'holdfast/koa', 'holdfast/express', 'holdfast/stores/memory', 'holdfast/stores/redis'],
  ...['koa-session', 'koa-generic-session', 'express-session', 'cookie-session', 'iron-session'],
]

const parts = {
  memory() {
    const names = subjects ?? readdirSync(path('subjects')).map(file => file.replace(/\.mjs$/, ''))
    return given.interpreted ? memoryInterpreted(names) : memoryOf(names)
  },
  // It loads what is built into this process: not before that is done.
  redis: async () => (await import('./cost-redis.mjs')).redisCosts(subjects),
  import: () => importTimes(modules),
  size: () => bundleSizes(),
}

const tables = {
  memory(found) {
    const above = ({ base, costs }, name) => {
      const bare = name === base ? {} : (found[base]?.costs ?? {})
      return Object.entries(costs).map(([scenario, { memory }]) => memory - (bare[scenario]?.memory ?? 0))
    }
    const columns = Object.keys(Object.values(found)[0].costs)
    const rows = figures => Object.entries(found).map(([name, one]) => [name, ...figures(one, name)])
    const of = figure => rows(({ costs }) => columns.map(scenario => costs[scenario][figure]))
    return [
      table('Allocated for a request, above what the bare framework does, octets', columns, rows(above)),
      table('Cookie, octets', columns, of('cookie')),
      table('Set-Cookie, octets', columns, of('setCookie')),
    ]
  },
  redis(found) {
    const columns = Object.keys(Object.values(found)[0])
    const rows = figure => Object.entries(found).map(([name, costs]) => [name, ...columns.map(scenario => figure(costs[scenario]))])
    const listed = ({ commands }) => Object.entries(commands).flatMap(([name, count]) => (count === 1 ? name : `${count} ${name}`))
    return [
      table(
        'Redis, commands of a request',
        columns,
        rows(cost => listed(cost).join(' ')),
      ),
      table(
        'Redis, octets of a request to it and back',
        columns,
        rows(({ toRedis, fromRedis }) => `${Math.round(toRedis)} + ${Math.round(fromRedis)}`),
      ),
      table(
        'Redis, pieces in which the commands of a hundred requests leave that come together',
        columns,
        rows(({ piecesTogether }) => Math.round(piecesTogether * 100)),
      ),
    ]
  },
  import(found) {
    const rows = Object.entries(found).map(([name, ms]) => [name, ms.toFixed(1)])
    return [table('Import in a fresh process, above an empty module', ['ms'], rows)]
  },
  size(found) {
    const rows = Object.entries(found).map(([name, { minified, gzip, brotli }]) => [name, minified, gzip, brotli])
    return [table('The bundle of an entry, octets', ['minified', 'gzip', 'brotli'], rows)]
  },
}

const wanted = positionals.length > 0 ? positionals : Object.keys(parts)
const unknown = wanted.filter(name => !(name in parts))
if (unknown.length > 0) throw new Error(`no part named ${unknown.join(', ')}; there are: ${Object.keys(parts).join(', ')}`)

const built = spawnSync(process.execPath, [path('../scripts/build.mjs'), '--if-stale'], { stdio: ['ignore', 2, 2] })
if (built.status !== 0) process.exit(1)

const results = {}
for (const name of wanted) {
  results[name] = await parts[name]()
  if (given.json) continue
  const report = tables[name](results[name]).join('\n')
  console.log(report)
  if (given.update) update(path('../docs/performance.md'), `npm run bench:cost ${name}`, report.trimEnd())
}
if (given.json) console.log(JSON.stringify(results))
