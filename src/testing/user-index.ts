import assert from 'node:assert/strict'
import type { SessionRecord } from '../core/record.ts'
import type { Bench } from './bench.ts'
import { race, rivals } from './races.ts'
import { createAll, isDead, MINUTE, sorted } from './records.ts'

export function userIndex({ describe, test, timed, wait, now, records: { next, record, userKey } }: Bench): void {
  describe('the index of users', () => {
    test('lists the sessions of a user, and of nobody else', async ({ one, two }) => {
      const [alice, bob] = [userKey('abc'), userKey('abc')]
      const hers = [record({ userKey: alice }), record({ userKey: alice, userId: 'alice', meta: { a: 1 } })]
      const his = record({ userKey: bob })
      await createAll(one, [...hers, his, record()])
      for (const store of [one, two]) {
        assert.deepEqual([await store.listByUser(alice), await store.listByUser(bob)], [hers, [his]])
        assert.deepEqual(await store.listByUser(userKey('abc')), [])
      }
    })

    timed('lists the oldest first by its own sequence, whatever clocks say and whoever made them', async ({ one, pick }) => {
      const user = userKey()
      const made: SessionRecord[] = []
      for (let n = 0; n < 8; n++) {
        const created = record({ userKey: user })
        made.push(created)
        assert.equal(await pick(n).create(created), true)
        wait(n % 2 === 0 ? -2000 : 500)
      }
      assert.deepEqual(await one.listByUser(user), made)
      wait(6000)
    })

    test('keeps the order through saves and touches', async ({ one, two }) => {
      const user = userKey()
      const made = [record({ userKey: user }), record({ userKey: user }), record({ userKey: user })]
      await createAll(one, made)
      const [first, second, third] = made as [SessionRecord, SessionRecord, SessionRecord]
      const saved = next(first)
      await two.save(saved, first.version)
      await two.touch(second.key, { touchedAt: second.touchedAt, expiresAt: second.expiresAt })
      assert.deepEqual(await one.listByUser(user), [saved, second, third])
    })

    test('a replace moves the entry: from nobody to a user, to a new id, to another user, to nobody', async ({ one, two }) => {
      const [alice, bob] = [userKey(), userKey()]
      const states = [record(), record({ userKey: alice }), record({ userKey: alice }), record({ userKey: bob }), record()]
      await one.create(states[0] as SessionRecord)
      const listed = async () => [await two.listByUser(alice), await two.listByUser(bob)]
      for (const [n, state] of states.entries()) {
        const old = states[n - 1]
        if (old) assert.deepEqual(await one.replace(old.key, old.version, state, 'regenerated'), { status: 'replaced' })
        assert.deepEqual(await listed(), [state.userKey === alice ? [state] : [], state.userKey === bob ? [state] : []])
      }
    })

    test('forgets what was deleted', async ({ one, two }) => {
      const user = userKey()
      const [first, second] = [record({ userKey: user }), record({ userKey: user })]
      await createAll(one, [first, second])
      await two.delete(first.key, 'destroyed')
      assert.deepEqual(await one.listByUser(user), [second])
    })

    timed('does not list what has expired, nor finds it under a user whose key it had before', async ({ one, two }) => {
      const [alice, bob] = [userKey('abc'), userKey('abc')]
      const short = record({ userKey: alice, expiresAt: now() + MINUTE })
      const long = record({ userKey: alice })
      await createAll(one, [short, long])
      wait(MINUTE)
      assert.deepEqual(await two.listByUser(alice), [short, long])
      wait(1)
      assert.deepEqual(await two.listByUser(alice), [long])
      const reborn = record({ key: short.key, userKey: bob })
      assert.equal(await one.create(reborn), true)
      assert.deepEqual([await two.listByUser(alice), await two.listByUser(bob)], [[long], [reborn]])
      wait(9 * MINUTE)
      assert.equal(await two.deleteByUser(alice), 0)
      assert.deepEqual([await one.load(long.key), await one.load(reborn.key)], [null, reborn])
    })

    test('misses no login that was acknowledged, while others come and go', async ({ one, two, pick }) => {
      const user = userKey()
      const made = rivals(() => record({ userKey: user }))
      await Promise.all(
        made.map(async (created, n) => {
          await pick(n).create(created)
          const listed = await pick(n + 1).listByUser(user)
          assert.ok(
            listed.some(({ key }) => key === created.key),
            'an acknowledged session is missing from the list of its user',
          )
          if (n % 3 === 0) await pick(n).delete(created.key, 'destroyed')
        }),
      )
      const left = made.filter((_, n) => n % 3 !== 0)
      for (const store of [one, two]) assert.deepEqual(sorted(await store.listByUser(user)), sorted(left))
    })

    test('deleteByUser ends them all, each with a tombstone, and tells how many', async ({ one, two }) => {
      const [alice, bob] = [userKey('abc'), userKey('abc')]
      const hers = [record({ userKey: alice }), record({ userKey: alice }), record({ userKey: alice })] as const
      const his = record({ userKey: bob })
      await createAll(one, [...hers, his])
      await one.delete(hers[0].key, 'destroyed')
      assert.equal(await two.deleteByUser(alice), 2)
      assert.deepEqual(await Promise.all(hers.map(({ key }) => one.load(key))), [
        { gone: 'destroyed' },
        { gone: 'revoked' },
        { gone: 'revoked' },
      ])
      assert.deepEqual([await one.listByUser(alice), await one.listByUser(bob)], [[], [his]])
      assert.deepEqual([await two.deleteByUser(alice), await two.deleteByUser(userKey())], [0, 0])
      const again = record({ userKey: alice })
      assert.equal(await two.create(again), true)
      assert.deepEqual(await one.listByUser(alice), [again])
    })

    test('deleteByUser spares `except`, and leaves the reason that it was told', async ({ one, two }) => {
      const [alice, bob] = [userKey('abc'), userKey('abc')]
      const hers = [record({ userKey: alice }), record({ userKey: alice }), record({ userKey: alice })] as const
      const his = record({ userKey: bob })
      await createAll(one, [...hers, his])
      assert.equal(await two.deleteByUser(alice, { except: hers[1].key, reason: 'destroyed' }), 2)
      assert.deepEqual(await Promise.all(hers.map(({ key }) => one.load(key))), [{ gone: 'destroyed' }, hers[1], { gone: 'destroyed' }])
      assert.deepEqual(await one.listByUser(alice), [hers[1]])
      // A key that is not hers spares nothing.
      assert.equal(await two.deleteByUser(alice, { except: his.key }), 1)
      assert.deepEqual([await one.load(hers[1].key), await one.load(his.key)], [{ gone: 'revoked' }, his])
    })

    test('H7: deleteByUser and logins at the same time: what it missed is listed, and the next one ends it', async ({ one, two, pick }) => {
      const user = userKey()
      const before = rivals(() => record({ userKey: user }))
      await createAll(one, before)
      const during = rivals(() => record({ userKey: user }))
      const logIn = async (login: SessionRecord, n: number) => {
        // Some come a little later.
        for (let waits = n % 4; waits > 0; waits--) await pick(n).load(login.key)
        assert.equal(await pick(n).create(login), true)
      }
      const [count] = await Promise.all([two.deleteByUser(user), ...during.map(logIn)])
      for (const { key } of before) assert.deepEqual(await one.load(key), { gone: 'revoked' })
      const dead = await Promise.all(during.map(({ key }) => isDead(one, key)))
      const alive = during.filter((_, n) => !dead[n])
      assert.equal(count, before.length + during.length - alive.length)
      assert.deepEqual(sorted(await one.listByUser(user)), sorted(alive))
      assert.equal(await two.deleteByUser(user), alive.length)
      for (const { key } of during) assert.deepEqual(await one.load(key), { gone: 'revoked' })
    })

    test('no write that races with deleteByUser brings a record back', async ({ one, two, pick }) => {
      for (const round of [0, 1]) {
        const user = userKey()
        const made = rivals(() => record({ userKey: user }))
        await createAll(one, made)
        const moved = new Set<string>()
        const write = async (first: SessionRecord, n: number) => {
          if (n % 3 === 0) return pick(n).save(next(first), first.version)
          if (n % 3 === 1) return pick(n).touch(first.key, { touchedAt: first.touchedAt + 1, expiresAt: first.expiresAt })
          const fresh = record({ userKey: user })
          const { status } = await pick(n).replace(first.key, first.version, fresh, 'rotated')
          if (status === 'replaced') moved.add(fresh.key)
        }
        await race(
          round,
          () => two.deleteByUser(user),
          () => Promise.all(made.map(write)),
        )
        for (const { key } of made) assert.equal(await isDead(one, key), true)
        for (const { key } of await one.listByUser(user)) assert.ok(moved.has(key))
      }
    })
  })
}
