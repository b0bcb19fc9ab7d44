import { RECENT_VERSIONS } from '../../core/record.ts'

/** A record's earlier versions, the newest first. */
export type RecentVersions = readonly string[]

/** Whether a write has been done already: its version is there, or was, a few writes ago. */
export function isDone(written: string, present: string, recent: RecentVersions): boolean {
  return written === present || recent.includes(written)
}

/** What is kept once the version that was there has been overwritten. */
export function remember(recent: RecentVersions, overwritten: string): RecentVersions {
  return [overwritten, ...recent.slice(0, RECENT_VERSIONS - 1)]
}
