import type { Draft, Held, Lineage, Loaded, Pending } from './backend.ts'
import { SessionDataError } from './errors.ts'
import { type Data, dataOf, plainJson, sameJson } from './json.ts'
import type { LifetimePolicy } from './lifetime.ts'
import type { Proof } from './login.ts'
import { isPromise } from './maybe.ts'
import type { GoneReason, Life } from './record.ts'
import { escapeText } from './text.ts'

/**
 * One request's session: data and marks, no I/O. The adapter hangs a holder on it, the object whose own properties the
 * handler reads and writes; as long as there is none, nothing can have changed.
 */
export class Session {
  /** What the backend holds now; null before the first write. */
  loaded: Loaded | null
  /** The id so far; undefined in cookie mode. */
  id: string | undefined
  /** The token that came with the request, or was last handed out. */
  token: string | undefined
  /** Where the token's line of re-issues began. */
  line: Lineage | undefined
  /** Its token was written under an older key. */
  stale = false
  /** Own life in ms; null: until the browser closes; undefined: the configured one. */
  maxAge: number | null | undefined
  /** This request's rules; the adapter may put others in their place. */
  policy: LifetimePolicy
  /** When the request began with it, in ms since the epoch: what a login in it proves, it proves as of then. */
  openedAt: number
  /** Its request is no use of it: it neither lengthens its life nor renews its token. */
  passive = false
  /** A login or step-up that the write under way carries out. */
  proof: Proof | undefined
  /** No record stands behind it and none will: its own was ended by another request, or there may be none. */
  detached = false
  /** Why the session that the token stood for is no more, as far as the store knew when it was opened. */
  gone: GoneReason | undefined
  /** A record stands behind the token all the same: it could not be loaded, was not believed, or changed hands. Its end can be asked for. */
  unreached: Held | null = null
  /** Several came under one name, and none of them was taken: a logout ends them all. */
  rivals: readonly Held[] = []
  /** Another request ended it while this one had it. A new id would bring its data back from the dead. */
  lost = false
  /** That its changes are not stored has been said. */
  dropped = false
  /** The handler has ended it. */
  destroyed = false
  /** Its end has been carried out, unless that is pending. */
  ended = false
  pending: Pending | undefined
  /** It was written, or its life was lengthened, in this request. */
  settled = false
  /** The function of an update is running. */
  updating = false
  /** A commit that is under way. */
  busy: Promise<unknown> | undefined

  /** The handler's data have differed from what was stored, and were written. */
  modified = false

  #holder: object | undefined
  #fill: ((data: Data) => void) | undefined
  #read: ((holder: object) => Data) | undefined

  constructor(loaded: Loaded | null, policy: LifetimePolicy, openedAt: number) {
    this.openedAt = openedAt
    this.loaded = loaded
    this.policy = policy
    this.maxAge = loaded?.life.maxAge
  }

  get opened(): boolean {
    return this.#holder !== undefined
  }

  /** Hangs up the handler's object. `fill` puts fresh data into it when a reload or an update changes them, `read` says what of it is data. */
  hold(holder: object, fill: (data: Data) => void, read: (holder: object) => Data = dataOf): void {
    this.#holder = holder
    this.#fill = fill
    this.#read = read
  }

  /** A copy of what was loaded, the handler's to change. */
  take(): Data {
    return this.loaded ? this.loaded.take() : {}
  }

  refill(data: Data): void {
    this.#fill?.(data)
  }

  data(): Data {
    return this.#holder && this.#read ? this.#read(this.#holder) : this.take()
  }

  /** Whether the data differ from what was loaded: text with text, an object structurally. Nothing is hashed. */
  differs(draft: Snapshot): boolean {
    if (!this.#holder) return false
    const base = this.loaded?.base
    if (base === undefined) return Object.keys(draft.data()).length > 0
    return typeof base === 'string' ? draft.text() !== base : !same(base, draft.data())
  }

  /** The data as they are now, and their text, made on first call. */
  snapshot(): Snapshot {
    if (!this.#holder) return lazySnapshot(() => this.take())
    return this.#read === dataOf ? new HolderSnapshot(this.#holder) : snapshotOf(this.data())
  }

  /** What a write leaves behind: a second commit without a change does nothing. */
  rebase(loaded: Loaded, keyed: boolean): void {
    // Another user's has begun a life of its own.
    if (loaded.userId !== this.loaded?.userId) this.maxAge = loaded.life.maxAge
    this.loaded = loaded
    this.settled = true
    this.detached = false
    this.gone = undefined
    if (keyed) this.id = loaded.value
  }

  /** Another request's write, to go on from. Its own life counts, unless this request has set one. */
  adopt(current: Loaded): void {
    if (!this.proof?.begins && this.maxAge === this.loaded?.life.maxAge) this.maxAge = current.life.maxAge
    this.loaded = current
  }

  /** Its record is gone while the handler had it: it may read and write on, in memory, and nothing leads back. */
  lose(): void {
    this.loaded = null
    this.detached = true
    this.lost = true
  }

  /** An update in the function of another: told at once, and not by a promise that the function would let drop. */
  refuseNested(): void {
    if (this.updating) throw new TypeError('update() cannot be called in the function of another update: change its draft')
  }

  /** Runs an update's function on a draft. */
  apply(change: (draft: Data) => unknown, draft: Data): void {
    this.updating = true
    try {
      const answer = change(draft)
      if (!isPromise(answer)) return
      answer.then(undefined, () => undefined)
    } finally {
      this.updating = false
    }
    throw new TypeError('update() takes a synchronous function: read what you need before, then change the draft')
  }

  /** Marks it as busy until the work has ended, well or not. */
  occupy(work: Promise<unknown>): void {
    const busy: Promise<void> = work.then(
      () => undefined,
      () => undefined,
    )
    this.busy = busy
    void busy.then(() => {
      if (this.busy === busy) this.busy = undefined
    })
  }

  /** Its record lives on as somebody else's; a logout still ends it. */
  giveUp(): void {
    this.unreached = this.loaded
    this.lose()
  }

  get life(): Life | undefined {
    return this.loaded?.life
  }
}

function same(base: Data, data: Data): boolean {
  try {
    return sameJson(base, data)
  } catch (cause) {
    throw new SessionDataError('the session cannot be written as JSON: it is nested too deeply, or contains itself', { cause })
  }
}

/** Data at one moment, and their JSON text, made when it is first asked for. */
export type Snapshot = Pick<Draft, 'data' | 'text'>

export function snapshotOf(data: Data): Snapshot {
  let text: string | undefined
  return {
    data: () => data,
    text: () => {
      text ??= written(data, data)
      return text
    },
  }
}

/** Of a session that nobody has opened. */
function lazySnapshot(take: () => Data): Snapshot {
  let snapshot: Snapshot | undefined
  const made = () => {
    snapshot ??= snapshotOf(take())
    return snapshot
  }
  return { data: () => made().data(), text: () => made().text() }
}

/** Of an object that holds nothing else. Most requests change nothing, and then only the text is asked for. */
class HolderSnapshot implements Snapshot {
  readonly #holder: object
  #data: Data | undefined
  #text: string | undefined

  constructor(holder: object) {
    this.#holder = holder
  }

  readonly data = (): Data => {
    this.#data ??= dataOf(this.#holder)
    return this.#data
  }

  readonly text = (): string => {
    this.#text ??= written(plainJson(this.#data ?? this.#holder), this.#holder as Data)
    return this.#text
  }
}

/** JSON text. `data` is where to look for the key that cannot be written. */
function written(value: object, data: Data): string {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    const key = Object.keys(data).find(name => !writable(data[name]))
    throw new SessionDataError(`the session's key "${escapeText(key ?? '')}" cannot be written as JSON`, { cause })
  }
}

function writable(value: unknown): boolean {
  try {
    JSON.stringify(value)
    return true
  } catch {
    return false
  }
}
