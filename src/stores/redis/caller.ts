import { SessionStoreError } from '../../core/errors.ts'
import { ownAnswer, ownCount, tagged } from './answers.ts'
import type { RedisConnection, RedisMaster } from './client.ts'
import { SCRIPT, SCRIPT_SHA } from './scripts.ts'

/** When the caller stops waiting, by `performance.now()`; undefined: never. */
export type Until = number | undefined

export function until(timeoutMs: number | undefined): Until {
  return timeoutMs === undefined ? undefined : performance.now() + timeoutMs
}

export function left(end: Until): number | undefined {
  return end === undefined ? undefined : Math.max(1, end - performance.now())
}

/** How long replicas may take to confirm: the connection carries nothing else meanwhile. */
const CONFIRM_MS = 1000
/** How long a call is tried again where its caller has set no limit. */
const PATIENCE_MS = 5000
/** Answers that say: nothing was done, and soon it can be. A slot is on its way from node to node, or a node is not ready. */
const SOON = /(?:^|ReplyError: )(?:TRYAGAIN|CLUSTERDOWN|LOADING|BUSY|MASTERDOWN|MOVED|ASK) /
/** The slot is elsewhere. */
const ELSEWHERE = /^(?:MOVED|ASK) /

/** Calls the script, whether Redis knows it or not, and, where that is asked for, until replicas have what it did. */
export class RedisCaller {
  readonly #redis: RedisConnection
  readonly #confirmReplicas: number
  #looked = false

  constructor(redis: RedisConnection, confirmReplicas: number) {
    this.#redis = redis
    this.#confirmReplicas = confirmReplicas
  }

  call(keys: string[], args: string[], end: Until): Promise<unknown> {
    const [key = ''] = keys
    return patiently(args, end, async () => {
      const own = tagged(args)
      return ownAnswer(own, await this.#evaluate(keys, own, command => this.#redis.send(key, command, left(end))))
    })
  }

  /** What has no key, at one of the masters. */
  async callAt(master: RedisMaster, args: string[]): Promise<unknown> {
    const own = tagged(args)
    return ownAnswer(own, await this.#evaluate([], own, command => master.send(command)))
  }

  /** For what must not come back when a replica takes over. */
  async callConfirmed(keys: string[], args: string[], end: Until): Promise<unknown> {
    const replicas = this.#confirmReplicas
    if (replicas === 0) return this.call(keys, args, end)
    const [key = ''] = keys
    let done: { answer: unknown } | undefined
    return patiently(args, end, async () => {
      const waitMs = Math.ceil(Math.min(left(end) ?? CONFIRM_MS, CONFIRM_MS))
      try {
        const own = tagged(args)
        // WAIT answers with a number only. What stands before it and behind it says whose it is.
        const behind = [
          ['WAIT', String(replicas), String(waitMs)],
          ['ECHO', ...own.slice(0, 1)],
        ]
        const [said, ...more] = await this.#evaluate(keys, own, command => this.#redis.sendTogether(key, [command, ...behind]))
        const answer = ownAnswer(own, said)
        const count = ownCount(own, more)
        if (count >= replicas) return done ? done.answer : answer
        throw new SessionStoreError(`confirm ${args[0]}: ${count} of ${replicas} replicas have it`, { outcome: 'unknown' })
      } catch (error) {
        if (ELSEWHERE.test((error as Error).message)) {
          // No library follows a slot with two commands, each does with one. So it is done, and then asked for again, for WAIT's sake.
          const answer = await this.call(keys, args, end)
          done ??= { answer }
        }
        throw error
      }
    })
  }

  async #evaluate<T>(keys: string[], args: string[], send: (command: string[]) => Promise<T>): Promise<T> {
    const call = [String(keys.length), ...keys, ...args]
    const answer = await send(['EVALSHA', SCRIPT_SHA, ...call]).catch((error: Error) => {
      if (!error.message.startsWith('NOSCRIPT')) throw error
      // Redis was started anew, or this node has never seen the script.
      return send(['EVAL', SCRIPT, ...call])
    })
    this.#look()
    return answer
  }

  /** Once, in the background: a server that evicts forgets logins, and tombstones, too. */
  #look(): void {
    if (this.#looked) return
    this.#looked = true
    // Where INFO is not permitted nothing can be said.
    warnOfEviction(this.#redis).catch(() => {})
  }
}

async function warnOfEviction(redis: RedisConnection): Promise<void> {
  for (const master of redis.masters()) {
    const memory = String(await master.send(['INFO', 'memory']))
    const [, policy = 'noeviction'] = /^maxmemory_policy:(\S+)/m.exec(memory) ?? []
    if (policy === 'noeviction' || !/^maxmemory:[1-9]/m.test(memory)) continue
    const text = `Redis evicts keys when its memory is full (maxmemory-policy ${policy}), logins and logouts among them: set it to noeviction`
    process.emitWarning(text, { type: 'HoldfastWarning', code: 'HOLDFAST_REDIS_EVICTION' })
    return
  }
}

/** Tries again for as long as the caller waits, if the answer was that it should. */
async function patiently<T>([op]: string[], end: Until, attempt: () => Promise<T>): Promise<T> {
  const patience = end ?? performance.now() + PATIENCE_MS
  for (let pause = 10; ; pause = Math.min(2 * pause, 200)) {
    if (performance.now() >= patience) throw new SessionStoreError(`${op} in time`, { outcome: 'unknown' })
    try {
      return await attempt()
    } catch (error) {
      if (!SOON.test((error as Error).message) || performance.now() + pause >= patience) throw error
      await new Promise(resolve => setTimeout(resolve, pause * (0.5 + Math.random())))
    }
  }
}
