import type { RedisClient } from 'holdfast/stores/redis'
import type { Opened, OpenOptions } from '../opened.ts'

export function open(options: OpenOptions): Promise<Opened>

export interface Connected {
  client: RedisClient
  end(): Promise<void>
}
/** `more`: options of the library. */
export function overIoredis(url: string, more?: object): Promise<Connected>
export function overNodeRedis(url: string, more?: object): Promise<Connected>
