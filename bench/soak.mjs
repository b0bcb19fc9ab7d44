// npm run bench:soak: what a server holds while it works, and whether that grows. See docs/scale.md.
//   --minutes 10 --rate 300 --sessions 10000; --json FILE: all samples; --update: the table goes into docs/scale.md
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { table } from './cost-table.mjs'
import { startRedis } from './end-to-end-redis.mjs'
import { update } from './marked.mjs'
import { redisInfo } from './scale-stores.mjs'
import { SoakLoad } from './soak-load.mjs'
import { median, slope } from './statistics.mjs'

const path = relative => fileURLToPath(new URL(relative, import.meta.url))
const string = { type: 'string' }
const { values: given } = parseArgs({
  options: { minutes: string, rate: string, sessions: string, json: string, update: { type: 'boolean' } },
})
const minutes = Number(given.minutes ?? 10)
const rate = Number(given.rate ?? 300)
const sessions = Number(given.sessions ?? 10_000)
const EVERY_MS = 5000
/** What grows by less than this part of itself in ten minutes is flat; and so is what grows by no more than chance would have it. */
const FLAT = 0.01
const ERRORS = 2

const built = spawnSync(process.execPath, [path('../scripts/build.mjs'), '--if-stale'], { stdio: ['ignore', 2, 2] })
if (built.status !== 0) process.exit(1)

const redis = await startRedis()
const server = fork(path('soak-server.mjs'), [redis.url], {
  execArgv: [...process.execArgv, '--expose-gc'],
  env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' },
})
const answer = () =>
  Promise.race([
    once(server, 'message').then(([message]) => message),
    once(server, 'exit').then(([code]) => Promise.reject(new Error(`the server has ended with ${code}`))),
  ])
const samples = []
let load
/** @type {{ done: Record<string, number>, odd: Record<string, number> }} */
let found

async function sample(began) {
  const told = answer()
  server.send('sample')
  const [own, info] = [await told, await redisInfo(redis.url, 'clients', 'memory')]
  samples.push({
    minutes: (performance.now() - began) / 60_000,
    ...own,
    // Without the one that asks.
    redisConnections: Number(info.connected_clients) - 1,
    redis: Number(info.used_memory),
  })
}

try {
  load = new SoakLoad(await answer(), { redis: sessions * 0.8, cookie: sessions * 0.1, memory: sessions * 0.1 })
  await load.signIn()
  load.done = {}
  load.start(rate)
  const began = performance.now()
  while (performance.now() - began < minutes * 60_000) {
    await pause(EVERY_MS)
    await sample(began)
    const { heap, rss, sockets } = samples.at(-1)
    process.stderr.write(`${samples.at(-1).minutes.toFixed(1)} min: heap ${megabytes(heap)}, rss ${megabytes(rss)}, ${sockets} sockets\n`)
  }
  // What is still under way then breaks off.
  found = structuredClone({ done: load.done, odd: load.odd })
} finally {
  load?.stop()
  server.kill('SIGKILL')
  await redis.stop()
}

function megabytes(octets) {
  return (octets / 1e6).toFixed(2)
}

const half = samples.slice(samples.length >> 1)
const all = samples.map(({ minutes: at }) => at)
const count = value => value.toFixed(0)
const perMinute = { octets: value => `${Math.round(value).toLocaleString('en')} octets`, count: value => value.toFixed(2) }

function row(label, figure, shown, grows) {
  const values = half.map(one => one[figure])
  const { perUnit, error } = slope(
    half.map(({ minutes: at }) => at),
    values,
  )
  const level = median(values)
  const flat = perUnit * 10 <= FLAT * level || perUnit <= ERRORS * error
  const [first, last] = [samples[0][figure], samples.at(-1)[figure]]
  return [label, shown(first), shown(level), shown(last), `${grows(perUnit)} ± ${grows(error)}`, flat ? 'flat' : '**grows**']
}

const listed = counts => Object.entries(counts).map(([what, times]) => `${what} ${times.toLocaleString('en')}`)
const deeds = Object.values(found.done).reduce((sum, times) => sum + times, 0)
const report = [
  [
    `Node ${process.versions.node}; ${count(all.at(-1))} minutes, ${sessions.toLocaleString('en')} visitors,`,
    `${count(deeds / all.at(-1) / 60)} deeds a second (${listed(found.done).join(', ')}).`,
    `Answered otherwise than by 200: ${listed(found.odd).join(', ') || 'none'}.`,
  ].join(' '),
  table(
    'The server, each time after its garbage was collected',
    ['at first', 'second half', 'at last', 'a minute, in the second half', ''],
    [
      row('heap, MB', 'heap', megabytes, perMinute.octets),
      row('outside of the heap, MB', 'external', megabytes, perMinute.octets),
      row('resident, MB', 'rss', megabytes, perMinute.octets),
      row('open sockets', 'sockets', count, perMinute.count),
      row('handles, with timers', 'handles', count, perMinute.count),
      row('connections to Redis', 'redisConnections', count, perMinute.count),
      row('memory of Redis, MB', 'redis', megabytes, perMinute.octets),
    ],
  ).trimEnd(),
].join('\n\n')

console.log(report)
if (given.json) writeFileSync(given.json, JSON.stringify({ samples, ...found }))
if (given.update) update(path('../docs/scale.md'), 'npm run bench:soak', report)
