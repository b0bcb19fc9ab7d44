// Races with a barrier inside of them: another connection holds the row until all rivals wait for it.
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { SessionRecord } from '../../src/core/record.ts'
import { valuesOf } from '../../src/stores/common/row.ts'
import { beginFor, postgresSql } from '../../src/stores/postgres/sql.ts'
import { login, next, record, startTown, type Town, userKey, waiting, whileLocked } from './postgres-support.ts'

const RIVALS = 50
const times = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n))
const lockRow = (table: string) => `SELECT FROM ${table} WHERE key = $1 FOR UPDATE`

// The machine may be busy.
vi.setConfig({ testTimeout: 60_000 })

let town: Town
beforeAll(async () => {
  town = await startTown()
})
afterEach(() => town.close())
afterAll(() => town?.end())

/** Calls that all wait for the row of this key before one of them goes on. */
async function race<T>(table: string, { key }: SessionRecord, calls: Array<() => Promise<T>>): Promise<T[]> {
  return whileLocked(town, lockRow(table), [key], async free => {
    const answers = Promise.all(calls.map(call => call()))
    await waiting(town.admin, calls.length)
    await free()
    return answers
  })
}

for (const isolation of ['read committed', 'repeatable read', 'serializable']) {
  describe(`under ${isolation}`, () => {
    const rivals = isolation === 'read committed' ? RIVALS : 4
    const open = () => {
      const table = town.table()
      const options = `-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}`
      return { table, ...town.open({ table }, { max: RIVALS, options }) }
    }

    test(`of ${rivals} saves at once one wins, and each other is told what that one wrote`, async () => {
      const { store, table } = open()
      const first = record()
      await store.create(first)
      const written = times(rivals, () => next(first))
      const results = await race(
        table,
        first,
        written.map(one => () => store.save(one, first.version)),
      )
      const winner = written[results.findIndex(({ status }) => status === 'saved')]
      expect(results).toEqual(written.map(one => (one === winner ? { status: 'saved' } : { status: 'conflict', current: winner })))
      expect(await store.load(first.key)).toEqual(winner)
    })

    test(`H10: of ${rivals} logins that all wait at once, as many are in as the limit says`, async () => {
      for (const deny of [false, true]) {
        const { store, table } = open()
        const user = userKey()
        const made = times(rivals, () => login(user))
        await store.migrate()
        const { text } = beginFor(`"${table}"`, user, null)
        const answers = await whileLocked(town, text.slice(text.lastIndexOf(';') + 1), [], async free => {
          const all = Promise.all(made.map(one => store.create(one, undefined, { max: 3, deny })))
          await waiting(town.admin, made.length)
          await free()
          return all
        })
        const inside = made.filter((_, n) => answers[n] === true)
        expect(inside.length).toBe(deny ? 3 : rivals)
        const listed = await store.listByUser(user)
        expect(listed.length).toBe(3)
        for (const one of listed) expect(inside).toContainEqual(one)
        const gone = await Promise.all(made.map(({ key }) => store.load(key)))
        expect(gone.filter(found => found && 'gone' in found && found.gone === 'evicted').length).toBe(deny ? 0 : rivals - 3)
      }
    })

    test(`of ${rivals} replaces and saves at once one wins`, async () => {
      const { store, table } = open()
      const user = userKey()
      const first = record({ userKey: user })
      await store.create(first)
      const saves = times(rivals / 2, () => next(first))
      const replaces = times(rivals / 2, () => record({ userKey: user }))
      const results = await race<{ status: string; current?: SessionRecord }>(table, first, [
        ...saves.map(one => () => store.save(one, first.version)),
        ...replaces.map(one => () => store.replace(first.key, first.version, one, 'rotated')),
      ])
      const all = [...saves, ...replaces]
      const winner = all[results.findIndex(({ status }) => status === 'saved' || status === 'replaced')]
      const rest = results.filter((_, n) => all[n] !== winner)
      if (winner?.key === first.key) expect(rest.filter(answer => answer.current?.version !== winner.version)).toEqual([])
      else expect(rest.filter(({ status }) => status !== 'missing')).toEqual([])
      expect(await store.listByUser(user)).toEqual([winner])
    })

    test(`of ${rivals} creates at once over what has expired one wins`, async () => {
      const { store, table } = open()
      const old = record({ expiresAt: Date.now() - 1 })
      await store.create(old)
      const made = times(rivals, () => next(old))
      const results = await race(
        table,
        old,
        made.map(one => () => store.create(one)),
      )
      expect(results.filter(Boolean)).toHaveLength(1)
      expect(await store.load(old.key)).toEqual(made[results.indexOf(true)])
    })

    test(`of ${rivals} deletes at once one has ended it`, async () => {
      const { store, table } = open()
      const first = record()
      await store.create(first)
      const results = await race(
        table,
        first,
        times(rivals, () => () => store.delete(first.key, 'destroyed')),
      )
      expect(results.filter(Boolean)).toHaveLength(1)
      expect(await store.load(first.key)).toEqual({ gone: 'destroyed' })
    })
  })
}

test(`of ${RIVALS} creates at once where there was nothing one wins`, async () => {
  const { store, pool, queries } = town.open({}, { max: RIVALS })
  const first = record()
  await store.load(first.key)
  // Connected, they send at the same time.
  const clients = await Promise.all(times(RIVALS, () => pool.connect()))
  for (const client of clients) client.release()
  const made = times(RIVALS, () => next(first))
  const results = await Promise.all(made.map(one => store.create(one)))
  expect(results.filter(Boolean)).toHaveLength(1)
  expect(await store.load(first.key)).toEqual(made[results.indexOf(true)])
  expect(queries.length).toBeGreaterThan(RIVALS)
})

test('a touch that waited for a save is laid upon it, and one that waited for a logout finds nothing', async () => {
  const table = town.table()
  const { store } = town.open({ table })
  const first = record()
  await store.create(first)
  const at = { touchedAt: first.touchedAt + 1000, expiresAt: first.expiresAt + 1000 }
  const saved = next(first)
  expect(await race<unknown>(table, first, [() => store.save(saved, first.version), () => store.touch(first.key, at)])).toEqual([
    { status: 'saved' },
    true,
  ])
  expect(await store.load(first.key)).toMatchObject({ data: saved.data, version: saved.version })
  const touched = whileLocked(town, lockRow(table), [first.key], async free => {
    const ended = store.delete(first.key, 'destroyed')
    await waiting(town.admin, 1)
    const touch = store.touch(first.key, at)
    await waiting(town.admin, 2)
    await free()
    return Promise.all([ended, touch])
  })
  expect(await touched).toEqual([true, false])
})

test('H7: deleteByUser that waits for a replace ends also what that has put in', async () => {
  const table = town.table()
  const { store } = town.open({ table })
  const user = userKey()
  const [old, other] = [record({ userKey: user }), record({ userKey: user })]
  await store.create(old)
  await store.create(other)
  const fresh = record({ userKey: user })
  const rotation = [null, null, ...valuesOf(fresh), old.version, old.key, 'rotated', 60_000]
  const count = await whileLocked(town, postgresSql(table).replace.text, rotation, async free => {
    const ending = store.deleteByUser(user)
    await waiting(town.admin, 1)
    await free()
    return ending
  })
  expect(count).toBe(2)
  expect(await store.listByUser(user)).toEqual([])
  expect(await store.load(fresh.key)).toEqual({ gone: 'revoked' })
})

test('H2: a replace that is sent again while the first is under way is the same one', async () => {
  const table = town.table()
  const { store } = town.open({ table })
  const old = record()
  await store.create(old)
  const fresh = record()
  const first = [null, null, ...valuesOf(fresh), old.version, old.key, 'rotated', 60_000]
  const again = await whileLocked(town, postgresSql(table).replace.text, first, async free => {
    const answer = store.replace(old.key, old.version, fresh, 'rotated')
    await waiting(town.admin, 1)
    await free()
    return answer
  })
  expect(again).toEqual({ status: 'replaced' })
  const made = record()
  const created = await whileLocked(town, postgresSql(table).create.text, [null, null, ...valuesOf(made)], async free => {
    const answers = [store.create(made), store.create(next(made))]
    await waiting(town.admin, 2)
    await free()
    return Promise.all(answers)
  })
  expect(created).toEqual([true, false])
})
