import { describe, expect, it } from 'vitest'
import { applyMarks, marksOf, readMarks } from '../../../src/core/marks.ts'
import type { Life } from '../../../src/core/record.ts'
import { DAY, HOUR, MINUTE, policy, START } from '../support.ts'

const life: Life = { createdAt: START, touchedAt: START + MINUTE, idleMs: HOUR, expiresAt: START + HOUR }
const none = policy({ absoluteMs: null })

describe('marksOf', () => {
  it('is nothing where nothing is asked for', () => {
    expect(marksOf({ life }, none)).toBe(undefined)
    expect(marksOf({ life }, policy({ absoluteMs: DAY }))).toBe(undefined)
  })

  it('has what the timeouts need', () => {
    expect(marksOf({ life }, { ...none, beside: { idleMs: HOUR, markMs: MINUTE } })).toEqual({ touchedAt: START + MINUTE })
    const absolute = { ...life, absoluteExpiresAt: START + DAY }
    expect(marksOf({ life: absolute }, { ...policy({ absoluteMs: DAY }), beside: {} })).toEqual({ createdAt: START })
  })

  it('has what a login has said, and its end where no option gives it', () => {
    const proven = { ...life, authenticatedAt: START, absoluteExpiresAt: START + DAY }
    const marks = { userId: 'ann', authenticatedAt: START, endsAt: START + DAY, meta: { factor: 'totp' } }
    expect(marksOf({ life: proven, userId: 'ann', meta: { factor: 'totp' } }, none)).toEqual(marks)
  })
})

describe('readMarks', () => {
  it.each([undefined, null, 'text', 5, [], {}])('finds none in %j', value => {
    expect(readMarks(value)).toEqual({})
  })

  it('believes no other type', () => {
    expect(readMarks({ createdAt: '1', touchedAt: Number.NaN, authenticatedAt: -1, endsAt: {}, userId: 7, meta: 'x' })).toEqual({})
    expect(readMarks({ userId: '', createdAt: 0 })).toEqual({})
  })

  it('reads what was written, as JSON has it', () => {
    const marks = { createdAt: 1, touchedAt: 2, userId: 'ann', authenticatedAt: 3, endsAt: 4, meta: { a: 1 } }
    expect(readMarks(JSON.parse(JSON.stringify(marks)))).toEqual(marks)
  })
})

describe('applyMarks', () => {
  const rules = { ...policy({ absoluteMs: DAY }), beside: { idleMs: HOUR, markMs: MINUTE } }

  it('says 0 where it is not known', () => {
    const target = { ...life }
    applyMarks(target, {}, rules)
    expect([target.createdAt, target.touchedAt]).toEqual([0, 0])
  })

  it('leaves alone what nobody asks for', () => {
    const target = { ...life }
    applyMarks(target, { createdAt: 5, touchedAt: 6 }, none)
    expect(target).toEqual(life)
  })
})
