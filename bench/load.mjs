// Users who send the requests of a scenario, and the time that they take.
import { Browser } from './browser.mjs'
import { Connection } from './fake-http.mjs'

const USERS = 256
/** So many at a time: what they send is made before the clock starts, what they were answered is looked at after it has stopped. */
const GROUP = 64

/**
 * Nothing that Holdfast does is kept from one request to the next, so there is no scenario with more users than a cache would hold.
 * @type {Record<string, { path: string, seed?: string }>} without a seed: visitors who bring no cookie
 */
export const scenarios = {
  idle: { path: '/idle', seed: '/seed200' },
  read200: { path: '/read', seed: '/seed200' },
  read2k: { path: '/read', seed: '/seed2k' },
  write200: { path: '/write', seed: '/seed200' },
  write2k: { path: '/write', seed: '/seed2k' },
  create: { path: '/create' },
}

export class Load {
  #listener
  #connections
  #cookiesOf
  #users = new Map()

  /**
   * @param {import('node:http').RequestListener} listener
   * @param {number} connections how many requests are under way at a time, so that they share the turns of the event loop
   * @param {(seed: string, user: number) => Iterable<[string, string]>} [cookiesOf] what seeded users bring to an app that sets none
   */
  constructor(listener, connections, cookiesOf = () => []) {
    this.#listener = listener
    this.#cookiesOf = cookiesOf
    this.#connections = Array.from({ length: connections }, () => new Connection())
  }

  /**
   * Each user sends one request. Resolves with the time per request in µs.
   * @param {keyof typeof scenarios} name
   */
  async run(name) {
    const { path, seed } = scenarios[name]
    const users = await this.#usersOf(seed)
    let time = 0
    for (let from = 0; from < USERS; from += GROUP) {
      const group = users.slice(from, from + GROUP)
      time += await this.#ask(group, () => path, seed !== undefined)
    }
    return time / USERS
  }

  /** Seeded once. Those who write and those who read are the same. */
  async #usersOf(seed) {
    if (!this.#users.has(seed)) {
      const users = Array.from({ length: USERS }, (_, user) => new Browser(seed ? this.#cookiesOf(seed, user) : []))
      if (seed) await this.#ask(users, number => `${seed}?user=${number}`, true)
      this.#users.set(seed, users)
    }
    return this.#users.get(seed)
  }

  /** In µs of the processor, from the first request to the last answer. */
  async #ask(users, pathOf, follow) {
    const requests = users.map((user, number) => user.request(pathOf(number)))
    const answers = new Array(users.length)
    let next = 0
    const start = process.cpuUsage()
    await Promise.all(
      this.#connections.map(async connection => {
        while (next < requests.length) {
          const number = next++
          const { url, rawHeaders } = requests[number]
          answers[number] = await connection.request(this.#listener, url, rawHeaders)
        }
      }),
    )
    const { user, system } = process.cpuUsage(start)
    for (const [number, answer] of answers.entries()) {
      if (!answer.startsWith('HTTP/1.1 200 ')) throw new Error(`${pathOf(number)} was answered ${answer.slice(0, 500)}`)
      if (follow) users[number].follow(answer)
    }
    return user + system
  }
}
