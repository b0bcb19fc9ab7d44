// What the tests of the layers below the adapters share: a clock that only moves when told to, sessions held as an adapter holds them,
// an engine over a store whose calls are counted, and gates that stop a call in its middle.

import { timers } from '../../src/backends/timers.ts'
import type { SessionBackend } from '../../src/core/backend.ts'
import type { CommitResult, ManagerConfig } from '../../src/core/config.ts'
import type { EventSink, Occurrence } from '../../src/core/events.ts'
import { type Data, put } from '../../src/core/json.ts'
import type { LifetimePolicy } from '../../src/core/lifetime.ts'
import { SessionManager } from '../../src/core/manager.ts'
import type { SessionRecord } from '../../src/core/record.ts'
import type { Session } from '../../src/core/session.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { composeManager, keysOf, type ManagerParts, type Place } from '../../src/create.ts'
import type { KeysOption } from '../../src/crypto/key-source.ts'
import { MemoryStore } from '../../src/stores/memory.ts'

export const START = Date.UTC(2030, 0, 1)
export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export interface Clock {
  now: () => number
  advance(ms: number): void
}

export function clock(start = START): Clock {
  let time = start
  return {
    now: () => time,
    advance(ms) {
      time += ms
    },
  }
}

/** Secrets long enough, all different, newest last. */
export const secret = (n: number): string => `secret number ${n}`.padEnd(32, '.')

/** Hangs up an object as an adapter does. */
export function hold(session: Session): Data {
  const holder: Data = {}
  const fill = (data: Data) => {
    for (const key of Object.keys(holder)) delete holder[key]
    for (const key of Object.keys(data)) put(holder, key, data[key])
  }
  fill(session.take())
  session.hold(holder, fill)
  return holder
}

interface Event extends Occurrence {
  name: string
}

export interface Engine {
  manager: SessionManager
  clock: Clock
  events: Event[]
  calls: string[]
  store: SessionStore
  /** Opens and holds the session of a token. */
  open(token?: string): Promise<{ session: Session; data: Data }>
  /** Makes a session and gives its token. */
  begin(data: Data): Promise<string>
  /** What is stored under a token; null if nothing is. */
  stored(token: string): Promise<Data | null>
}

export const policy = (part: Partial<LifetimePolicy> = {}): LifetimePolicy => ({
  idleMs: 30 * MINUTE,
  absoluteMs: 12 * HOUR,
  touch: MINUTE,
  ...part,
})

/** An engine as create.ts composes it: on a store in memory, with bare ids for tokens unless told otherwise. */
export function engine(
  parts: Partial<Omit<ManagerParts, 'keys'>> & { keys?: KeysOption; store?: SessionStore; clock?: Clock } = {},
): Engine {
  const { store: given, clock: time = clock(), keys = [secret(1)], ...others } = parts
  const calls: string[] = []
  const store = counted(given ?? new MemoryStore({ now: time.now }), calls)
  const events: Event[] = []
  const place: Place = { in: 'store', store }
  const emit: EventSink = (name, occurrence) => events.push({ name, ...occurrence })
  const manager = composeManager({
    place,
    protection: 'none',
    keys: keysOf(keys, 'no keys', emit),
    scope: 'sid',
    policy: policy(),
    emit,
    reissue: 'when-new',
    ownLife: 'by-login',
    now: time.now,
    ...others,
  })
  return { ...driver(manager), manager, clock: time, events, calls, store }
}

/** An engine on a backend of the test's own. */
export function engineOn(backend: SessionBackend, config: Partial<ManagerConfig> = {}): Omit<Engine, 'store' | 'calls'> {
  const time = clock()
  const events: Event[] = []
  const manager = new SessionManager({
    backend,
    codec: null,
    policy: policy(),
    conflict: 'merge',
    guard: [],
    onGone: 'ignore',
    onStoreError: 'fail',
    queueMs: 5000,
    rememberMs: 30 * DAY,
    timers,
    reissue: 'when-new',
    ownLife: 'by-login',
    emit: (name, occurrence) => events.push({ name, ...occurrence }),
    now: time.now,
    ...config,
  })
  return { ...driver(manager), manager, clock: time, events }
}

function driver(manager: SessionManager): Pick<Engine, 'open' | 'begin' | 'stored'> {
  const open = async (token?: string) => {
    const session = await manager.open(token, {})
    return { session, data: hold(session) }
  }
  return {
    open,
    async begin(data) {
      const { session, data: own } = await open()
      Object.assign(own, data)
      return tokenOf(await manager.commit(session, {}))
    },
    async stored(token) {
      const session = await manager.open(token, {})
      return session.loaded ? session.take() : null
    },
  }
}

export function tokenOf({ action, token }: CommitResult): string {
  if (action !== 'set' || token === undefined) throw new Error(`no token: ${action}`)
  return token
}

function counted(store: SessionStore, calls: string[]): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        calls.push(String(name))
        return Reflect.apply(value, target, args)
      }
    },
  })
}

/** A place in the code where somebody waits until the test lets them pass. */
export function gate(): { reached: Promise<void>; open: () => void; pass: () => Promise<void> } {
  let open = () => {}
  let arrive = () => {}
  const released = new Promise<void>(resolve => {
    open = resolve
  })
  const reached = new Promise<void>(resolve => {
    arrive = resolve
  })
  return {
    reached,
    open,
    async pass() {
      arrive()
      await released
    },
  }
}

/** A record of a store, all of whose parts can be told. */
export function record(part: Partial<SessionRecord> & { key: string }, at = START): SessionRecord {
  return {
    partition: '',
    data: '{}',
    version: 'v1',
    createdAt: at,
    touchedAt: at,
    idleMs: 30 * MINUTE,
    expiresAt: at + 30 * MINUTE,
    ...part,
  }
}

/** A store with some of its methods replaced. */
export function storeWith(store: SessionStore, overrides: Partial<SessionStore>): SessionStore {
  return {
    load: key => store.load(key),
    create: made => store.create(made),
    save: (made, version) => store.save(made, version),
    replace: (oldKey, version, made, reason) => store.replace(oldKey, version, made, reason),
    touch: (key, times) => store.touch(key, times),
    delete: (key, reason) => store.delete(key, reason),
    close: () => store.close(),
    ...overrides,
  }
}
