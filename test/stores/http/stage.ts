import { onTestFinished, vi } from 'vitest'
import { koaDriver } from '../../promises/koa.ts'
import { type Gate, gate, type Mode, type Setup, type Site, type Visitor, Watch } from '../../promises/support.ts'
import type { KoaMajor, Loose } from '../../support/subjects.ts'
import type { Opened } from '../opened.ts'
import { type Ground, openStore, type Subject } from '../subjects.ts'
import type { Sabotage } from './sabotage.ts'

export type Door = 'native' | 'drop-in'

/** No test is about how slow the machine is. */
const PATIENCE_MS = 30_000

export interface StageOptions {
  subject: Subject
  ground: Ground
  door: Door
  koa?: KoaMajor
  /** What is done to each store before an app gets it: the tests of the tests. */
  sabotage?: Sabotage
}

export interface SiteSetup extends Pick<Setup, 'routes' | 'around'> {
  /** Options of `createSessions`. */
  native?: Loose
  /** Options of the drop-in. */
  dropIn?: Loose
  /** In ms; for both. */
  storeTimeout?: number
  /** Another way to the server: through a proxy. */
  url?: string
  /** How the store's client is changed before the app gets it. */
  wrap?: Sabotage
  /** Another app on the store, and the client, of this one. */
  beside?: StoreSite
}

export interface StoreSite extends Site {
  opened: Opened
}

/** A clock that stands still until it is moved, for apps and stores alike. */
export interface Clock {
  now(): number
  advance(ms: number): void
}

/** What one test plays on: a space of its own on a real store, and apps in front of it, each with a client of its own. */
export class Stage {
  readonly subject: Subject
  readonly ground: Ground
  readonly door: Door
  readonly space = newSpace()
  readonly #koa: KoaMajor
  readonly #sabotage: Sabotage | undefined
  #clock: Clock | undefined

  constructor({ subject, ground, door, koa = 3, sabotage }: StageOptions) {
    this.subject = subject
    this.ground = ground
    this.door = door
    this.#koa = koa
    this.#sabotage = sabotage
  }

  get native(): boolean {
    return this.door === 'native'
  }

  /** From here on the time of apps and stores is the test's own. */
  stopClock(): Clock {
    let time = Date.UTC(2031, 0, 1)
    // The drop-in has koa-session's options, and no clock among them.
    if (!this.native) {
      vi.useFakeTimers({ toFake: ['Date'], now: time })
      onTestFinished(() => void vi.useRealTimers())
    }
    this.#clock = {
      now: () => time,
      advance: ms => {
        time += ms
        if (!this.native) vi.setSystemTime(time)
      },
    }
    return this.#clock
  }

  /** The store itself, by a client of its own, until the test has finished. */
  async open({ url, now = this.#clock?.now }: { url?: string | undefined; now?: () => number } = {}): Promise<Opened> {
    const opened = await openStore(this.subject, this.ground, { space: this.space, now, url })
    onTestFinished(() => opened.end())
    return opened
  }

  /** An app with these routes, on a client of its own. */
  async site({ native, dropIn, storeTimeout = PATIENCE_MS, url, wrap, beside, ...setup }: SiteSetup): Promise<StoreSite> {
    const opened = beside?.opened ?? (await this.open({ url }))
    const wrapped = wrap?.(opened.store) ?? opened.store
    const store = beside?.store ?? new Watch(this.#sabotage?.(wrapped) ?? wrapped)
    const clock = this.native && this.#clock ? { now: this.#clock.now } : {}
    const mode: Mode = { name: `${this.door}, ${this.subject.name}`, native: this.native, place: 'memory' }
    const site = await koaDriver(this.#koa).open({
      ...setup,
      mode,
      store,
      native: { storeTimeout, ...clock, ...native },
      options: this.native ? {} : { storeTimeout, ...dropIn },
    })
    site.app.silent = true
    return { ...site, opened }
  }
}

/** A name that no other test of this process uses. */
const newSpace = (() => {
  let count = 0
  return () => `space${process.pid.toString(36)}x${(count++).toString(36)}`
})()

/** The same browser at another instance of the site. */
export function sameBrowser(site: Site, visitor: Visitor): Visitor {
  const other = site.visitor()
  for (const [name, value] of visitor.cookies) other.cookies.set(name, value)
  return other
}

/** A stop for many: reached when `count` have arrived, left when it is opened. */
export function crowd(count: number): Gate {
  const all = gate()
  const stop = gate()
  let arrived = 0
  const pass = () => {
    if (++arrived === count) void all.pass()
    return stop.pass()
  }
  return { reached: all.reached, open: stop.open, pass }
}

/** Where `count` handlers wait for each other: all have read their session before one of them writes. */
export function meeting(count: number): () => Promise<void> {
  const { reached, open, pass } = crowd(count)
  void reached.then(open)
  return pass
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
