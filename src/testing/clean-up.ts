import assert from 'node:assert/strict'
import { CLEANUP_GRACE_MS, type IndexedSessionStore } from '../core/store.ts'
import type { Bench } from './bench.ts'
import { createAll, DAY, MINUTE } from './records.ts'

export function cleanUp({ describe, apart, apartTimed, options, wait, now, records: { record, userKey } }: Bench): void {
  const selfExpiring = options.selfExpiring ?? false

  /** Removes until nothing is left to be removed. How many went. */
  const removeAll = async (store: IndexedSessionStore, limit: number): Promise<number> => {
    let sum = 0
    for (let rounds = 0; ; rounds++) {
      const count = await store.deleteExpired(limit)
      assert.ok(Number.isInteger(count) && count >= 0 && count <= limit, `${count} were removed of at most ${limit}`)
      assert.ok(rounds < 100, 'a clean-up without an end')
      if (count === 0) return sum
      sum += count
    }
  }

  describe('deleteExpired', () => {
    apart('finds nothing in an empty store, nor among the living', async open => {
      const store = await open()
      assert.equal(await store.deleteExpired(10), 0)
      const made = [record(), record({ userKey: userKey() })]
      await createAll(store, made)
      assert.equal(await store.deleteExpired(10), 0)
      for (const one of made) assert.deepEqual(await store.load(one.key), one)
    })

    apartTimed('removes what ended over ten minutes ago, a batch at a time, and tells how many', async open => {
      const [store, other] = [await open(), await open()]
      const user = userKey()
      const soon = now() + MINUTE
      const ended = Array.from({ length: 15 }, (_, n) =>
        record(n % 3 === 0 ? { absoluteExpiresAt: soon } : n % 3 === 1 ? { expiresAt: soon } : { expiresAt: soon, userKey: user }),
      )
      const buried = Array.from({ length: 8 }, () => record({ userKey: user }))
      const evicted = record({ userKey: user })
      const living = [record({ expiresAt: now() + DAY }), record({ expiresAt: now() + DAY, userKey: user })]
      const longer = record({ expiresAt: soon })
      await createAll(store, [...ended, ...buried, evicted, ...living, longer])
      for (const { key } of buried) await store.delete(key, 'destroyed')
      await store.delete(evicted.key, 'evicted')
      await store.touch(longer.key, { touchedAt: now() + 9 * MINUTE, expiresAt: now() + 19 * MINUTE })

      wait(MINUTE + CLEANUP_GRACE_MS)
      assert.equal(await other.deleteExpired(100), 0)
      wait(1)
      const first = await other.deleteExpired(5)
      assert.ok(first <= 5)
      const count = first + (await removeAll(other, 5))
      if (selfExpiring) assert.ok(count <= 23)
      else assert.equal(count, 23)
      for (const one of living) assert.deepEqual(await store.load(one.key), one)
      assert.deepEqual(await store.load(evicted.key), { gone: 'evicted' })
      assert.notEqual(await store.load(longer.key), null)
      assert.deepEqual(await store.listByUser(user), living.slice(1))
      for (const { key } of [...ended, ...buried]) assert.equal(await store.load(key), null)
    })

    apartTimed('H11: by a clock that runs ahead, leaves what has just ended: it may live by the right one', async open => {
      const [store, other] = [await open(), await open()]
      const user = userKey()
      const made = [record({ expiresAt: now() + MINUTE }), record({ absoluteExpiresAt: now() + MINUTE, userKey: user })]
      const buried = record()
      await createAll(store, [...made, buried])
      await store.delete(buried.key, 'destroyed')
      wait(MINUTE + CLEANUP_GRACE_MS)
      try {
        assert.equal(await other.deleteExpired(100), 0)
      } finally {
        wait(-MINUTE - CLEANUP_GRACE_MS)
      }
      for (const one of made) assert.deepEqual(await store.load(one.key), one)
      assert.deepEqual([await store.listByUser(user), await store.load(buried.key)], [made.slice(1), { gone: 'destroyed' }])
    })

    apartTimed('by several at once removes each but once', async open => {
      const stores = [await open(), await open()]
      const made = Array.from({ length: 12 }, () => record({ expiresAt: now() + 1 }))
      await createAll(stores[0] as IndexedSessionStore, made)
      wait(CLEANUP_GRACE_MS + 2)
      const counts = await Promise.all(stores.map(store => removeAll(store, 4)))
      const sum = counts.reduce((a, b) => a + b) + (await removeAll(stores[0] as IndexedSessionStore, 100))
      if (selfExpiring) assert.ok(sum <= 12)
      else assert.equal(sum, 12)
    })
  })
}
