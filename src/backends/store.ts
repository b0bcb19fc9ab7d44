import type { Absent, Draft, Held, Loaded, Pending, SessionBackend, WriteResult } from '../core/backend.ts'
import type { EndingsSource } from '../core/endings.ts'
import type { NextEpoch } from '../core/epochs.ts'
import { SessionStoreError } from '../core/errors.ts'
import { type Data, parseData } from '../core/json.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { type Gone, type GoneReason, isGone, type Life, lifeOf, partitionOfUser, type SessionRecord } from '../core/record.ts'
import { isIndexedSessionStore, type SessionStore, type UserLimit } from '../core/store.ts'
import { undecided } from '../core/store-errors.ts'
import { newVersion, partitionOf } from '../crypto/session-id.ts'
import type { Succession } from '../crypto/succession.ts'
import { ask, insist } from './ask.ts'
import { endingsOf } from './endings.ts'
import type { Epochs } from './epochs.ts'
import { Pursuit } from './pursuit.ts'
import { checkRecord, exceeds } from './record-limits.ts'

/** A new id every now and then, at the same privilege. */
interface Rotation extends Succession {
  everyMs: number
  /** How long an old id leads to the new one: requests in flight, and an answer that was lost. */
  graceMs: number
  now: () => number
}

/** When the record got its id, where that was by a rotation: kept beside the data. */
const ROTATED = 'r'

export interface StoreBackendOptions {
  /** Absent where the store keeps no index: nobody is logged out everywhere then. */
  epochs?: Epochs | undefined
  rotation?: Rotation | undefined
  /** How many sessions a user may have; absent: as many as they like. Needs a store that keeps an index. */
  limit?: UserLimit | undefined
  /** `partition`: where the new session shall lie; absent for anywhere. */
  newId: (request: unknown, partition?: string) => string
  /** Turns an id, the secret that a browser holds, into the key that the store may see. */
  keyOf: (id: string) => string
  userKeyOf: (userId: string) => string
  /** How long the store may take for one call, in ms. */
  timeoutMs: number
  maxRecordBytes: number
}

const ID_ATTEMPTS = 4

/** Sessions in a Holdfast store: every write is a compare-and-set, and what has ended stays ended. */
export class StoreBackend implements SessionBackend {
  readonly eager = true
  readonly keyed = true
  readonly endings: EndingsSource | undefined
  readonly #store: SessionStore
  readonly #options: StoreBackendOptions
  /** Keys of records that must end, although nobody waits for it. */
  readonly #doomed: Pursuit
  /** Ids of sessions whose users have logged out while the store was away. */
  readonly #leaving: Pursuit

  constructor(store: SessionStore, options: StoreBackendOptions) {
    this.#store = store
    this.#options = options
    this.endings = endingsOf(store, options.timeoutMs)
    this.#doomed = new Pursuit(async key => this.#ask('delete', left => store.delete(key, 'destroyed', left)))
    this.#leaving = new Pursuit(async id => this.#end(id, 'destroyed'))
  }

  /** Those of this process who follow a user's sessions must look when another one has begun. */
  get evicts(): boolean {
    const { limit } = this.#options
    return limit !== undefined && !limit.deny
  }

  newId(request: unknown): string {
    return this.#options.newId(request)
  }

  async load(id: string): Promise<Loaded | Gone | Absent> {
    const found = await this.#ask('load', left => this.#store.load(this.#options.keyOf(id), left))
    if (!found) return { absent: true }
    if (isGone(found)) return found.gone === 'rotated' ? this.#afterRotation(id, found) : found
    return this.#read(id, found)
  }

  #read(id: string, found: SessionRecord): Loaded | Absent {
    const data = readData(found.data)
    if (!data || exceeds(data, found.data, this.#options.maxRecordBytes)) return { absent: true, malformed: true, endable: true }
    let parsed: Data | undefined = data
    const take = () => {
      const fresh = parsed ?? parseData(found.data)
      parsed = undefined
      return fresh
    }
    return loadedFrom(id, found, take)
  }

  async create(draft: Draft, request: unknown): Promise<WriteResult> {
    const partition = this.#partitionFor(draft)
    let id = draft.id !== undefined && fits(draft.id, partition) ? draft.id : this.#options.newId(request, partition)
    const limit = this.#limitOf(draft, undefined)
    if (limit && (await this.#isRevoked(draft))) return { status: 'missing', revoked: true }
    for (let attempt = 1; attempt <= ID_ATTEMPTS; attempt++) {
      const record = this.#record(id, draft)
      const created = await this.#insert('create', record.key, left => this.#store.create(record, left, limit))
      if (created === 'full') return { status: 'full' }
      if (created) return this.#admitted(id, record)
      // Somebody else's session lies there, or one that has ended: never adopt it, take another id.
      id = this.#options.newId(request, partition)
    }
    throw noFreeId('create')
  }

  async save(loaded: Loaded, draft: Draft): Promise<WriteResult> {
    const record = this.#record(loaded.value, draft)
    const result = await this.#ask('save', left => this.#store.save(record, loaded.version ?? '', left))
    if (result.status === 'saved') return this.#written(loaded.value, record)
    return result.status === 'missing' ? this.#followed(loaded.value) : this.#conflict(loaded.value, result.current)
  }

  async replace(loaded: Loaded | null, draft: Draft, reason: GoneReason, request: unknown): Promise<WriteResult> {
    if (!loaded) return this.create({ ...draft, id: undefined }, request)
    const oldKey = this.#options.keyOf(loaded.value)
    // A session of nobody stays where it is: stores that shard can then do this in one step.
    const partition = this.#partitionFor(draft) ?? (partitionOf(loaded.value) || undefined)
    const limit = this.#limitOf(draft, loaded.userId)
    if (limit && (await this.#isRevoked(draft))) return { status: 'missing', revoked: true }
    for (let attempt = 1; attempt <= ID_ATTEMPTS; attempt++) {
      const id = this.#options.newId(request, partition)
      const record = this.#record(id, draft)
      const result = await this.#insert('replace', record.key, left =>
        this.#store.replace(oldKey, loaded.version ?? '', record, reason, left, limit),
      )
      if (result.status === 'replaced') return this.#admitted(id, record)
      if (result.status === 'full') return { status: 'full' }
      if (result.status === 'conflict') return this.#conflict(loaded.value, result.current)
      if (result.status === 'missing') return this.#followed(loaded.value)
    }
    throw noFreeId('replace')
  }

  async touch(loaded: Loaded, draft: Draft): Promise<WriteResult> {
    const { touchedAt, expiresAt } = wholeMs(draft.life)
    const key = this.#options.keyOf(loaded.value)
    const touched = await this.#ask('touch', left => this.#store.touch(key, { touchedAt, expiresAt }, left))
    if (!touched || !loaded.record) return this.#followed(loaded.value)
    return this.#written(loaded.value, { ...loaded.record, touchedAt, expiresAt })
  }

  /** Well within the time in which an old id leads to the new one. */
  get watchMs(): number | undefined {
    const { rotation } = this.#options
    return rotation && rotation.graceMs / 2
  }

  rotationDue({ meta, life }: Loaded): boolean {
    const { rotation } = this.#options
    const since = meta?.[ROTATED]
    return rotation !== undefined && rotation.now() - (typeof since === 'number' ? since : life.createdAt) >= rotation.everyMs
  }

  async rotate(loaded: Loaded, draft: Draft): Promise<WriteResult> {
    const { next, now } = this.#options.rotation as Rotation
    const id = next(loaded.value)
    const record = this.#record(id, { ...draft, meta: { ...draft.meta, [ROTATED]: now() } })
    const oldKey = this.#options.keyOf(loaded.value)
    // Its fate needs no pursuit where the answer is lost: the same id is made again, and the old one leads to it.
    const result = await this.#ask('rotate', left => this.#store.replace(oldKey, loaded.version ?? '', record, 'rotated', left))
    if (result.status === 'replaced') return this.#admitted(id, record)
    if (result.status === 'conflict') return this.#conflict(loaded.value, result.current)
    return result.status === 'missing' ? this.#followed(loaded.value) : this.save(loaded, draft)
  }

  /** The live record that took this id's place, by whichever key. */
  async #successor(id: string): Promise<{ id: string; record: SessionRecord } | undefined> {
    for (const next of this.#options.rotation?.candidates(id) ?? []) {
      const found = await this.#ask('load', left => this.#store.load(this.#options.keyOf(next), left))
      // Where the answer to the rotation was lost, nobody has asked yet whether its user was logged out everywhere (H7).
      if (found && !isGone(found)) return (await this.#mayLive(found)) ? { id: next, record: found } : undefined
    }
    return undefined
  }

  /** Another request has given it a new id, while this one had it: what this one changed goes there. */
  async #followed(id: string): Promise<WriteResult> {
    const next = await this.#successor(id)
    return next ? this.#conflict(next.id, next.record) : { status: 'missing' }
  }

  async #afterRotation(id: string, gone: Gone): Promise<Loaded | Gone | Absent> {
    const next = await this.#successor(id)
    const at = next?.record.meta?.[ROTATED]
    if (!next || typeof at !== 'number') return gone
    const { now, graceMs } = this.#options.rotation as Rotation
    if (now() - at <= graceMs) return this.#read(next.id, next.record)
    return next.record.touchedAt > at ? { ...gone, reused: true } : gone
  }

  /** Ends a session; one whose id was rotated meanwhile, also where that has happened while we looked, by what it has become. */
  async #end(id: string, reason: GoneReason): Promise<boolean> {
    if (await this.#ask('delete', left => this.#store.delete(this.#options.keyOf(id), reason, left))) return true
    const next = await this.#successor(id)
    return next !== undefined && this.#end(next.id, reason)
  }

  /** Who asks for an end gets it: where the store is away, it goes on being tried after the answer. */
  async delete(held: Held | null, _id: string | undefined, reason: GoneReason): Promise<Pending | Gone | undefined> {
    if (!held) return undefined
    try {
      if (await this.#end(held.value, reason)) return undefined
      const found = await this.#ask('load', left => this.#store.load(this.#options.keyOf(held.value), left))
      if (!found || !isGone(found)) return undefined
      if (reason === 'regenerated') return found
      if (found.gone === 'regenerated') await this.#endRenewed(held, reason)
      return undefined
    } catch (failure) {
      this.#leaving.begin(held.value)
      return { failure: undecided(failure) }
    }
  }

  /**
   * A logout that meets a new id of the same login, such as a step-up in another request: no way leads from the old id to it, but its
   * user and its beginning are known. Else the logout would say that it has happened, and the session would live on.
   */
  async #endRenewed(held: Held, reason: GoneReason): Promise<void> {
    const store = this.#store
    const { userKey, createdAt } = ('record' in held && (held as Loaded).record) || {}
    if (userKey === undefined || !isIndexedSessionStore(store)) return
    const records = await this.#ask('list', left => store.listByUser(userKey, left))
    for (const record of records.filter(one => one.createdAt === createdAt))
      await this.#ask('delete', left => store.delete(record.key, reason, left))
  }

  async nextEpoch(loaded: Loaded): Promise<NextEpoch> {
    const { epochs } = this.#options
    if (!epochs) throw new TypeError('the store keeps no index of its users')
    return epochs.next(loaded.userId as string, loaded)
  }

  async endOthers({ value, record }: Loaded): Promise<number> {
    const store = this.#store
    const userKey = record?.userKey
    if (userKey === undefined || !isIndexedSessionStore(store)) return 0
    const except = this.#options.keyOf(value)
    return this.#ask('revoke', left => store.deleteByUser(userKey, { except, reason: 'revoked' }, left))
  }

  async close(): Promise<void> {
    this.#doomed.stop()
    this.#leaving.stop()
    await this.#store.close()
  }

  #partitionFor({ userId }: Draft): string | undefined {
    return userId === undefined ? undefined : partitionOfUser(this.#options.userKeyOf(userId))
  }

  /** A new id of one's own session, by whatever means, begins none: it is never refused, and nobody is evicted for it. */
  #limitOf({ userId }: Draft, before: string | undefined): UserLimit | undefined {
    return userId === undefined || userId === before ? undefined : this.#options.limit
  }

  /**
   * Asked before a login may evict anybody, as well as after it is stored (`#admitted`): what is evicted cannot be brought back, and a
   * login that rests on an old password must not end the session of who has changed it.
   */
  async #isRevoked({ userId, life, meta }: Draft): Promise<boolean> {
    const { epochs } = this.#options
    return epochs !== undefined && userId !== undefined && (await epochs.end(userId, { life, meta }))
  }

  #record(id: string, draft: Draft): SessionRecord {
    const text = draft.text()
    checkRecord(draft.data(), text, this.#options.maxRecordBytes)
    const { userId, meta } = draft
    return {
      key: this.#options.keyOf(id),
      partition: partitionOf(id),
      data: text,
      version: newVersion(),
      ...wholeMs(draft.life),
      ...(userId !== undefined && { userKey: this.#options.userKeyOf(userId), userId }),
      ...(meta !== undefined && { meta }),
    }
  }

  /**
   * A user's session under a new id, which has not left the server yet. `revokeAll` begins an epoch before it looks into the index:
   * either it has found this record there, or the epoch is found here. So none is missed, as if both were one step (H7).
   */
  async #admitted(id: string, record: SessionRecord): Promise<WriteResult> {
    try {
      return (await this.#mayLive(record)) ? this.#written(id, record) : { status: 'missing', revoked: true }
    } catch (error) {
      // Nobody can say: what the browser never gets must not live on.
      await this.#discard(record.key)
      throw undecided(error)
    }
  }

  /** Whether its user has not been logged out everywhere since; else it is ended. */
  async #mayLive(record: SessionRecord): Promise<boolean> {
    const { epochs } = this.#options
    const { userId, key, meta } = record
    if (!epochs || userId === undefined || !(await epochs.end(userId, { life: record, meta }))) return true
    await this.#discard(key)
    return false
  }

  async #discard(key: string): Promise<void> {
    try {
      await this.#ask('delete', left => this.#store.delete(key, 'revoked', left))
    } catch {
      this.#doomed.begin(key)
    }
  }

  #written(id: string, record: SessionRecord): WriteResult {
    return { status: 'written', loaded: loadedFrom(id, record, () => parseData(record.data)) }
  }

  #conflict(id: string, current: SessionRecord): WriteResult {
    return { status: 'conflict', current: loadedFrom(id, current, () => parseData(current.data)) }
  }

  /** A record whose making failed, for all that is known, may still be made later: it must not become a session of somebody. */
  async #insert<T>(operation: string, key: string, call: (leftMs: number) => Promise<T>): Promise<T> {
    try {
      return await this.#ask(operation, call)
    } catch (error) {
      if (!(error instanceof SessionStoreError) || error.outcome === 'unknown') this.#doomed.begin(key)
      throw error
    }
  }

  #ask<T>(operation: string, call: (leftMs: number) => Promise<T>): MaybePromise<T> {
    const { timeoutMs } = this.#options
    return ask(operation, timeoutMs, () => insist(timeoutMs, call))
  }
}

/** Whether a session with this id may lie there. */
function fits(id: string, partition: string | undefined): boolean {
  return partition === undefined || partitionOf(id) === partition
}

/** Databases keep whole numbers; half a ms more of life is nobody's concern. */
function wholeMs(life: Life): Life {
  const whole = { ...life, idleMs: Math.ceil(life.idleMs), expiresAt: Math.ceil(life.expiresAt) }
  if (typeof life.maxAge === 'number') whole.maxAge = Math.ceil(life.maxAge)
  if (life.absoluteExpiresAt !== undefined) whole.absoluteExpiresAt = Math.ceil(life.absoluteExpiresAt)
  return whole
}

function noFreeId(operation: string): SessionStoreError {
  return new SessionStoreError(`${operation}: no free id was found (does genid return the same id twice?)`, { outcome: 'not-applied' })
}

function loadedFrom(id: string, record: SessionRecord, take: () => Data): Loaded {
  return {
    value: id,
    base: record.data,
    life: lifeOf(record),
    version: record.version,
    record,
    userId: record.userId,
    meta: record.meta,
    get wire() {
      return parseData(record.data)
    },
    take,
  }
}

/** A record's data, or nothing if they are no JSON object: somebody else has written there. */
function readData(text: string): Data | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Data) : undefined
  } catch {
    return undefined
  }
}
