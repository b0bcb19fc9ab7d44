import { describe, expect, it } from 'vitest'
import { begin, expiry, extend, type LifetimePolicy, rememberedMeta, rulesOf, touchDue } from '../../../src/core/lifetime.ts'
import { DAY, HOUR, MINUTE, policy, START } from '../support.ts'

type Cell = [string, Partial<LifetimePolicy>, number | null | undefined, { idleMs: number; expiresAt: number }]

describe('begin', () => {
  it.each<Cell>([
    ['the idle timeout', { idleMs: HOUR }, undefined, { idleMs: HOUR, expiresAt: HOUR }],
    ['its own life', { idleMs: HOUR }, 2 * HOUR, { idleMs: 2 * HOUR, expiresAt: 2 * HOUR }],
    ['until the browser closes: the idle timeout', { idleMs: HOUR }, null, { idleMs: HOUR, expiresAt: HOUR }],
    ['the absolute end, if that is sooner', { idleMs: 2 * HOUR, absoluteMs: HOUR }, undefined, { idleMs: 2 * HOUR, expiresAt: HOUR }],
    ['the absolute end also for its own life', { absoluteMs: HOUR }, DAY, { idleMs: DAY, expiresAt: HOUR }],
    ['no absolute end', { absoluteMs: null }, DAY, { idleMs: DAY, expiresAt: DAY }],
  ])('ends at %s', (_, part, maxAge, { idleMs, expiresAt }) => {
    const rules = policy(part)
    const life = begin(rules, maxAge, START)
    expect(life).toEqual({
      createdAt: START,
      touchedAt: START,
      idleMs,
      expiresAt: START + expiresAt,
      ...(rules.absoluteMs !== null && { absoluteExpiresAt: START + rules.absoluteMs }),
      ...(maxAge !== undefined && { maxAge }),
    })
  })
})

describe('extend', () => {
  const rules = policy({ idleMs: HOUR, absoluteMs: 3 * HOUR })
  const life = begin(rules, undefined, START)

  it('moves the end, and neither the beginning nor the absolute end', () => {
    expect(extend(life, rules, undefined, START + MINUTE)).toEqual({ ...life, touchedAt: START + MINUTE, expiresAt: START + MINUTE + HOUR })
  })

  it('never goes past the absolute end, nor moves it, however often', () => {
    let next = life
    for (let at = 0; at < 3 * HOUR; at += 10 * MINUTE) {
      next = extend(next, rules, undefined, START + at)
      expect(next.absoluteExpiresAt).toBe(START + 3 * HOUR)
      expect(next.expiresAt).toBe(Math.min(START + at + HOUR, START + 3 * HOUR))
    }
  })

  it('keeps the absolute end it began with when the configured one changes', () => {
    expect(extend(life, policy({ absoluteMs: DAY }), DAY, START).expiresAt).toBe(START + 3 * HOUR)
  })

  it('takes a new own life, and gives it up again', () => {
    const own = extend(life, rules, 2 * HOUR, START)
    expect([own.maxAge, own.idleMs, own.expiresAt]).toEqual([2 * HOUR, 2 * HOUR, START + 2 * HOUR])
    expect(extend(own, rules, undefined, START)).toEqual(life)
    expect(extend(own, rules, null, START)).toEqual({ ...life, maxAge: null })
  })

  it('never counts the last use back', () => {
    const used = extend(life, rules, undefined, START + MINUTE)
    expect(extend(used, rules, undefined, START).touchedAt).toBe(START + MINUTE)
  })

  it('leaves what it was given', () => {
    const before = JSON.stringify(life)
    extend(life, rules, 5, START + 1)
    expect(JSON.stringify(life)).toBe(before)
  })
})

describe('expiry', () => {
  const rules = policy({ idleMs: HOUR, absoluteMs: 90 * MINUTE })

  it.each([
    ['at its end it still lives', HOUR, null],
    ['after it, it is idle', HOUR + 1, 'idle'],
    ['past both, the absolute one is named', 90 * MINUTE + 1, 'absolute'],
  ])('%s', (_, after, ended) => {
    expect(expiry(begin(rules, undefined, START), START + after)).toBe(ended)
  })

  it('an absolute end counts although the idle one lies later', () => {
    const life = { ...begin(policy({ absoluteMs: null }), DAY, START), absoluteExpiresAt: START + HOUR }
    expect([expiry(life, START + HOUR), expiry(life, START + HOUR + 1)]).toEqual([null, 'absolute'])
  })
})

describe('touchDue', () => {
  const life = (maxAge?: number) => begin(policy({ idleMs: HOUR, absoluteMs: null }), maxAge, START)

  it.each<[LifetimePolicy['touch'], number, boolean]>([
    ['never', 59 * MINUTE, false],
    ['always', 0, true],
    ['half-life', 30 * MINUTE, false],
    ['half-life', 30 * MINUTE + 1, true],
    [2 * MINUTE, 2 * MINUTE - 1, false],
    [2 * MINUTE, 2 * MINUTE, true],
    [0, 0, true],
  ])('%s after %i ms: %s', (touch, after, due) => {
    expect(touchDue(life(), policy({ idleMs: HOUR, touch }), START + after)).toBe(due)
  })

  it('half-life goes by the life of this session, not by the configured one', () => {
    const rules = policy({ idleMs: HOUR, touch: 'half-life' })
    expect(touchDue(life(4 * HOUR), rules, START + HOUR)).toBe(false)
    expect(touchDue(life(4 * HOUR), rules, START + 2 * HOUR + 1)).toBe(true)
  })
})

it('a session whose own life is shorter than the touch interval does not end under use', () => {
  const rules = policy({ touch: 5 * MINUTE })
  const life = begin(rules, MINUTE, START)
  expect(touchDue(life, rules, START + 30 * 1000 - 1)).toBe(false)
  expect(touchDue(life, rules, START + 30 * 1000)).toBe(true)
})

describe('a session in use', () => {
  /** Uses a session at these intervals and tells when it was found ended. */
  function live(rules: LifetimePolicy, interval: number, maxAge?: number | null): number | null {
    let life = begin(rules, maxAge, START)
    for (let at = interval; at <= 2 * DAY; at += interval) {
      if (expiry(life, START + at)) return at
      if (touchDue(life, rules, START + at)) life = extend(life, rules, maxAge, START + at)
    }
    return null
  }

  it.each<[string, Partial<LifetimePolicy>, number, number | null | undefined, number | null]>([
    ['never touched, it ends with its first life', { touch: 'never' }, 10 * MINUTE, undefined, 40 * MINUTE],
    ['rolling, it goes on', { touch: 'always', absoluteMs: null }, 10 * MINUTE, undefined, null],
    ['rolling, until the absolute end', { touch: 'always' }, 10 * MINUTE, undefined, 12 * HOUR + 10 * MINUTE],
    ['renewed at half-life, it goes on', { touch: 'half-life', absoluteMs: null }, 10 * MINUTE, undefined, null],
    [
      'renewed at half-life, but not used in the second half',
      { touch: 'half-life', absoluteMs: null },
      31 * MINUTE,
      undefined,
      31 * MINUTE,
    ],
    ['touched each five minutes, it goes on', { touch: 5 * MINUTE, absoluteMs: null }, 1 * MINUTE, undefined, null],
    ['idle too long', { touch: 'always' }, 31 * MINUTE, undefined, 31 * MINUTE],
    ['remembered, it may be idle for longer', { touch: 'always', absoluteMs: null }, DAY, 2 * DAY, null],
    ['its own short life is renewed', { touch: 5 * MINUTE, absoluteMs: null }, MINUTE / 2, MINUTE, null],
    ['until the browser closes, it is idle as configured', { touch: 'always' }, 31 * MINUTE, null, 31 * MINUTE],
  ])('%s', (_, part, interval, maxAge, end) => {
    expect(live(policy(part), interval, maxAge)).toBe(end)
  })
})

describe('beside a peer’s maxAge', () => {
  const rules: LifetimePolicy = { idleMs: DAY, absoluteMs: 2 * HOUR, touch: 'never', beside: { idleMs: 30 * MINUTE, markMs: 5 * MINUTE } }
  const life = begin(rules, HOUR, START)

  it('each end counts by itself', () => {
    expect(expiry(life, START + 30 * MINUTE, rules)).toBe(null)
    expect(expiry(life, START + 30 * MINUTE + 1, rules)).toBe('idle')
    expect(expiry({ ...life, touchedAt: START + HOUR }, START + HOUR + 1, rules)).toBe('idle')
    expect(expiry({ ...life, expiresAt: START + DAY, touchedAt: START + 2 * HOUR }, START + 2 * HOUR + 1, rules)).toBe('absolute')
  })

  it('a use is written down, and moves no other end', () => {
    expect([touchDue(life, rules, START + 5 * MINUTE - 1), touchDue(life, rules, START + 5 * MINUTE)]).toEqual([false, true])
    expect(extend(life, rules, HOUR, START + MINUTE, true)).toEqual({ ...life, touchedAt: START + MINUTE })
    expect(extend(life, rules, HOUR, START + MINUTE).expiresAt).toBe(START + MINUTE + HOUR)
    expect(extend(life, { ...rules, touch: 'always' }, HOUR, START + MINUTE, true).expiresAt).toBe(START + MINUTE + HOUR)
  })

  it('what is not known of a session from before begins now, and is due to be written down', () => {
    const { absoluteExpiresAt: _, ...before } = { ...life, createdAt: 0, touchedAt: 0, expiresAt: START + DAY }
    expect(expiry(before, START + 10 * HOUR, rules)).toBe(null)
    expect(touchDue(before, { ...rules, beside: {} }, START)).toBe(true)
    const after = extend(before, rules, DAY, START + 10 * HOUR, true)
    expect(after).toMatchObject({ createdAt: START + 10 * HOUR, touchedAt: START + 10 * HOUR, absoluteExpiresAt: START + 12 * HOUR })
    expect(after.expiresAt).toBe(START + 12 * HOUR)
  })

  it('where it is known when it began, the absolute end counts from there', () => {
    const { absoluteExpiresAt: _, ...known } = { ...life, expiresAt: START + DAY, touchedAt: START + 2 * HOUR }
    expect([expiry(known, START + 2 * HOUR, rules), expiry(known, START + 2 * HOUR + 1, rules)]).toEqual([null, 'absolute'])
    expect(touchDue(known, { ...rules, beside: {} }, START + HOUR)).toBe(false)
  })

  it('who asked to stay signed in may be idle for as long', () => {
    const meta = rememberedMeta({ factor: 'totp' }, rules)
    expect(meta).toEqual({ factor: 'totp', remembered: true })
    expect(rulesOf(meta, rules).beside?.idleMs).toBe(undefined)
    expect(rulesOf({ factor: 'totp' }, rules)).toBe(rules)
    expect(rememberedMeta(undefined, policy({}))).toBe(undefined)
  })

  it('an interval counts also where a session has no life of its own in ms', () => {
    const open = { ...life, idleMs: Number.NaN }
    expect(touchDue(open, { ...rules, beside: undefined, touch: MINUTE }, START + MINUTE)).toBe(true)
  })
})
