import type { Absent, Draft, Held, Loaded, Pending, SessionBackend, WriteResult } from '../core/backend.ts'
import { SessionStoreError } from '../core/errors.ts'
import { type Data, parseData } from '../core/json.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { type Gone, type GoneReason, isGone, type Life, lifeOf, partitionOfUser, type SessionRecord } from '../core/record.ts'
import type { SessionStore } from '../core/store.ts'
import { newVersion, partitionOf } from '../crypto/session-id.ts'
import { ask, insist } from './ask.ts'
import { Pursuit } from './pursuit.ts'
import { checkRecord, exceeds } from './record-limits.ts'

export interface StoreBackendOptions {
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
  readonly #store: SessionStore
  readonly #options: StoreBackendOptions
  /** Keys of records that must end, although nobody waits for it. */
  readonly #doomed: Pursuit

  constructor(store: SessionStore, options: StoreBackendOptions) {
    this.#store = store
    this.#options = options
    this.#doomed = new Pursuit(async key => this.#ask('delete', left => store.delete(key, 'destroyed', left)))
  }

  newId(request: unknown): string {
    return this.#options.newId(request)
  }

  async load(id: string): Promise<Loaded | Gone | Absent> {
    const found = await this.#ask('load', left => this.#store.load(this.#options.keyOf(id), left))
    if (!found) return { absent: true }
    if (isGone(found)) return found
    const data = readData(found.data)
    if (!data || exceeds(data, found.data, this.#options.maxRecordBytes)) return { absent: true, malformed: true }
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
    for (let attempt = 1; attempt <= ID_ATTEMPTS; attempt++) {
      const record = this.#record(id, draft)
      if (await this.#insert('create', record.key, left => this.#store.create(record, left))) return this.#written(id, record)
      // Somebody else's session lies there, or one that has ended: never adopt it, take another id.
      id = this.#options.newId(request, partition)
    }
    throw noFreeId('create')
  }

  async save(loaded: Loaded, draft: Draft): Promise<WriteResult> {
    const record = this.#record(loaded.value, draft, loaded)
    const result = await this.#ask('save', left => this.#store.save(record, loaded.version ?? '', left))
    if (result.status === 'saved') return this.#written(loaded.value, record)
    return result.status === 'missing' ? result : this.#conflict(loaded.value, result.current)
  }

  async replace(loaded: Loaded | null, draft: Draft, reason: GoneReason, request: unknown): Promise<WriteResult> {
    if (!loaded) return this.create({ ...draft, id: undefined }, request)
    const oldKey = this.#options.keyOf(loaded.value)
    // A session of nobody stays where it is: stores that shard can then do this in one step.
    const partition = this.#partitionFor(draft) ?? (partitionOf(loaded.value) || undefined)
    for (let attempt = 1; attempt <= ID_ATTEMPTS; attempt++) {
      const id = this.#options.newId(request, partition)
      const record = this.#record(id, draft, loaded)
      const result = await this.#insert('replace', record.key, left =>
        this.#store.replace(oldKey, loaded.version ?? '', record, reason, left),
      )
      if (result.status === 'replaced') return this.#written(id, record)
      if (result.status === 'conflict') return this.#conflict(loaded.value, result.current)
      if (result.status === 'missing') return result
    }
    throw noFreeId('replace')
  }

  async touch(loaded: Loaded, draft: Draft): Promise<WriteResult> {
    const { touchedAt, expiresAt } = wholeMs(draft.life)
    const key = this.#options.keyOf(loaded.value)
    const touched = await this.#ask('touch', left => this.#store.touch(key, { touchedAt, expiresAt }, left))
    if (!touched || !loaded.record) return { status: 'missing' }
    return this.#written(loaded.value, { ...loaded.record, touchedAt, expiresAt })
  }

  /** Who asks for an end gets it: where the store is away, it goes on being tried after the answer. */
  async delete(held: Held | null, _id: string | undefined, reason: GoneReason): Promise<Pending | Gone | undefined> {
    if (!held) return undefined
    const key = this.#options.keyOf(held.value)
    try {
      const ended = await this.#ask('delete', left => this.#store.delete(key, reason, left))
      if (ended || reason !== 'regenerated') return undefined
      const found = await this.#ask('load', left => this.#store.load(key, left))
      return found && isGone(found) ? found : undefined
    } catch (failure) {
      this.#doomed.begin(key)
      return { failure }
    }
  }

  async close(): Promise<void> {
    this.#doomed.stop()
    await this.#store.close()
  }

  #partitionFor({ userId }: Draft): string | undefined {
    return userId === undefined ? undefined : partitionOfUser(this.#options.userKeyOf(userId))
  }

  #record(id: string, draft: Draft, loaded?: Loaded): SessionRecord {
    const text = draft.text()
    checkRecord(draft.data, text, this.#options.maxRecordBytes)
    const { userId } = draft
    const meta = loaded?.record?.meta
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
