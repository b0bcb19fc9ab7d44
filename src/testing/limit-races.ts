import assert from 'node:assert/strict'
import type { SessionRecord } from '../core/record.ts'
import type { IndexedSessionStore } from '../core/store.ts'
import type { Bench } from './bench.ts'
import { rivals } from './races.ts'
import { createAll, isDead, sorted } from './records.ts'

/** As many as overlap in any store that lets them (H10). */
const LOGINS = 50

/**
 * Exact means: when all logins have been answered, as many of a user's sessions load as the limit says, and each one that was ended or
 * refused does not.
 */
export function limitRaces({ describe, test, records: { key, login, record, userKey } }: Bench): void {
  type Begin = (store: IndexedSessionStore, fresh: SessionRecord, limit: { max: number; deny: boolean }) => Promise<unknown>
  const byCreate: Begin = (store, fresh, limit) => store.create(fresh, undefined, limit)
  /** A visitor who logs in: nobody's session becomes a user's, in the same partition or from another. */
  const byReplace =
    (partition: (of: string) => string | undefined): Begin =>
    async (store, fresh, limit) => {
      const visit = record({ key: key(partition(fresh.partition)) })
      assert.equal(await store.create(visit), true)
      const { status } = await store.replace(visit.key, visit.version, fresh, 'regenerated', undefined, limit)
      assert.equal(await isDead(store, visit.key), status === 'replaced', 'what a login did not replace must live')
      return status === 'replaced' ? true : status
    }
  const ways = [
    ['create', byCreate],
    ['replace', byReplace(partition => partition)],
    ['replace from another partition', byReplace(() => undefined)],
  ] as const

  const livesOf = async (store: IndexedSessionStore, made: readonly SessionRecord[]) => {
    const found = await Promise.all(made.map(({ key: at }) => store.load(at)))
    return { found, live: made.filter((_, n) => found[n] && !('gone' in found[n])) }
  }

  describe('H10: a limit, and many logins at once', () => {
    for (const [way, begin] of ways) {
      for (const max of [1, 3]) {
        test(`ends all but ${max} of ${LOGINS}, by ${way}, and tells each why`, async ({ one, two, pick }) => {
          const user = userKey()
          const made = Array.from({ length: LOGINS }, () => login(user))
          const answers = await Promise.all(made.map((fresh, n) => begin(pick(n), fresh, { max, deny: false })))
          assert.deepEqual(
            answers,
            made.map(() => true),
          )
          const { found, live } = await livesOf(two, made)
          assert.equal(live.length, max)
          for (const one of found) if (one && 'gone' in one) assert.equal(one.gone, 'evicted')
          assert.ok(!found.includes(null), 'what was evicted must be told so')
          for (const store of [one, two]) assert.deepEqual(sorted(await store.listByUser(user)), sorted(live))
        })

        test(`lets ${max} of ${LOGINS} in, by ${way}, and stores nothing of the others`, async ({ one, two, pick }) => {
          const user = userKey()
          const made = Array.from({ length: LOGINS }, () => login(user))
          const answers = await Promise.all(made.map((fresh, n) => begin(pick(n), fresh, { max, deny: true })))
          const admitted = made.filter((_, n) => answers[n] === true)
          assert.equal(admitted.length, max)
          for (const answer of answers) assert.ok(answer === true || answer === 'full', String(answer))
          for (const store of [one, two]) {
            assert.deepEqual((await livesOf(store, made)).live, admitted)
            assert.deepEqual(sorted(await store.listByUser(user)), sorted(admitted))
          }
        })
      }
    }

    test('lets nobody pass while ids are renewed, and nobody out twice', async ({ one, pick }) => {
      const user = userKey()
      const old = [1, 2, 3].map(() => login(user))
      await createAll(one, old)
      const renewed = old.map(() => login(user))
      const made = rivals(() => login(user))
      const limit = { max: 3, deny: false }
      const [moves] = await Promise.all([
        Promise.all(
          old.map(({ key: at, version }, n) => pick(n).replace(at, version, renewed[n] as SessionRecord, 'rotated', undefined, limit)),
        ),
        Promise.all(made.map((fresh, n) => pick(n).create(fresh, undefined, limit))),
      ])
      for (const { status } of moves) assert.ok(status === 'replaced' || status === 'missing', status)
      const { live } = await livesOf(one, [...old, ...renewed, ...made])
      assert.equal(live.length, 3)
      assert.deepEqual(sorted(await one.listByUser(user)), sorted(live))
    })

    test('gives the place of who logs out to one who comes, and to no more', async ({ one, pick }) => {
      await Promise.all(
        [1, 2, 3].map(async () => {
          const user = userKey()
          const old = [login(user), login(user)] as const
          await createAll(one, old)
          const made = rivals(() => login(user))
          const limit = { max: 2, deny: true }
          const [answers] = await Promise.all([
            Promise.all(made.map((fresh, n) => pick(n).create(fresh, undefined, limit))),
            one.delete(old[0].key, 'destroyed'),
          ])
          const admitted = made.filter((_, n) => answers[n] === true)
          assert.ok(admitted.length <= 1, `${admitted.length} came for the one who left`)
          assert.deepEqual(sorted(await one.listByUser(user)), sorted([old[1], ...admitted]))
        }),
      )
    })

    test('H2: a login whose answer was lost, and that comes again, ends nobody else and is not refused by itself', async ({ one, two }) => {
      for (const deny of [false, true]) {
        const user = userKey()
        const [first, second, visit] = [login(user), login(user), record()]
        const limit = { max: 2, deny }
        assert.equal(await one.create(first, undefined, limit), true)
        for (const store of [one, two]) assert.equal(await store.create({ ...second }, undefined, limit), true)
        assert.deepEqual(await two.listByUser(user), [first, second])
        if (deny) await one.delete(first.key, 'destroyed')
        const fresh = login(user)
        await one.create(visit)
        for (const store of [one, two]) {
          const answer = await store.replace(visit.key, visit.version, { ...fresh }, 'regenerated', undefined, limit)
          assert.deepEqual(answer, { status: 'replaced' })
        }
        assert.deepEqual(await two.listByUser(user), [second, fresh])
      }
    })

    test('H2: a login that comes twice at once is one', async ({ one, two }) => {
      await Promise.all(
        rivals(async n => {
          const user = userKey()
          const [first, visit, second, third] = [login(user), record(), login(user), login(user)]
          const limit = { max: 2, deny: n % 2 === 0 }
          await createAll(one, [first, visit])
          const created = await Promise.all([one, two].map(store => store.create({ ...second }, undefined, limit)))
          assert.deepEqual(created, [true, true])
          assert.deepEqual(await two.listByUser(user), [first, second])
          await one.delete(first.key, 'destroyed')
          const moved = await Promise.all(
            [one, two].map(store => store.replace(visit.key, visit.version, { ...third }, 'regenerated', undefined, limit)),
          )
          assert.deepEqual(moved, [{ status: 'replaced' }, { status: 'replaced' }])
          assert.deepEqual(await one.listByUser(user), [second, third])
        }),
      )
    })
  })
}
