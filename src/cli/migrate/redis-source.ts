import { connectRedis } from '../clients/redis.ts'
import type { Io } from '../command.ts'
import { type PeerOptions, recordsOf } from './peers.ts'
import { PAGE, type Source, type StoredSession } from './source.ts'

/** connect-redis begins its keys with this; koa-redis with nothing but koa-session's own option `prefix`, which is part of the id. */
export const PREFIX = { 'express-session': 'sess:', 'koa-session': '' } as const

export interface RedisSourceOptions extends PeerOptions {
  /** What the store puts before an id. */
  prefix: string | undefined
  /** What all ids begin with: where Redis holds other things too. */
  idPrefix: string | undefined
}

/** Sessions of connect-redis, koa-redis and their like: a key each, JSON text, and Redis's own time to live. */
export async function redisSource(url: string, options: RedisSourceOptions, io: Io): Promise<Source> {
  const { send, end } = await connectRedis(url, io)
  const prefix = options.prefix ?? PREFIX[options.layout]
  const pattern = `${escaped(prefix + (options.idPrefix ?? ''))}*`

  async function read(keys: readonly string[]): Promise<StoredSession[]> {
    if (keys.length === 0) return []
    const asked = options.now()
    const [texts, lives] = await Promise.all([
      send(['MGET', ...keys]) as Promise<(string | null)[]>,
      Promise.all(keys.map(async key => Number(await send(['PTTL', key])))),
    ])
    return keys.flatMap((key, at) => {
      const content = texts[at]
      const life = lives[at] as number
      // It has ended since, or it is no text.
      if (content === null || content === undefined) return []
      return [{ id: key.slice(prefix.length), content, endsAt: life >= 0 ? asked + life : undefined }]
    })
  }

  return {
    // What else is in the database is counted as well: only where all of it can be ours does the number say something.
    count: async () => (prefix + (options.idPrefix ?? '') === '' ? Number(await send(['DBSIZE'])) : undefined),
    async page(cursor) {
      const [next, keys] = (await send(['SCAN', cursor ?? '0', 'MATCH', pattern, 'COUNT', String(PAGE)])) as [string, string[]]
      return { ...recordsOf(await read(keys), options), cursor: String(next) === '0' ? null : String(next) }
    },
    end,
  }
}

/** In a pattern of SCAN, only what it means itself. */
function escaped(text: string): string {
  return text.replace(/[*?[\]\\^]/g, '\\$&')
}
