import assert from 'node:assert/strict'
import type { Ended, IndexedSessionStore, WatchableSessionStore } from '../core/store.ts'
import type { Bench } from './bench.ts'
import { createAll, MINUTE } from './records.ts'

type Watchable = IndexedSessionStore & WatchableSessionStore

const PATIENCE_MS = 10_000

/** What has been told, and a way to wait for it. */
class Hearing {
  readonly told: Ended[] = []
  lost = 0
  #wake = () => {}

  readonly listener = {
    ended: (ended: Ended) => {
      this.told.push(ended)
      this.#wake()
    },
    lost: () => {
      this.lost++
    },
  }

  /** Until one of these was named. */
  async of(...names: readonly string[]): Promise<void> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#wake()
    }, PATIENCE_MS)
    const named = () => this.told.some(({ keys = [], userKey = '' }) => [...keys, userKey].some(name => names.includes(name)))
    while (!named() && !late) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    clearTimeout(timer)
    assert.ok(named(), `nothing was told of ${names.join(' or ')}`)
  }
}

/** A store need not tell of ends, nor be asked. One that does, does it so. */
export function endings({ describe, test, timed, apart, wait, now, records: { key, next, record, userKey } }: Bench): void {
  describe('what other clients have ended', () => {
    timed('is found by findEnded, if there is one: whatever has no live record, and nothing else', async ({ one, two }) => {
      const { findEnded } = one as Watchable
      if (!findEnded) return
      const user = userKey()
      const [lives, hers, deleted, replaced, idle, over] = [
        record(),
        record({ userKey: user }),
        record(),
        record(),
        record({ expiresAt: now() + MINUTE }),
        record({ absoluteExpiresAt: now() + MINUTE }),
      ]
      await createAll(two, [lives, hers, deleted, replaced, idle, over])
      const successor = record({ key: key(replaced.partition) })
      await two.delete(deleted.key, 'destroyed')
      await two.replace(replaced.key, replaced.version, successor, 'regenerated')
      const nothing = key()
      const asked = [lives, hers, deleted, replaced, idle, over, successor].map(made => made.key).concat(nothing)
      const ended = async () => (await findEnded.call(one, asked)).sort()
      assert.deepEqual(await ended(), [deleted.key, replaced.key, nothing].sort())
      wait(MINUTE + 1)
      await two.deleteByUser(user)
      assert.deepEqual(await ended(), [deleted.key, replaced.key, nothing, idle.key, over.key, hers.key].sort())
      assert.deepEqual(await findEnded.call(one, []), [])
    })

    test('is found by findEnded for 500 keys at once', async ({ one, two }) => {
      const { findEnded } = one as Watchable
      if (!findEnded) return
      const lives = record()
      await two.create(lives)
      const others = Array.from({ length: 499 }, () => key())
      assert.deepEqual((await findEnded.call(one, [...others, lives.key])).sort(), others.sort())
    })

    apart('is told by watch, if there is one: by delete, replace and deleteByUser, and not what goes on living', async open => {
      const [one, two] = [(await open()) as Watchable, await open()]
      const user = userKey()
      const [lives, deleted, replaced, hers] = [record(), record(), record(), record({ userKey: user })]
      await createAll(two, [lives, deleted, replaced, hers])
      const hearing = new Hearing()
      const unwatch = await one.watch?.(hearing.listener)
      if (!unwatch) return
      const saved = next(lives)
      await two.save(saved, lives.version)
      await two.touch(lives.key, { touchedAt: now(), expiresAt: now() + MINUTE })
      await two.delete(deleted.key, 'revoked')
      await hearing.of(deleted.key)
      await two.replace(replaced.key, replaced.version, record({ key: key(replaced.partition) }), 'regenerated')
      await hearing.of(replaced.key)
      await two.deleteByUser(user)
      await hearing.of(hers.key, user)
      assert.ok(!hearing.told.some(({ keys = [] }) => keys.includes(lives.key)), 'what lives was told to have ended')
      const count = hearing.told.length
      await unwatch()
      await two.delete(lives.key, 'revoked')
      // Long enough for a second listener to hear it.
      const other = new Hearing()
      const end = await one.watch?.(other.listener)
      const last = record()
      await two.create(last)
      await two.delete(last.key, 'revoked')
      await other.of(last.key)
      await end?.()
      assert.deepEqual([hearing.told.length, hearing.lost], [count, 0])
    })
  })
}
