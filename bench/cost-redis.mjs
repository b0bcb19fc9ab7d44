// Commands and octets between a request's session and a real Redis, counted on the wire.
import { setImmediate as later } from 'node:timers/promises'
import { Browser } from './browser.mjs'
import { check } from './check.mjs'
import { startCounter } from './cost-wire.mjs'
import { startRedis } from './end-to-end-redis.mjs'
import { open, redisSubjects } from './end-to-end-subjects.mjs'
import { Connection } from './fake-http.mjs'
import { scenarios } from './load.mjs'

const REQUESTS = 100

/** @param {Record<string, number>} counts */
const perRequest = counts => Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / REQUESTS]))

async function costOf(listener, counter, { path, seed }) {
  const ask = async (browser, url, connection) => {
    const request = browser.request(url)
    browser.follow(await connection.request(listener, request.url, request.rawHeaders))
  }
  const browsers = Array.from({ length: REQUESTS }, () => new Browser())
  const own = new Connection()
  if (seed) for (const [user, browser] of browsers.entries()) await ask(browser, `${seed}?user=${user}`, own)
  await later()
  counter.take()
  for (const browser of browsers) await ask(browser, path, own)
  await later()
  const { commands, toRedis, fromRedis } = counter.take()
  await Promise.all(browsers.map(browser => ask(browser, path, new Connection())))
  const { pieces } = counter.take()
  return { commands: perRequest(commands), ...perRequest({ toRedis, fromRedis, piecesTogether: pieces }) }
}

/**
 * For each subject over Redis and each scenario: the commands of a request by name, octets to Redis and from it, and in how many pieces
 * the commands of requests that come together leave: fewer than one for each, since the client's library sends them in one go.
 * @param {string[]} [names]
 */
export async function redisCosts(names = Object.keys(redisSubjects)) {
  const redis = await startRedis()
  const counter = await startCounter(redis.port)
  const costs = {}
  try {
    for (const name of names) {
      const { listener, close } = await open(name, counter.url)
      try {
        await check(listener)
        costs[name] = {}
        for (const [scenario, what] of Object.entries(scenarios)) costs[name][scenario] = await costOf(listener, counter, what)
      } finally {
        await close()
      }
    }
  } finally {
    counter.stop()
    await redis.stop()
  }
  return costs
}
