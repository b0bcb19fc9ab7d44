import type { Absent, Loaded, Pending } from '../core/backend.ts'
import type { Timers } from '../core/config.ts'
import { EndQueue } from '../core/end-queue.ts'
import { endedBy, type NextEpoch, type Proven } from '../core/epochs.ts'
import { SessionStoreError } from '../core/errors.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { type Gone, type GoneReason, partitionOfUser, type SessionRecord, tombstoneMs } from '../core/record.ts'
import type { IndexedSessionStore } from '../core/store.ts'
import { isTakenSid, newVersion, ownKeyOf } from '../crypto/session-id.ts'
import { ask, insist } from './ask.ts'
import { inBatches } from './batches.ts'
import { Buckets, NEAR_MS, SLACK_MS, SPANS } from './buckets.ts'
import { Epochs } from './epochs.ts'
import { Pursuit } from './pursuit.ts'

export interface RevocationsOptions {
  scope: string
  /** How long a session lives without use, in ms, unless its user is remembered. */
  idleMs: number
  /** The longest life of a session, in ms. */
  longestLifeMs: number
  /** How long the store may take for one call, in ms. */
  timeoutMs: number
  now: () => number
  after: Timers['after']
  /** Until when another library's cookies are taken over, in ms since the epoch: one that has ended must not be again. */
  takenOverUntil?: number | undefined
  /** Whether nobody has logged in to a session: nothing of it is worth an entry. Absent where that cannot be told. */
  isGuest?: ((session: Loaded) => boolean) | undefined
  /** Told how many entries there are, where they are more than anybody should need. */
  crowded?: ((count: number) => void) | undefined
}

/** How often the others' entries are asked for. */
export const POLL_MS = 5000
/** Who has not heard of the others for so long refuses all sessions. */
const STALE_MS = 30_000
/** So often the latest of them are looked for more widely: those of a process whose clock is not quite right. */
const WIDELY_MS = 60_000
/** Then all of them are read once more: of a process whose clock is wrong as well. */
const ALL_AGAIN_MS = 600_000

/** Each takes about a quarter of a kilobyte, here and in the store. */
const MANY = 100_000

/** How long the end of a session is kept at least, if it does not end before in any case. */
const KEPT_MS = 110 * 60_000
const HOUR_MS = 3_600_000

/** Something that has ended, by the hash of its name: one session, all of a user, or all. */
interface Entry {
  name: string
  /** Of users: the epoch that began; else 0. */
  since: number
  reason: GoneReason
  /** When it was made, and when nothing of it can live any more. */
  at: number
  until: number
}

/** What of a session says whether it has ended. */
type Known = Proven & Pick<Loaded, 'sid' | 'userId'>

const ENTRY = /^\{"name":"([\w-]{43})","since":(\d{1,16}),"reason":"([a-z]+)"\}$/

/**
 * Which sessions in cookies have ended before their time (H8), and whose (H7). Every process holds all that may still matter in memory
 * and asks the store for the others' every few seconds, so that a cookie is judged at once and costs the store nothing. They are
 * ordinary records: written once, never changed, and over when no copy of a cookie can live any more.
 */
export class Revocations {
  readonly epochs: Epochs
  readonly #store: IndexedSessionStore
  readonly #options: RevocationsOptions
  /** By how long an entry matters, shortest first: most are soon over, and shall not be read again and again with the others. */
  readonly #buckets: readonly Buckets[]
  readonly #entries = new Map<string, Entry>()
  readonly #ends = new EndQueue()
  /** What must still be written although nobody waits for it, by the names of entries. */
  readonly #pursuit: Pursuit
  /** When what is new was asked for last, more widely, and all that there is. */
  #last: number | undefined
  #lastWidely: number | undefined
  #lastAll: number | undefined
  #failure: unknown
  #loading: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #closed = false

  constructor(store: IndexedSessionStore, options: RevocationsOptions) {
    this.#store = store
    this.#options = options
    this.epochs = new Epochs(store, options)
    this.#buckets = SPANS.map(span => new Buckets(options.scope, span))
    this.#pursuit = new Pursuit(async name => this.#writeLate(name))
  }

  /** How many entries it holds. */
  get size(): number {
    return this.#entries.size
  }

  /** Whether what is known is young enough to judge by. */
  get fresh(): boolean {
    const age = this.#last === undefined ? Number.NaN : this.#options.now() - this.#last
    // A clock that was set back makes nothing young.
    return age >= 0 && age <= STALE_MS
  }

  /** Asks for what is new, and from then on every few seconds. It does not fail: what it could not get makes `verdict` refuse. */
  refresh(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  /** What a session has become; undefined: it lives. Soon after its end a request in flight is told why, later there is nothing. */
  verdict(session: Known): Gone | Absent | undefined {
    if (!this.fresh) throw new SessionStoreError('tell which sessions have ended', { cause: this.#failure, outcome: 'not-applied' })
    const entry = this.#ofSession(session) ?? this.#ofUser(session)
    if (!entry) return undefined
    return this.#options.now() - entry.at <= tombstoneMs(entry.reason) ? { gone: entry.reason } : { absent: true }
  }

  /** Ends a session that makes place for another one. False: it had been ended before. */
  async end(session: Loaded, reason: GoneReason): Promise<boolean> {
    const entry = this.#entryOf(session, reason)
    const written = await this.#write(entry)
    this.#keep(entry)
    return written
  }

  /**
   * Ends a session because somebody asked for it: here at once, and where the store is away, it goes on being tried. Of a guest's no entry
   * is made: who asks for sessions without an account, and ends them, must not fill the store.
   */
  async endForGood(session: Loaded, reason: GoneReason): Promise<Pending | undefined> {
    if (reason === 'destroyed' && this.#options.isGuest?.(session)) return undefined
    const entry = this.#entryOf(session, reason)
    this.#keep(entry)
    try {
      await this.#write(entry)
      return undefined
    } catch (failure) {
      this.#pursuit.begin(entry.name)
      return { failure }
    }
  }

  /** Ends what a user, or all of them, had proved before now. */
  async endUser(userId?: string): Promise<void> {
    await this.#announce(userId, await this.epochs.raise(userId))
  }

  /** The same, but for the session that asks for it: that goes over to the epoch that begins. */
  async nextEpoch(session: Loaded): Promise<NextEpoch> {
    const userId = session.userId as string
    const { epoch, begin } = await this.epochs.next(userId, session)
    const announced = async () => {
      const begun = await begin()
      if (begun) await this.#announce(userId, epoch.user)
      return begun
    }
    return { epoch, begin: announced }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancel?.()
    this.#pursuit.stop()
    await this.#store.close()
  }

  async #announce(userId: string | undefined, since: number): Promise<void> {
    const at = this.#options.now()
    const { longestLifeMs, takenOverUntil = 0 } = this.#options
    // The seal refuses whatever was issued longer ago than that and an hour.
    const until = Math.max(Math.max(at, since) + longestLifeMs + HOUR_MS, takenOverUntil) + SLACK_MS
    const entry: Entry = { name: this.#nameOfUser(userId), since, reason: 'revoked', at, until }
    this.#keep(entry)
    await this.#write(entry)
  }

  #ofSession({ sid }: Known): Entry | undefined {
    return sid === undefined || this.#entries.size === 0 ? undefined : this.#entries.get(this.#nameOfSession(sid))
  }

  /** Of sessions that nobody has logged in to no user can be logged out. */
  #ofUser(session: Known): Entry | undefined {
    if (session.userId === undefined || this.#entries.size === 0) return undefined
    const user = this.#entries.get(this.#nameOfUser(session.userId))
    const all = this.#entries.get(this.#nameOfUser(undefined))
    const epoch = { user: user?.since ?? 0, all: all?.since ?? 0 }
    return endedBy(epoch, session) ? (epoch.user > epoch.all ? user : all) : undefined
  }

  #entryOf({ sid = '', life }: Loaded, reason: GoneReason): Entry {
    const at = this.#options.now()
    // A process that has not heard of it yet may lengthen its life once more; and a copy may be of a time with a longer idle timeout.
    const idle = at + Math.max(life.idleMs + STALE_MS, this.#options.idleMs + STALE_MS, KEPT_MS)
    const end = isTakenSid(sid)
      ? // Other takeovers of the same cookie have other ends.
        Math.max(idle, this.#options.takenOverUntil ?? 0)
      : Math.min(life.absoluteExpiresAt ?? idle, idle)
    const until = end + SLACK_MS
    return { name: this.#nameOfSession(sid), since: 0, reason, at, until }
  }

  #nameOfSession(sid: string): string {
    return ownKeyOf('sid', this.#options.scope, sid)
  }

  #nameOfUser(userId: string | undefined): string {
    return ownKeyOf('user', this.#options.scope, userId ?? '')
  }

  /** One record for each end: that a session has ended twice is seen by its key. */
  #recordOf({ name, since, reason, at, until }: Entry): SessionRecord {
    const idleMs = until - at
    const buckets = this.#buckets.find(({ lifeMs }) => idleMs <= lifeMs) ?? this.#buckets.at(-1)
    const userKey = (buckets as Buckets).at(at)
    const partition = partitionOfUser(userKey)
    return {
      key: `${partition}.${ownKeyOf('ended', this.#options.scope, `${name} ${since}`)}`,
      partition,
      userKey,
      data: JSON.stringify({ name, since, reason }),
      version: newVersion(),
      createdAt: at,
      touchedAt: at,
      idleMs: Math.ceil(idleMs),
      expiresAt: Math.ceil(until),
    }
  }

  async #write(entry: Entry): Promise<boolean> {
    const record = this.#recordOf(entry)
    return (await this.#ask('revoke', left => this.#store.create(record, left))) === true
  }

  async #writeLate(name: string): Promise<void> {
    const entry = this.#entries.get(name)
    if (entry) await this.#write(entry)
  }

  #keep(entry: Entry): void {
    const known = this.#entries.get(entry.name)
    if (known && known.since >= entry.since && known.until >= entry.until) return
    // Of one user's epochs the latest says all, and says it longest.
    this.#entries.set(entry.name, known && known.since > entry.since ? { ...known, until: entry.until } : entry)
    this.#ends.push(entry.until, entry.name)
  }

  async #load(): Promise<void> {
    const began = this.#options.now()
    const all = due(this.#lastAll, ALL_AGAIN_MS, began)
    const widely = all || due(this.#lastWidely, WIDELY_MS, began)
    const last = all ? undefined : widely ? this.#lastWidely : this.#last
    try {
      const asked = this.#buckets.flatMap(buckets => buckets.since(last, began, widely ? SLACK_MS : NEAR_MS))
      await inBatches(asked, async bucket => {
        const records = await this.#ask('list', left => this.#store.listByUser(bucket, left))
        for (const record of records) this.#keep(entryIn(record))
      })
      this.#last = began
      if (widely) this.#lastWidely = began
      if (all) this.#lastAll = began
      this.#failure = undefined
    } catch (error) {
      this.#failure = error
    }
    this.#forgetOver()
    if (this.size > MANY) this.#options.crowded?.(this.size)
    this.#again()
  }

  #forgetOver(): void {
    const now = this.#options.now()
    for (let name = this.#ends.takeBefore(now); name !== undefined; name = this.#ends.takeBefore(now)) {
      const entry = this.#entries.get(name)
      if (entry && !(entry.until >= now)) this.#entries.delete(name)
    }
  }

  #again(): void {
    this.#cancel?.()
    if (!this.#closed) this.#cancel = this.#options.after(POLL_MS, () => void this.refresh())
  }

  #ask<T>(operation: string, call: (leftMs: number) => Promise<T>): MaybePromise<T> {
    const { timeoutMs } = this.#options
    return ask(operation, timeoutMs, () => insist(timeoutMs, call))
  }
}

/** Whether it is time again; also where the clock was set back. */
function due(last: number | undefined, everyMs: number, now: number): boolean {
  return last === undefined || !(now - last < everyMs && now >= last)
}

/** What a record tells. One that cannot be read must not be taken for none. */
function entryIn({ data, createdAt, expiresAt }: SessionRecord): Entry {
  const [, name, since, reason] = ENTRY.exec(data) ?? []
  if (name === undefined || reason === undefined)
    throw new SessionStoreError('keep a revocation: it cannot be read', { outcome: 'not-applied' })
  return { name, since: Number(since), reason: reason as GoneReason, at: createdAt, until: expiresAt }
}
