import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { onTestFinished, vi } from 'vitest'
import type { Loose } from '../../support/subjects.ts'
import type { Stage } from './stage.ts'

const require = createRequire(import.meta.url)
const inside = (name: string, path: string): Loose => require(join(dirname(require.resolve(`${name}/package.json`)), path))

/** Where a client library hands over each thing that goes to the server, and what it is called. */
interface Outlet {
  prototype: Loose
  method: string
  nameOf(args: Loose[]): string
}

const firstWords = (text: unknown) => String(text).trim().split(/\s+/).slice(0, 2).join(' ').toLowerCase()

const outlets: Record<string, () => Outlet> = {
  ioredis: () => ({ prototype: require('ioredis').Redis.prototype, method: 'sendCommand', nameOf: ([command]) => command.name }),
  'node-redis': () => ({
    prototype: inside('@redis/client', 'dist/lib/client/commands-queue.js').default.prototype,
    method: 'addCommand',
    nameOf: ([args]) => String(args[0]).toLowerCase(),
  }),
  postgres: () => ({ prototype: require('pg').Client.prototype, method: 'query', nameOf: ([query]) => firstWords(query.text ?? query) }),
  mysql: () => ({
    prototype: Object.getPrototypeOf(require('mysql2').Connection.prototype),
    method: 'addCommand',
    nameOf: ([command]) => `${command.constructor.name} ${firstWords(command.sql ?? '')}`.trim().toLowerCase(),
  }),
  mongodb: () => ({
    prototype: inside('mongodb', 'lib/cmap/connection.js').Connection.prototype,
    method: 'command',
    nameOf: ([, command]) => Object.keys(command)[0] ?? '',
  }),
}

/** What clients send of their own, now and then, to learn how the servers are. */
const ofTheClient = /^(hello|ismaster|ping|endSessions|info|cluster|sentinel|subscribe|client|readonly|auth|select|clienthandshake)$/

/** Counts what a client library sends to its server on behalf of a stage, from here to the end of the test. */
export class Sent {
  readonly #outlet: Outlet
  readonly #space: string
  readonly #calls: Loose[][]
  #seen = 0

  constructor({ subject: { module, client }, space }: Stage) {
    const outlet = (outlets[client ?? module] ?? outlets[module])?.()
    if (!outlet) throw new Error(`nobody knows what ${client ?? module} sends`)
    this.#outlet = outlet
    this.#space = space
    const spy = vi.spyOn(outlet.prototype, outlet.method)
    onTestFinished(() => spy.mockRestore())
    this.#calls = spy.mock.calls as Loose[][]
  }

  /** The names of what was sent since the last time, in order. */
  now(): string[] {
    const calls = this.#calls.slice(this.#seen)
    this.#seen = this.#calls.length
    return calls
      .filter(args => !this.#isAnothers(args))
      .map(args => this.#outlet.nameOf(args))
      .filter(name => !ofTheClient.test(name))
  }

  /** An earlier test's logout that failed is still tried again. */
  #isAnothers(args: Loose[]): boolean {
    const text = inspect(args, { depth: 6, maxStringLength: null, maxArrayLength: null })
    const spaces: string[] = text.match(/space[0-9a-z]+x[0-9a-z]+/g) ?? []
    return spaces.length > 0 && !spaces.includes(this.#space)
  }
}
