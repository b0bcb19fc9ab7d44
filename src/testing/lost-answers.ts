import assert from 'node:assert/strict'
import { RECENT_VERSIONS, type SessionRecord } from '../core/record.ts'
import type { IndexedSessionStore } from '../core/store.ts'
import type { Bench } from './bench.ts'
import { rivals } from './races.ts'
import { createAll, isDead, MINUTE } from './records.ts'

// A client library sends a command again when the connection broke before its answer came. The store may have carried it out, and
// others may have written since. It must not be carried out twice, and it must not be taken for somebody else's.
export function lostAnswers({ describe, test, timed, wait, now, records: { key, next, record, userKey } }: Bench): void {
  /** Creates a record, unless it is there, and writes it anew this many times. All that it has been, the newest last. */
  const saveOften = async (store: IndexedSessionStore, first: SessionRecord, times: number): Promise<SessionRecord[]> => {
    const states = [first]
    assert.equal(await store.create(first), true)
    for (let current = first; states.length <= times; ) {
      const following = next(first)
      assert.deepEqual(await store.save(following, current.version), { status: 'saved' })
      states.push(following)
      current = following
    }
    return states
  }

  describe('H2: a write whose answer was lost, and that comes again', () => {
    test('has been done: create, save, replace', async ({ one, two }) => {
      const first = record({ userKey: userKey() })
      const second = next(first)
      const moved = record({ key: key(first.partition) })
      await one.create(first)
      assert.equal(await two.create({ ...first }), true)
      await one.save(second, first.version)
      assert.deepEqual(await two.save({ ...second }, first.version), { status: 'saved' })
      assert.equal(await one.create({ ...first }), true)
      assert.deepEqual(await two.load(first.key), second)
      await one.replace(first.key, second.version, moved, 'rotated')
      assert.deepEqual(await two.replace(first.key, second.version, { ...moved }, 'rotated'), { status: 'replaced' })
      assert.deepEqual([await one.load(first.key), await one.load(moved.key)], [{ gone: 'rotated' }, moved])
    })

    test(`is known until ${RECENT_VERSIONS} later writes, and changes nothing`, async ({ one, two }) => {
      const states = await saveOften(one, record(), RECENT_VERSIONS + 1)
      const last = states.at(-1) as SessionRecord
      for (const [n, state] of states.entries()) {
        const before = states[n - 1]
        if (before && n > 0) assert.deepEqual(await two.save({ ...state }, before.version), { status: 'saved' }, `${n}`)
      }
      assert.deepEqual(await two.load(last.key), last)

      const made = record({ userKey: userKey() })
      const later = await saveOften(two, made, RECENT_VERSIONS)
      assert.equal(await one.create({ ...made }), true)
      assert.deepEqual([await one.load(made.key), await one.listByUser(made.userKey ?? '')], [later.at(-1), [later.at(-1)]])

      const old = record()
      const moved = record({ key: key(old.partition) })
      await one.create(old)
      await one.replace(old.key, old.version, moved, 'rotated')
      const moves = await saveOften(two, moved, RECENT_VERSIONS)
      assert.deepEqual(await one.replace(old.key, old.version, { ...moved }, 'rotated'), { status: 'replaced' })
      assert.deepEqual(await one.load(moved.key), moves.at(-1))
    })

    test('that comes twice at once is done once, and both are told so', async ({ one, two }) => {
      await Promise.all(
        rivals(async n => {
          const first = record({ userKey: userKey() })
          assert.deepEqual(await Promise.all([one.create(first), two.create({ ...first })]), [true, true])
          const second = next(first)
          const saved = await Promise.all([one.save(second, first.version), two.save({ ...second }, first.version)])
          assert.deepEqual(saved, [{ status: 'saved' }, { status: 'saved' }])
          // Within the partition, and to another.
          const moved = n % 2 === 0 ? record({ userKey: first.userKey ?? '' }) : record({ userKey: userKey() })
          const send = (store: IndexedSessionStore) => store.replace(first.key, second.version, { ...moved }, 'rotated')
          assert.deepEqual(await Promise.all([send(one), send(two)]), [{ status: 'replaced' }, { status: 'replaced' }])
          assert.deepEqual([await two.load(first.key), await two.load(moved.key)], [{ gone: 'rotated' }, moved])
          assert.deepEqual(await one.listByUser(moved.userKey ?? ''), [moved])
        }),
      )
    })

    timed('does not undo a touch that came between', async ({ one, two }) => {
      const first = record()
      const second = next(first)
      await one.create(first)
      await one.save(second, first.version)
      wait(MINUTE)
      const times = { touchedAt: now(), expiresAt: now() + 10 * MINUTE }
      await one.touch(first.key, times)
      assert.deepEqual(await two.save({ ...second }, first.version), { status: 'saved' })
      assert.equal(await two.create({ ...first }), true)
      assert.deepEqual(await one.load(first.key), { ...second, ...times })
    })

    test('is not taken for another: each key knows its own versions', async ({ one, two }) => {
      const [mine, theirs] = [record({ key: key('abc') }), record({ key: key('abc') })]
      await createAll(one, [mine, theirs])
      const present = (await saveOften(one, mine, 2)).at(-1) as SessionRecord
      const borrowed = next(mine, { version: theirs.version })
      assert.deepEqual(await two.save(borrowed, 'another version'), { status: 'conflict', current: present })
      assert.equal(await two.create(next(mine, { version: theirs.version })), false)
    })

    test('to what has ended meanwhile is missing', async ({ one, two }) => {
      const [old, moved] = [record({ key: key('abc') }), record({ key: key('abc') })]
      await one.create(old)
      await one.replace(old.key, old.version, moved, 'rotated')
      await one.delete(moved.key, 'destroyed')
      assert.deepEqual(await two.replace(old.key, old.version, { ...moved }, 'rotated'), { status: 'missing' })
      assert.equal(await two.create({ ...moved }), false)
      assert.equal(await isDead(one, moved.key), true)
    })

    timed('is not known in a later life of the same key', async ({ one, two }) => {
      const first = record({ expiresAt: now() + 1 })
      const second = next(first, { expiresAt: now() + 1 })
      await one.create(first)
      await one.save(second, first.version)
      wait(2)
      const reborn = next(first)
      assert.equal(await one.create(reborn), true)
      assert.equal(await two.create({ ...first }), false)
      assert.deepEqual(await two.save({ ...second }, first.version), { status: 'conflict', current: reborn })
      assert.deepEqual(await two.save(next(first), second.version), { status: 'conflict', current: reborn })
      assert.deepEqual(await one.load(first.key), reborn)
    })
  })
}
