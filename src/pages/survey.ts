import type { AdminSessions, SitePageSession } from './port.ts'
import { ACTIVE_MS } from './times.ts'

/** What a page for those who run the site knows of all sessions. */
export interface Survey {
  sessions: SitePageSession[]
  /** Whether these are all. If not, there are at least so many. */
  whole: boolean
  live: number
  users: number
  active: number
}

/** A page of the store, as large as the manager lets it be. */
const PER_PAGE = 1000

/** Looks at about `most` records, and no more, however many there are. A store may show one on several pages: each counts once. */
export async function survey(sessions: AdminSessions, most: number, session: object | undefined): Promise<Survey> {
  const found = new Map<string, SitePageSession>()
  const limit = Math.min(PER_PAGE, most)
  let left = Math.ceil(most / limit)
  let cursor: string | null | undefined
  do {
    left--
    const page = await sessions.list({ limit, ...(cursor && { cursor }), ...(session && { current: session }) })
    for (const one of page.sessions) found.set(`${one.handle} ${one.userId}`, one)
    cursor = page.cursor
  } while (cursor !== null && left > 0)
  const all = [...found.values()]
  const now = sessions.manager.now()
  const whole = cursor === null
  return {
    sessions: all,
    whole,
    live: all.length,
    users: new Set(all.map(({ userId }) => userId)).size,
    active: all.filter(({ touchedAt }) => now - touchedAt < ACTIVE_MS).length,
  }
}

/** How the store is: how long a load of a session that is not there takes, in ms. */
export type Health = { ms: number } | 'down'

export async function healthOf({ manager }: AdminSessions): Promise<Health> {
  const began = performance.now()
  try {
    await manager.probe()
    return { ms: performance.now() - began }
  } catch {
    // What is wrong with it the store's own log says; the page must be there all the same.
    return 'down'
  }
}
