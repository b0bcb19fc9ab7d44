// One conversation of several visitors with a site, on whichever libraries answer its requests: what everybody saw, and what lay in the
// database after each step.
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished, vi } from 'vitest'
import { type Answer, Visitor } from '../../promises/support.ts'
import type { Loose } from '../../support/subjects.ts'
import type { Library } from './libraries.ts'

/** A database, and the store of express-session that keeps sessions there. */
export interface Place {
  /** A store made as its README says, for an app of its own on this database. `session`: what a README calls `require('express-session')`. */
  store(session: Loose): Loose
  /** What lies in the database: by id, as text, with the time when it ends. */
  records(): Promise<Record<string, string>>
  /** For databases with a clock of their own: what happens there when `ms` have passed. */
  passed?(ms: number): Promise<void>
}

/** `[who, path]`; or time passes; or somebody has got hold of the cookies that somebody else has now. */
export type Step = readonly [who: string, path: string] | { pass: number } | { copy: readonly [from: string, to: string] }

export interface Seen {
  step: string
  status?: number
  body?: string
  location?: string | undefined
  setCookie?: string[]
  records?: Record<string, string>
}

export interface Setup {
  place: Place
  /** They answer in turns, a request each: one of them alone, or two that take over from each other in the middle. */
  libraries: Library[]
  steps: readonly Step[]
  /** The app that one of them runs. */
  app(session: Loose, options: Loose): http.RequestListener
  options?: Loose
  /** What is given to a store that asks for `session`; by default each app gives its own. */
  given?: Library
}

const START = new Date('2030-01-01T00:00:00.000Z')

/** The apps of a setup, listening until the test has finished, and a new browser that goes to each of them in turns. */
export async function openSite({ place, libraries, app, options, given }: Omit<Setup, 'steps'>): Promise<() => Browser> {
  const ports = await Promise.all(
    libraries.map(async library => {
      const store = place.store((given ?? library).session)
      return (await serve(app(library.session, { secret: 'of the test', store, ...options }))).port
    }),
  )
  return () => new Browser(ports)
}

/**
 * The clock stands still between steps, and ids are counted: then answers and records are equal to the letter, times included.
 */
export async function converse({ steps, ...setup }: Setup): Promise<Seen[]> {
  const { place } = setup
  vi.useFakeTimers({ toFake: ['Date'], now: START })
  onTestFinished(() => void vi.useRealTimers())
  const visitor = await openSite({ ...setup, options: { genid: countedIds(), ...setup.options } })
  const visitors = new Map<string, Browser>()
  const browserOf = (who: string) => {
    const browser = visitors.get(who) ?? visitor()
    visitors.set(who, browser)
    return browser
  }

  const seen: Seen[] = []
  let turn = 0
  for (const step of steps) {
    if ('pass' in step) {
      vi.setSystemTime(Date.now() + step.pass)
      await place.passed?.(step.pass)
    } else if ('copy' in step) {
      const [from, to] = step.copy
      browserOf(to).takeAllOf(browserOf(from))
    } else {
      const [who, path] = step
      const { status, body, headers, setCookie } = await browserOf(who).get(path, turn++)
      const { location } = headers
      seen.push({ step: `${who} ${path}`, status, body, location, setCookie: kept(setCookie), records: await place.records() })
    }
  }
  return seen
}

/** One jar of cookies, for several servers of one site. */
export class Browser {
  readonly #jar: Visitor
  readonly #visitors: Visitor[]
  #turn = 0

  constructor(ports: number[]) {
    this.#visitors = ports.map(port => new Visitor(port))
    this.#jar = this.#visitors[0] as Visitor
    for (const visitor of this.#visitors) Object.assign(visitor, { cookies: this.#jar.cookies })
  }

  get(path: string, turn = this.#turn++): Promise<Answer> {
    return (this.#visitors[turn % this.#visitors.length] as Visitor).get(path)
  }

  /** The Cookie header that it sends. */
  header(): string {
    return this.#jar.header()
  }

  takeAllOf(other: Browser): void {
    for (const [name, value] of other.#jar.cookies) this.#jar.cookies.set(name, value)
  }
}

/** Without the line by which a browser forgets its cookie: only Holdfast sends one, when a session was ended. */
function kept(setCookie: string[]): string[] {
  return setCookie.filter(line => !line.includes('Expires=Thu, 01 Jan 1970'))
}

/** Of the length and the letters of real ones. */
function countedIds(): () => string {
  let last = 0
  return () => `${++last}`.padStart(32, 'id-')
}

/** Serves until the test has finished. */
export async function serve(listener: http.RequestListener): Promise<{ server: http.Server; port: number }> {
  const server = http.createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { server, port: (server.address() as AddressInfo).port }
}
