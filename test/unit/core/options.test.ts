import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { durationMs, mustBeFunction, mustBeKnown, mustBeOneOf, mustHaveMethods } from '../../../src/core/options.ts'

describe('durationMs', () => {
  it.each<[number | string, number]>([
    [1, 1],
    [0.5, 0.5],
    ['250ms', 250],
    ['30s', 30_000],
    ['30m', 1_800_000],
    ['12h', 43_200_000],
    ['30d', 2_592_000_000],
    ['1.5h', 5_400_000],
    ['2 d', 172_800_000],
  ])('%j is %i ms', (given, ms) => {
    expect(durationMs('x', given)).toBe(ms)
  })

  it.each([
    0,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '',
    '0s',
    '-1h',
    '1',
    'h',
    '1w',
    '1h30m',
    '1e3s',
    ' 1h',
    '1  h',
    '1H',
    '.5h',
    '1h\n',
    `${'9'.repeat(400)}d`,
  ])('%j is refused', given => {
    expect(() => durationMs('idleTimeout', given)).toThrow(TypeError)
    expect(() => durationMs('idleTimeout', given)).toThrow(/^idleTimeout must be/)
  })

  it.each([null, undefined, {}, [], true, 1n, () => 1])('so is what is neither a number nor text: %s', given => {
    expect(() => durationMs('x', given as unknown as number)).toThrow(TypeError)
  })

  it('reads what it can and refuses the rest; it never gives a number that is no span', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double(),
          fc.string(),
          fc.tuple(fc.nat(), fc.constantFrom('ms', 's', 'm', 'h', 'd')).map(parts => parts.join('')),
        ),
        given => {
          try {
            const ms = durationMs('x', given)
            return ms > 0 && Number.isFinite(ms)
          } catch (error) {
            return error instanceof TypeError
          }
        },
      ),
    )
  })
})

it('mustBeFunction names the option', () => {
  mustBeFunction('valid', undefined)
  mustBeFunction('valid', () => true)
  expect(() => mustBeFunction('valid', null)).toThrow(new TypeError('valid must be a function'))
})

it('the other checks name the option as well', () => {
  mustBeKnown('here', { a: 1 }, ['a', 'b'])
  expect(() => mustBeKnown('here', { c: 1 }, ['a', 'b'])).toThrow(new TypeError('here: there is no option "c"; there are a, b'))
  mustBeOneOf('x', undefined, ['a'])
  mustBeOneOf('x', 'a', ['a'])
  expect(() => mustBeOneOf('x', 'c', ['a', 'b'])).toThrow(new TypeError("x must be 'a' or 'b'"))
  mustHaveMethods('x', { a: () => 1 }, ['a'])
  expect(() => mustHaveMethods('x', { a: 1 }, ['a'])).toThrow(new TypeError('x.a must be function'))
  for (const value of [null, undefined, 5]) expect(() => mustHaveMethods('x', value, ['a'])).toThrow('x.a must be function')
})
