import { type Duration, mustBeFunction, mustBeKnown } from '../core/options.ts'
import type { Gone, GoneReason, SessionRecord } from '../core/record.ts'
import { type IndexedSessionStore, limitFor, type ReplaceResult, type SaveResult, type SessionPage, type UserLimit } from '../core/store.ts'
import { Cleanup } from './common/cleanup.ts'
import { isDone } from './common/recent.ts'
import { Queues } from './common/turn.ts'
import { MongoAdmission } from './mongodb/admission.ts'
import { type Limit, limitOf, type MongoCollection, MongoCommands } from './mongodb/commands.ts'
import {
  type FoundDocument,
  hadVersion,
  hasVersion,
  isLive,
  isNotOver,
  RECORD_FIELDS,
  recordOf,
  saved,
  tombstone,
  touched,
} from './mongodb/document.ts'

export type { MongoCollection } from './mongodb/commands.ts'

export interface MongoStoreOptions {
  /** How often this store removes what has ended, too. Default false: the database does it, by an index, ten minutes after the end. */
  cleanupInterval?: Duration | false | undefined
  /** The clock, in ms since the epoch. Default: the database's; for tests. */
  now?: (() => number) | undefined
}

const METHODS = ['findOne', 'find', 'insertOne', 'findOneAndUpdate', 'updateMany', 'deleteOne', 'deleteMany', 'bulkWrite', 'createIndexes']

/**
 * Sessions in a collection of MongoDB 5 or later, or of DocumentDB, by the `mongodb` driver 6.13 or later. Needs no transactions.
 * Writes are acknowledged by the majority and from the journal, and reads go to the primary, whatever the collection's settings are.
 * Indexes are created before the first operation, or by `migrate()`.
 *
 * @example
 * const store = new MongoStore(client.db('shop').collection('sessions'))
 */
export class MongoStore implements IndexedSessionStore {
  readonly #commands: MongoCommands
  readonly #admission: MongoAdmission
  /** Of each user, those that begin under a limit. */
  readonly #queues = new Queues()
  readonly #cleanup: Cleanup
  #migrated: Promise<void> | undefined

  constructor(collection: MongoCollection, options: MongoStoreOptions = {}) {
    const given = collection as unknown as Record<string, unknown> | null | undefined
    if (METHODS.some(name => typeof given?.[name] !== 'function')) {
      throw new TypeError("MongoStore needs a collection of the mongodb driver, such as client.db().collection('sessions')")
    }
    mustBeKnown('MongoStore', options, ['cleanupInterval', 'now'])
    mustBeFunction('now', options.now)
    this.#commands = new MongoCommands(collection, options.now)
    this.#admission = new MongoAdmission(this.#commands)
    this.#cleanup = new Cleanup(options.cleanupInterval ?? false, limit => this.deleteExpired(limit))
  }

  /** Creates the indexes, unless they are there. */
  async migrate(): Promise<void> {
    await this.#commands.createIndexes(limitOf(undefined))
  }

  async load(key: string, timeoutMs?: number): Promise<SessionRecord | Gone | null> {
    const limit = await this.#begin(timeoutMs)
    const found = await this.#commands.look(key, RECORD_FIELDS, limit)
    if (!found) return null
    return found.gone ? { gone: found.gone } : recordOf(found)
  }

  async create(record: SessionRecord, timeoutMs?: number, userLimit?: UserLimit): Promise<boolean | 'full'> {
    const limit = await this.#begin(timeoutMs)
    const users = limitFor(record, userLimit)
    if (!users) return this.#create(record, limit)
    return this.#queues.run(users.userKey, () =>
      this.#admission.admit<boolean | 'full'>(
        { record, users, limit },
        {
          insert: () => this.#create(record, limit),
          lives: answer => answer === true,
          // What is there may be this very record.
          full: async () => {
            const found = await this.#commands.look(record.key, { recent: 1 }, limit)
            return found ? wrote(found, record) : 'full'
          },
          ended: false,
        },
      ),
    )
  }

  async #create(record: SessionRecord, limit: Limit): Promise<boolean> {
    const beside = await this.#commands.sequence(record, limit)
    for (;;) {
      const found = await this.#commands.insert(record, beside, limit)
      if (!wrote(found, record)) return false
      if (!found.pending) return true
      if (!(await this.#commands.settle(found, limit))) return false
    }
  }

  async save(record: SessionRecord, expectedVersion: string, timeoutMs?: number): Promise<SaveResult> {
    const limit = await this.#begin(timeoutMs)
    // What has just been written need not come back.
    const data = { $cond: [hasVersion(record.version), '$$REMOVE', '$data'] }
    for (;;) {
      const when = { $and: [isLive(this.#commands.time), hasVersion(expectedVersion), { $not: [hadVersion(record.version)] }] }
      const fields = { ...RECORD_FIELDS, data, recent: 1 }
      const found = await this.#commands.change(record.key, { when, parts: saved(record) }, fields, limit)
      if (!found || found.over || found.gone) return { status: 'missing' }
      if (!found.pending) return wrote(found, record) ? { status: 'saved' } : { status: 'conflict', current: recordOf(found) }
      if (!(await this.#commands.settle(found, limit))) return { status: 'missing' }
    }
  }

  async replace(
    oldKey: string,
    expectedVersion: string,
    record: SessionRecord,
    reason: GoneReason,
    timeoutMs?: number,
    userLimit?: UserLimit,
  ): Promise<ReplaceResult> {
    const limit = await this.#begin(timeoutMs)
    const users = limitFor(record, userLimit)
    if (!users) return this.#replace(oldKey, expectedVersion, record, reason, limit)
    return this.#queues.run(users.userKey, () =>
      this.#admission.admit<ReplaceResult>(
        { record, oldKey, users, limit },
        {
          insert: () => this.#replace(oldKey, expectedVersion, record, reason, limit),
          lives: ({ status }) => status === 'replaced',
          full: async () => {
            const refused = await this.#refuse(oldKey, expectedVersion, record, limit)
            // Nothing else is in the way of it.
            const free = refused.status === 'denied' && !(await this.#commands.look(record.key, { recent: 1 }, limit))
            return free ? { status: 'full' } : refused
          },
          ended: { status: 'missing' },
        },
      ),
    )
  }

  /**
   * Without a transaction: the new record is inserted as pending, which is not yet a record. The old one becomes a tombstone that names
   * it; that is the one step that counts. Then the new one ceases to be pending. Whoever comes upon a pending one asks the old.
   */
  async #replace(oldKey: string, expectedVersion: string, record: SessionRecord, reason: GoneReason, limit: Limit): Promise<ReplaceResult> {
    if (oldKey === record.key) return this.#refuse(oldKey, expectedVersion, record, limit)
    const inserted = await this.#commands.insert(record, { ...(await this.#commands.sequence(record, limit)), pending: oldKey }, limit)
    if (inserted.pending !== oldKey || !wrote(inserted, record)) return this.#refuse(oldKey, expectedVersion, record, limit)

    for (;;) {
      const when = { $and: [isLive(this.#commands.time), hasVersion(expectedVersion)] }
      const parts = tombstone(reason, this.#commands.time, record)
      const old = await this.#commands.change(oldKey, { when, parts }, { ...RECORD_FIELDS, next: 1 }, limit)
      if (old?.next?.key === record.key) {
        // It has happened. What cannot be cleared up now is left to whoever comes by.
        await this.#commands.finish(record.key, oldKey, limit).catch(() => {})
        return { status: 'replaced' }
      }
      const live = old && !old.over && !old.gone
      if (live && old.pending && (await this.#commands.settle(old, limit))) continue
      await this.#commands.withdraw(inserted, limit)
      if (live && !old.pending) return { status: 'conflict', current: recordOf(old) }
      return this.#refuse(oldKey, expectedVersion, record, limit)
    }
  }

  async touch(key: string, times: { touchedAt: number; expiresAt: number }, timeoutMs?: number): Promise<boolean> {
    const limit = await this.#begin(timeoutMs)
    for (;;) {
      const found = await this.#commands.change(key, { when: isLive(this.#commands.time), parts: touched(times) }, {}, limit)
      if (!found || found.over || found.gone) return false
      if (!found.pending) return true
      if (!(await this.#commands.settle(found, limit))) return false
    }
  }

  async delete(key: string, reason: GoneReason, timeoutMs?: number): Promise<boolean> {
    const limit = await this.#begin(timeoutMs)
    const { time } = this.#commands
    const when = { $not: [{ $and: ['$gone', isNotOver(time)] }] }
    const before = await this.#commands.changeAnyway(key, { when, parts: tombstone(reason, time) }, limit)
    if (before.over || before.gone) return false
    if (!before.pending) return true
    // It lived if the old record was a tombstone that names it: nobody finishes what is no longer pending.
    return (await this.#commands.find(before.pending, { next: 1 }, limit))?.next?.key === key
  }

  async listByUser(userKey: string, timeoutMs?: number): Promise<SessionRecord[]> {
    const limit = await this.#begin(timeoutMs)
    const { live } = await this.#commands.living({ userKey }, { seq: 1 }, 0, limit)
    return live.map(recordOf)
  }

  async deleteByUser(userKey: string, options: { except?: string; reason?: GoneReason } = {}, timeoutMs?: number): Promise<number> {
    const limit = await this.#begin(timeoutMs)
    const { except, reason = 'revoked' } = options
    for (let count = 0; ; ) {
      const { live } = await this.#commands.living({ userKey }, { seq: 1 }, 0, limit)
      const keys = live.map(({ _id }) => _id).filter(key => key !== except)
      const change = { when: isNotOver(this.#commands.time), parts: tombstone(reason, this.#commands.time) }
      const ended = keys.length === 0 ? 0 : await this.#commands.changeAll(userKey, keys, change, limit)
      count += ended
      // One that has ended otherwise meanwhile may have been replaced: its successor ends too.
      if (ended === keys.length) return count
    }
  }

  async list({ cursor, limit: most = 100 }: { cursor?: string; limit?: number } = {}, timeoutMs?: number): Promise<SessionPage> {
    const limit = await this.#begin(timeoutMs)
    const { live, last } = await this.#commands.living(cursor === undefined ? {} : { _id: { $gt: cursor } }, { _id: 1 }, most, limit)
    return { records: live.map(recordOf), cursor: last }
  }

  async deleteExpired(limit: number, timeoutMs?: number): Promise<number> {
    return this.#commands.deleteExpired(limit, await this.#begin(timeoutMs))
  }

  async findEnded(keys: readonly string[], timeoutMs?: number): Promise<string[]> {
    const live = await this.#commands.findLive(keys, await this.#begin(timeoutMs))
    return keys.filter(key => !live.has(key))
  }

  /** Stops the clean-up. The client stays the caller's. */
  async close(): Promise<void> {
    this.#cleanup.stop()
  }

  async #begin(timeoutMs: number | undefined): Promise<Limit> {
    const limit = limitOf(timeoutMs)
    this.#cleanup.start()
    this.#migrated ??= this.#commands.createIndexes(limit)
    try {
      await this.#migrated
    } catch (error) {
      this.#migrated = undefined
      throw error
    }
    return limit
  }

  /** Why a record is not replaced; or that it has been, before. */
  async #refuse(oldKey: string, expectedVersion: string, record: SessionRecord, limit: Limit): Promise<ReplaceResult> {
    const old = await this.#commands.look(oldKey, RECORD_FIELDS, limit)
    if (old && !old.gone) return old.version === expectedVersion ? { status: 'denied' } : { status: 'conflict', current: recordOf(old) }
    const present = await this.#commands.look(record.key, { recent: 1 }, limit)
    return { status: present && wrote(present, record) ? 'replaced' : 'missing' }
  }
}

/** Whether a write has been done, now or before. */
function wrote({ gone, version, recent = [] }: FoundDocument, record: SessionRecord): boolean {
  return gone === undefined && version !== undefined && isDone(record.version, version, recent)
}
