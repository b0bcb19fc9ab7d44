import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nativeFormat } from '../../../src/backends/native-format.ts'
import type { Draft } from '../../../src/core/backend.ts'
import { type Data, parseData } from '../../../src/core/json.ts'
import type { Life } from '../../../src/core/record.ts'
import { HOUR, MINUTE, START } from '../support.ts'

const life: Life = { createdAt: START, touchedAt: START + 1, idleMs: HOUR, expiresAt: START + HOUR }
const draft = (data: Data, of: Life = life): Draft => ({
  id: undefined,
  data: () => data,
  text: () => JSON.stringify(data),
  life: of,
  changed: true,
})

describe('nativeFormat', () => {
  it('gives back any data, and any life', () => {
    const time = fc.integer({ min: 0, max: 4e12 })
    const lives = fc.record<Life>(
      {
        ...{ createdAt: time, touchedAt: time, idleMs: time, expiresAt: time },
        authenticatedAt: time,
        absoluteExpiresAt: time,
        maxAge: fc.option(fc.nat()),
      },
      { requiredKeys: ['createdAt', 'touchedAt', 'idleMs', 'expiresAt'] },
    )
    fc.assert(
      fc.property(
        fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('l', 'd', '__proto__', ',"d":')), fc.jsonValue()),
        lives,
        (data, of) => {
          const decoded = nativeFormat.decode(nativeFormat.encode(draft(data, of), {}) as string, {})
          if ('absent' in decoded) throw new Error('absent')
          expect(decoded.life).toEqual(of)
          expect(decoded.base).toBe(JSON.stringify(data))
          expect(JSON.stringify(decoded.take())).toBe(JSON.stringify(data))
        },
      ),
    )
  })

  it('gives each reader data of their own', () => {
    const decoded = nativeFormat.decode(nativeFormat.encode(draft({ list: [1] }), {}) as string, {})
    if ('absent' in decoded) throw new Error('absent')
    ;(decoded.take().list as number[]).push(2)
    expect(decoded.take()).toEqual({ list: [1] })
    expect(decoded.base).toBe('{"list":[1]}')
  })

  it.each([
    '',
    '{}',
    'null',
    '{"d":{}}',
    '{"l":[],"d":{}}',
    '{"l":[1,2,3],"d":{}}',
    '{"l":[1,2,3,null],"d":{}}',
    '{"l":["1",2,3,4],"d":{}}',
    '{"l":5,"d":{}}',
    '{"l":[1,2,3,4],"x":1}',
    '{"l":[1,2,3,4,"d":{}}',
    ',"d":{}',
    'a,"d":{}}',
  ])('%j is malformed', text => {
    expect(nativeFormat.decode(text, {})).toEqual({ absent: true, malformed: true })
  })

  it('a list that ends early has no own life', () => {
    const decoded = nativeFormat.decode(`{"l":[${START},${START},${MINUTE},${START}],"d":{"a":1}}`, {})
    expect(decoded).toMatchObject({ life: { createdAt: START, touchedAt: START, idleMs: MINUTE, expiresAt: START }, base: '{"a":1}' })
    expect('life' in decoded && Object.keys(decoded.life)).toEqual(['createdAt', 'touchedAt', 'idleMs', 'expiresAt'])
  })

  it('never throws, whatever it is given', () => {
    fc.assert(fc.property(fc.string(), text => 'absent' in nativeFormat.decode(text, {})))
  })

  it('writes data last, and text once', () => {
    let asked = 0
    const write = () => {
      asked++
      return '{"a":1}'
    }
    const text = nativeFormat.encode({ ...draft({}), text: write }, {})
    expect(text).toBe(`{"l":[${START},${START + 1},${HOUR},${START + HOUR},null,null,-1],"d":{"a":1}}`)
    expect(asked).toBe(1)
    expect(parseData(String(text))).toEqual({ l: expect.any(Array), d: { a: 1 } })
  })
})
