import assert from 'node:assert/strict'
import type { SessionRecord } from '../core/record.ts'
import type { Bench } from './bench.ts'
import { race, rivals } from './races.ts'
import { createAll, MINUTE } from './records.ts'

export function touch({ describe, test, timed, wait, now, records: { key, next, record, userKey } }: Bench): void {
  describe('touch', () => {
    timed('moves times forward, and leaves data, version and the rest', async ({ one, two }) => {
      const made = record({ userKey: userKey(), userId: 'alice', maxAge: null, meta: { a: 1 }, absoluteExpiresAt: now() + 90 * MINUTE })
      await one.create(made)
      wait(MINUTE)
      const times = { touchedAt: now(), expiresAt: now() + 10 * MINUTE }
      assert.equal(await one.touch(made.key, times), true)
      assert.deepEqual(await two.load(made.key), { ...made, ...times })
      assert.deepEqual(await two.save(next(made), made.version), { status: 'saved' })
    })

    test('never creates', async ({ one }) => {
      const at = key()
      assert.equal(await one.touch(at, { touchedAt: now(), expiresAt: now() + MINUTE }), false)
      assert.equal(await one.load(at), null)
    })

    timed('never revives what has expired, nor what is past its absolute end', async ({ one, two }) => {
      const made = [record({ expiresAt: now() + MINUTE }), record({ absoluteExpiresAt: now() + MINUTE })]
      await createAll(one, made)
      wait(MINUTE + 1)
      for (const { key: at } of made) {
        assert.equal(await one.touch(at, { touchedAt: now(), expiresAt: now() + MINUTE }), false)
        // Nor by the time at which its request began, when it still lived.
        assert.equal(await one.touch(at, { touchedAt: now() - MINUTE, expiresAt: now() + 9 * MINUTE }), false)
        assert.equal(await two.load(at), null)
      }
    })

    test('never lowers, never shortens', async ({ one, two }) => {
      const made = record()
      await one.create(made)
      for (const ago of [MINUTE, 1, 0]) {
        assert.equal(await two.touch(made.key, { touchedAt: made.touchedAt - ago, expiresAt: now() + MINUTE }), true)
        assert.deepEqual(await one.load(made.key), made)
      }
    })

    timed('never goes past the absolute end', async ({ one }) => {
      const end = now() + 12 * MINUTE
      const made = record({ absoluteExpiresAt: end })
      await one.create(made)
      wait(5 * MINUTE)
      await one.touch(made.key, { touchedAt: now(), expiresAt: now() + 10 * MINUTE })
      assert.equal(((await one.load(made.key)) as SessionRecord).expiresAt, end)
      wait(7 * MINUTE)
      assert.notEqual(await one.load(made.key), null)
      wait(1)
      assert.equal(await one.load(made.key), null)
    })

    timed('H11: of an older request does not undo a shortened life', async ({ one, two }) => {
      const made = record()
      const opened = now()
      await one.create(made)
      wait(1000)
      const short = next(made, { idleMs: MINUTE, expiresAt: now() + MINUTE })
      await one.save(short, made.version)
      await two.touch(made.key, { touchedAt: opened, expiresAt: opened + 10 * MINUTE })
      assert.deepEqual(await one.load(made.key), short)
      // A later one, that had loaded the longer life, is held to the shorter.
      wait(30_000)
      await two.touch(made.key, { touchedAt: now(), expiresAt: now() + 10 * MINUTE })
      assert.deepEqual(await one.load(made.key), { ...short, touchedAt: now(), expiresAt: now() + MINUTE })
    })

    timed('a life that was moved forward is as long as it says, and the user still has it', async ({ one, two }) => {
      const made = record({ userKey: userKey() })
      await one.create(made)
      wait(9 * MINUTE)
      const times = { touchedAt: now(), expiresAt: now() + 10 * MINUTE }
      await one.touch(made.key, times)
      wait(10 * MINUTE)
      assert.deepEqual(await two.load(made.key), { ...made, ...times })
      assert.deepEqual(await two.listByUser(made.userKey ?? ''), [{ ...made, ...times }])
      wait(1)
      assert.deepEqual([await two.load(made.key), await two.listByUser(made.userKey ?? '')], [null, []])
    })

    test('that races with writes loses none of them', async ({ one, pick }) => {
      const made = rivals(() => record())
      await createAll(one, made)
      await Promise.all(
        made.map(async (first, n) => {
          const second = next(first)
          const times = { touchedAt: first.touchedAt + 5, expiresAt: first.expiresAt + 5 }
          const [touched, saved] = await race(
            n,
            () => pick(n).touch(first.key, times),
            () => pick(n + 1).save(second, first.version),
          )
          assert.deepEqual([touched, saved], [true, { status: 'saved' }])
          const found = (await one.load(first.key)) as SessionRecord
          assert.deepEqual({ data: found.data, version: found.version }, { data: second.data, version: second.version })
        }),
      )
    })

    test('that races with a delete does not bring the record back', async ({ one, pick }) => {
      const made = rivals(() => record())
      await createAll(one, made)
      await Promise.all(
        made.map(async ({ key: at, touchedAt, expiresAt }, n) => {
          const times = { touchedAt: touchedAt + 1, expiresAt: expiresAt + 1 }
          const [deleted] = await race(
            n,
            () => pick(n).delete(at, 'destroyed'),
            () => pick(n + 1).touch(at, times),
          )
          assert.deepEqual([deleted, await one.load(at)], [true, { gone: 'destroyed' }])
        }),
      )
    })
  })
}
