import type { IndexedSessionStore } from '../core/store.ts'
import { type RecordMaker, randomText, recordMaker, SMALL_LETTERS } from './records.ts'

type Register = (name: string, body: () => Promise<void>) => unknown

export interface StoreSpace {
  /** Stores made with the same name share their data, as several clients of one database do; a new name is empty. `[a-z0-9_]{1,20}` */
  space: string
  /** The clock that the store must use, in ms since the epoch; undefined: its own. */
  now: (() => number) | undefined
}

export interface SessionStoreKitOptions {
  /** Your test runner's: Vitest's, `node:test`'s, Mocha's. Tests must run one after the other, as they do by default. */
  describe: (name: string, body: () => void) => unknown
  it: Register & { skip?: Register }
  /** Makes a store. The kit closes each; what else you opened for it (a client, a table) you close after the tests. */
  create: (space: StoreSpace) => IndexedSessionStore | Promise<IndexedSessionStore>
  /** The store cannot be given a clock: the tests that need one are skipped (`it.skip`), and expiry is hardly tested. Default false. */
  realClock?: boolean
  /** The database itself removes what has ended (a time to live): `deleteExpired` may find less than there was. Default false. */
  selfExpiring?: boolean
  /** How many random command sequences each property test runs. Default 50. */
  runs?: number
  /** Repeats the property tests of an earlier run: the seed that its failure named. */
  seed?: number
}

/** Two clients of one database; or twice the same store, where data never leave a process. */
interface Clients {
  one: IndexedSessionStore
  two: IndexedSessionStore
  /** The one or the other. */
  pick(n: number): IndexedSessionStore
}

type Body = (clients: Clients) => Promise<void>
type ApartBody = (open: () => Promise<IndexedSessionStore>) => Promise<void>

/** What the tests of one kit share: a runner, a clock, and two clients of one space. */
export interface Bench {
  options: SessionStoreKitOptions
  records: RecordMaker
  now(): number
  /** Moves the clock. */
  wait(ms: number): void
  describe(name: string, body: () => void): void
  /** A test on the shared space: with keys and users of its own. */
  test(name: string, body: Body): void
  /** One that moves the clock. */
  timed(name: string, body: Body): void
  /** A test on a space of its own; what it opens is closed whatever happens. */
  apart(name: string, body: ApartBody): void
  /** One that moves the clock. */
  apartTimed(name: string, body: ApartBody): void
  /** One on the store's own clock. */
  apartUnclocked(name: string, body: ApartBody): void
  /** Closes the shared clients. A test that comes later opens new ones. */
  closeShared(): Promise<void>
}

const START = Date.UTC(2030, 0, 1)

export function createBench(options: SessionStoreKitOptions): Bench {
  const { describe, it, realClock = false } = options
  /** New for each run, in case the database is not. */
  const spaces = `kit_${randomText(8, SMALL_LETTERS)}`
  let spaceCount = 0
  let time = START
  let shared: Promise<Clients> | undefined

  const now = () => (realClock ? Date.now() : time)
  const newSpace = () => `${spaces}_${++spaceCount}`
  const open = async (space: string, clock = realClock ? undefined : now) => options.create({ space, now: clock })

  const share = () => {
    shared ??= openClients().catch(error => {
      shared = undefined
      throw error
    })
    return shared
  }
  const openClients = async (): Promise<Clients> => {
    const space = newSpace()
    const [one, two] = await Promise.all([open(space), open(space)])
    // Both at once: they set up their schema at once, too.
    await Promise.all([one.load('none'), two.load('none')])
    return { one, two, pick: n => (n % 2 === 0 ? one : two) }
  }

  const test = (name: string, body: Body) => void it(name, async () => body(await share()))

  const onItsOwn = (name: string, openOne: (space: string) => Promise<IndexedSessionStore>, body: ApartBody) =>
    void it(name, async () => {
      const space = newSpace()
      const opened: IndexedSessionStore[] = []
      try {
        await body(async () => {
          const store = await openOne(space)
          opened.push(store)
          return store
        })
      } catch (error) {
        await Promise.allSettled(opened.map(store => store.close()))
        throw error
      }
      await Promise.all(opened.map(store => store.close()))
    })
  const apart = (name: string, body: ApartBody) => onItsOwn(name, space => open(space), body)

  const skip = (name: string) => {
    if (!it.skip) throw new TypeError('realClock: it.skip must be a function, so that the tests that cannot run are seen')
    it.skip(name, async () => {})
  }

  return {
    options,
    records: recordMaker(now),
    now,
    wait(ms) {
      time += ms
    },
    describe: (name, body) => void describe(name, body),
    test,
    timed: realClock ? skip : test,
    apart,
    apartTimed: realClock ? skip : apart,
    apartUnclocked: (name, body) => onItsOwn(name, async space => options.create({ space, now: undefined }), body),
    async closeShared() {
      const { one, two } = await share()
      shared = undefined
      await Promise.all([one.close(), two.close()])
    },
  }
}
