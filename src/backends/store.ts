import type { Absent, Draft, Loaded, SessionBackend, WriteResult } from '../core/backend.ts'
import { SessionStoreError } from '../core/errors.ts'
import { type Data, parseData } from '../core/json.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { type Gone, type GoneReason, isGone, lifeOf, type SessionRecord } from '../core/record.ts'
import type { SessionStore } from '../core/store.ts'
import { newVersion, partitionOf } from '../crypto/session-id.ts'
import { ask } from './ask.ts'

export interface StoreBackendOptions {
  newId: (request: unknown) => string
  /** Turns an id, the secret that a browser holds, into the key that the store may see. */
  keyOf: (id: string) => string
  /** How long the store may take for one call, in ms. */
  timeoutMs: number
}

const ID_ATTEMPTS = 4

/** Sessions in a Holdfast store: every write is a compare-and-set, and what has ended stays ended. */
export class StoreBackend implements SessionBackend {
  readonly eager = true
  readonly keyed = true
  readonly #store: SessionStore
  readonly #options: StoreBackendOptions

  constructor(store: SessionStore, options: StoreBackendOptions) {
    this.#store = store
    this.#options = options
  }

  newId(request: unknown): string {
    return this.#options.newId(request)
  }

  async load(id: string): Promise<Loaded | Gone | Absent> {
    const found = await this.#ask('load', store => store.load(this.#options.keyOf(id)))
    if (!found) return { absent: true }
    if (isGone(found)) return found
    const data = readData(found.data)
    if (!data) return { absent: true, malformed: true }
    let parsed: Data | undefined = data
    const take = () => {
      const fresh = parsed ?? parseData(found.data)
      parsed = undefined
      return fresh
    }
    return loadedFrom(id, found, take)
  }

  async create(draft: Draft, request: unknown): Promise<WriteResult> {
    let id = draft.id ?? this.newId(request)
    for (let attempt = 1; attempt <= ID_ATTEMPTS; attempt++) {
      const record = this.#record(id, draft)
      if (await this.#ask('create', store => store.create(record))) return this.#written(id, record)
      // Somebody else's session lies there, or one that has ended: never adopt it, take another id.
      id = this.newId(request)
    }
    throw noFreeId('create')
  }

  async save(loaded: Loaded, draft: Draft): Promise<WriteResult> {
    const record = this.#record(loaded.value, draft, loaded)
    const result = await this.#ask('save', store => store.save(record, loaded.version ?? ''))
    if (result.status === 'saved') return this.#written(loaded.value, record)
    return result.status === 'missing' ? result : this.#conflict(loaded.value, result.current)
  }

  async replace(loaded: Loaded | null, draft: Draft, reason: GoneReason, request: unknown): Promise<WriteResult> {
    if (!loaded) return this.create({ ...draft, id: undefined }, request)
    const oldKey = this.#options.keyOf(loaded.value)
    for (let attempt = 1; attempt <= ID_ATTEMPTS; attempt++) {
      const id = this.newId(request)
      const record = this.#record(id, draft, loaded)
      const result = await this.#ask('replace', store => store.replace(oldKey, loaded.version ?? '', record, reason))
      if (result.status === 'replaced') return this.#written(id, record)
      if (result.status === 'conflict') return this.#conflict(loaded.value, result.current)
      if (result.status === 'missing') return result
    }
    throw noFreeId('replace')
  }

  async touch(loaded: Loaded, draft: Draft): Promise<WriteResult> {
    const { touchedAt, expiresAt } = draft.life
    const touched = await this.#ask('touch', store => store.touch(this.#options.keyOf(loaded.value), { touchedAt, expiresAt }))
    if (!touched || !loaded.record) return { status: 'missing' }
    return this.#written(loaded.value, { ...loaded.record, touchedAt, expiresAt })
  }

  async delete(loaded: Loaded | null, _id: string | undefined, reason: GoneReason): Promise<void> {
    if (loaded) await this.#ask('delete', store => store.delete(this.#options.keyOf(loaded.value), reason))
  }

  async close(): Promise<void> {
    await this.#store.close()
  }

  #record(id: string, draft: Draft, loaded?: Loaded): SessionRecord {
    const { userKey, userId, meta } = loaded?.record ?? {}
    return {
      key: this.#options.keyOf(id),
      partition: partitionOf(id),
      data: draft.text(),
      version: newVersion(),
      ...draft.life,
      ...(userKey !== undefined && { userKey }),
      ...(userId !== undefined && { userId }),
      ...(meta !== undefined && { meta }),
    }
  }

  #written(id: string, record: SessionRecord): WriteResult {
    return { status: 'written', loaded: loadedFrom(id, record, () => parseData(record.data)) }
  }

  #conflict(id: string, current: SessionRecord): WriteResult {
    return { status: 'conflict', current: loadedFrom(id, current, () => parseData(current.data)) }
  }

  #ask<T>(operation: string, call: (store: SessionStore) => Promise<T>): MaybePromise<T> {
    return ask(operation, this.#options.timeoutMs, () => call(this.#store))
  }
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
