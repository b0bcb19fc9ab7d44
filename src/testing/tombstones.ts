import assert from 'node:assert/strict'
import type { GoneReason } from '../core/record.ts'
import type { IndexedSessionStore } from '../core/store.ts'
import type { Bench } from './bench.ts'
import { race, rivals } from './races.ts'
import { createAll, DAY, isDead, MINUTE } from './records.ts'

const REASONS: readonly GoneReason[] = ['destroyed', 'regenerated', 'rotated', 'revoked', 'evicted', 'expired']

export function tombstones({ describe, test, timed, wait, now, records: { key, next, record, userKey } }: Bench): void {
  describe('delete and tombstones', () => {
    test('tells whether something lived, and leaves the first reason', async ({ one, two }) => {
      for (const reason of REASONS) {
        const made = record()
        await one.create(made)
        assert.equal(await one.delete(made.key, reason), true)
        assert.equal(await two.delete(made.key, reason === 'revoked' ? 'destroyed' : 'revoked'), false)
        assert.deepEqual(await two.load(made.key), { gone: reason })
      }
    })

    test('leaves a tombstone also where nothing was: a login that was given up may still arrive', async ({ one, two }) => {
      const late = record()
      assert.equal(await one.delete(late.key, 'destroyed'), false)
      assert.deepEqual(await two.load(late.key), { gone: 'destroyed' })
      assert.equal(await two.create(late), false)
      assert.deepEqual(await one.load(late.key), { gone: 'destroyed' })
    })

    /** Whatever may be asked of a key where a tombstone lies. */
    const staysDead = async (store: IndexedSessionStore, made: ReturnType<typeof record>) => {
      const fresh = record({ key: key(made.partition) })
      const found = await store.load(made.key)
      assert.ok(found && 'gone' in found)
      assert.equal(await store.create(next(made)), false)
      assert.equal(await store.create({ ...made }), false)
      assert.deepEqual(await store.save(next(made), made.version), { status: 'missing' })
      assert.deepEqual(await store.save({ ...made }, made.version), { status: 'missing' })
      assert.equal(await store.touch(made.key, { touchedAt: now(), expiresAt: now() + MINUTE }), false)
      assert.deepEqual(await store.replace(made.key, made.version, fresh, 'rotated'), { status: 'missing' })
      assert.equal(await store.delete(made.key, 'expired'), false)
      assert.deepEqual(await store.load(made.key), found)
      assert.equal(await isDead(store, fresh.key), true)
    }

    test('what was destroyed stays dead: nothing brings it back', async ({ one, two }) => {
      const made = record({ userKey: userKey() })
      await one.create(made)
      await one.delete(made.key, 'destroyed')
      await staysDead(two, made)
      assert.deepEqual(await one.listByUser(made.userKey ?? ''), [])
    })

    test('what was replaced stays dead, and so does what was revoked', async ({ one, two }) => {
      const old = record()
      await one.create(old)
      await one.replace(old.key, old.version, record({ key: key(old.partition) }), 'rotated')
      await staysDead(two, old)
      const revoked = record({ userKey: userKey() })
      await one.create(revoked)
      await one.deleteByUser(revoked.userKey ?? '')
      await staysDead(two, revoked)
    })

    timed('a tombstone lies for a minute, to the millisecond, and is nothing after it', async ({ one, two }) => {
      const [destroyed, never, replaced, revoked] = [record(), record(), record(), record({ userKey: userKey() })]
      await createAll(one, [destroyed, replaced, revoked])
      await one.delete(destroyed.key, 'destroyed')
      await one.delete(never.key, 'destroyed')
      await one.replace(replaced.key, replaced.version, record({ key: key(replaced.partition) }), 'regenerated')
      await one.deleteByUser(revoked.userKey ?? '')
      const all = [destroyed, never, replaced, revoked]
      wait(MINUTE)
      for (const made of all) await staysDead(two, made)
      wait(1)
      for (const made of all) {
        assert.equal(await one.load(made.key), null)
        assert.deepEqual(await one.save(next(made), made.version), { status: 'missing' })
      }
      const again = next(destroyed)
      assert.equal(await one.create(again), true)
      assert.deepEqual(await two.load(destroyed.key), again)
      assert.equal(await one.delete(never.key, 'revoked'), false)
      assert.deepEqual(await two.load(never.key), { gone: 'revoked' })
    })

    timed('that of an evicted session lies for a day: its user shall be told', async ({ one, two }) => {
      const user = userKey()
      const made = [record(), record({ userKey: user })] as const
      await createAll(one, made)
      await one.delete(made[0].key, 'evicted')
      await one.deleteByUser(user, { reason: 'evicted' })
      wait(DAY)
      for (const { key: at } of made) assert.deepEqual(await two.load(at), { gone: 'evicted' })
      wait(1)
      for (const { key: at } of made) assert.equal(await two.load(at), null)
    })

    test('of racing deletes exactly one tells that it ended the record', async ({ one, pick }) => {
      const made = record()
      await one.create(made)
      const answers = await Promise.all(rivals(n => pick(n).delete(made.key, 'destroyed')))
      assert.equal(answers.filter(Boolean).length, 1)
    })

    test('a delete that races with the create ends it, whichever comes first', async ({ one, pick }) => {
      const made = rivals(() => record())
      await Promise.all(
        made.map(async (late, n) => {
          const [created, deleted] = await race(
            n,
            () => pick(n).create(late),
            () => pick(n + 1).delete(late.key, 'destroyed'),
          )
          assert.equal(created, deleted)
          assert.deepEqual(await one.load(late.key), { gone: 'destroyed' })
        }),
      )
    })
  })
}
