// The stores that the faults meet, on servers and disks of the tests' own.
import { subjects } from '../stores/subjects.ts'
import { type Target, targetOf } from './site.ts'

const PAUSE_MS = 20

/** A store by its name in the table of stores, in a space of its own. */
export function targetOn({ url }: { url: string }, name: string): Target {
  const subject = subjects.find(one => one.name === name)
  if (!subject) throw new Error(`there is no ${name}`)
  return targetOf(subject, { url, stop: async () => {} })
}

/** The same with two connections for each process, on a database server. */
export function withSmallPool(target: Target): Target {
  return { ...target, module: new URL('clients/small-pool.mjs', import.meta.url).href }
}

/** What is played on such a pool while a stranger holds what requests write. */
export function stuckPool(small: Target) {
  return {
    fault: 'pool of 2, its connections stuck behind a stranger’s locks',
    target: small,
    sessions: { storeTimeout: 1000 },
    load: { sessions: 12, clients: 3 },
    bounds: { sockets: 80 },
  }
}

/** Where a store of SQL keeps its sessions. */
export const tableOf = ({ open }: Target): string => `sessions_${open.space}`

/** The most that `look` has found by the time that `end` has come. */
export async function mostUntil(end: Promise<unknown>, look: () => Promise<number>): Promise<number> {
  let [most, over] = [0, false]
  const ended = end.finally(() => {
    over = true
  })
  ended.catch(() => {})
  while (!over) {
    most = Math.max(most, await look())
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
  }
  await ended
  return most
}
