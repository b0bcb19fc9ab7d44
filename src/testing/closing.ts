import assert from 'node:assert/strict'
import type { Bench } from './bench.ts'

export function closing({ describe, apart, test, closeShared, now, records: { key, next, record, userKey } }: Bench): void {
  describe('time limits', () => {
    test('each method takes one, and works as without', async ({ one }) => {
      const limit = 60_000
      const made = record({ userKey: userKey() })
      const saved = next(made)
      const moved = record({ userKey: made.userKey ?? '' })
      assert.equal(await one.load(made.key, limit), null)
      assert.equal(await one.create(made, limit), true)
      assert.deepEqual(await one.save(saved, made.version, limit), { status: 'saved' })
      assert.equal(await one.touch(made.key, { touchedAt: now(), expiresAt: saved.expiresAt }, limit), true)
      assert.deepEqual(await one.replace(made.key, saved.version, moved, 'rotated', limit), { status: 'replaced' })
      assert.equal((await one.listByUser(made.userKey ?? '', limit)).length, 1)
      assert.equal(await one.deleteByUser(made.userKey ?? '', { except: moved.key }, limit), 0)
      assert.ok((await one.list({ limit: 10 }, limit)).records)
      assert.equal(await one.deleteExpired(10, limit).then(Number.isInteger), true)
      assert.equal(await one.delete(moved.key, 'destroyed', limit), true)
    })
  })

  describe('close', () => {
    apart('of a store that was never used, and twice', async open => {
      const store = await open()
      await store.close()
      await store.close()
    })

    apart('ends only this client: others of the same data go on', async open => {
      const [store, other] = [await open(), await open()]
      const made = record()
      await store.create(made)
      if (store === other) return
      await store.close()
      assert.deepEqual(await other.load(made.key), made)
      assert.deepEqual(await other.save(next(made), made.version), { status: 'saved' })
    })

    apart('lets what is under way come to an end: each call is answered, or fails', async open => {
      const store = await open()
      const made = record()
      await store.create(made)
      const calls = [store.load(made.key), store.create(record()), store.save(next(made), made.version), store.delete(key(), 'destroyed')]
      const settled = Promise.allSettled(calls)
      await store.close()
      assert.equal((await settled).length, calls.length)
    })

    test('when the tests are done', async ({ one }) => {
      await one.load(key())
      await closeShared()
      await one.close()
    })
  })
}
