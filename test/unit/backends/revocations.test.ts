import { describe, expect, it } from 'vitest'
import { Buckets, SLACK_MS, SPANS } from '../../../src/backends/buckets.ts'
import { Revocations, type RevocationsOptions } from '../../../src/backends/revocations.ts'
import type { Loaded } from '../../../src/core/backend.ts'
import type { SessionRecord } from '../../../src/core/record.ts'
import { MemoryStore } from '../../../src/stores/memory.ts'
import { type Clock, clock, DAY, HOUR, MINUTE, SECOND, START } from '../support.ts'

/** Timers that fire when their time has come, by the test's clock. */
class HandTimers {
  readonly #time: Clock
  #waiting: { at: number; fire: () => void }[] = []

  constructor(time: Clock) {
    this.#time = time
  }

  readonly after = (ms: number, fire: () => void) => {
    const timer = { at: this.#time.now() + ms, fire }
    this.#waiting.push(timer)
    return () => {
      this.#waiting = this.#waiting.filter(one => one !== timer)
    }
  }

  get count(): number {
    return this.#waiting.length
  }

  fire(): void {
    const due = this.#waiting.filter(({ at }) => at <= this.#time.now())
    this.#waiting = this.#waiting.filter(timer => !due.includes(timer))
    for (const { fire } of due) fire()
  }
}

class Asked extends MemoryStore {
  asked: string[] = []
  listed = 0
  away = false

  override async listByUser(userKey: string): Promise<SessionRecord[]> {
    this.asked.push(userKey)
    if (this.away) throw new TypeError('away')
    const records = await super.listByUser(userKey)
    this.listed += records.length
    return records
  }
}

const session = (sid: string, part: Partial<Loaded> = {}, at = START): Loaded => ({
  value: '',
  base: '{}',
  life: { createdAt: at, touchedAt: at, idleMs: 30 * MINUTE, expiresAt: at + 30 * MINUTE, absoluteExpiresAt: at + 12 * HOUR },
  sid,
  take: () => ({}),
  ...part,
})
const ofUser = (userId: string, authenticatedAt: number, meta?: Loaded['meta']): Loaded => {
  const plain = session(`sid of ${userId}`)
  return { ...plain, userId, meta, life: { ...plain.life, authenticatedAt } }
}

const settledAt = async (done: () => boolean) => {
  while (!done()) await new Promise(resolve => setImmediate(resolve))
}

const OPTIONS = { scope: 'sid', idleMs: 30 * MINUTE, longestLifeMs: 30 * DAY, timeoutMs: 1000 }

function scene(options: Partial<RevocationsOptions> = {}) {
  const time = clock()
  const store = new Asked({ now: time.now, maxSessions: 200_000 })
  const processes = [0, 1].map(() => {
    const timers = new HandTimers(time)
    const revocations = new Revocations(store, {
      ...OPTIONS,
      now: time.now,
      after: timers.after,
      ...options,
    })
    return { timers, revocations }
  })
  const [here, there] = processes as [(typeof processes)[0], (typeof processes)[0]]
  /** Five seconds pass, and both have asked. */
  const poll = async () => {
    time.advance(5 * SECOND)
    for (const { timers, revocations } of processes) {
      timers.fire()
      await revocations.refresh()
    }
  }
  return { time, store, here: here.revocations, there: there.revocations, timers: here.timers, poll }
}

describe('Revocations', () => {
  it('H8: what one process ends the other knows after five seconds, without being asked', async () => {
    const { here, there, poll } = scene()
    await Promise.all([here.refresh(), there.refresh()])
    expect(await here.end(session('a'), 'destroyed')).toBe(true)
    expect(here.verdict(session('a'))).toEqual({ gone: 'destroyed' })
    expect(there.verdict(session('a'))).toBeUndefined()
    await poll()
    expect(there.verdict(session('a'))).toEqual({ gone: 'destroyed' })
    expect(there.verdict(session('b'))).toBeUndefined()
    expect(await there.end(session('a'), 'regenerated')).toBe(false)
  })

  it('a request in flight is told why for a minute, later there is nothing', async () => {
    const { here, time, poll } = scene()
    await here.refresh()
    await here.end(session('a'), 'destroyed')
    time.advance(MINUTE - 5 * SECOND)
    await poll()
    expect(here.verdict(session('a'))).toEqual({ gone: 'destroyed' })
    time.advance(1)
    expect(here.verdict(session('a'))).toEqual({ absent: true })
  })

  it('H7: a user’s sessions are ended by the epoch that they have seen, and by the clock where they have seen none', async () => {
    const { here, there, time, poll } = scene()
    await Promise.all([here.refresh(), there.refresh()])
    time.advance(SECOND)
    const before = await here.epochs.read('ann')
    await here.endUser('ann')
    const after = await here.epochs.read('ann')
    expect([before, after]).toEqual([
      { user: 0, all: 0 },
      { user: time.now(), all: 0 },
    ])
    await poll()
    const seen = ({ user, all }: typeof before) => ({ e: [user, all] })
    for (const one of [here, there]) {
      expect(one.verdict(ofUser('ann', time.now() + HOUR, seen(before)))).toEqual({ gone: 'revoked' })
      expect(one.verdict(ofUser('ann', START, seen(after)))).toBeUndefined()
      expect(one.verdict(ofUser('ann', after.user))).toEqual({ gone: 'revoked' })
      expect(one.verdict(ofUser('ann', after.user + 1))).toBeUndefined()
      expect(one.verdict(ofUser('bob', START))).toBeUndefined()
      expect(one.verdict(session('nobody'))).toBeUndefined()
    }
    await there.endUser()
    await poll()
    for (const one of [here, there]) {
      expect(one.verdict(ofUser('bob', START))).toEqual({ gone: 'revoked' })
      expect(one.verdict(ofUser('ann', START, seen(after)))).toEqual({ gone: 'revoked' })
      expect(one.verdict(session('nobody'))).toBeUndefined()
    }
  })

  it('H7: an epoch is later than the one before it, also where the clock was set back', async () => {
    const { here, time } = scene()
    await here.endUser('ann')
    const first = await here.epochs.read('ann')
    time.advance(-HOUR)
    await here.endUser('ann')
    expect((await here.epochs.read('ann')).user).toBe(first.user + 1)
  })

  it('refuses what it cannot know: before it has asked, and half a minute after it could not', async () => {
    const { here, store, time } = scene()
    const failing = () => here.verdict(session('a'))
    expect(failing).toThrow(expect.objectContaining({ code: 'HOLDFAST_STORE', outcome: 'not-applied' }))
    await here.refresh()
    expect(failing()).toBeUndefined()
    store.away = true
    time.advance(30 * SECOND)
    await here.refresh()
    expect(here.fresh).toBe(true)
    time.advance(1)
    expect(here.fresh).toBe(false)
    expect(failing).toThrow(expect.objectContaining({ cause: expect.objectContaining({ code: 'HOLDFAST_STORE' }) }))
    store.away = false
    await here.refresh()
    expect(failing()).toBeUndefined()
    time.advance(-1)
    expect(here.fresh).toBe(false)
  })

  it('asks for little: all at the start and every ten minutes, else the latest slices only', async () => {
    const { here, store, time } = scene()
    const asked = async () => {
      store.asked = []
      await here.refresh()
      return store.asked.length
    }
    expect(await asked()).toBeLessThan(360)
    time.advance(5 * SECOND)
    expect(await asked()).toBeLessThanOrEqual(8)
    time.advance(10 * MINUTE)
    expect(await asked()).toBeGreaterThan(200)
    // One question at a time, whoever waits for it.
    store.asked = []
    time.advance(5 * SECOND)
    await Promise.all([here.refresh(), here.refresh(), here.refresh()])
    expect(store.asked.length).toBeLessThanOrEqual(8)
  })

  it('finds what was ended while it could not ask, for as long as that was', async () => {
    const { here, there, store, time } = scene()
    await Promise.all([here.refresh(), there.refresh()])
    for (let n = 0; n < 8; n++) {
      await there.end(session(`s${n}`, {}, time.now()), 'destroyed')
      time.advance(MINUTE)
    }
    store.asked = []
    await here.refresh()
    expect(store.asked.length).toBeLessThan(30)
    for (let n = 0; n < 8; n++) expect(here.verdict(session(`s${n}`)), `s${n}`).toBeDefined()
  })

  it('reads what others have ended no longer than two minutes again and again, however much it is', async () => {
    const { here, there, store, time } = scene()
    await Promise.all([here.refresh(), there.refresh()])
    for (let n = 0; n < 120; n++) {
      await there.end(session(`s${n}`, {}, time.now()), 'destroyed')
      time.advance(5 * SECOND)
      store.listed = 0
      await here.refresh()
      if (n % 12 !== 11) expect(store.listed).toBeLessThanOrEqual(24 + 1)
      expect(here.verdict(session(`s${n}`)), `s${n}`).toBeDefined()
    }
  })

  it('H8: the logout of a guest leaves nothing, a new id of one and the logout of a user do', async () => {
    const { here } = scene({ isGuest: ({ userId }) => userId === undefined })
    await here.refresh()
    for (let n = 0; n < 100; n++) await here.endForGood(session(`s${n}`), 'destroyed')
    expect(here.size).toBe(0)
    await here.endForGood(session('a'), 'regenerated')
    await here.endForGood(ofUser('ann', START), 'destroyed')
    expect(here.size).toBe(2)
    expect(here.verdict(ofUser('ann', START))).toBeDefined()
  })

  it('says so where there are more than anybody should need', async () => {
    const told: number[] = []
    const { here } = scene({ crowded: count => told.push(count) })
    await here.refresh()
    for (let n = 0; n < 100_000; n++) void here.end(session(`s${n}`), 'destroyed').then(undefined, () => undefined)
    await settledAt(() => here.size === 100_000)
    await here.refresh()
    expect(told).toEqual([])
    await here.end(session('one more'), 'destroyed')
    await here.refresh()
    expect(told).toEqual([100_001])
  })

  it('one that starts late knows all that still matters', async () => {
    const { here, there, time } = scene()
    const remembered = session('r')
    remembered.life.idleMs = 30 * DAY
    remembered.life.absoluteExpiresAt = START + 30 * DAY
    await here.end(remembered, 'destroyed')
    await here.endUser('ann')
    time.advance(29 * DAY)
    await here.end(session('a', {}, time.now()), 'destroyed')
    time.advance(29 * MINUTE)
    await there.refresh()
    for (const ended of [remembered, session('a'), ofUser('ann', START)]) expect(there.verdict(ended)).toBeDefined()
  })

  it('forgets what can live no more, here and in the store', async () => {
    const { here, store, time } = scene()
    await here.refresh()
    for (let n = 0; n < 50; n++) await here.end(session(`s${n}`), 'destroyed')
    await here.endUser('ann')
    expect(here.size).toBe(51)
    time.advance(115 * MINUTE)
    await here.refresh()
    expect(here.size).toBe(51)
    time.advance(1)
    await here.refresh()
    expect(here.size).toBe(1)
    time.advance(31 * DAY)
    await here.refresh()
    expect(here.size).toBe(0)
    expect((await store.list()).records).toEqual([])
  })

  it('an end is kept as long as another process may lengthen the life of a copy', async () => {
    const { here, time } = scene({ idleMs: 3 * HOUR })
    await here.refresh()
    await here.end(session('a'), 'destroyed')
    // One that has not heard of it issues the cookie again after half a minute.
    time.advance(30 * SECOND + 3 * HOUR)
    await here.refresh()
    expect(here.verdict(session('a'))).toBeDefined()
  })

  it('a deploy with other timeouts knows what the one before it has ended', async () => {
    const before = scene({ idleMs: HOUR, longestLifeMs: 90 * DAY })
    const { time, store } = before
    const ended = session('a')
    ended.life.idleMs = HOUR
    await before.here.end(ended, 'destroyed')
    await before.here.endUser('ann')
    const after = new Revocations(store, {
      scope: 'sid',
      idleMs: 5 * MINUTE,
      longestLifeMs: 12 * HOUR,
      timeoutMs: 1000,
      now: time.now,
      after: () => () => {},
    })
    time.advance(HOUR)
    await after.refresh()
    expect([after.verdict(ended), after.verdict(ofUser('ann', START))]).toEqual([{ absent: true }, { absent: true }])
    // And the other way round: a copy of a time with a longer idle timeout.
    await after.end(session('b', {}, time.now()), 'destroyed')
    time.advance(HOUR)
    await before.there.refresh()
    expect(before.there.verdict(session('b'))).toBeDefined()
  })

  it('a clock that differs by minutes, or was set back, hides nothing', async () => {
    const time = clock()
    const store = new Asked({ now: time.now })
    const at = (ahead: number) =>
      new Revocations(store, {
        scope: 'sid',
        idleMs: 30 * MINUTE,
        longestLifeMs: 30 * DAY,
        timeoutMs: 1000,
        now: () => time.now() + ahead,
        after: () => () => {},
      })
    const [slow, right, fast] = [at(-4 * MINUTE), at(0), at(4 * MINUTE)]
    await right.refresh()
    for (let n = 0; n < 20; n++) {
      await slow.end(session(`slow ${n}`), 'destroyed')
      await fast.end(session(`fast ${n}`), 'destroyed')
      for (let polls = 0; polls < 3; polls++) {
        time.advance(20 * SECOND)
        await right.refresh()
      }
      for (const who of ['slow', 'fast']) expect(right.verdict(session(`${who} ${n}`)), `${who} ${n}`).toBeDefined()
    }
    time.advance(-HOUR)
    await right.end(session('back'), 'destroyed')
    await right.refresh()
    expect(right.verdict(session('back'))).toBeDefined()
  })

  it('a logout that the store fails counts here, and is written when the store is back', async () => {
    const { here, there, store, poll } = scene()
    await Promise.all([here.refresh(), there.refresh()])
    const create = store.create.bind(store)
    store.create = async () => {
      throw new TypeError('away')
    }
    expect(await here.endForGood(session('a'), 'destroyed')).toMatchObject({ failure: { code: 'HOLDFAST_STORE' } })
    expect(here.verdict(session('a'))).toBeDefined()
    const written = new Promise<void>(resolve => {
      store.create = async record => {
        const created = await create(record)
        resolve()
        return created
      }
    })
    await written
    await poll()
    expect(there.verdict(session('a'))).toBeDefined()
    await here.close()
  })

  it('has one timer, and none when it is closed', async () => {
    const { here, timers, time } = scene()
    expect(timers.count).toBe(0)
    await Promise.all([here.refresh(), here.refresh()])
    expect(timers.count).toBe(1)
    time.advance(5 * SECOND)
    timers.fire()
    await here.refresh()
    expect(timers.count).toBe(1)
    await here.close()
    expect(timers.count).toBe(0)
    await here.refresh()
    expect(timers.count).toBe(0)
  })

  it('takes no record of its own that it cannot read for none', async () => {
    const { here, store, time } = scene()
    await here.refresh()
    await here.end(session('a'), 'destroyed')
    const [record] = (await store.list()).records as [SessionRecord]
    await store.create({ ...record, key: `${record.key}x`, data: '{"name":"?"}', version: 'other' })
    time.advance(31 * SECOND)
    await here.refresh()
    expect(() => here.verdict(session('b'))).toThrow(expect.objectContaining({ code: 'HOLDFAST_STORE' }))
  })
})

describe('Buckets', () => {
  it('an entry is in one of those that are looked at, whenever it was made', () => {
    for (const span of SPANS) {
      const { lifeMs } = span
      const buckets = new Buckets('sid', span)
      expect(buckets.since(undefined, START).length).toBeLessThanOrEqual(135)
      for (let n = 0; n < 200; n++) {
        const made = START + n * (lifeMs / 37)
        const now = made + (n / 200) * lifeMs
        expect(buckets.since(undefined, now)).toContain(buckets.at(made))
        expect(buckets.since(made, now)).toContain(buckets.at(made - SLACK_MS))
        expect(buckets.since(now, now)).toContain(buckets.at(now + SLACK_MS))
      }
    }
  })

  it('two sites have buckets of their own', () => {
    expect(new Buckets('a', SPANS[0]).at(START)).not.toBe(new Buckets('b', SPANS[0]).at(START))
  })
})
