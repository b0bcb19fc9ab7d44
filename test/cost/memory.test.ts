// What a request with a session allocates, above the bare framework. Compilers are off, so that it is the same in each run.
import { beforeAll, describe, expect, it } from 'vitest'
import { type Costs, measure, recorded } from './support.ts'

let found: Costs<number>
beforeAll(async () => {
  found = await measure('memory')
})

describe.each(Object.entries(recorded.memory))('%s allocates', (subject, scenarios) => {
  // A change that allocates more on purpose, or less, is recorded anew: node bench/cost-check.mjs --record
  it.each(Object.entries(scenarios))('no more than was recorded for %s', (scenario, octets) => {
    expect(found[subject]?.[scenario]).toBeLessThanOrEqual(octets * 1.25 + 1500)
  })
})
