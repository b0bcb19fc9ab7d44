import assert from 'node:assert/strict'
import type { SessionRecord } from '../core/record.ts'
import type { IndexedSessionStore } from '../core/store.ts'
import type { Bench } from './bench.ts'
import { createAll, DAY, isDead, MINUTE } from './records.ts'

export function limits({ describe, test, timed, wait, now, records: { key, login, next, record, userKey } }: Bench): void {
  const evict = (max: number) => ({ max, deny: false })
  const deny = (max: number) => ({ max, deny: true })
  const gone = { gone: 'evicted' }
  const loaded = (store: IndexedSessionStore, records: readonly SessionRecord[]) =>
    Promise.all(records.map(({ key: at }) => store.load(at)))

  describe('H10: a limit to the sessions of a user', () => {
    test('lets as many begin as it says, and then ends the oldest for each', async ({ one, pick }) => {
      const user = userKey()
      const made = [1, 2, 3, 4, 5].map(() => login(user))
      for (const [n, created] of made.entries()) assert.equal(await pick(n).create(created, undefined, evict(3)), true)
      assert.deepEqual(await loaded(one, made), [gone, gone, ...made.slice(2)])
      assert.deepEqual(await pick(1).listByUser(user), made.slice(2))
    })

    test('of 1 ends whatever was there', async ({ one, two }) => {
      const user = userKey()
      const [first, second] = [login(user), login(user)]
      await one.create(first, undefined, evict(1))
      assert.equal(await two.create(second, undefined, evict(1)), true)
      assert.deepEqual(await loaded(one, [first, second]), [gone, second])
    })

    test('or refuses the one that is too many, and stores nothing of it', async ({ one, two }) => {
      const user = userKey()
      const made = [login(user), login(user)]
      const tooMany = login(user)
      for (const created of made) assert.equal(await one.create(created, undefined, deny(2)), true)
      assert.equal(await two.create(tooMany, undefined, deny(2)), 'full')
      assert.deepEqual(await loaded(one, [...made, tooMany]), [...made, null])
      assert.deepEqual(await two.listByUser(user), made)
      await one.delete((made[0] as SessionRecord).key, 'destroyed')
      assert.equal(await two.create(tooMany, undefined, deny(2)), true)
      assert.deepEqual(await one.listByUser(user), [made[1], tooMany])
    })

    for (const [where, partition] of [['within a partition', 'abc'] as const, ['between partitions', 'xyz'] as const]) {
      test(`counts what takes the place of nobody's session, ${where}`, async ({ one, two }) => {
        const user = userKey('abc')
        const made = [login(user), login(user)]
        const visits = [1, 2].map(() => record({ key: key(partition) })) as [SessionRecord, SessionRecord]
        await createAll(one, [...made, ...visits])
        const [refused, fresh] = [login(user), login(user)]
        const [visit, other] = visits
        assert.deepEqual(await two.replace(visit.key, visit.version, refused, 'regenerated', undefined, deny(2)), { status: 'full' })
        assert.deepEqual([...(await loaded(one, [visit, ...made])), await isDead(one, refused.key)], [visit, ...made, true])
        const again = login(user)
        assert.deepEqual(await one.replace(other.key, other.version, again, 'regenerated', undefined, evict(2)), { status: 'replaced' })
        assert.deepEqual(await loaded(two, [other, ...made, again]), [{ gone: 'regenerated' }, gone, made[1], again])
        // What was refused may still come.
        assert.deepEqual(await two.replace(visit.key, visit.version, fresh, 'regenerated', undefined, evict(2)), { status: 'replaced' })
        assert.deepEqual(await one.listByUser(user), [again, fresh])
      })

      test(`counts what takes the place of another user's session, ${where}`, async ({ one, two }) => {
        const [alice, bob] = [userKey('abc'), userKey(partition)]
        const [his, hers, fresh] = [login(bob), login(alice), login(alice)]
        await createAll(one, [his, hers])
        assert.deepEqual(await two.replace(his.key, his.version, fresh, 'regenerated', undefined, evict(1)), { status: 'replaced' })
        assert.deepEqual(await loaded(one, [his, hers, fresh]), [{ gone: 'regenerated' }, gone, fresh])
        assert.deepEqual([await one.listByUser(alice), await one.listByUser(bob)], [[fresh], []])
      })
    }

    test('H3: counts no session twice that gets a new id', async ({ one, two }) => {
      const user = userKey()
      const states = [login(user), login(user), login(user)] as const
      await one.create(states[0], undefined, deny(1))
      for (const n of [0, 1] as const) {
        const [old, fresh] = [states[n], states[n + 1] as SessionRecord]
        assert.deepEqual(await two.replace(old.key, old.version, fresh, 'regenerated', undefined, n === 0 ? deny(1) : evict(1)), {
          status: 'replaced',
        })
      }
      assert.deepEqual(await loaded(one, states), [{ gone: 'regenerated' }, { gone: 'regenerated' }, states[2]])
    })

    test('says of what is not as expected what it says without one, and ends nobody', async ({ one, two }) => {
      const user = userKey('abc')
      const hers = login(user)
      const old = record({ key: key('abc') })
      const [taken, buried] = [record({ key: key('abc') }), record({ key: key('abc') })]
      await createAll(one, [hers, old, taken, buried])
      await one.delete(buried.key, 'destroyed')
      for (const limit of [evict(1), deny(1)]) {
        const fresh = login(user)
        const ask = (at: string, version: string, made: SessionRecord) => two.replace(at, version, made, 'regenerated', undefined, limit)
        assert.deepEqual(await ask(old.key, 'another version', fresh), { status: 'conflict', current: old })
        assert.deepEqual(await ask(key('abc'), old.version, login(user)), { status: 'missing' })
        assert.deepEqual(await ask(buried.key, buried.version, login(user)), { status: 'missing' })
        assert.deepEqual(await ask(old.key, old.version, login(user, { key: taken.key })), { status: 'denied' })
        assert.deepEqual(await ask(old.key, old.version, login(user, { key: buried.key })), { status: 'denied' })
        assert.equal(await two.create(login(user, { key: taken.key }), undefined, limit), false)
        assert.equal(await two.create(login(user, { key: buried.key }), undefined, limit), false)
      }
      assert.deepEqual(await loaded(one, [hers, old, taken]), [hers, old, taken])
    })

    test('counts the sessions of one user only, and nothing that is no session', async ({ one, two }) => {
      const [alice, bob] = [userKey('abc'), userKey('abc')]
      const his = login(bob)
      // As an epoch, which belongs to a user and is nobody's session.
      const marker = record({ userKey: alice })
      const hers = login(alice)
      await createAll(one, [marker, his])
      assert.equal(await two.create(hers, undefined, deny(1)), true)
      assert.equal(await two.create(record({ userKey: alice }), undefined, deny(1)), true)
      assert.equal(await two.create(record(), undefined, deny(1)), true)
      const fresh = login(alice)
      assert.equal(await two.create(fresh, undefined, evict(1)), true)
      assert.deepEqual(await loaded(one, [his, marker, hers, fresh]), [his, marker, gone, fresh])
    })

    timed('does not count what has expired', async ({ one, two }) => {
      const user = userKey()
      const [short, long, fresh, last] = [login(user, { expiresAt: now() + MINUTE }), login(user), login(user), login(user)]
      await createAll(one, [short, long])
      assert.equal(await two.create(fresh, undefined, deny(2)), 'full')
      wait(MINUTE + 1)
      assert.equal(await two.create(fresh, undefined, deny(2)), true)
      assert.equal(await two.create(last, undefined, evict(3)), true)
      assert.deepEqual(await one.listByUser(user), [long, fresh, last])
    })

    timed('leaves a tombstone for a day: what it has ended stays so, and is told why', async ({ one, two }) => {
      const user = userKey()
      const old = login(user, { idleMs: 3 * DAY, expiresAt: now() + 3 * DAY })
      await one.create(old, undefined, evict(1))
      await one.create(login(user), undefined, evict(1))
      assert.deepEqual(await two.save(next(old), old.version), { status: 'missing' })
      assert.equal(await two.touch(old.key, { touchedAt: now(), expiresAt: now() + MINUTE }), false)
      assert.deepEqual(await two.replace(old.key, old.version, login(user), 'regenerated', undefined, evict(9)), { status: 'missing' })
      assert.equal(await two.create({ ...old }, undefined, evict(9)), false)
      wait(DAY)
      assert.deepEqual(await two.load(old.key), gone)
      wait(1)
      assert.equal(await two.load(old.key), null)
    })

    test('ends all that are too many where it has become lower, the oldest first', async ({ one, two }) => {
      const user = userKey()
      const made = [1, 2, 3, 4, 5].map(() => login(user))
      await createAll(one, made)
      const fresh = login(user)
      assert.equal(await two.create(login(user), undefined, deny(2)), 'full')
      assert.equal(await two.create(fresh, undefined, evict(2)), true)
      assert.deepEqual(await loaded(one, made), [gone, gone, gone, gone, made[4]])
      assert.deepEqual(await one.listByUser(user), [made[4], fresh])
    })

    test('ends the first by the order in which they came, also where one has got a new id', async ({ one, two }) => {
      const user = userKey()
      const [first, second, moved, third] = [login(user), login(user), login(user), login(user)]
      await createAll(one, [first, second])
      await two.replace(first.key, first.version, moved, 'rotated')
      await two.create(third, undefined, evict(2))
      assert.deepEqual(await loaded(one, [second, moved, third]), [gone, moved, third])
    })
  })
}
