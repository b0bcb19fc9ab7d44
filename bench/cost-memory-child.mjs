// What the requests of some subjects allocate, and how long their cookies are: cost-memory.mjs runs it, and says how.
import { PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as later } from 'node:timers/promises'
import { Browser } from './browser.mjs'
import { check, checkBare } from './check.mjs'
import { Connection } from './fake-http.mjs'
import { scenarios } from './load.mjs'

const [requests, warmUp] = process.argv.slice(2, 4).map(Number)
const names = process.argv.slice(4)
const USERS = 20
const STRETCHES = 2

let collections = 0
new PerformanceObserver(list => {
  collections += list.getEntries().length
}).observe({ entryTypes: ['gc'] })

/** The observer is told some turns later. */
async function collectionsSoFar() {
  for (let turn = 0; turn < 3; turn++) await later()
  return collections
}

/** Octets per request, on the heap and outside of it (Buffers); undefined if some were collected meanwhile. */
async function allocated(ask, makeRequest) {
  // The requests themselves are no part of it.
  const made = Array.from({ length: requests }, (_, n) => makeRequest(n))
  // What the first frees of the memory outside of the heap is given back by the second.
  globalThis.gc({ type: 'minor' })
  globalThis.gc({ type: 'minor' })
  const collected = await collectionsSoFar()
  const before = process.memoryUsage()
  for (const request of made) await ask(request)
  const after = process.memoryUsage()
  if ((await collectionsSoFar()) !== collected) return undefined
  return (after.heapUsed - before.heapUsed + after.external - before.external) / requests
}

/** The least of some stretches: what else the process does now and then is not the requests'. */
async function least(ask, makeRequest) {
  const found = []
  for (let tries = 0; found.length < STRETCHES; tries++) {
    if (tries === 3 * STRETCHES) throw new Error('memory is always collected meanwhile: more room is needed')
    const octets = await allocated(ask, makeRequest)
    if (octets !== undefined) found.push(octets)
  }
  return Math.round(Math.min(...found))
}

async function costOf(ask, { path, seed }) {
  const browsers = Array.from({ length: USERS }, () => new Browser())
  if (seed) for (const [user, browser] of browsers.entries()) browser.follow(await ask(browser.request(`${seed}?user=${user}`)))
  const makeRequest = n => browsers[n % USERS].request(path)
  const { rawHeaders } = makeRequest(0)
  const at = rawHeaders.indexOf('Cookie')
  const answer = await ask(makeRequest(0))
  const set = Array.from(answer.matchAll(/^set-cookie: ([^\r]*)/gim), ([, line]) => line)
  for (let n = 0; n < warmUp; n++) await ask(makeRequest(n))
  return {
    memory: await least(ask, makeRequest),
    cookie: at < 0 ? 0 : rawHeaders[at + 1].length,
    setCookie: set.join('').length,
  }
}

const found = {}
for (const name of names) {
  const { default: subject } = await import(`./subjects/${name}.mjs`)
  const { listener } = await subject.create()
  await (name === subject.base ? checkBare(listener) : check(listener))
  const connection = new Connection()
  const ask = ({ url, rawHeaders }) => connection.request(listener, url, rawHeaders)
  const costs = {}
  for (const [scenario, what] of Object.entries(scenarios)) costs[scenario] = await costOf(ask, what)
  found[name] = { base: subject.base, costs }
}
console.log(JSON.stringify(found))
// What they have left running is not waited for.
process.exit()
