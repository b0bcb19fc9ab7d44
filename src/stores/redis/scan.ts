import { SessionStoreError } from '../../core/errors.ts'
import type { RedisConnection } from './client.ts'

/** How often SCAN is asked for one page: a database may hold much that is not ours. */
const SCANS_PER_PAGE = 20
/** How many keys SCAN looks at where it finds none of ours. */
const LARGEST_COUNT = 1000

/** What follows `beginning` in the keys of all masters, about `limit` at a time, master after master. */
export async function scanKeys(
  redis: RedisConnection,
  beginning: string,
  cursor: string | undefined,
  limit: number,
): Promise<{ keys: string[]; next: string | null }> {
  // A client that is not connected yet does not know the masters.
  if (cursor === undefined) await redis.send(beginning, ['EXISTS', beginning], undefined)
  const masters = redis.masters().sort((a, b) => (a.name < b.name ? -1 : 1))
  const [, from = '0', at = masters[0]?.name] = /^(\d+)@(.*)$/.exec(cursor ?? '') ?? []
  let index = masters.findIndex(({ name }) => name === at)
  if (index < 0) throw new SessionStoreError('list: the masters have changed, begin again', { outcome: 'not-applied' })
  const keys = new Set<string>()
  let [position, count] = [from, limit]
  for (let scans = 0; scans < SCANS_PER_PAGE && keys.size < limit; scans++) {
    const master = masters[index]
    if (!master) return { keys: [...keys], next: null }
    const [next, found] = (await master.send(['SCAN', position, 'MATCH', `${beginning}*`, 'COUNT', String(count)])) as [string, string[]]
    for (const key of found) keys.add(String(key).replace(/^[^}]*}s:/, ''))
    if (found.length === 0) count = Math.min(2 * count, LARGEST_COUNT)
    position = String(next)
    if (position === '0') index++
  }
  return { keys: [...keys], next: index < masters.length ? `${position}@${masters[index]?.name}` : null }
}
