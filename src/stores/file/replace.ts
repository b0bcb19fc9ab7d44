import { type GoneReason, type SessionRecord, tombstoneMs } from '../../core/record.ts'
import type { ReplaceResult } from '../../core/store.ts'
import { endOf } from '../common/life.ts'
import type { Buried, Kept } from './format.ts'
import { type FileSessions, wrote } from './sessions.ts'
import type { FileUsers } from './users.ts'

export interface Replacement {
  oldKey: string
  expectedVersion: string
  record: SessionRecord
  reason: GoneReason
  now: () => number
  inTime: () => boolean
}

/** One `replace`, in the steps that `FileSessions` makes one. */
export class FileReplace {
  readonly #sessions: FileSessions
  readonly #users: FileUsers
  readonly #call: Replacement
  /** The entry that was made for the new record. */
  #entry: string | undefined
  /** Whether the new record has been put down. */
  #prepared = false

  constructor(sessions: FileSessions, users: FileUsers, call: Replacement) {
    this.#sessions = sessions
    this.#users = users
    this.#call = call
  }

  async run(): Promise<ReplaceResult> {
    const { record } = this.#call
    let result: ReplaceResult
    try {
      result = await this.#untilDecided()
    } catch (error) {
      // If it has been carried out nevertheless, this changes nothing.
      if (this.#prepared) await this.#sessions.withdraw(record).catch(() => {})
      throw error
    }
    if (result.status === 'replaced') return result
    if (this.#prepared) await this.#sessions.withdraw(record)
    await this.#removeEntry(record, this.#entry)
    return result
  }

  async #untilDecided(): Promise<ReplaceResult> {
    const { oldKey, expectedVersion, record, inTime } = this.#call
    for (;;) {
      const { live: old, name } = await this.#sessions.look(oldKey)
      if (!old || name === null) return this.#before()
      if (old.record.version !== expectedVersion) return { status: 'conflict', current: old.record }
      if (record.userKey !== undefined) this.#entry ??= await this.#users.add(record.userKey, record.key)
      const pending = { key: oldKey, name }
      const next = await this.#sessions.prepare({ record, recent: [], entry: this.#entry, pending }, inTime)
      if (!next) {
        // Only if both are so at one moment: the new key is taken, and the old record is what was asked for.
        if ((await this.#sessions.look(oldKey)).name === name) return { status: 'denied' }
        continue
      }
      this.#prepared = true
      if (!(await this.#sessions.commit(pending, endOf(old.record), this.#tombstone(), inTime))) continue
      await this.#sessions.finish({ key: record.key, version: record.version }, oldKey)
      await this.#removeEntry(old.record, old.entry)
      if (next.entry !== this.#entry) await this.#removeEntry(record, this.#entry)
      await this.#users.confirm(record, next.entry)
      return { status: 'replaced' }
    }
  }

  /** There is no old record: either this was done by an earlier call, or it cannot be done. */
  async #before(): Promise<ReplaceResult> {
    const { oldKey, record } = this.#call
    const { live } = await this.#sessions.look(record.key)
    if (!live || !wrote(live, record.version)) return { status: 'missing' }
    await this.#sessions.settle(oldKey)
    await this.#sessions.settle(record.key)
    await this.#users.confirm(record, live.entry)
    if (live.entry !== this.#entry) await this.#removeEntry(record, this.#entry)
    return { status: 'replaced' }
  }

  #tombstone(): Buried {
    const { record, reason, now } = this.#call
    return { gone: reason, until: now() + tombstoneMs(reason), successor: { key: record.key, version: record.version } }
  }

  /** What cannot be removed is removed by a later list. */
  async #removeEntry(record: SessionRecord, entry: Kept['entry']): Promise<void> {
    await this.#users.remove(record, entry).catch(() => {})
  }
}
