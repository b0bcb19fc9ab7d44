// Races with a barrier inside of them: another connection holds the row until all rivals wait for it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SessionRecord } from '../../src/core/record.ts'
import { lockOf, login, next, record, startTown, status, type Town, times, userKey, waiting, whileLocked } from './mysql-support.ts'

const RIVALS = 50

let town: Town
beforeAll(async () => {
  town = await startTown()
})
afterAll(() => town?.end())

/** Calls that all wait for the row of this key before one of them goes on. */
function race<T>(table: string, { key }: SessionRecord, calls: Array<() => Promise<T>>): Promise<T[]> {
  return whileLocked(town, lockOf(table, key), async holder => {
    const answers = Promise.all(calls.map(call => call()))
    await waiting(town.admin, calls.length)
    await holder.query('COMMIT')
    return answers
  })
}

for (const isolation of ['REPEATABLE READ', 'READ COMMITTED', 'SERIALIZABLE']) {
  describe(`under ${isolation}`, () => {
    const open = () => town.open({}, { connectionLimit: RIVALS, session: `SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}` })

    test(`of ${RIVALS} saves at once one wins, and each other is told what that one wrote`, async () => {
      const { store, table } = open()
      const first = record()
      await store.create(first)
      const written = times(RIVALS, () => next(first))
      const results = await race(
        table,
        first,
        written.map(one => () => store.save(one, first.version)),
      )
      const winner = written[results.findIndex(({ status }) => status === 'saved')]
      expect(results).toEqual(written.map(one => (one === winner ? { status: 'saved' } : { status: 'conflict', current: winner })))
      expect(await store.load(first.key)).toEqual(winner)
    })

    test(`H10: of ${RIVALS} logins that all wait at once, as many are in as the limit says`, async () => {
      for (const deny of [false, true]) {
        const { store, table } = open()
        const user = userKey()
        const made = times(RIVALS, () => login(user))
        // What they wait for is there once somebody has come.
        const first = login(user)
        await store.create(first, undefined, { max: 3, deny })
        const answers = await whileLocked(town, lockOf(table, `user:${user}`), async holder => {
          const all = Promise.all(made.map(one => store.create(one, undefined, { max: 3, deny })))
          await waiting(town.admin, made.length)
          await holder.query('COMMIT')
          return all
        })
        const inside = made.filter((_, n) => answers[n] === true)
        expect(inside.length).toBe(deny ? 2 : RIVALS)
        const listed = await store.listByUser(user)
        expect(listed.length).toBe(3)
        for (const one of listed) expect([first, ...inside]).toContainEqual(one)
        const gone = await Promise.all([first, ...made].map(({ key }) => store.load(key)))
        expect(gone.filter(found => found && 'gone' in found && found.gone === 'evicted').length).toBe(deny ? 0 : RIVALS - 2)
      }
    })

    test(`of ${RIVALS} replaces and saves at once one wins, and no deadlock is needed for it`, async () => {
      const { store, table } = open()
      const user = userKey()
      const first = record({ userKey: user })
      await store.create(first)
      const deadlocks = await status(town.admin, 'Innodb_deadlocks')
      const saves = times(RIVALS / 2, () => next(first))
      const replaces = times(RIVALS / 2, () => record({ userKey: user }))
      const results = await race<{ status: string; current?: SessionRecord }>(table, first, [
        ...replaces.map(one => () => store.replace(first.key, first.version, one, 'rotated')),
        ...saves.map(one => () => store.save(one, first.version)),
      ])
      const all = [...replaces, ...saves]
      const winner = all[results.findIndex(({ status }) => status === 'saved' || status === 'replaced')]
      const rest = results.filter((_, n) => all[n] !== winner)
      if (winner?.key === first.key) expect(rest.filter(answer => answer.current?.version !== winner.version)).toEqual([])
      else expect(rest.filter(({ status }) => status !== 'missing')).toEqual([])
      expect(await store.listByUser(user)).toEqual([winner])
      expect(await status(town.admin, 'Innodb_deadlocks')).toBe(deadlocks)
    })

    test(`of ${RIVALS} creates at once over what has expired one wins`, async () => {
      const { store, table } = open()
      const old = record({ expiresAt: Date.now() - 1 })
      await store.create(old)
      const made = times(RIVALS, () => next(old))
      const results = await race(
        table,
        old,
        made.map(one => () => store.create(one)),
      )
      expect(results.filter(Boolean)).toHaveLength(1)
      expect(await store.load(old.key)).toEqual(made[results.indexOf(true)])
    })

    test(`of ${RIVALS} creates at once where there was nothing one wins`, async () => {
      const { store, pool } = open()
      const first = record()
      await store.load(first.key)
      // Connected, they send at the same time.
      const connections = await Promise.all(times(RIVALS, () => pool.getConnection()))
      for (const connection of connections) connection.release()
      const made = times(RIVALS, () => next(first))
      const results = await Promise.all(made.map(one => store.create(one)))
      expect(results.filter(Boolean)).toHaveLength(1)
      expect(await store.load(first.key)).toEqual(made[results.indexOf(true)])
    })

    test(`of ${RIVALS} deletes at once one has ended it`, async () => {
      const { store, table } = open()
      const first = record()
      await store.create(first)
      const results = await race(
        table,
        first,
        times(RIVALS, () => () => store.delete(first.key, 'destroyed')),
      )
      expect(results.filter(Boolean)).toHaveLength(1)
      expect(await store.load(first.key)).toEqual({ gone: 'destroyed' })
    })

    test('H7: deleteByUser that waits for a replace ends also what that has put in', async () => {
      const { store, table } = open()
      const user = userKey()
      const [old, other, fresh] = [record({ userKey: user }), record({ userKey: user }), record({ userKey: user })]
      await store.create(old)
      await store.create(other)
      const [replaced, count] = await whileLocked(town, lockOf(table, old.key), async holder => {
        const replacing = store.replace(old.key, old.version, fresh, 'rotated')
        await waiting(town.admin, 1)
        const ending = store.deleteByUser(user)
        await waiting(town.admin, 2)
        await holder.query('COMMIT')
        return Promise.all([replacing, ending])
      })
      // Whoever came first: nothing of the user lives.
      expect([count, replaced.status]).toEqual(replaced.status === 'replaced' ? [2, 'replaced'] : [2, 'missing'])
      expect(await store.listByUser(user)).toEqual([])
    })

    test(`deleteByUser at the same time as ${RIVALS} logins, rotations and logouts of its user: each call is answered, none outlives the next one`, async () => {
      const { store } = open()
      const user = userKey()
      const old = times(RIVALS, () => record({ userKey: user }))
      await Promise.all(old.map(one => store.create(one)))
      const made: SessionRecord[] = []
      const answers = await Promise.all<unknown>(
        old.map((one, n) => {
          const fresh = record({ userKey: user })
          made.push(fresh)
          if (n % 10 === 0) return store.deleteByUser(user)
          if (n % 3 === 0) return store.create(fresh)
          return n % 3 === 1 ? store.replace(one.key, one.version, fresh, 'rotated') : store.delete(one.key, 'destroyed')
        }),
      )
      expect(answers).toHaveLength(RIVALS)
      const listed = await store.listByUser(user)
      const loaded = await Promise.all([...old, ...made].map(({ key }) => store.load(key)))
      expect(loaded.filter(found => found !== null && !('gone' in found))).toHaveLength(listed.length)
      expect(await store.deleteByUser(user)).toBe(listed.length)
      expect(await store.listByUser(user)).toEqual([])
    })
  })
}

test('a touch that waited for a save is laid upon it, and one that waited for a logout finds nothing', async () => {
  const { store, table } = town.open()
  const first = record()
  await store.create(first)
  const at = { touchedAt: first.touchedAt + 1000, expiresAt: first.expiresAt + 1000 }
  const saved = next(first)
  expect(await race<unknown>(table, first, [() => store.save(saved, first.version), () => store.touch(first.key, at)])).toEqual([
    { status: 'saved' },
    true,
  ])
  expect(await store.load(first.key)).toMatchObject({ data: saved.data, version: saved.version })
  const touched = whileLocked(town, lockOf(table, first.key), async holder => {
    const ended = store.delete(first.key, 'destroyed')
    await waiting(town.admin, 1)
    const touch = store.touch(first.key, at)
    await waiting(town.admin, 2)
    await holder.query('COMMIT')
    return Promise.all([ended, touch])
  })
  expect(await touched).toEqual([true, false])
})

test('H2: a create or replace that is sent again while the first is under way is the same one', async () => {
  const { store, table } = town.open()
  const old = record()
  await store.create(old)
  const fresh = record({ userKey: userKey() })
  const again = () => store.replace(old.key, old.version, fresh, 'rotated')
  expect(await race(table, old, [again, again, again])).toEqual(times(3, () => ({ status: 'replaced' })))
  expect(await store.load(fresh.key)).toEqual(fresh)
  const expired = record({ expiresAt: Date.now() - 1 })
  await store.create(expired)
  const made = next(expired)
  const create = () => store.create(made)
  expect(await race(table, expired, [create, create])).toEqual([true, true])
})

test('a statement that is chosen as the victim of a deadlock is tried again', async () => {
  const { store, table, sent } = town.open()
  const [old, fresh] = [record(), record()]
  await store.create(old)
  const deadlocks = await status(town.admin, 'Innodb_deadlocks')
  // The other one has written much more, so that it is not the victim.
  const ballast = `INSERT INTO ${table} (\`key\`, recent, ends_at) VALUES ${times(200, n => `('ballast ${n}', '', 0)`).join(', ')}`
  const replaced = await whileLocked(town, ballast, async holder => {
    await holder.query(lockOf(table, fresh.key))
    const replacing = store.replace(old.key, old.version, fresh, 'rotated')
    await waiting(town.admin, 1)
    await holder.query(lockOf(table, old.key))
    await holder.query('COMMIT')
    return replacing
  })
  expect(replaced).toEqual({ status: 'replaced' })
  expect(await status(town.admin, 'Innodb_deadlocks')).toBe(deadlocks + 1)
  expect(sent.filter(sql => sql.includes('LAST_INSERT_ID() =')).length).toBeGreaterThan(1)
  expect([await store.load(old.key), await store.load(fresh.key)]).toEqual([{ gone: 'rotated' }, fresh])
})
