// What the faults of Redis share: which libraries, and where their store is.
import { until } from '../servers/process.ts'
import type { RedisServer } from '../servers/redis.ts'
import { subjects } from '../stores/subjects.ts'
import { full } from '../support/full.ts'
import { type Target, targetOf } from './site.ts'

type RedisPlace = 'redis' | 'redis-cluster' | 'redis-sentinel'

/** `npm test` plays one. */
export const libraries = full ? ['ioredis', 'node-redis'] : ['ioredis']

/** A RedisStore, over this library, at this address. */
export function redisTarget(place: RedisPlace, library: string, url: string, options: Record<string, unknown> = {}): Target {
  const subject = subjects.find(one => one.place === place && one.client === library)
  if (!subject) throw new Error(`there is no ${place} by ${library}`)
  return targetOf(subject, { url, stop: async () => {} }, { options })
}

/** A line of INFO; empty where the server closes its connections just then, as one does that changes its master. */
export async function infoOf(server: Pick<RedisServer, 'cli'>, section: string, name: string): Promise<string> {
  const text = await server.cli('INFO', section).catch(() => '')
  return new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1] ?? ''
}

/** Until servers have agreed on something: where the machine has much else to do that takes long. */
export const agreed = (what: string, condition: () => Promise<boolean>) => until(what, condition, 120_000)
