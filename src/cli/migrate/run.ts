import type { SessionRecord } from '../../core/record.ts'
import type { IndexedSessionStore } from '../../core/store.ts'
import { CommandError } from '../command.ts'
import type { Outcome } from './copy.ts'
import { endLeftovers } from './copy.ts'
import type { Source } from './source.ts'

/** So many sessions are under way at once. */
const AT_ONCE = 32

export interface Tally extends Record<Outcome, number> {
  /** What lay in the source and is no session of its layout. */
  unreadable: number
  /** What had ended in the source before it was reached. */
  expired: number
  /** Copies that were ended in the target, since their sessions had ended in the source. */
  removed: number
}

export interface Migration {
  source: Source
  to: IndexedSessionStore
  /** Which source this is: only its own copies are ended. */
  origin: string
  /** What is done with each session. */
  carry(record: SessionRecord): Promise<Outcome>
  /** Whether copies whose sessions have ended in the source are ended in the target. */
  final: boolean
  progress?(tally: Tally, total: number | undefined): void
}

/** To start it again would change nothing. */
export class RefusedError extends CommandError {}

/** Walks over the source, page by page. Killed at any moment it is gone on with by starting it again. */
export async function migrateAll({ source, to, origin, carry, final, progress }: Migration): Promise<Tally> {
  const tally: Tally = { copied: 0, there: 0, updated: 0, ownerChanged: 0, kept: 0, ended: 0, unreadable: 0, expired: 0, removed: 0 }
  const seen = new Set<string>()
  let live = false
  const total = progress ? await source.count() : undefined
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await source.page(cursor)
    await each(page.records, async record => {
      if (final) seen.add(record.key)
      for (const one of (await source.together?.(record)) ?? [record]) tally[await carry(one)]++
      live = true
    })
    tally.unreadable += page.unreadable
    tally.expired += page.ended
    cursor = page.cursor
    progress?.(tally, total)
  }
  if (!live && tally.expired === 0 && tally.unreadable > 0)
    throw new RefusedError('nothing in the source is a session of this layout: is --layout, or the prefix or table, another one?')
  // A slip in the address, the prefix or the layout looks like a source in which everybody has logged out.
  if (final && seen.size === 0)
    throw new RefusedError('the source gave no live session: with --final all of its copies would end. None was ended')
  if (final) tally.removed = await endLeftovers(to, seen, origin)
  return tally
}

/** Some at once; the first failure ends it when what is under way has ended, so that nothing goes on behind the caller's back. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let at = 0
  let failed = false
  const lane = async () => {
    while (at < items.length && !failed) {
      try {
        await work(items[at++] as T)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, items.length) }, lane))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}
