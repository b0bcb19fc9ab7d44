import assert from 'node:assert/strict'
import { isGone } from '../core/record.ts'
import type { IndexedSessionStore } from '../core/store.ts'
import type { Bench } from './bench.ts'
import { allCommands, type Call, callOf, type FastCheck, KEYS, type Scene, writes } from './commands.ts'
import { distinct, pagesOf } from './listing.ts'
import { Model } from './model.ts'
import { DAY, sorted } from './records.ts'

export function properties({ describe, apartTimed, options, now, wait, records }: Bench): void {
  const parameters = { numRuns: options.runs ?? 50, ...(options.seed !== undefined && { seed: options.seed }) }

  /** Two clients of one space that outlives the runs: each has keys of its own, at a time when all that was before is long over. */
  const begin = async (store: IndexedSessionStore): Promise<{ scene: Scene; model: Model }> => {
    wait(2 * DAY)
    const partition = records.partition()
    const some = <T>(count: number, make: () => T) => Array.from({ length: count }, make)
    const keys = some(KEYS, () => records.key(partition))
    const users = some(2, () => records.userKey(partition))
    // Most things need a session to begin with.
    const first = records.record({ key: keys[0] as string, userKey: users[0] as string })
    const model = new Model(now)
    assert.equal(await store.create({ ...first }), model.create(first))
    return { scene: { keys, users, lastVersion: first.version }, model }
  }

  const agrees = async (store: IndexedSessionStore, model: Model, keys: Iterable<string>, users: readonly string[]) => {
    await Promise.all([
      ...[...keys].map(async key => assert.deepEqual(await store.load(key), model.load(key))),
      ...users.map(async user => assert.deepEqual(sorted(await store.listByUser(user)), sorted(model.listByUser(user)))),
    ])
  }

  describe('whatever is done', () => {
    apartTimed('by several clients in turn, they and a model of the contract agree', async open => {
      const fc = await loadFastCheck()
      const clients = [await open(), await open()]
      const steps = fc.array(fc.record({ client: fc.nat(1), command: allCommands(fc) }), { maxLength: 20, size: 'max' })
      const property = fc.asyncProperty(steps, async all => {
        const { scene, model } = await begin(clients[0] as IndexedSessionStore)
        const used = new Set(scene.keys)
        const sent: Call[] = []
        for (const { client, command } of all) {
          const store = clients[client] as IndexedSessionStore
          if (command.do === 'wait') wait(command.ms)
          else if (command.do === 'waitForEnd')
            wait(Math.max(0, (model.endOf(scene.keys[command.key] as string) ?? 0) - now() + command.moreMs))
          else if (command.do === 'deleteExpired') {
            const count = await store.deleteExpired(command.limit)
            assert.ok(count <= command.limit, `deleteExpired(${command.limit}) removed ${count}`)
          } else if (command.do === 'deleteByUser') {
            const { user, except, reason } = command
            const choice = { ...(except !== null && { except: scene.keys[except] as string }), ...(reason && { reason }) }
            const userKey = scene.users[user] as string
            assert.deepEqual(await store.deleteByUser(userKey, choice), model.deleteByUser(userKey, choice))
          } else {
            const call = command.do === 'again' ? sent.at(-1 - command.back) : callOf(command, scene, model, records, now)
            if (!call) continue
            const answer = await call.ask(store)
            assert.deepEqual(answer, call.answer(model))
            if (answer === true || same(answer, { status: 'saved' })) sent.push(call)
            if (same(answer, { status: 'replaced' })) {
              if (command.do !== 'again') sent.push(call)
              const [old, fresh] = call.keys as [string, string]
              used.add(fresh)
              // Who was replaced goes on under the new key.
              scene.keys = scene.keys.map(key => (key === old ? fresh : key))
            }
          }
        }
        await agrees(clients[0] as IndexedSessionStore, model, used, scene.users)
        assert.deepEqual(distinct(await pagesOf(clients[1] as IndexedSessionStore, 1)), sorted(model.list()))
      })
      await fc.assert(property, parameters)
    })

    apartTimed('by several clients at once, it is as if they had come in some order', async open => {
      const fc = await loadFastCheck()
      const clients = [await open(), await open()]
      const one = clients[0] as IndexedSessionStore
      // Most of them want the same session.
      const write = writes(fc, fc.constantFrom(0, 0, 0, 1))
      const batch = fc.array(fc.record({ command: write, twice: fc.boolean() }), { minLength: 2, maxLength: 3 })
      const property = fc.asyncProperty(fc.array(write, { maxLength: 3 }), batch, async (before, commands) => {
        const { scene, model } = await begin(one)
        for (const command of before) {
          if (command.do === 'replace') continue
          const call = callOf(command, scene, model, records, now)
          assert.deepEqual(await call.ask(one), call.answer(model))
        }
        const calls = commands.flatMap(({ command, twice }) => {
          const call = callOf(command, scene, model, records, now)
          // A client library may send a command again while the first is still being carried out.
          return twice ? [call, call] : [call]
        })
        const answers = await Promise.all(calls.map((call, n) => call.ask(clients[n % 2] as IndexedSessionStore)))
        const ends = new Map<string, unknown>()
        await Promise.all(calls.flatMap(call => call.keys).map(async key => ends.set(key, await one.load(key))))
        const listed = await Promise.all(scene.users.map(async user => sorted(await one.listByUser(user))))

        const possible = orders(calls.length).some(order => {
          const imagined = model.copy()
          return (
            order.every(n => same(calls[n]?.answer(imagined), answers[n])) &&
            [...ends].every(([key, end]) => {
              const expected = imagined.load(key)
              // A replace that lost may have buried the key that it did not get.
              return same(expected, end) || (expected === null && !scene.keys.includes(key) && isGone(end as object))
            }) &&
            scene.users.every((user, n) => same(sorted(imagined.listByUser(user)), listed[n]))
          )
        })
        assert.ok(possible, `no order of these calls has these answers: ${JSON.stringify({ answers, ends: [...ends], listed })}`)
      })
      await fc.assert(property, parameters)
    })
  })
}

async function loadFastCheck(): Promise<FastCheck> {
  try {
    return (await import('fast-check')).default
  } catch (cause) {
    throw new Error('this test needs fast-check: npm install --save-dev fast-check', { cause })
  }
}

/** All orders of `count` things, by their numbers. */
function orders(count: number): number[][] {
  if (count === 0) return [[]]
  return orders(count - 1).flatMap(order => Array.from({ length: count }, (_, at) => order.toSpliced(at, 0, count - 1)))
}

/** Whether two answers say the same, whatever the order of their members. */
function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b)
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part) ? Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)) : part,
  )
}
