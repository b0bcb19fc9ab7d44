import { expect, it } from 'vitest'
import { Warnings } from '../../../src/core/warnings.ts'
import { clock, MINUTE } from '../support.ts'

it('says each kind at most once a minute', () => {
  const time = clock()
  const said: string[] = []
  const warnings = new Warnings((code, message) => said.push(`${code} ${message}`), time.now)
  warnings.warn('A', 'one')
  warnings.warn('A', 'two')
  warnings.warn('B', 'three')
  time.advance(MINUTE - 1)
  warnings.warn('A', 'four')
  time.advance(1)
  warnings.warn('A', 'five')
  warnings.warn('A', 'six')
  expect(said).toEqual(['A one', 'B three', 'A five'])
})
