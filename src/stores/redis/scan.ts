import { SessionStoreError } from '../../core/errors.ts'
import type { RedisCaller } from './caller.ts'
import type { RedisConnection } from './client.ts'

/** How often SCAN is asked for one page: a database may hold much that is not ours. */
const SCANS_PER_PAGE = 20
/** How many keys SCAN looks at where it finds none of ours. */
const LARGEST_COUNT = 1000

/** The sessions in the keys of all masters, about `limit` at a time, master after master. */
export async function scanKeys(
  redis: RedisConnection,
  script: RedisCaller,
  prefix: string,
  cursor: string | undefined,
  limit: number,
): Promise<{ keys: string[]; next: string | null }> {
  const pattern = `${prefix}{*}s:*`
  // A client that is not connected yet does not know the masters.
  if (cursor === undefined) await redis.send(pattern, ['EXISTS', pattern], undefined)
  const masters = redis.masters().sort((a, b) => (a.name < b.name ? -1 : 1))
  const [, from = '0', at = masters[0]?.name] = /^(\d+)@(.*)$/.exec(cursor ?? '') ?? []
  let index = masters.findIndex(({ name }) => name === at)
  if (index < 0) throw new SessionStoreError('list: the masters have changed, begin again', { outcome: 'not-applied' })
  const keys = new Set<string>()
  let [position, count] = [from, limit]
  for (let scans = 0; scans < SCANS_PER_PAGE && keys.size < limit; scans++) {
    const master = masters[index]
    if (!master) return { keys: [...keys], next: null }
    const page = pageOf(await script.callAt(master, ['scan', '', position, pattern, String(count)]))
    for (const name of page.names) {
      const key = sessionOf(prefix, name)
      if (key !== undefined) keys.add(key)
    }
    if (page.names.length === 0) count = Math.min(2 * count, LARGEST_COUNT)
    position = page.position
    if (position === '0') index++
  }
  return { keys: [...keys], next: index < masters.length ? `${position}@${masters[index]?.name}` : null }
}

/** What SCAN has answered: where it goes on, and names of keys. @throws {SessionStoreError} it is no such answer */
function pageOf(answer: unknown): { position: string; names: string[] } {
  const [position, names] = Array.isArray(answer) && answer.length === 2 ? answer.map(textOf) : []
  if (typeof position === 'string' && /^\d+$/.test(position) && Array.isArray(names) && names.every(name => typeof name === 'string')) {
    return { position, names }
  }
  throw new SessionStoreError('list: this is no answer to SCAN', { outcome: 'not-applied' })
}

/** Clients may be set to give text as octets. */
function textOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(textOf)
  return value instanceof Uint8Array ? String(value) : value
}

/** The session whose key this is. What is none is not ours, and nothing is asked by its name. */
function sessionOf(prefix: string, name: string): string | undefined {
  const end = name.indexOf('}') + 1
  return name.startsWith(`${prefix}{`) && name.startsWith('s:', end) ? name.slice(end + 2) : undefined
}
