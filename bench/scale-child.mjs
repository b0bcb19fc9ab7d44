// One store with so many sessions, in a process of its own: it does what bench/scale.mjs asks, and answers with a figure.
import assert from 'node:assert/strict'
import { processorTime } from './processor-time.mjs'
import { bulk } from './scale-bulk.mjs'
import { writtenAhead } from './scale-postgres.mjs'
import { redisAtRest, redisCosts, redisExpiry } from './scale-redis.mjs'
import { busyNear, keyOf, SESSIONS_OF_A_USER, sessionOf, timesOf, userOf, versionOf } from './scale-sessions.mjs'
import { open } from './scale-stores.mjs'

const [name, given] = process.argv.slice(2)
/** @type {{ size: number, ground: { url: string, engineUrl?: string, pids: number[] }, fillSeconds: number }} */
const { size, ground, fillSeconds } = JSON.parse(given)
/** So many calls are under way at a time. */
const LANES = 8
const FILLING_LANES = 256
const FIRST = 1000
const HOUR_MS = 3_600_000
/** Redis has no other clock than its own: what is created there ends soon. */
const SHORT_MS = 30_000

/** What is to be cleaned up is made by an earlier clock, and ends before the one that counts. */
let backMs = 0
const clock = () => Date.now() - backMs
/** When those sessions began that live throughout. */
const begun = Date.now()
const how = { size, now: clock }
const { store, octets, table, space } = await open(name, ground, how)
/** How often each session has been written since. */
const writes = new Map()
let created = 0

/** Calls `call` for each number, so many at a time. */
async function each(from, to, lanes, call) {
  let next = from
  await Promise.all(
    Array.from({ length: Math.min(lanes, to - from) }, async () => {
      while (next < to) await call(next++)
    }),
  )
}

/** In µs: the server's processors and this process's, and the time that passes. */
function clocks() {
  const { user, system } = process.cpuUsage()
  const server = ground.pids.reduce((sum, pid) => sum + processorTime(pid), 0)
  return { server, own: user + system, passed: performance.now() * 1000 }
}

/** For each of what `work` says that it has done. */
async function measured(work) {
  const begin = clocks()
  const count = await work()
  const end = clocks()
  return count === 0 ? undefined : Object.fromEntries(Object.keys(end).map(name => [name, (end[name] - begin[name]) / count]))
}

async function timed(count, prepare) {
  const call = prepare(count)
  return measured(async () => {
    await each(0, count, LANES, call)
    return count
  })
}

const anyone = () => Math.floor(Math.random() * size)

const heap = () => {
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function fill() {
  await store.load(keyOf(0))
  // What the first calls compile is no part of it, nor are their records: they have gone again by then.
  const before = { heap: heap(), octets: await octets() }
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1000
  const insert = async n => assert.equal(await filler.store.create(sessionOf(n, begun)), true)
  // Files reach the disk after the fill.
  const filler = name === 'file' ? await open(name, ground, { ...how, options: { fsync: false } }) : { store }
  let way = 'create'
  let next = 0
  for (; next < size; next += FIRST) {
    await each(next, Math.min(next + FIRST, size), FILLING_LANES, insert)
    if (bulk[name] && (seconds() * size) / (next + FIRST) > fillSeconds && size > 2 * FIRST) break
  }
  if (next < size) {
    way = 'bulk'
    await bulk[name]({ ...ground, table, space, from: next + FIRST, to: size, sessionOf: n => sessionOf(n, begun) })
  }
  const after = { heap: heap(), octets: await octets() }
  if (name === 'redis') await redisAtRest(ground.url)
  const inStore = after.octets === undefined ? after.heap - before.heap : after.octets - before.octets
  return { way, seconds: seconds(), octets: inStore / size, processOctets: after.heap - before.heap }
}

const many = (count, make) => Array.from({ length: count }, (_, at) => make(at))

/** What each kind of call is made of beforehand, and then does for each number. */
const calls = {
  load(count) {
    const keys = many(count, () => keyOf(anyone()))
    return async at => assert.ok((await store.load(keys[at])).data)
  },
  save(count) {
    const chosen = new Set()
    while (chosen.size < count) chosen.add(anyone())
    const changes = Array.from(chosen, n => {
      const times = writes.get(n) ?? 0
      writes.set(n, times + 1)
      return [sessionOf(n, begun, { now: clock(), writes: times + 1 }), versionOf(n, times)]
    })
    return async at => assert.equal((await store.save(...changes[at])).status, 'saved')
  },
  touch(count) {
    const used = many(count, () => anyone()).map(n => [keyOf(n), timesOf(n, clock())])
    return async at => assert.equal(await store.touch(...used[at]), true)
  },
  create(count) {
    const first = size + created
    created += count
    const lifeMs = name === 'redis' ? SHORT_MS : HOUR_MS
    const sessions = many(count, at => sessionOf(first + at, clock(), { lifeMs }))
    return async at => assert.equal(await store.create(sessions[at]), true)
  },
  list(count) {
    const users = many(count, () => userOf(busyNear(anyone())))
    return async at => assert.equal((await store.listByUser(users[at])).length, SESSIONS_OF_A_USER)
  },
}

const commands = {
  fill,
  load: count => timed(count, calls.load),
  save: count => timed(count, calls.save),
  /** Sessions that end before their clock is put right again, for the clean-up. */
  async create(count) {
    if (name !== 'redis') backMs = 3 * HOUR_MS
    const time = await timed(count, calls.create)
    backMs = 0
    return time
  },
  list: count => timed(count, calls.list),
  /** For each session that is removed. */
  cleanUp: () =>
    measured(async () => {
      let removed = 0
      for (let count = 1; count > 0; removed += count) count = await store.deleteExpired(100)
      return removed
    }),
  // Sessions enough for all of them: each is saved once.
  writtenAhead: count => writtenAhead(ground.url, { count: Math.min(count, size), each, calls }),
  redisCosts: count => redisCosts(ground.url, { count, size, each, calls }),
  redisExpiry(count) {
    const first = size + created
    created += count
    return redisExpiry(ground.url, { count, each, store, first })
  },
}

process.on('message', async ({ command, count }) => {
  try {
    process.send({ answer: await commands[command](count) })
  } catch (error) {
    process.send({ error: error.stack })
  }
})
// Whoever started it is gone.
process.once('disconnect', () => process.exit())
process.send({ answer: 'ready' })
