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
    for (const load of await Promise.allSettled(stores.map(store => store.load(same.key)))) {
      expect(load).toMatchObject({
        status: 'rejected',
        reason: { code: 'HOLDFAST_STORE', message: expect.stringMatching(/another command's answer/) },
      })
    }
  })

  it('nor a part of one: two connections feed the parser of node-redis, and an answer is cut anywhere', async () => {
    const { Decoder } = (await import(new URL('lib/RESP/decoder.js', import.meta.resolve('@redis/client')).href)) as {
      Decoder: DecoderClass
    }
    const found = { own: 0, refused: 0, other: 0 }
    const length = Buffer.byteLength(answerOf('aaaaaa', 'ann'))
    for (let cut = 0; cut <= length; cut++) {
      const client = {
        multi() {},
        async sendCommand([name, , count, ...rest]: string[]) {
          if (name === 'INFO') return ''
          const answers: unknown[] = []
          const take = (answer: unknown) => answers.push(answer)
          const decoder = new Decoder({ onReply: take, onErrorReply: take, onPush: take, getTypeMapping: () => ({}) })
          const own = Buffer.from(answerOf(rest[Number(count)] as string, 'ann'))
          try {
            for (const octets of [own.subarray(0, cut), Buffer.from(answerOf('zzzzzz', 'bob')), own.subarray(cut)]) decoder.write(octets)
          } catch {
            // It has lost its way; what it has answered by then it has answered.
          }
          return answers[0]
        },
      }
      const load = new RedisStore(client as unknown as RedisClient).load('a-key-of-some-session')
      const kind = await load.then(
        one => (one && 'data' in one && one.data === DATA_OF_ANN && one.userKey === 'user-ann' ? 'own' : 'other'),
        (error: unknown) => (error instanceof SessionStoreError ? 'refused' : 'other'),
      )
      found[kind]++
    }
    // Of the last two octets, which end it, the parser knows without looking.
    expect(found).toEqual({ own: 3, refused: length - 2, other: 0 })
  })

  it.each([
    ['null', null],
    ['a word', 'OK'],
    ['a number', 1],
    ["SCAN's", ['0', []]],
    ['of before there were two tags', ['1', ['gone']]],
  ])('nor what is no answer of the script: %s', async (_, answer) => {
    const client = { multi() {}, sendCommand: async () => answer } as unknown as RedisClient
    const store = new RedisStore(client)
    const refused = { code: 'HOLDFAST_STORE', outcome: 'unknown', message: expect.stringMatching(/another command's answer/) }
    await expect(store.load('a-key')).rejects.toMatchObject(refused)
    await expect(store.delete('a-key', 'destroyed')).rejects.toMatchObject(refused)
  })

  it('nor a foreign number for that of WAIT', async () => {
    const store = (replicas: (answers: unknown[]) => unknown[]) => {
      const client = {
        isCluster: false,
        options: {},
        call: (name: string, args: string[]) => redis.call(name, args),
        pipeline: (commands: string[][]) => ({
          exec: async () =>
            replicas((await redis.pipeline(commands).exec())?.map(([, answer]) => answer) ?? []).map(answer => [null, answer]),
        }),
      }
      return new RedisStore(client as unknown as RedisClient, { prefix: 'wait:', confirmReplicas: 1 })
    }
    const one = record({ data: '{}' })
    await redis.set('wait:number', 56)
    await new RedisStore(redis, { prefix: 'wait:' }).create(one)
    // An INCR of the app's own was answered over the other connection, before WAIT was.
    const mixed = store(([said, count]) => [said, 57, count])
    await expect(mixed.delete(one.key, 'destroyed', 200)).rejects.toMatchObject({
      outcome: 'unknown',
      message: expect.stringMatching(/another command's answer/),
    })
    // What comes between two answers of its own counts.
    await expect(store(([said, , marked]) => [said, 1, marked]).delete(one.key, 'destroyed', 200)).resolves.toBe(false)
    await expect(store(answers => answers).delete(one.key, 'destroyed', 200)).rejects.toThrow(/0 of 1 replicas/)
  })

  it("nor another command's for SCAN's: no part of it is sent as the name of a key", async () => {
    const sent: string[][] = []
    let scanned: unknown
    const client = {
      isCluster: false,
      options: {},
      pipeline: (commands: string[][]) => redis.pipeline(commands),
      async call(name: string, args: string[]) {
        sent.push([name, ...args])
        return name === 'scan' ? scanned : redis.call(name, args)
      },
    }
    const store = new RedisStore(client as unknown as RedisClient, { prefix: 'scan:' })
    const one = record({ data: '{"name":"ann"}' })
    await store.create(one)
    const name = `scan:{${one.key.slice(0, 3)}}s:${one.key}`
    expect(await redis.exists(name)).toBe(1)
    for (scanned of [['tag', ['1', 'v'], 'tag'], ['tag', ['1', 'v']], 'OK', 7, null, ['0', 'text']]) {
      await expect(store.list()).rejects.toMatchObject({
        code: 'HOLDFAST_STORE',
        message: expect.stringMatching(/another command's answer/),
      })
    }
    sent.length = 0
    scanned = ['0', ['{"secret":"of another"}', 'other:{abc}s:abc', 'scan:ended', name]]
    expect((await store.list()).records.map(({ key }) => key)).toEqual([one.key])
    expect(sent.filter(([command]) => command === 'evalsha').map(args => args[3])).toEqual([name])
    expect(JSON.stringify(sent)).not.toMatch(/secret|other/)
  })
})

type DecoderClass = new (how: object) => { write(octets: Buffer): void }

const DATA_OF_ANN = dataOf('ann')

function dataOf(name: string): string {
  return JSON.stringify({ of: name, filling: 'y'.repeat(200) })
}

/** As a Redis server writes what the script answers to a load. */
function answerOf(tag: string, name: string): string {
  const text = (value: string) => `$${Buffer.byteLength(value)}\r\n${value}\r\n`
  const rest = JSON.stringify({ createdAt: 1, userId: name, meta: { agent: 'x'.repeat(80) } })
  const fields = ['1 9999999999999 1000 -', `v-${name}`, `user-${name}`, rest, dataOf(name)]
  return `*3\r\n${text(tag)}*${fields.length}\r\n${fields.map(text).join('')}${text(tag)}`
}
