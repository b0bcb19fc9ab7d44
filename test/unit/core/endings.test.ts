import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ASK_LISTENING_MS, ASK_MS } from '../../../src/core/endings.ts'
import type { SessionEndedError } from '../../../src/core/errors.ts'
import type { Shape } from '../../../src/core/schema.ts'
import type { Ended, EndingsListener, SessionStore, WatchableSessionStore } from '../../../src/core/store.ts'
import type { Watch } from '../../../src/core/watch.ts'
import { keyOf, userKeyOf } from '../../../src/crypto/session-id.ts'
import { MemoryStore } from '../../../src/stores/memory.ts'
import { type Engine, engine, MINUTE, storeWith } from '../support.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'], now: Date.UTC(2030, 0, 1) })
})

afterEach(() => {
  vi.useRealTimers()
})

const wallClock = { now: () => Date.now(), advance: (ms: number) => vi.setSystemTime(Date.now() + ms) }
const reasonOf = ({ signal }: Watch) => (signal.reason as SessionEndedError | undefined)?.reason
const settle = () => vi.advanceTimersByTimeAsync(0)

/** A store of several processes, of which this one hears what the test lets it hear. */
class Elsewhere {
  readonly memory = new MemoryStore({ now: () => Date.now() })
  readonly listeners: EndingsListener[] = []
  /** How often it was asked to tell. */
  watched = 0
  unwatched = 0
  /** What `watch` answers with. */
  refuses: 'no' | 'null' | 'throws' = 'no'
  down = false
  asked: string[][] = []
  loads = 0

  store(...has: ('watch' | 'findEnded')[]): SessionStore {
    const methods: Partial<WatchableSessionStore> = {
      load: async key => {
        this.loads++
        this.#mustBeUp()
        return this.memory.load(key)
      },
    }
    if (has.includes('watch')) methods.watch = listener => this.#watch(listener)
    if (has.includes('findEnded')) {
      methods.findEnded = async keys => {
        this.asked.push([...keys])
        this.#mustBeUp()
        const found = await Promise.all(keys.map(key => this.memory.load(key)))
        return keys.filter((_, n) => !found[n] || 'gone' in (found[n] as object))
      }
    }
    return storeWith(this.memory, methods)
  }

  tell(ended: Ended): void {
    for (const listener of this.listeners) listener.ended(ended)
  }

  lose(): void {
    for (const listener of this.listeners.splice(0)) listener.lost()
  }

  async #watch(listener: EndingsListener) {
    this.watched++
    if (this.refuses === 'throws') throw new Error('no connection')
    if (this.refuses === 'null') return null
    this.listeners.push(listener)
    return async () => {
      this.unwatched++
      const at = this.listeners.indexOf(listener)
      if (at >= 0) this.listeners.splice(at, 1)
    }
  }

  #mustBeUp(): void {
    if (this.down) throw new Error('the store is away')
  }
}

interface Following {
  watch: Watch
  key: string
}

async function follow({ begin, open, manager }: Engine): Promise<Following> {
  const { session } = await open(await begin({ name: 'ann' }))
  return { watch: manager.watch(session, {}), key: keyOf('sid', session.loaded?.value ?? '') }
}

describe('a store that tells', () => {
  it('is asked to as long as somebody follows a session, once for all of them', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('watch'), clock: wallClock })
    const fresh = await site.open()
    site.manager.watch(fresh.session, {})
    expect(there.watched).toBe(0)
    const [one, two] = [await follow(site), await follow(site)]
    await settle()
    expect([there.watched, there.listeners.length]).toEqual([1, 1])
    one.watch.stop()
    expect(there.listeners).toHaveLength(1)
    two.watch.stop()
    await settle()
    expect([there.listeners.length, there.unwatched]).toEqual([0, 1])
    await follow(site)
    await settle()
    expect(there.watched).toBe(2)
    await site.manager.close()
    await settle()
    expect(there.listeners).toHaveLength(0)
  })

  it('is believed when the record says the same, and only then', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('watch'), clock: wallClock })
    const [one, two] = [await follow(site), await follow(site)]
    await settle()
    there.loads = 0
    // Forged, repeated, about others, or nonsense.
    for (const keys of [[one.key], [one.key, one.key], ['nobody'], [], ['__proto__']]) there.tell({ keys })
    there.tell({ userKey: 'nobody' })
    await settle()
    expect([one.watch.signal.aborted, two.watch.signal.aborted]).toEqual([false, false])
    expect(there.loads).toBe(1)
    await there.memory.delete(one.key, 'revoked')
    expect(one.watch.signal.aborted).toBe(false)
    there.tell({ keys: [one.key] })
    await settle()
    expect([reasonOf(one.watch), reasonOf(two.watch)]).toEqual(['revoked', undefined])
  })

  it('may name a user, whose sessions are looked at', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('watch'), clock: wallClock, userOf: data => (data as { user?: string }).user })
    const of = async (user: string) => site.manager.watch((await site.open(await site.begin({ user }))).session, {})
    const [ann, bob] = [await of('ann'), await of('bob')]
    await settle()
    const userKey = userKeyOf('sid', 'ann')
    expect(await there.memory.deleteByUser(userKey)).toBe(1)
    there.loads = 0
    there.tell({ userKey })
    await settle()
    expect([reasonOf(ann), reasonOf(bob), there.loads]).toEqual(['revoked', undefined, 1])
  })

  it('is heard behind a schema as well', async () => {
    const there = new Elsewhere()
    const site = engine({
      store: there.store('watch'),
      clock: wallClock,
      shape: { schema: undefined, version: 1, migrate: undefined } as Shape,
    })
    const { watch, key } = await follow(site)
    await settle()
    await there.memory.delete(key, 'revoked')
    there.tell({ keys: [key] })
    await settle()
    expect(reasonOf(watch)).toBe('revoked')
  })

  it('ends nothing by a word while the store cannot be asked, which is then asked until it answers', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('watch'), clock: wallClock })
    const { watch, key } = await follow(site)
    await settle()
    await there.memory.delete(key, 'revoked')
    there.down = true
    there.tell({ keys: [key] })
    await vi.advanceTimersByTimeAsync(5000)
    expect(watch.signal.aborted).toBe(false)
    there.down = false
    await vi.advanceTimersByTimeAsync(2000)
    expect(reasonOf(watch)).toBe('revoked')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is followed anew when its connection is lost, with pauses that grow, and all are looked at then', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('watch'), clock: wallClock })
    const { watch, key } = await follow(site)
    await settle()
    there.refuses = 'throws'
    there.lose()
    // Nobody hears it.
    await there.memory.delete(key, 'destroyed')
    await vi.advanceTimersByTimeAsync(30_000)
    const attempts = there.watched
    expect(attempts).toBeGreaterThan(5)
    expect(attempts).toBeLessThan(15)
    expect(watch.signal.aborted).toBe(false)
    there.refuses = 'no'
    await vi.advanceTimersByTimeAsync(5000)
    expect(reasonOf(watch)).toBe('destroyed')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(there.watched).toBe(attempts + 1)
  })

  it('is not taken at its word by who has gone: what is lost or told after that begins nothing', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('watch'), clock: wallClock })
    const { watch, key } = await follow(site)
    await settle()
    const [listener] = there.listeners as [EndingsListener]
    watch.stop()
    await settle()
    there.loads = 0
    listener.ended({ keys: [key] })
    listener.lost()
    await vi.advanceTimersByTimeAsync(60_000)
    expect([there.watched, there.loads, vi.getTimerCount()]).toEqual([1, 0, 0])
  })

  it('may have told before a handler asked: a session that was opened before is looked at', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('watch'), clock: wallClock })
    await follow(site)
    await settle()
    await vi.advanceTimersByTimeAsync(1000)
    const [ended, lives] = [await site.open(await site.begin({ name: 'ann' })), await site.open(await site.begin({ name: 'bob' }))]
    const key = keyOf('sid', ended.session.loaded?.value ?? '')
    await there.memory.delete(key, 'revoked')
    there.tell({ keys: [key] })
    await settle()
    there.loads = 0
    const [one, two] = [site.manager.watch(ended.session, {}), site.manager.watch(lives.session, {})]
    await settle()
    expect([reasonOf(one), reasonOf(two), there.loads]).toEqual(['revoked', undefined, 1])
  })

  it('may have told before anybody listened: a session that was opened before that is looked at', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('watch'), clock: wallClock })
    const { session } = await site.open(await site.begin({ name: 'ann' }))
    await there.memory.delete(keyOf('sid', session.loaded?.value ?? ''), 'revoked')
    await vi.advanceTimersByTimeAsync(1000)
    // Others begin to listen, and this one after them.
    await follow(site)
    await settle()
    const watch = site.manager.watch(session, {})
    await settle()
    expect([reasonOf(watch), there.watched]).toEqual(['revoked', 1])
  })

  it('may have told of so many that not all are remembered: then each that was opened before is looked at', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('watch'), clock: wallClock })
    await follow(site)
    await settle()
    await vi.advanceTimersByTimeAsync(1000)
    const { session } = await site.open(await site.begin({ name: 'ann' }))
    const key = keyOf('sid', session.loaded?.value ?? '')
    await there.memory.delete(key, 'revoked')
    there.tell({ keys: [key] })
    for (let n = 0; n < 2000; n++) there.tell({ keys: [`other ${n}`] })
    const watch = site.manager.watch(session, {})
    await settle()
    expect(reasonOf(watch)).toBe('revoked')
  })

  it('and can be asked is asked all the same, seldom: a message may be lost', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('watch', 'findEnded'), clock: wallClock })
    const { watch, key } = await follow(site)
    await settle()
    there.asked = []
    await vi.advanceTimersByTimeAsync(ASK_LISTENING_MS - 1)
    expect(there.asked).toEqual([])
    await there.memory.delete(key, 'revoked')
    await vi.advanceTimersByTimeAsync(1)
    expect([there.asked, reasonOf(watch)]).toEqual([[[key]], 'revoked'])
  })
})

describe('a store that can only be asked', () => {
  it('is asked for all of them at once, each session once, as long as one is followed', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('findEnded'), clock: wallClock })
    const [one, two] = [await follow(site), await follow(site)]
    const again = site.manager.watch(one.watch.session, {})
    there.loads = 0
    await vi.advanceTimersByTimeAsync(ASK_MS)
    expect(there.asked).toEqual([[one.key, two.key]])
    await there.memory.delete(one.key, 'evicted')
    await vi.advanceTimersByTimeAsync(ASK_MS)
    expect([reasonOf(one.watch), reasonOf(again), reasonOf(two.watch)]).toEqual(['evicted', 'evicted', undefined])
    // Who lives was not loaded for it.
    expect(there.loads).toBe(2)
    two.watch.stop()
    const { length } = there.asked
    await vi.advanceTimersByTimeAsync(10 * MINUTE)
    expect([there.asked.length, vi.getTimerCount()]).toEqual([length, 0])
  })

  it.each(['null', 'throws'] as const)('is asked, too, where it was to tell and cannot (%s)', async refuses => {
    const there = new Elsewhere()
    there.refuses = refuses
    const site = engine({ store: there.store('watch', 'findEnded'), clock: wallClock })
    const { watch, key } = await follow(site)
    await there.memory.delete(key, 'revoked')
    await vi.advanceTimersByTimeAsync(ASK_MS)
    expect(reasonOf(watch)).toBe('revoked')
  })

  it('is asked for no more than 500 at a time', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('findEnded'), clock: wallClock })
    for (let n = 0; n < 501; n++) await follow(site)
    await vi.advanceTimersByTimeAsync(ASK_MS)
    expect(there.asked.map(keys => keys.length)).toEqual([500, 1])
  })

  it('ends nothing while it is away, and is asked again', async () => {
    const there = new Elsewhere()
    const site = engine({ store: there.store('findEnded'), clock: wallClock })
    const { watch, key } = await follow(site)
    there.down = true
    await vi.advanceTimersByTimeAsync(5000)
    expect(watch.signal.aborted).toBe(false)
    there.down = false
    await there.memory.delete(key, 'revoked')
    await vi.advanceTimersByTimeAsync(2000)
    expect(reasonOf(watch)).toBe('revoked')
  })
})

it('a store that can do neither is asked by nobody', async () => {
  const there = new Elsewhere()
  const site = engine({ store: there.store(), clock: wallClock })
  await follow(site)
  there.loads = 0
  await vi.advanceTimersByTimeAsync(10 * MINUTE)
  expect(there.loads).toBe(0)
})
