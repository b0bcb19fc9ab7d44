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

interface Interchanging {
  client: RedisClient
  /** From now on `count` commands get each other's answers, every one that of the next; and so the `times` times that many. */
  begin(count: number, times?: number): void
  /** What somebody else sends over the same client. */
  call(name: string, ...args: string[]): Promise<unknown>
}

function interchanging(): Interchanging {
  let waiting: { answer: Promise<unknown>; resolve(answer: Promise<unknown>): void }[] = []
  let [wanted, left] = [0, 0]
  const client = {
    isCluster: false,
    options: {},
    pipeline: (commands: string[][]) => redis.pipeline(commands),
    call(name: string, args: string[]): Promise<unknown> {
      const answer = redis.call(name, args)
      if (left === 0) return answer
      // Who gets it sees to it.
      answer.catch(() => {})
      return new Promise(resolve => {
        waiting.push({ answer, resolve })
        if (waiting.length < wanted) return
        for (const [n, one] of waiting.entries()) one.resolve((waiting[(n + 1) % wanted] as (typeof waiting)[0]).answer)
        waiting = []
        left--
      })
    },
  }
  return {
    client: client as unknown as RedisClient,
    begin(count, times = 1) {
      wanted = count
      left = times
    },
    call: (name, ...args) => client.call(name, args),
  }
}

/** How a call is refused that got the answer to another one. */
function refused(op: string): PromiseSettledResult<unknown> {
  const reason = expect.objectContaining({
    name: 'SessionStoreError',
    code: 'HOLDFAST_STORE',
    outcome: 'unknown',
    message: expect.stringContaining(`${op}: the client has handed out another command's answer`),
  })
  return { status: 'rejected', reason }
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
    expect(await Promise.allSettled(both)).toEqual([refused('save'), refused('delete')])
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
    expect(await Promise.allSettled(stores.map(store => store.load(same.key)))).toEqual([refused('load'), refused('load')])
  })

  it('nor when the script had been forgotten, and is sent itself', async () => {
    const { client, begin } = interchanging()
    const store = new RedisStore(client, { prefix: 'forgotten:' })
    const records = [record({ data: '{"name":"ann"}' }), record({ data: '{"name":"bob"}' })]
    for (const one of records) await store.create(one)
    await redis.script('FLUSH')
    begin(2, 2)
    expect(await Promise.allSettled(records.map(({ key }) => store.load(key)))).toEqual([refused('load'), refused('load')])
    for (const { key, data } of records) expect(await store.load(key)).toMatchObject({ key, data })
  })

  it('of two lists neither goes on where the other one is, nor ends with it', async () => {
    const { client, begin } = interchanging()
    const stores = [new RedisStore(client, { prefix: 'many:' }), new RedisStore(client, { prefix: 'few:' })] as const
    await stores[0].create(record())
    begin(2)
    // A second page: the first one asks for something else before.
    expect(await Promise.allSettled(stores.map(store => store.list({ cursor: '0@' })))).toEqual([refused('scan'), refused('scan')])
    expect((await stores[0].list()).records).toHaveLength(1)
    expect(await stores[1].list()).toEqual({ records: [], cursor: null })
  })

  it('of replicas that confirm a logout: no number of another command is theirs', async () => {
    const store = new RedisStore(redis, { prefix: 'confirmed:', confirmReplicas: 1 })
    const made = record()
    await store.create(made)
    // No replica there is: WAIT says 0, and the counter that somebody else has increased comes before.
    const pipeline = vi.spyOn(redis, 'pipeline').mockImplementation((commands: unknown) => {
      const behind = vi.fn(async () => {
        const [own, ...others] = (await real(commands as unknown[][]).exec()) ?? []
        return [own, [null, 57], ...others].slice(0, 3)
      })
      return { exec: behind } as unknown as ReturnType<Redis['pipeline']>
    })
    const real = (commands: unknown[][]) => Redis.prototype.pipeline.call(redis, commands)
    onTestFinished(() => pipeline.mockRestore())
    expect(await Promise.allSettled([store.delete(made.key, 'destroyed')])).toEqual([refused('delete')])
    pipeline.mockRestore()
    await expect(store.delete(made.key, 'destroyed')).rejects.toMatchObject({
      code: 'HOLDFAST_STORE',
      outcome: 'unknown',
      message: expect.stringContaining('confirm delete: 0 of 1 replicas have it'),
    })
  })
})

describe('An error has no tag. RedisStore takes that of another command for its own:', () => {
  it('a logout fails by it, and has been carried out; repeated it says so', async () => {
    const { client, begin, call } = interchanging()
    const store = new RedisStore(client, { prefix: 'errors:' })
    const made = record()
    await store.create(made)
    await redis.set('errors:text', 'x')
    begin(2)
    const [end, other] = await Promise.allSettled([store.delete(made.key, 'destroyed'), call('incr', 'errors:text')])
    const reason = expect.objectContaining({ message: 'ERR value is not an integer or out of range' })
    expect(end).toEqual({ status: 'rejected', reason })
    expect(other).toEqual({ status: 'fulfilled', value: [expect.any(String), '1', expect.any(String)] })
    expect(await store.load(made.key)).toEqual({ gone: 'destroyed' })
    expect(await store.delete(made.key, 'destroyed')).toBe(false)
  })

  it('NOSCRIPT: the same write is sent again, with the script, and knows itself', async () => {
    const { client, begin, call } = interchanging()
    const store = new RedisStore(client, { prefix: 'noscript:' })
    const made = record()
    await store.create(made)
    begin(2)
    const saved = { ...made, version: 'v-next', data: '{"n":1}' }
    const [save, other] = await Promise.allSettled([store.save(saved, made.version), call('evalsha', '0'.repeat(40), '0')])
    expect(save).toEqual({ status: 'fulfilled', value: { status: 'saved' } })
    expect(other).toEqual({ status: 'fulfilled', value: [expect.any(String), '1', expect.any(String)] })
    expect(await store.load(made.key)).toEqual(saved)
  })
})
