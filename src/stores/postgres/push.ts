import type { Unwatch } from '../../core/store.ts'
import { Limit } from '../common/limit.ts'
import { type Line, Proof } from '../common/subscription.ts'
import { checkOut, giveBack, type PostgresClient, type PostgresPool } from './connections.ts'
import { HOLD, LISTEN, named, SAY } from './push-sql.ts'

interface ListeningClient extends Omit<PostgresClient, 'on'> {
  on(event: 'error' | 'end', listener: () => void): unknown
  on(event: 'notification', listener: (message: { payload?: string }) => void): unknown
}

const CONNECT_MS = 5000

/**
 * Keeps one connection of the pool to itself. Null where the pool has no other one, or does not say how many it has; and where nothing
 * comes through, as behind a pooler that lends its connections for a transaction only.
 */
export async function listen(pool: PostgresPool, line: Line): Promise<Unwatch | null> {
  const { max } = (pool as { options?: { max?: unknown } }).options ?? {}
  if (!(typeof max === 'number' && max > 1)) return null
  const client = await connect(pool)
  const proof = new Proof()
  for (const event of ['error', 'end'] as const) client.on(event, () => line.lost())
  client.on('notification', ({ payload = '' }) => {
    const ended = proof.meets(payload) ? undefined : named(payload)
    if (ended) line.tell(ended)
  })
  const query = (text: string, values: unknown[] = []) => client.query({ text, values })
  // It goes, and takes with it what it has listened to and held.
  const close = async () => client.release(true)
  try {
    await query(LISTEN)
    if (await proof.holds(text => query(SAY, [text]))) {
      await query(HOLD)
      return close
    }
  } catch (error) {
    await close()
    throw error
  }
  await close()
  return null
}

async function connect(pool: PostgresPool): Promise<ListeningClient> {
  const limit = new Limit(CONNECT_MS)
  const connected = checkOut(pool)
  try {
    return (await limit.race(connected)) as unknown as ListeningClient
  } catch (error) {
    // One that comes later goes back.
    connected.then(giveBack, () => {})
    throw error
  } finally {
    limit.clear()
  }
}
