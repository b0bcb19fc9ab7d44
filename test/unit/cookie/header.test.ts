import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cookieValues, setsCookie } from '../../../src/cookie/header.ts'
import { anyHeader } from '../text.ts'

describe('cookieValues', () => {
  it.each<[string | undefined, string[]]>([
    [undefined, []],
    ['', []],
    ['sid=a', ['a']],
    ['sid=', ['']],
    ['other=1; sid=a; more=2', ['a']],
    ['other=1;sid=a;more=2', ['a']],
    ['sid=first; sid=second', ['first', 'second']],
    ['sid=a=b==', ['a=b==']],
    ['sid="a b"', ['a b']],
    ['sid="', ['"']],
    ['sid=""', ['']],
    ['sid="a', ['"a']],
    [' \tsid= a \t', ['a']],
    ['sid=%61', ['%61']],
    ['Sid=a', []],
    ['SID=a', []],
    ['xsid=a', []],
    ['sidx=a', []],
    ['s%69d=a', []],
    ['"sid"=a', []],
    ['sid =a', []],
    ['=sid=a', []],
    ['sid', []],
    [';;;sid=a;;', ['a']],
    ['other=sid=a', []],
    ['other="; sid=a"', ['a"']],
  ])('of %j are %j', (header, values) => {
    expect(cookieValues(header, 'sid')).toEqual(values)
  })

  it.each(['\u00a0', '\u0085', '\u000b', '\u000c', '\ufeff', '\u2000', '\0', '\n'])(
    'an octet that is no blank is part of the name: %j',
    octet => {
      expect(cookieValues(`${octet}__Host-sid=evil`, '__Host-sid')).toEqual([])
      expect(cookieValues(`a=1; ${octet}__Host-sid=evil; __Host-sid=good`, '__Host-sid')).toEqual(['good'])
      expect(cookieValues(`__Host-sid${octet}=evil`, '__Host-sid')).toEqual([])
      expect(cookieValues(`__Host-sid=${octet}a${octet}`, '__Host-sid')).toEqual([`${octet}a${octet}`])
    },
  )

  it('takes a name as text, never as a pattern', () => {
    expect(cookieValues('axb=1; a.b=2', 'a.b')).toEqual(['2'])
    expect(cookieValues('$&=1', '$&')).toEqual(['1'])
  })

  it('agrees with the definition on any header', () => {
    const piece = fc.oneof(anyHeader, fc.constantFrom('sid', 'sid=', '=', ';', '; ', ' ', '\t', '"', 'a', '\u00a0'))
    const header = fc.array(piece, { maxLength: 12 }).map(list => list.join(''))
    fc.assert(
      fc.property(header, text => {
        const trim = (part: string) => {
          while (part[0] === ' ' || part[0] === '\t') part = part.slice(1)
          while (part.at(-1) === ' ' || part.at(-1) === '\t') part = part.slice(0, -1)
          return part
        }
        const pairs = text
          .split(';')
          .map(trim)
          .filter(pair => pair.startsWith('sid='))
        const values = pairs.map(pair => trim(pair.slice(4)))
        expect(cookieValues(text, 'sid')).toEqual(
          values.map(value => (value.length > 1 && value[0] === '"' && value.at(-1) === '"' ? value.slice(1, -1) : value)),
        )
      }),
      { numRuns: 3000 },
    )
  })

  it('a header of 16 kB costs a time that grows with its length, not with its square', () => {
    const time = (length: number) => {
      const header = `sid=${' '.repeat(length)}x`
      let best = Number.POSITIVE_INFINITY
      for (let i = 0; i < 5; i++) {
        const start = process.hrtime.bigint()
        cookieValues(header, 'sid')
        best = Math.min(best, Number(process.hrtime.bigint() - start))
      }
      return best
    }
    time(1000)
    expect(time(32_000) / time(1000)).toBeLessThan(200)
  })
})

describe('setsCookie', () => {
  it.each([
    ['sid=a; Path=/', true],
    ['sid=', true],
    ['sid', false],
    ['sid.sig=a', false],
    ['Sid=a', false],
    [' sid=a', false],
    ['other=sid=a', false],
  ])('%j: %s', (line, sets) => {
    expect(setsCookie(line, 'sid')).toBe(sets)
  })
})
