import assert from 'node:assert/strict'
import type { Bench } from './bench.ts'
import { race, rivals } from './races.ts'
import { createAll, isDead, MINUTE } from './records.ts'

export function replace({ describe, test, timed, wait, now, records: { key, next, record, userKey } }: Bench): void {
  describe('replace', () => {
    test('inserts the new and buries the old in one step', async ({ one, two }) => {
      const old = record()
      const fresh = record({ key: key(old.partition), meta: { a: 1 }, maxAge: null })
      await one.create(old)
      assert.deepEqual(await one.replace(old.key, old.version, fresh, 'regenerated'), { status: 'replaced' })
      for (const store of [one, two]) {
        assert.deepEqual([await store.load(old.key), await store.load(fresh.key)], [{ gone: 'regenerated' }, fresh])
      }
    })

    test('moves between partitions: from nobody to a user, and from user to user', async ({ one, two }) => {
      const anonymous = record()
      const alice = record({ userKey: userKey(), userId: 'alice' })
      const bob = record({ userKey: userKey(), userId: 'bob' })
      await one.create(anonymous)
      assert.deepEqual(await one.replace(anonymous.key, anonymous.version, alice, 'regenerated'), { status: 'replaced' })
      assert.deepEqual([await two.load(anonymous.key), await two.load(alice.key)], [{ gone: 'regenerated' }, alice])
      assert.deepEqual(await two.replace(alice.key, alice.version, bob, 'rotated'), { status: 'replaced' })
      assert.deepEqual([await one.load(alice.key), await one.load(bob.key)], [{ gone: 'rotated' }, bob])
    })

    for (const [where, partition] of [['within a partition', 'abc'] as const, ['between partitions', 'xyz'] as const]) {
      test(`with another version, answers with what is there and inserts nothing, ${where}`, async ({ one, two }) => {
        const first = record({ key: key('abc'), meta: { a: 1 } })
        const old = next(first, { meta: { b: 1 } })
        await one.create(first)
        await one.save(old, first.version)
        for (const wrong of ['another version', first.version, '']) {
          const fresh = record({ key: key(partition) })
          assert.deepEqual(await two.replace(old.key, wrong, fresh, 'rotated'), { status: 'conflict', current: old })
          assert.deepEqual([await one.load(old.key), await isDead(one, fresh.key)], [old, true])
        }
      })

      test(`of what is not there, or has ended, is missing and inserts nothing, ${where}`, async ({ one }) => {
        const old = record({ key: key('abc') })
        const fresh = () => record({ key: key(partition) })
        const [first, second] = [fresh(), fresh()]
        assert.deepEqual(await one.replace(old.key, old.version, first, 'rotated'), { status: 'missing' })
        assert.deepEqual([await one.load(old.key), await isDead(one, first.key)], [null, true])
        await one.create(old)
        await one.delete(old.key, 'destroyed')
        assert.deepEqual(await one.replace(old.key, old.version, second, 'rotated'), { status: 'missing' })
        assert.deepEqual([await one.load(old.key), await isDead(one, second.key)], [{ gone: 'destroyed' }, true])
      })

      test(`onto a key that is taken, or where a tombstone lies, is denied and changes nothing, ${where}`, async ({ one, two }) => {
        const old = record({ key: key('abc') })
        const [taken, buried] = [record({ key: key(partition) }), record({ key: key(partition) })]
        await createAll(one, [old, taken, buried])
        await one.delete(buried.key, 'destroyed')
        for (const at of [taken.key, buried.key]) {
          assert.deepEqual(await two.replace(old.key, old.version, record({ key: at }), 'rotated'), { status: 'denied' })
        }
        assert.deepEqual(
          [await one.load(old.key), await one.load(taken.key), await one.load(buried.key)],
          [old, taken, { gone: 'destroyed' }],
        )
      })

      test(`H3: of racing calls exactly one wins, and one new record lives, ${where}`, async ({ one, pick }) => {
        const old = record({ key: key('abc') })
        await one.create(old)
        const made = rivals(() => record({ key: key(partition) }))
        const results = await Promise.all(made.map((rival, n) => pick(n).replace(old.key, old.version, rival, 'rotated')))
        const won = results.map(({ status }) => status === 'replaced')
        assert.equal(won.filter(Boolean).length, 1)
        for (const { status } of results) assert.ok(status === 'replaced' || status === 'missing', status)
        const dead = await Promise.all(made.map(({ key: at }) => isDead(one, at)))
        assert.deepEqual(
          dead.map(is => !is),
          won,
        )
        assert.deepEqual(
          [await one.load(old.key), await one.load(made[won.indexOf(true)]?.key ?? '')],
          [{ gone: 'rotated' }, made[won.indexOf(true)]],
        )
      })

      test(`H3: loses no save that was acknowledged before it, ${where}`, async ({ one, pick }) => {
        const made = rivals(() => {
          const old = record({ key: key('abc') })
          return { old, saved: next(old), fresh: record({ key: key(partition) }) }
        })
        await createAll(
          one,
          made.map(({ old }) => old),
        )
        await Promise.all(
          made.map(async ({ old, saved, fresh }, n) => {
            const [save, replaced] = await race(
              n,
              () => pick(n).save(saved, old.version),
              () => pick(n + 1).replace(old.key, old.version, fresh, 'rotated'),
            )
            if (save.status === 'saved') {
              assert.deepEqual([replaced, await one.load(old.key)], [{ status: 'conflict', current: saved }, saved])
              assert.equal(await isDead(one, fresh.key), true)
            } else {
              assert.deepEqual([save, replaced], [{ status: 'missing' }, { status: 'replaced' }])
              assert.deepEqual([await one.load(old.key), await one.load(fresh.key)], [{ gone: 'rotated' }, fresh])
            }
          }),
        )
      })

      test(`that races with a delete leaves the old record dead, and the new one only if it was told so, ${where}`, async ({
        one,
        pick,
      }) => {
        const made = rivals(() => ({ old: record({ key: key('abc') }), fresh: record({ key: key(partition) }) }))
        await createAll(
          one,
          made.map(({ old }) => old),
        )
        await Promise.all(
          made.map(async ({ old, fresh }, n) => {
            const [replaced, deleted] = await race(
              n,
              () => pick(n).replace(old.key, old.version, fresh, 'rotated'),
              () => pick(n + 1).delete(old.key, 'destroyed'),
            )
            assert.deepEqual(
              [replaced.status, await one.load(old.key)],
              deleted ? ['missing', { gone: 'destroyed' }] : ['replaced', { gone: 'rotated' }],
            )
            assert.equal(await isDead(one, fresh.key), deleted)
          }),
        )
      })
    }

    timed('onto a key where something has expired inserts: what has expired is nothing', async ({ one }) => {
      const [first, second] = [record(), record()]
      const [expired, buried] = [record({ expiresAt: now() + 1 }), record()]
      await createAll(one, [first, second, expired, buried])
      await one.delete(buried.key, 'destroyed')
      wait(MINUTE + 1)
      for (const [old, at] of [[first, expired.key] as const, [second, buried.key] as const]) {
        const fresh = record({ key: at })
        assert.deepEqual(await one.replace(old.key, old.version, fresh, 'rotated'), { status: 'replaced' })
        assert.deepEqual(await one.load(at), fresh)
      }
    })
  })
}
