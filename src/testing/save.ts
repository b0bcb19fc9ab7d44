import assert from 'node:assert/strict'
import type { Bench } from './bench.ts'
import { race, rivals } from './races.ts'
import { isDead, MINUTE } from './records.ts'

export function save({ describe, test, now, records: { key, next, record, userKey } }: Bench): void {
  describe('save', () => {
    test('with the version that is there, overwrites all', async ({ one, two }) => {
      const first = record({
        userId: 'alice',
        authenticatedAt: now(),
        absoluteExpiresAt: now() + 90 * MINUTE,
        maxAge: 5 * MINUTE,
        meta: { a: 1 },
      })
      await one.create(first)
      const second = next(first, { createdAt: now() - 1, touchedAt: now() + 1, idleMs: MINUTE, expiresAt: now() + MINUTE })
      assert.deepEqual(await two.save(second, first.version), { status: 'saved' })
      assert.deepEqual(await one.load(first.key), second)
      const third = next(first, { userId: 'bob', authenticatedAt: 1, absoluteExpiresAt: now() + MINUTE, maxAge: null, meta: {} })
      assert.deepEqual(await one.save(third, second.version), { status: 'saved' })
      assert.deepEqual(await two.load(first.key), third)
    })

    test('with another version, answers with what is there and changes nothing', async ({ one, two }) => {
      const first = record({ userKey: userKey(), userId: 'alice', maxAge: null, meta: { a: [1] } })
      const second = next(first, { userId: 'alice', meta: { b: 2 } })
      await one.create(first)
      await one.save(second, first.version)
      // An earlier version is not the present one, and a version is no word: case and blanks count.
      for (const wrong of ['another version', first.version, swapCase(second.version), `${second.version} `, '']) {
        assert.deepEqual(await two.save(next(first), wrong), { status: 'conflict', current: second }, wrong)
      }
      assert.deepEqual(await one.load(first.key), second)
    })

    test('of what vanished, or never was, is missing: it never inserts', async ({ one }) => {
      const never = record({ key: key() })
      assert.deepEqual(await one.save(never, never.version), { status: 'missing' })
      assert.deepEqual(await one.save(next(never), ''), { status: 'missing' })
      assert.equal(await one.load(never.key), null)
      const vanished = record()
      await one.create(vanished)
      await one.delete(vanished.key, 'destroyed')
      assert.deepEqual(await one.save(next(vanished), vanished.version), { status: 'missing' })
      assert.deepEqual(await one.load(vanished.key), { gone: 'destroyed' })
    })

    test('never changes whom a record belongs to', async ({ one, two }) => {
      const [alice, bob] = [userKey('abc'), userKey('abc')]
      const owned = record({ userKey: alice })
      await one.create(owned)
      const claimed = record({ key: owned.key, userKey: bob })
      assert.deepEqual(await one.save(claimed, owned.version), { status: 'saved' })
      assert.deepEqual(await two.load(owned.key), { ...claimed, userKey: alice })
      const { userKey: _, ...disowned } = next(owned)
      assert.deepEqual(await one.save(disowned, claimed.version), { status: 'saved' })
      assert.deepEqual(await two.load(owned.key), { ...disowned, userKey: alice })
      assert.deepEqual([(await one.listByUser(alice)).length, await one.listByUser(bob)], [1, []])

      const anonymous = record({ key: key('abc') })
      await one.create(anonymous)
      const adopted = record({ key: anonymous.key, userKey: bob })
      assert.deepEqual(await one.save(adopted, anonymous.version), { status: 'saved' })
      assert.equal(((await two.load(anonymous.key)) as { userKey?: string }).userKey, undefined)
      assert.deepEqual(await two.listByUser(bob), [])
    })

    test('of racing writers exactly one wins, and the others are told who', async ({ one, pick }) => {
      const first = record()
      await one.create(first)
      const made = rivals(() => next(first))
      const results = await Promise.all(made.map((rival, n) => pick(n).save(rival, first.version)))
      assert.equal(results.filter(({ status }) => status === 'saved').length, 1)
      const winner = made[results.findIndex(({ status }) => status === 'saved')]
      assert.deepEqual(await one.load(first.key), winner)
      for (const [n, result] of results.entries()) {
        assert.deepEqual(result, made[n] === winner ? { status: 'saved' } : { status: 'conflict', current: winner })
      }
    })

    test('H2: loses no write of clients that try again with what a conflict told them', async ({ one, pick }) => {
      const first = record({ data: '{"n":0}' })
      await one.create(first)
      const increment = async (n: number) => {
        for (let current = first, tries = 0; ; tries++) {
          assert.ok(tries < 100, 'a conflict without an end')
          const mine = next(first, { data: `{"n":${(JSON.parse(current.data) as { n: number }).n + 1}}` })
          const result = await pick(n).save(mine, current.version)
          if (result.status === 'saved') return
          assert.equal(result.status, 'conflict')
          if (result.status === 'conflict') current = result.current
        }
      }
      await Promise.all(rivals(increment))
      const last = await one.load(first.key)
      assert.equal((last as { data?: string }).data, '{"n":12}')
    })

    test('that races with a delete never brings the record back', async ({ one, pick }) => {
      const made = rivals(() => record())
      await Promise.all(made.map(first => one.create(first)))
      const results = await Promise.all(
        made.map((first, n) =>
          race(
            n,
            () => pick(n).save(next(first), first.version),
            () => pick(n + 1).delete(first.key, 'destroyed'),
          ),
        ),
      )
      for (const [n, [saved, deleted]] of results.entries()) {
        assert.deepEqual([deleted, await one.load(made[n]?.key ?? '')], [true, { gone: 'destroyed' }])
        assert.ok(saved.status === 'saved' || saved.status === 'missing', saved.status)
      }
    })

    test('to one record leaves the others as they are', async ({ one, two }) => {
      const user = userKey()
      const [mine, theirs] = [record({ userKey: user }), record({ userKey: user })]
      await one.create(mine)
      await one.create(theirs)
      await two.save(next(mine), mine.version)
      assert.deepEqual(await one.load(theirs.key), theirs)
      await two.delete(mine.key, 'destroyed')
      assert.deepEqual([await isDead(one, mine.key), await one.load(theirs.key)], [true, theirs])
    })
  })
}

function swapCase(text: string): string {
  return text.replace(/[a-z]/gi, letter => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()))
}
