import assert from 'node:assert/strict'
import type { Bench } from './bench.ts'
import { createAll, MINUTE } from './records.ts'

/** How far the clock of this process and that of the store may be apart. */
const SKEW_MS = 100
/** Long against that, short for a test that waits for it. */
const LIFE_MS = 300

export function expiry({ describe, timed, apartUnclocked, wait, now, records: { key, next, record, userKey } }: Bench): void {
  describe('expiry', () => {
    for (const [end, part] of [['expiresAt', {}] as const, ['absoluteExpiresAt', { expiresAt: 9 * MINUTE }] as const]) {
      timed(`lies at ${end} to the millisecond, and is read by each operation before anything else`, async ({ one, two }) => {
        const user = userKey()
        const make = () => record({ userKey: user, ...(part.expiresAt && { expiresAt: now() + part.expiresAt }), [end]: now() + MINUTE })
        const [load, save, replace, touch, remove, create] = [make(), make(), make(), make(), make(), make()]
        const all = [load, save, replace, touch, remove, create]
        await createAll(one, all)
        wait(MINUTE)
        for (const made of all) assert.deepEqual(await two.load(made.key), made)
        assert.deepEqual(await two.listByUser(user), all)
        wait(1)
        const fresh = record({ key: key(load.partition) })
        assert.equal(await two.load(load.key), null)
        assert.deepEqual(await two.save(next(save), save.version), { status: 'missing' })
        assert.deepEqual(await two.save({ ...save }, save.version), { status: 'missing' })
        assert.deepEqual(await two.replace(replace.key, replace.version, fresh, 'rotated'), { status: 'missing' })
        assert.equal(await two.touch(touch.key, { touchedAt: now(), expiresAt: now() + MINUTE }), false)
        assert.equal(await two.delete(remove.key, 'destroyed'), false)
        const again = next(create)
        assert.equal(await two.create(again), true)
        assert.deepEqual([await one.load(remove.key), await one.load(fresh.key)], [{ gone: 'destroyed' }, null])
        for (const { key: at } of [save, replace, touch]) assert.equal(await one.load(at), null)
        assert.deepEqual([await one.load(create.key), await one.listByUser(user)], [again, [again]])
      })
    }

    timed('a save gives the life that it says: longer, or shorter', async ({ one, two }) => {
      const [longer, shorter] = [record(), record()]
      await createAll(one, [longer, shorter])
      const long = next(longer, { expiresAt: now() + 30 * MINUTE, idleMs: 30 * MINUTE })
      const short = next(shorter, { expiresAt: now() + MINUTE, idleMs: MINUTE })
      await one.save(long, longer.version)
      await one.save(short, shorter.version)
      wait(MINUTE + 1)
      assert.equal(await two.load(short.key), null)
      wait(29 * MINUTE - 1)
      assert.deepEqual(await two.load(long.key), long)
      wait(1)
      assert.equal(await two.load(long.key), null)
    })

    apartUnclocked('on its own clock, a record lives until its end and not after it', async open => {
      const store = await open()
      const life = (ms: number) => ({ createdAt: Date.now(), touchedAt: Date.now(), expiresAt: Date.now() + ms })
      const lasting = record(life(60 * MINUTE))
      const [short, touched] = [record(life(LIFE_MS)), record(life(LIFE_MS))]
      await createAll(store, [lasting, short])
      // It may have ended before the touch comes, on a busy machine: then it must not have come back.
      await store.create(touched)
      const lengthened = await store.touch(touched.key, { touchedAt: Date.now(), expiresAt: touched.expiresAt + LIFE_MS })
      for (const [{ key: at }, end] of [
        [short, short.expiresAt] as const,
        [touched, touched.expiresAt + (lengthened ? LIFE_MS : 0)] as const,
      ]) {
        for (;;) {
          const before = Date.now()
          const found = await store.load(at)
          if (found === null) break
          assert.ok(before <= end + SKEW_MS, `a record is there ${before - end} ms after its end`)
          await new Promise(resolve => setTimeout(resolve, 20))
        }
        assert.ok(Date.now() >= end - SKEW_MS, `a record is gone ${end - Date.now()} ms before its end`)
      }
      assert.equal(await store.touch(short.key, life(MINUTE)), false)
      assert.deepEqual(await store.save({ ...record(life(MINUTE)), key: short.key }, short.version), { status: 'missing' })
      assert.deepEqual(await store.load(lasting.key), lasting)
      assert.equal(await store.create({ ...record(life(MINUTE)), key: short.key }), true)
    })
  })
}
