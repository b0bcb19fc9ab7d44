// One launch: a process for each subject, all alive at once; one works while the others wait.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('child.mjs', import.meta.url))

/**
 * As in a server under load: while the others work, V8 would give memory for young objects back and forget code, and each batch would begin
 * by asking for both anew. 16 MiB is what it grows to by itself. What Node's parser makes of a request is young; the bench makes it in
 * JavaScript, where V8 would soon take it for something that lives long: 1.6 KB of each request with a cookie then had to be collected as
 * old, and a read of 200 octets took 74 µs in place of 57.
 */
const UNDER_LOAD = [
  ...['--min-semi-space-size=16', '--max-semi-space-size=16', '--no-memory-reducer', '--no-flush-bytecode'],
  '--no-allocation-site-pretenuring',
]

/** What a process is told about its part. `repeats`: requests of each user in a batch. `warmUp`: batches of each scenario beforehand. */
/** @typedef {{ connections: number, repeats: number, warmUp: number }} Batches */

class Subject {
  #child
  #said = ''
  #waiting
  #ended

  constructor(name, options) {
    this.name = name
    this.#child = fork(program, [name, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production' },
      execArgv: [...process.execArgv, ...UNDER_LOAD],
    })
    // Some peers warn of their stores in memory: it is shown only if the subject fails.
    const streams = [this.#child.stdout, this.#child.stderr]
    for (const stream of streams) {
      stream.on('data', octets => {
        this.#said += octets
      })
    }
    this.#child.on('message', answer => this.#waiting.resolve(answer))
    // Not 'close': it does not come where the parent disconnects.
    this.#ended = Promise.all([this.#child, ...streams].map(part => once(part, part === this.#child ? 'exit' : 'close'))).then(([[code]]) =>
      this.#waiting?.reject(new Error(`${name} ended with ${code}\n${this.#said}`)),
    )
  }

  /** The next thing that it says. */
  answer() {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  /** The time of a batch, in µs per request. */
  time(scenario) {
    const answer = this.answer()
    this.#child.send(scenario)
    return answer
  }

  async end() {
    if (this.#child.connected) this.#child.disconnect()
    await this.#ended
  }
}

const rotated = (list, by) => [...list.slice(by % list.length), ...list.slice(0, by % list.length)]

/** However late it is. */
const LEAST_ROUNDS = 4

/**
 * The times of the batches, one for each round: by subject and scenario, in µs per request. In each round a scenario's batches follow one
 * another, beginning with another subject.
 * @param {Map<string, string[]>} subjects the scenarios of each
 * @param {{ rounds: number, deadline: number }} end after so many rounds, or at this time (ms since the epoch)
 * @param {Batches} batches
 * @returns {Promise<Record<string, Record<string, number[]>>>}
 */
export async function launch(subjects, { rounds, deadline }, batches) {
  const waiting = [...subjects]
  const alive = []
  const times = {}
  const start = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [name, scenarios] = next
      times[name] = Object.fromEntries(scenarios.map(scenario => [scenario, []]))
      const subject = new Subject(name, { ...batches, scenarios })
      alive.push(subject)
      await subject.answer()
    }
  }
  try {
    // They warm up beside one another: nothing is timed yet.
    await Promise.all(Array.from({ length: availableParallelism() }, start))
    const scenarios = new Set([...subjects.values()].flat())
    for (let round = 0; round < rounds && (round < LEAST_ROUNDS || Date.now() < deadline); round++) {
      for (const scenario of scenarios) {
        for (const subject of rotated(alive, round)) {
          if (scenario in times[subject.name]) times[subject.name][scenario].push(await subject.time(scenario))
        }
      }
    }
  } finally {
    waiting.length = 0
    await Promise.all(alive.map(subject => subject.end()))
  }
  return times
}
