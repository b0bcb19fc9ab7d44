// What only Redis can tell of bench/scale.mjs: the processor time of its server for each command, and how it removes what has ended.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { createClient } from 'redis'
import { sessionOf, userOf } from './scale-sessions.mjs'
import { redisInfo } from './scale-stores.mjs'

/** So many calls are under way at a time: the server has always something to do, and reads many commands at once. */
const LANES = 400
/** How long Redis is watched while it removes what has ended. */
const MOST_MS = 120_000

const processorUs = info => (Number(info.used_cpu_user) + Number(info.used_cpu_sys)) * 1e6

/** When it has written its files anew, for which it copies itself: that is no part of any call. */
export async function redisAtRest(url) {
  const busy = ({ aof_rewrite_in_progress: now, aof_rewrite_scheduled: soon, rdb_bgsave_in_progress: copy }) =>
    [now, soon, copy].includes('1')
  while (busy(await redisInfo(url, 'persistence'))) await pause(200)
}

/**
 * By call: µs in the script, µs of the server in all, octets to it, from it, and into its log of changes.
 * @param {string} url
 */
export async function redisCosts(url, { count: most, size, each, calls }) {
  const client = await createClient({ url }).connect()
  const costs = {}
  for (const [name, prepare] of Object.entries(calls)) {
    // A save takes each session once.
    const count = name === 'save' ? Math.min(most, size) : most
    const call = prepare(count)
    await client.sendCommand(['CONFIG', 'RESETSTAT'])
    const before = await redisInfo(url, 'cpu', 'stats', 'persistence')
    await each(0, count, LANES, call)
    const after = await redisInfo(url, 'cpu', 'stats', 'persistence', 'commandstats')
    const [, script] = /usec=(\d+)/.exec(after.cmdstat_evalsha)
    const by = (figures, figure) => Number(figures[figure])
    const per = figure => (by(after, figure) - by(before, figure)) / count
    costs[name] = {
      script: Number(script) / count,
      all: (processorUs(after) - processorUs(before)) / count,
      in: per('total_net_input_bytes'),
      out: per('total_net_output_bytes'),
      log: per('aof_current_size'),
    }
  }
  client.destroy()
  return costs
}

/**
 * `count` more sessions that end together: the server's processor time for each key that it removes, how long nine tenths of them took,
 * and what part is left after two minutes. Each session is a key, and each user's index.
 * @param {string} url
 */
export async function redisExpiry(url, { count, each, store, first }) {
  const began = Date.now()
  // By then has ended what was created before.
  const endsAt = began + 40_000 + count * 1.5
  await each(0, count, LANES, async at => assert.equal(await store.create(sessionOf(first + at, began, { lifeMs: endsAt - began })), true))
  const users = new Set(Array.from({ length: count }, (_, at) => userOf(first + at)))
  const keys = count + users.size
  const read = async () => {
    const info = await redisInfo(url, 'stats')
    return { removed: Number(info.expired_keys), us: Number(info.expire_cycle_cpu_milliseconds) * 1000 }
  }
  await pause(Math.max(0, endsAt - Date.now()))
  const before = await read()
  const ended = performance.now()
  let last = before
  let nine
  // What is left after that it may keep as long as it likes.
  while (performance.now() - ended < MOST_MS && last.removed - before.removed < keys) {
    await pause(500)
    last = await read()
    if (nine === undefined && last.removed - before.removed >= 0.9 * keys) nine = (performance.now() - ended) / 1000
  }
  const removed = last.removed - before.removed
  return { perKey: (last.us - before.us) / removed, seconds: nine, left: 1 - removed / keys }
}
