import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** By subject and scenario. */
export type Costs<Cost> = Record<string, Record<string, Cost>>

export interface RedisCost {
  /** Of one request, by name. */
  commands: Record<string, number>
  toRedis: number
  fromRedis: number
  /** In how many pieces, for each command, the commands of requests leave that come together. */
  piecesTogether: number
}

export const recorded: { memory: Costs<number>; redis: Costs<RedisCost> } = JSON.parse(readFileSync(path('recorded.json'), 'utf8'))

/** As it is now: the benchmark's own measurement, of what is built. */
export async function measure<Part extends 'memory' | 'redis'>(part: Part): Promise<(typeof recorded)[Part]> {
  const { stdout } = await promisify(execFile)(process.execPath, [path('../../bench/cost-check.mjs'), part])
  return JSON.parse(stdout)
}
