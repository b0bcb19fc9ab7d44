import type { SessionRecord } from '../../core/record.ts'
import { CLEANUP_GRACE_MS } from '../../core/store.ts'
import type { Turn } from '../common/turn.ts'
import {
  type Beside,
  type Change,
  created,
  dateOf,
  documentOf,
  type Expression,
  type FoundDocument,
  isOver,
  pipelineOf,
  RECORD_FIELDS,
  SET_ENDS_AT,
} from './document.ts'

/** What the store uses of the driver's `Collection`. `never`: of whatever type the driver wants. */
export interface MongoCollection {
  findOne(filter: object, options: object): Promise<object | null>
  find(filter: object, options: object): { toArray(): Promise<object[]> }
  insertOne(document: never, options: object): Promise<unknown>
  findOneAndUpdate(filter: object, update: object[], options: object): Promise<object | null>
  updateMany(filter: object, update: object[], options: object): Promise<{ modifiedCount: number }>
  deleteOne(filter: object, options: object): Promise<unknown>
  deleteMany(filter: object, options: object): Promise<{ deletedCount: number }>
  bulkWrite(operations: never[], options: object): Promise<unknown>
  createIndexes(indexes: never[], options: object): Promise<unknown>
}

/** The options of each command of one operation, by which it ends in time. */
export type Limit = () => object

interface ChangeOptions {
  projection: object
  /** What is answered with. Default: what is there then. */
  returnDocument?: 'before' | 'after'
}

const INDEXES = [
  { name: 'holdfast_user', key: { userKey: 1, seq: 1 }, partialFilterExpression: { userKey: { $exists: true } } },
  { name: 'holdfast_end', key: { endsAt: 1 }, expireAfterSeconds: CLEANUP_GRACE_MS / 1000 },
]
/** Whatever the collection's own settings are: reads see the newest, and what was acknowledged outlives a fail-over. */
const READ = { readPreference: 'primary', readConcern: { level: 'local' } }
const WRITE = { writeConcern: { w: 'majority', journal: true } }
const TYPES = { raw: false, promoteValues: true, promoteLongs: true, useBigInt64: false }
/** What each answer tells beside what was asked for. */
const MARKS = { gone: 1, pending: 1, version: 1 }

const DUPLICATE_KEY = 11000
const MAX_LIMIT_MS = 2 ** 31 - 1
/** How long a user's sequence is kept after it was last used. The next one begins at the clock, so it goes on. */
const SEQUENCE_MS = 86_400_000
/** Longer than anybody who has a turn could be on their way. */
const TURN_MS = 86_400_000

/** One command each, but for what is pending: that is settled first. */
export class MongoCommands {
  readonly #collection: MongoCollection
  readonly #now: (() => number) | undefined

  constructor(collection: MongoCollection, now: (() => number) | undefined) {
    this.#collection = collection
    this.#now = now
  }

  /** Now: by the database's clock, as of the command, unless one was given. A number: a record may outlive the last date that there is. */
  get time(): Expression {
    return this.#now ? this.#now() : { $toLong: '$$NOW' }
  }

  async createIndexes(limit: Limit): Promise<void> {
    await this.#collection.createIndexes(INDEXES as never[], { ...WRITE, ...limit() })
  }

  /** What is there, and whether that has ended. The database's clock is asked in the projection: not every engine knows it in a filter. */
  async find(key: string, fields: object, limit: Limit): Promise<FoundDocument | null> {
    const options = { ...READ, ...TYPES, ...limit(), projection: this.#with(fields) }
    return (await this.#collection.findOne({ _id: key }, options)) as FoundDocument | null
  }

  /** What is there and has not ended, or its tombstone. */
  async look(key: string, fields: object, limit: Limit): Promise<FoundDocument | null> {
    for (;;) {
      const found = await this.find(key, fields, limit)
      if (!found || found.over) return null
      if (!found.pending) return found
      if (!(await this.settle(found, limit))) return null
    }
  }

  /** What lives of what is found. `most`: how much is looked at, 0 for all; `last`: the key up to which, if there may be more. */
  async living(filter: object, sort: object, most: number, limit: Limit): Promise<{ live: FoundDocument[]; last: string | null }> {
    for (;;) {
      const options = { ...READ, ...TYPES, ...limit(), projection: this.#with(RECORD_FIELDS), sort, limit: most }
      const found = (await this.#collection.find({ ...filter, gone: null }, options).toArray()) as FoundDocument[]
      const present = found.filter(({ over }) => !over)
      let again = false
      for (const one of present) if (one.pending !== undefined && (await this.settle(one, limit))) again = true
      if (again) continue
      return { live: present.filter(({ pending }) => pending === undefined), last: found[most - 1]?._id ?? null }
    }
  }

  /** Looks, decides by the store's clock, writes, and answers with what is there then. Null: there is nothing. */
  change(key: string, change: Change, fields: object, limit: Limit): Promise<FoundDocument | null> {
    return this.#update(key, pipelineOf(change), { projection: this.#with(fields) }, limit)
  }

  /** Likewise, also where nothing is. Answers with what was there before. */
  changeAnyway(key: string, change: Change, limit: Limit): Promise<FoundDocument> {
    return this.#updateAnyway(key, pipelineOf(change), { projection: this.#with({}), returnDocument: 'before' }, limit)
  }

  /** Changes those of these records of a user that have not ended meanwhile. How many. */
  async changeAll(userKey: string, keys: readonly string[], change: Change, limit: Limit): Promise<number> {
    const filter = { _id: { $in: keys }, userKey, gone: null, pending: null }
    return (await this.#collection.updateMany(filter, pipelineOf(change), { ...WRITE, ...limit() })).modifiedCount
  }

  /** Inserts, unless something is there that has not ended. Answers with what is there now. */
  async insert(record: SessionRecord, beside: Beside, limit: Limit): Promise<FoundDocument> {
    for (;;) {
      if (await this.#insert(documentOf(record, beside), limit)) return { _id: record.key, version: record.version, ...beside }
      const change = { when: isOver(this.time), parts: created(record, beside) }
      const found = await this.change(record.key, change, { recent: 1 }, limit)
      if (found) return found
    }
  }

  /** The next number of a user's own sequence. It never goes back, even where the clock does. */
  async sequence({ userKey }: SessionRecord, limit: Limit): Promise<Beside> {
    if (userKey === undefined) return {}
    const now = this.time
    const seq = { $max: [{ $add: [{ $ifNull: ['$seq', 0] }, 1] }, now] }
    const update = [{ $replaceWith: { _id: '$_id', seq, endsAt: dateOf({ $add: [now, SEQUENCE_MS] }) } }]
    // No key of a session holds a colon.
    const { seq: next } = await this.#updateAnyway(`user:${userKey}`, update, { projection: { seq: 1 } }, limit)
    return { seq: next as number }
  }

  /** False: somebody has it. (No key of a session holds a colon.) Where nobody comes back to it, the database removes it by its index. */
  takeTurn(userKey: string, turn: Turn, limit: Limit): Promise<boolean> {
    return this.#insert({ _id: `turn:${userKey}`, turn, endsAt: new Date(Date.now() + TURN_MS) }, limit)
  }

  async turnOf(userKey: string, limit: Limit): Promise<Turn | null> {
    const options = { ...READ, ...TYPES, ...limit(), projection: { turn: 1 } }
    const found = (await this.#collection.findOne({ _id: `turn:${userKey}` }, options)) as { turn: Turn } | null
    return found?.turn ?? null
  }

  async leaveTurn(userKey: string, word: string, limit: Limit): Promise<void> {
    await this.#collection.deleteOne({ _id: `turn:${userKey}`, 'turn.word': word }, { ...WRITE, ...limit() })
  }

  /** Which of these live. What is pending is not looked into. */
  async findLive(keys: readonly string[], limit: Limit): Promise<Set<string>> {
    const options = { ...READ, ...TYPES, ...limit(), projection: this.#with({ _id: 1 }) }
    const found = (await this.#collection.find({ _id: { $in: keys } }, options).toArray()) as FoundDocument[]
    return new Set(found.filter(({ over, gone, pending }) => !over && !gone && pending === undefined).map(({ _id }) => _id))
  }

  /**
   * What has ended is found by the index of ends. So the filter holds a date, and the database is asked for its time before: an index knows
   * nothing of `$$NOW`, and not every engine reads one in its order.
   */
  async deleteExpired(most: number, limit: Limit): Promise<number> {
    const now = await this.#clock(limit)
    if (now === undefined) return 0
    const ended = { endsAt: { $lt: new Date(now - CLEANUP_GRACE_MS) } }
    // Sequences have no `expiresAt`: they are left to the index.
    const options = { ...READ, ...TYPES, ...limit(), projection: { _id: 1 }, limit: most }
    const found = (await this.#collection.find({ ...ended, expiresAt: { $exists: true } }, options).toArray()) as FoundDocument[]
    if (found.length === 0) return 0
    // What has begun a new life since ends later.
    const stillEnded = { _id: { $in: found.map(({ _id }) => _id) }, ...ended }
    return (await this.#collection.deleteMany(stillEnded, { ...WRITE, ...limit() })).deletedCount
  }

  /** Undefined: there is nothing in the collection. */
  async #clock(limit: Limit): Promise<number | undefined> {
    if (this.#now) return this.#now()
    const options = { ...READ, ...TYPES, ...limit(), projection: { _id: 0, now: this.time } }
    return ((await this.#collection.findOne({}, options)) as { now: number } | null)?.now
  }

  /** Asks the old record what became of a pending one. True: look again, it lives now or is gone. False: it does not live. */
  async settle(pending: FoundDocument, limit: Limit): Promise<boolean> {
    const oldKey = pending.pending as string
    const old = await this.find(oldKey, { next: 1 }, limit)
    if (old?.next?.key === pending._id) await this.finish(pending._id, oldKey, limit)
    else if (old && !old.gone) return false
    else await this.withdraw(pending, limit)
    return true
  }

  /** The new record is pending no longer, and after that the tombstone need not name it: carried out in this order. */
  async finish(key: string, oldKey: string, limit: Limit): Promise<void> {
    const steps = [
      { updateOne: { filter: { _id: key, pending: oldKey }, update: [{ $unset: 'pending' }] } },
      { updateOne: { filter: { _id: oldKey, 'next.key': key }, update: [{ $unset: 'next' }, SET_ENDS_AT] } },
    ]
    await this.#collection.bulkWrite(steps as never[], { ...WRITE, ...limit(), ordered: true })
  }

  /** Removes a pending record whose time will not come. Not one that was inserted under its key since. */
  async withdraw({ _id, pending, version }: FoundDocument, limit: Limit): Promise<void> {
    await this.#collection.deleteOne({ _id, pending, version }, { ...WRITE, ...limit() })
  }

  #with(fields: object): object {
    return { ...MARKS, over: isOver(this.time), ...fields }
  }

  async #update(key: string, update: object[], options: ChangeOptions, limit: Limit): Promise<FoundDocument | null> {
    const all = { ...WRITE, ...TYPES, ...limit(), returnDocument: 'after', ...options, includeResultMetadata: false }
    return (await this.#collection.findOneAndUpdate({ _id: key }, update, all)) as FoundDocument | null
  }

  /**
   * Where nothing is, something is put that ended long ago, and so counts as nothing. Not by an upsert: where two of them meet, DocumentDB
   * lets the second overwrite what the first has inserted.
   */
  async #updateAnyway(key: string, update: object[], options: ChangeOptions, limit: Limit): Promise<FoundDocument> {
    for (;;) {
      const found = await this.#update(key, update, options, limit)
      if (found) return found
      await this.#insert({ _id: key, expiresAt: 0, endsAt: new Date() }, limit)
    }
  }

  /** False if there is a document of that key. */
  async #insert(document: object, limit: Limit): Promise<boolean> {
    try {
      await this.#collection.insertOne(document as never, { ...WRITE, ...limit() })
      return true
    } catch (error) {
      if ((error as { code?: unknown }).code === DUPLICATE_KEY) return false
      throw error
    }
  }
}

/**
 * The database gives up in time, and so does the driver: what still waits for a server or a connection is never sent, and a connection
 * whose answer did not come is closed. The driver's types name `signal` for reads only, but each command takes it.
 */
export function limitOf(timeoutMs: number | undefined): Limit {
  if (timeoutMs === undefined) return () => ({})
  const ms = Math.min(Math.max(Math.ceil(timeoutMs), 1), MAX_LIMIT_MS)
  const end = performance.now() + ms
  const signal = AbortSignal.timeout(ms)
  return () => ({ signal, maxTimeMS: Math.max(1, Math.ceil(end - performance.now())) })
}
