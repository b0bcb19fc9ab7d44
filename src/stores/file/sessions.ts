import { join } from 'node:path'
import type { GoneReason, SessionRecord } from '../../core/record.ts'
import { endOf } from '../common/life.ts'
import { isDone } from '../common/recent.ts'
import type { FileCells, Step, Version } from './cells.ts'
import { type Buried, type Kept, nameOfKey, type Pending, read, shardOf, write } from './format.ts'

/** What lies under a key now. Neither `live` nor `gone`: nothing, for anybody who asks. */
export interface Found {
  /** The version that says so; null: there is none. */
  name: string | null
  live?: Kept
  gone?: GoneReason
  /** A record that a `replace` has put down, and whose time has not come; or never will, unless `undecided`. */
  pending?: Kept
  undecided?: Pending
  /** Of a tombstone that has ended. */
  successor?: NonNullable<Buried['successor']>
}

/*
 * A `replace` changes two cells, and everybody must see both changes at once:
 *
 * 1. The new record is published as pending on version k of the old one, by name. It loads as absent.
 * 2. The tombstone that names it is published as version k + 1 of the old one. This is the moment: from now on the
 *    new record counts as live, whether or not it still says pending.
 * 3. The new record is published once more, without the word.
 *
 * If another has published k + 1, the pending record never counts, and is withdrawn or tried again on a later version. If
 * the process ends after 1, the old one lives; after 2, the new one does. Two rules make it hold for whoever comes by:
 * a tombstone that names a successor is overtaken or removed only when the successor's word is gone (`finish`); and a pending
 * record whose case is open is overtaken only when it can no longer be won: the old one is published again as it is (`abort`).
 */
export class FileSessions {
  readonly #cells: FileCells
  readonly #root: string
  readonly #now: () => number

  constructor(cells: FileCells, root: string, now: () => number) {
    this.#cells = cells
    this.#root = root
    this.#now = now
  }

  folderOf(key: string): string {
    return join(this.#root, shardOf(key), nameOfKey(key))
  }

  /** As of one moment. */
  async look(key: string): Promise<Found> {
    for (;;) {
      const found = await this.#meaning(key, await this.#cells.read(this.folderOf(key)))
      if (found) return found
    }
  }

  /** Decides on what lies there, and publishes what comes next, as one step. */
  change<T>(key: string, decide: (found: Found) => Step<T>): Promise<T> {
    return this.#cells.change(this.folderOf(key), async version => {
      const found = await this.#meaning(key, version)
      if (!found) return null
      const step = decide(found)
      if (step.text === undefined) return step
      if (found.undecided) {
        await this.#abort(found.undecided)
        return null
      }
      if (found.successor) await this.finish(found.successor, key)
      return step
    })
  }

  /** Null: it has changed while the other record was looked at. */
  async #meaning(key: string, version: Version | null): Promise<Found | null> {
    const entry = version && read(version.text, key)
    if (!entry) return { name: version?.name ?? null }
    const { name } = version
    if ('gone' in entry) {
      if (entry.until >= this.#now()) return { name, gone: entry.gone }
      return entry.successor ? { name, successor: entry.successor } : { name }
    }
    const live = endOf(entry.record) >= this.#now()
    if (!entry.pending) return live ? { name, live: entry } : { name }
    const old = await this.#cells.read(this.folderOf(entry.pending.key))
    if (isSuccessor(entry, old)) return live ? { name, live: entry } : { name }
    // While it was pending, no tombstone that names it could go unseen. It is still, so there was none.
    if ((await this.#cells.newest(this.folderOf(key))) !== name) return null
    return { name, pending: entry, ...(old?.name === entry.pending.name && { undecided: entry.pending }) }
  }

  /** After a tombstone has named it: takes the word off the new record. */
  finish(successor: NonNullable<Buried['successor']>, oldKey: string): Promise<void> {
    return this.#cells.change(this.folderOf(successor.key), async version => {
      const entry = version && read(version.text, successor.key)
      if (!entry || 'gone' in entry || entry.pending?.key !== oldKey || entry.record.version !== successor.version)
        return { answer: undefined }
      return { answer: undefined, text: write({ ...entry, pending: undefined }) }
    })
  }

  /** Puts the new record down. Null: its key is taken. Else the entry in the index that it says. */
  prepare(next: Kept & { pending: Pending }, still: () => boolean): Promise<{ entry: string | undefined } | null> {
    return this.change(next.record.key, ({ live, gone, pending, undecided }) => {
      if (live || gone) return { answer: null }
      // Another call with the same arguments has come as far.
      if (undecided?.name === next.pending.name && pending?.record.version === next.record.version)
        return { answer: { entry: pending.entry } }
      return { answer: { entry: next.entry }, text: write(next), still }
    })
  }

  /** Ends the old record, if this is still its version, and brings the new one to life. */
  commit({ key, name }: Pending, until: number, tombstone: Buried, still: () => boolean): Promise<boolean> {
    return this.#cells.change(this.folderOf(key), async version => {
      if (version?.name !== name || until < this.#now()) return { answer: false }
      return { answer: true, text: write(tombstone), final: true, still: () => still() && until >= this.#now() }
    })
  }

  /** Takes a new record back that will not come to life. */
  withdraw({ key, version }: SessionRecord): Promise<void> {
    return this.change(key, ({ pending }) => {
      if (pending?.record.version !== version) return { answer: undefined }
      return { answer: undefined, text: write({ gone: 'expired', until: 0 }), final: true }
    })
  }

  /** The entry in the index of whatever record is there. */
  async entryOf(key: string): Promise<string | undefined> {
    const version = await this.#cells.read(this.folderOf(key))
    const found = version && read(version.text, key)
    return found && 'record' in found ? found.entry : undefined
  }

  /** Gives the record with one entry another. False: there is none. */
  reenter(key: string, entry: string, next: string): Promise<boolean> {
    return this.#cells.change(this.folderOf(key), async version => {
      const found = version && read(version.text, key)
      if (!found || 'gone' in found || found.entry !== entry) return { answer: false }
      return { answer: true, text: write({ ...found, entry: next }) }
    })
  }

  /** What is there now is on the disk when it answers: others have published it, and may not have come so far. */
  settle(key: string): Promise<void> {
    return this.#cells.settle(this.folderOf(key))
  }

  /** The old record as it is, under the number that the tombstone would have had. */
  #abort({ key, name }: Pending): Promise<void> {
    return this.#cells.change(this.folderOf(key), async version =>
      version?.name === name ? { answer: undefined, text: version.text } : { answer: undefined },
    )
  }
}

/** Whether it has this version, or had it a while ago: then that write has been done. */
export function wrote({ record, recent }: Kept, version: string): boolean {
  return isDone(version, record.version, recent)
}

/** Whether the tombstone of the old record names this one. */
function isSuccessor({ record, pending }: Kept, old: Version | null): boolean {
  const tombstone = old && pending && read(old.text, pending.key)
  if (!tombstone || !('gone' in tombstone)) return false
  return tombstone.successor?.key === record.key && tombstone.successor.version === record.version
}
