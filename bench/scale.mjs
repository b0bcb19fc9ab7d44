// npm run bench:scale: what a session costs when there are a thousand, a hundred thousand and a million others. See docs/scale.md.
//   --stores redis,postgres --sizes 1e3,1e5 --rounds 9: fewer of them; --json FILE: all times
//   --fill 300: a store that would need more seconds to be filled by its own methods is filled in bulk, where that is possible
//   --update: the tables of these stores go into docs/scale.md
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { update } from './marked.mjs'
import { storeNames, withGrounds } from './scale-grounds.mjs'
import { ownTables, storeTable } from './scale-tables.mjs'

const path = relative => fileURLToPath(new URL(relative, import.meta.url))
const string = { type: 'string' }
const { values: given } = parseArgs({
  options: { stores: string, sizes: string, rounds: string, fill: string, json: string, update: { type: 'boolean' } },
})
const stores = given.stores?.split(',') ?? storeNames
for (const store of stores) if (!storeNames.includes(store)) throw new Error(`no store ${store}: there are ${storeNames.join(', ')}`)
const sizes = (given.sizes ?? '1e3,1e5,1e6').split(',').map(Number)
const rounds = Number(given.rounds ?? 9)
const fillSeconds = Number(given.fill ?? 300)

/** How many calls a batch makes. */
const BATCHES = { load: 400, save: 200, create: 200, list: 100, cleanUp: 0 }
/** Some are quick, some slow. A save takes each session once. */
const LARGER = { memory: 5, sqlite: 2, file: 0.25, mongodb: 0.25 }
const WARM_UP_ROUNDS = 2
const COMMANDS = 20_000
const SOME = 2000

class StoreProcess {
  #child
  #answers = []

  constructor(store, options) {
    this.#child = fork(path('scale-child.mjs'), [store, JSON.stringify(options)], {
      execArgv: [...process.execArgv, '--expose-gc', '--max-old-space-size=5000'],
      env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' },
    })
    this.#child.on('message', message => {
      const { resolve, reject } = this.#answers.shift()
      if ('error' in message) reject(new Error(message.error))
      else resolve(message.answer)
    })
    this.#child.once('exit', code => {
      for (const { reject } of this.#answers) reject(new Error(`the process of ${store} has ended with ${code}`))
    })
  }

  answer() {
    return new Promise((resolve, reject) => this.#answers.push({ resolve, reject }))
  }

  ask(command, count) {
    const answer = this.answer()
    this.#child.send({ command, count })
    return answer
  }

  async end() {
    if (this.#child.exitCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}

const say = text => process.stderr.write(`${new Date().toLocaleTimeString('en-GB')} ${text}\n`)

/** One store in all sizes: a batch of one after that of another, so that whatever else the machine does meets all of them. */
async function measure(store, start) {
  const processes = []
  const figures = []
  try {
    for (const size of sizes) {
      const ground = await start(store)
      const child = new StoreProcess(store, { size, ground, fillSeconds })
      processes.push(child)
      await child.answer()
      const filled = await child.ask('fill')
      say(`${store}: ${size} sessions in ${filled.seconds.toFixed(0)} s (${filled.way})`)
      figures.push({ size, filled, times: Object.fromEntries(Object.keys(BATCHES).map(operation => [operation, []])) })
    }
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      for (const [operation, count] of Object.entries(BATCHES)) {
        for (const [n, child] of processes.entries()) {
          const time = await child.ask(operation, Math.ceil(count * (LARGER[store] ?? 1)))
          if (round >= 0) figures[n].times[operation].push(time)
        }
      }
    }
    if (store === 'postgres') {
      for (const [n, child] of processes.entries()) figures[n].writtenAhead = await child.ask('writtenAhead', SOME)
    }
    if (store === 'redis') {
      for (const [n, child] of processes.entries()) {
        say(`${store}: the server's own figures at ${sizes[n]}`)
        figures[n].redisCosts = await child.ask('redisCosts', COMMANDS)
        figures[n].redisExpiry = await child.ask('redisExpiry', Math.max(1000, sizes[n] / 4))
      }
    }
  } finally {
    await Promise.all(processes.map(child => child.end()))
  }
  return figures
}

const built = spawnSync(process.execPath, [path('../scripts/build.mjs'), '--if-stale'], { stdio: ['ignore', 2, 2] })
if (built.status !== 0) process.exit(1)

const all = {}
for (const store of stores) {
  await withGrounds(async start => {
    all[store] = await measure(store, start)
  })
  const report = [storeTable(store, all[store]), ...(ownTables[store]?.(all[store]) ?? [])].join('\n')
  console.log(report)
  if (given.json) writeFileSync(given.json, JSON.stringify(all))
  if (given.update) update(path('../docs/scale.md'), `npm run bench:scale ${store}`, report.trimEnd())
}
