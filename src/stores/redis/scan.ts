import { SessionStoreError } from '../../core/errors.ts'
import type { RedisConnection } from './client.ts'

/** How often SCAN is asked for one page: a database may hold much that is not ours. */
const SCANS_PER_PAGE = 20
/** How many keys SCAN looks at where it finds none of ours. */
const LARGEST_COUNT = 1000

/** The keys of the sessions at all masters, without what they begin with; about `limit` at a time, master after master. */
export async function scanKeys(
  redis: RedisConnection,
  prefix: string,
  cursor: string | undefined,
  limit: number,
): Promise<{ keys: string[]; next: string | null }> {
  // A client that is not connected yet does not know the masters.
  if (cursor === undefined) await redis.send(prefix, ['EXISTS', prefix], undefined)
  const masters = redis.masters().sort((a, b) => (a.name < b.name ? -1 : 1))
  const [, from = '0', at = masters[0]?.name] = /^(\d+)@(.*)$/.exec(cursor ?? '') ?? []
  let index = masters.findIndex(({ name }) => name === at)
  if (index < 0) throw new SessionStoreError('list: the masters have changed, begin again', { outcome: 'not-applied' })
  const keys = new Set<string>()
  let [position, count] = [from, limit]
  for (let scans = 0; scans < SCANS_PER_PAGE && keys.size < limit; scans++) {
    const master = masters[index]
    if (!master) return { keys: [...keys], next: null }
    const { next, found } = pageOf(await master.send(['SCAN', position, 'MATCH', `${prefix}{*}s:*`, 'COUNT', String(count)]))
    for (const key of found) {
      const [, name] = key.startsWith(`${prefix}{`) ? (/^[^}]*}s:(.+)$/.exec(key.slice(prefix.length)) ?? []) : []
      if (name !== undefined) keys.add(name)
    }
    if (found.length === 0) count = Math.min(2 * count, LARGEST_COUNT)
    position = next
    if (position === '0') index++
  }
  return { keys: [...keys], next: index < masters.length ? `${position}@${masters[index]?.name}` : null }
}

/** SCAN's answer bears no tag. What is none of its must not become a key: it might be somebody's session, and keys are seen by many. */
function pageOf(answer: unknown): { next: string; found: string[] } {
  const [next, found] = Array.isArray(answer) && answer.length === 2 ? answer : []
  if (/^\d+$/.test(String(next)) && Array.isArray(found)) return { next: String(next), found: found.map(String) }
  throw new SessionStoreError("list: the client has handed out another command's answer", { outcome: 'not-applied' })
}
