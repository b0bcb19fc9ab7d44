// The process of one subject: it checks it and warms it up, then runs a batch whenever it is asked.
import { randomBytes } from 'node:crypto'
import { check, checkBare } from './check.mjs'
import { Load } from './load.mjs'
import { primitives } from './primitives.mjs'
import { seeds } from './routes.mjs'

const [name, given] = process.argv.slice(2)
/** @type {{ scenarios: string[], connections: number, repeats: number, warmUp: number }} */
const { scenarios, connections, repeats, warmUp } = JSON.parse(given)

/** @returns {Promise<{ run(scenario: string): number | Promise<number> }>} */
async function load() {
  if (primitives[name]) return new Load(primitives[name]().listener, connections)
  const { default: subject } = await import(`./subjects/${name}.mjs`)
  const { listener } = await subject.create()
  if (subject.name === subject.base) {
    await checkBare(listener)
    return new Load(listener, connections, cookiesOf)
  }
  await check(listener)
  return new Load(listener, connections)
}

/** The bare framework gets the requests that the others get: cookies of a peer's size, at which it does not look. */
function* cookiesOf(seed, user) {
  yield ['koa.sess', Buffer.from(JSON.stringify(seeds[seed](user))).toString('base64')]
  yield ['koa.sess.sig', randomBytes(20).toString('base64url')]
}

const subject = await load()

async function batch(scenario, times) {
  let time = 0
  for (let n = 0; n < times; n++) time += await subject.run(scenario)
  return time / times
}

for (let n = 0; n < warmUp; n++) for (const scenario of scenarios) await batch(scenario, repeats)

process.on('message', async scenario => {
  // It has slept: what it needs comes back into the processor's caches before the clock starts.
  await batch(scenario, 1)
  process.send(await batch(scenario, repeats))
})
process.on('disconnect', () => process.exit())
process.send('ready')
