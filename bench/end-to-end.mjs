// Requests over real sockets by wrk, with a real Redis: node bench/end-to-end.mjs [--subjects a,b] [--scenarios read200,write200]
// [--rounds 3] [--seconds 3] [--connections 32] [--json] [--update]: the tables go into docs/performance.md
// The server has one core for itself, and is kept busy; wrk and Redis share the other. What a request costs is the processor time that the
// server uses for it: other programs on the machine disturb that least. Each round starts each server anew, beginning with another one.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { table } from './cost-table.mjs'
import { startRedis } from './end-to-end-redis.mjs'
import { load, needWrk } from './end-to-end-wrk.mjs'
import { scenarios } from './load.mjs'
import { update } from './marked.mjs'
import { readAnswer } from './routes.mjs'
import { median } from './statistics.mjs'

const USERS = 256
/** After so many requests the compilers have done their work; on a slow machine it ends after so many seconds. */
const WARM_UP = 5000
const WARM_UP_SECONDS = 10
/** A subject, what it is compared with, and the bare framework. */
const comparisons = [
  ['koa-signed', 'koa-session', 'koa'],
  ['koa-sealed', 'koa-session', 'koa'],
  ['koa-redis', 'koa-session-redis', 'koa'],
  ['express-sealed', 'cookie-session', 'express'],
  ['express-store', 'express-session', 'express'],
  ['express-redis', 'express-session-redis', 'express'],
  ['express-redis-node', 'express-session-redis', 'express'],
]

const { values } = parseArgs({
  options: {
    subjects: { type: 'string' },
    scenarios: { type: 'string', default: 'read200,write200' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
    json: { type: 'boolean', default: false },
    update: { type: 'boolean', default: false },
  },
})
const only = values.subjects?.split(',')
const compared = comparisons.filter(([name]) => !only || only.includes(name))
const baseOf = new Map(compared.flatMap(([name, peer, base]) => [base, peer, name].map(one => [one, base])))
const names = [...baseOf.keys()]
const wanted = values.scenarios.split(',')
const [seconds, connections] = [Number(values.seconds), Number(values.connections)]
const pinned = availableParallelism() > 1 && spawnSync('taskset', ['-V']).error === undefined
const [onServerCore, onOtherCore] = pinned ? [0, 1].map(core => ['taskset', '-c', String(core)]) : [[], []]

/** @param {string} name */
async function startServer(name, redis) {
  const program = fileURLToPath(new URL('end-to-end-server.mjs', import.meta.url))
  const [command, ...args] = [...onServerCore, process.execPath, program, name, redis]
  const env = { ...process.env, NODE_ENV: 'production' }
  // What some say of their stores in memory is nothing new.
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env })
  const ended = once(child, 'exit')
  const [port] = await Promise.race([once(child, 'message'), ended.then(() => Promise.reject(new Error(`${name} does not start`)))])
  return {
    origin: `http://127.0.0.1:${port}`,
    /** The processor time that it has used so far, in µs. */
    async used() {
      child.send('used')
      return (await once(child, 'message'))[0]
    },
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function ask(url, cookie) {
  const response = await fetch(url, { headers: cookie ? { cookie } : {} })
  const body = await response.text()
  if (response.status !== 200) throw new Error(`${url} answers ${response.status}: ${body}`)
  const pairs = response.headers.getSetCookie().map(line => line.split(';')[0])
  return { body, cookie: pairs.join('; ') }
}

/** The Cookie header of each user. wrk sends it as it is, again and again. */
async function seeded(origin, seed) {
  const cookies = []
  for (let user = 0; user < USERS; user++) cookies.push((await ask(`${origin}${seed}?user=${user}`)).cookie)
  return cookies
}

/** That each user has what is theirs, before anything is timed. */
async function check(name, origin, seed, cookies) {
  if (name === baseOf.get(name)) return
  for (const user of [0, USERS - 1]) {
    const { body } = await ask(`${origin}/read`, cookies[user])
    if (body !== readAnswer(seed, user)) throw new Error(`${name} answers ${body}`)
  }
}

/** One server's turn. Times are in µs. */
async function turn(name, redis) {
  const server = await startServer(name, redis)
  try {
    const found = {}
    for (const scenario of wanted) {
      const { path, seed } = scenarios[scenario]
      const cookies = seed ? await seeded(server.origin, seed) : ['']
      if (seed) await check(name, server.origin, seed, cookies)
      const run = duration => load({ url: server.origin + path, cookies, seconds: duration, connections, before: onOtherCore })
      for (let warm = 0, second = 0; warm < WARM_UP && second < WARM_UP_SECONDS; second++) warm += (await run(1)).requests
      const before = await server.used()
      const { requests, us, failed, p50, p99 } = await run(seconds)
      const used = (await server.used()) - before
      if (failed > 0) throw new Error(`${name}, ${scenario}: ${failed} of ${requests} requests failed`)
      found[scenario] = { perSecond: (requests / us) * 1e6, time: used / requests, p50, p99 }
    }
    return found
  } finally {
    await server.stop()
  }
}

const rotated = (list, by) => [...list.slice(by % list.length), ...list.slice(0, by % list.length)]

const { status } = spawnSync(process.execPath, ['scripts/build.mjs', '--if-stale'], {
  cwd: new URL('../', import.meta.url),
  stdio: ['ignore', 2, 2],
})
if (status !== 0) process.exit(1)
needWrk()
const redis = await startRedis(onOtherCore)
/** @type {Record<string, any[]>} */
const rounds = Object.fromEntries(names.map(name => [name, []]))
try {
  for (let round = 0; round < Number(values.rounds); round++)
    for (const name of rotated(names, round * 5)) rounds[name].push(await turn(name, redis.url))
} finally {
  await redis.stop()
}

/** The medians over the rounds; what is above the bare framework is taken within each round. */
function summary(name, scenario) {
  const own = rounds[name].map(round => round[scenario])
  const bare = rounds[baseOf.get(name)].map(round => round[scenario])
  const medianOf = figure => median(own.map(one => one[figure]))
  const overhead = median(own.map(({ time }, round) => time - bare[round].time))
  return { perSecond: medianOf('perSecond'), time: medianOf('time'), overhead, p50: medianOf('p50'), p99: medianOf('p99') }
}

const found = Object.fromEntries(wanted.map(scenario => [scenario, Object.fromEntries(names.map(name => [name, summary(name, scenario)]))]))
if (values.json) console.log(JSON.stringify(found))
else {
  const tables = Object.entries(found).flatMap(([scenario, subjects]) => {
    const columns = ['requests/s', 'µs of a processor', 'above the bare framework', 'p50, ms', 'p99, ms']
    const rows = Object.entries(subjects).map(([name, { perSecond, time, overhead, p50, p99 }]) => [
      name,
      ...[perSecond.toFixed(0), time.toFixed(1), overhead.toFixed(1), (p50 / 1000).toFixed(2), (p99 / 1000).toFixed(2)],
    ])
    const ratios = compared.map(([name, peer]) => [name, peer, (subjects[peer].overhead / subjects[name].overhead).toFixed(2)])
    return [table(scenario, columns, rows), table(`${scenario}, compared`, ['peer', "the peer's overhead / its own"], ratios)]
  })
  const report = tables.join('\n')
  console.log(report)
  const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
  if (values.update) update(page, 'npm run bench:end-to-end', report.trimEnd())
}
