// A client library that loses count hands out the answers of other commands. The library cannot be made to do so at a given moment, so the
// answers of a real server are interchanged between it and the store.
import { SessionStoreError } from 'holdfast'
import { type RedisClient, RedisStore } from 'holdfast/stores/redis'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { recordMaker } from '../../src/testing/records.ts'
import { type RedisServer, startRedis } from '../servers/redis.ts'

const { record } = recordMaker(() => Date.now())

let server: RedisServer
let redis: Redis
beforeAll(async () => {
  server = await startRedis()
  redis = new Redis(server.url)
})
afterAll(async () => {
  redis?.disconnect()
  await server?.stop()
})

/** From `begin()` on, `count` commands get each other's answers, every one that of the next. */
function interchanging(): { client: RedisClient; begin(count: number): void } {
  let waiting: { answer: Promise<unknown>; resolve(answer: Promise<unknown>): void }[] = []
  let wanted = 0
  const client = {
    isCluster: false,
    options: {},
    pipeline: (commands: string[][]) => redis.pipeline(commands),
    call(name: string, args: string[]): Promise<unknown> {
      const answer = redis.call(name, args)
      if (wanted === 0) return answer
      return new Promise(resolve => {
        waiting.push({ answer, resolve })
        if (waiting.length < wanted) return
        for (const [n, one] of waiting.entries()) one.resolve((waiting[(n + 1) % wanted] as (typeof waiting)[0]).answer)
        waiting = []
        wanted = 0
      })
    },
  }
  return {
    client: client as unknown as RedisClient,
    begin(count) {
      wanted = count
    },
  }
}

describe("RedisStore does not take another command's answer:", () => {
  it('of two sessions that are loaded at once, neither request gets the other one', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => warn.mockRestore())
    const { client, begin } = interchanging()
    const store = new RedisStore(client, { prefix: 'loads:' })
    const records = [record({ data: '{"name":"ann"}' }), record({ data: '{"name":"bob"}' })] as const
    for (const one of records) expect(await store.create(one)).toBe(true)

    begin(2)
    const loads = await Promise.allSettled(records.map(({ key }) => store.load(key)))
    for (const load of loads) {
      expect(load).toMatchObject({ status: 'rejected', reason: { code: 'HOLDFAST_STORE', outcome: 'unknown' } })
      const { reason } = load as PromiseRejectedResult
      expect(reason).toBeInstanceOf(SessionStoreError)
      expect(reason.message).toMatch(/another command's answer/)
      expect(JSON.stringify([reason.message, reason.stack])).not.toMatch(/ann|bob/)
    }
    expect(warn.mock.calls.map(([, how]) => (how as unknown as { code: string }).code)).toEqual(['HOLDFAST_REDIS_ANSWERS'])

    // Told once. Whoever asks afterwards, over a client that counts again, is served.
    begin(2)
    await Promise.allSettled(records.map(({ key }) => store.load(key)))
    expect(warn).toHaveBeenCalledTimes(1)
    for (const { key, data } of records) expect(await store.load(key)).toMatchObject({ key, data })
  })

  it('a logout is not told as done by the answer to a write, nor a write by that to a logout', async () => {
    const { client, begin } = interchanging()
    const store = new RedisStore(client, { prefix: 'writes:' })
    const [mine, other] = [record({ data: '{"n":0}' }), record({ data: '{"n":0}' })]
    for (const one of [mine, other]) await store.create(one)
    begin(2)
    const both = [store.save({ ...mine, version: 'v-next', data: '{"n":1}' }, mine.version), store.delete(other.key, 'destroyed')]
    for (const one of await Promise.allSettled(both)) expect(one).toMatchObject({ status: 'rejected', reason: { outcome: 'unknown' } })
    // Both have been carried out all the same: that is what "unknown" says.
    expect(await store.load(mine.key)).toMatchObject({ data: '{"n":1}' })
    expect(await store.load(other.key)).toEqual({ gone: 'destroyed' })
  })

  it('two stores on one client, too', async () => {
    const { client, begin } = interchanging()
    const stores = [new RedisStore(client, { prefix: 'a:' }), new RedisStore(client, { prefix: 'b:' })] as const
    const same = record({ data: '{"of":"a"}' })
    await stores[0].create(same)
    await stores[1].create({ ...same, data: '{"of":"b"}' })
    begin(2)
    for (const load of await Promise.allSettled(stores.map(store => store.load(same.key)))) expect(load.status).toBe('rejected')
  })
})
