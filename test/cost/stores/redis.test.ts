// What a request costs a real Redis, counted on the wire.
import { beforeAll, describe, expect, it } from 'vitest'
import { type Costs, measure, type RedisCost, recorded } from '../support.ts'

let found: Costs<RedisCost>
beforeAll(async () => {
  found = await measure('redis')
})

describe.each(Object.entries(recorded.redis))('%s', (subject, scenarios) => {
  // A change that is meant is recorded anew: node bench/cost-check.mjs --record
  it.each(Object.entries(scenarios))('sends Redis for %s what was recorded', (scenario, { commands, toRedis, fromRedis }) => {
    const cost = found[subject]?.[scenario]
    expect(cost?.commands).toEqual(commands)
    expect(cost?.toRedis).toBeLessThanOrEqual(toRedis * 1.05 + 10)
    expect(cost?.fromRedis).toBeLessThanOrEqual(fromRedis * 1.05 + 10)
  })

  it.each(Object.keys(scenarios))('leaves it to the client to send together what %s asks for at one time', scenario => {
    expect(found[subject]?.[scenario]?.piecesTogether).toBeLessThan(0.25)
  })
})
