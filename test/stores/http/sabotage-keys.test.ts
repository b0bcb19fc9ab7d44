// The tests of the tests: an engine that gives stores the id itself, and takes users whose names look alike for one.
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { tenants } from '../hard-cases/h14-tenants.ts'
import { stolenDatabase } from '../promises/21-stolen-database.ts'
import { type Ground, places, subjects } from '../subjects.ts'
import { expectFailure } from './expect-failure.ts'
import { doors } from './play.ts'
import { Stage } from './stage.ts'

vi.mock('../../../src/crypto/session-id.ts', async original => ({
  ...(await original<typeof import('../../../src/crypto/session-id.ts')>()),
  keyOf: (_scope: string, id: string) => id,
  userKeyOf: (_scope: string, userId: string) => userId.trim().toLowerCase(),
}))

describe('in the memory and in a file', () => {
  const chosen = subjects.filter(({ place, client }) => place === 'memory' || client === 'libsql')
  const grounds = new Map<string, Ground>()
  beforeAll(async () => {
    for (const { place } of chosen) grounds.set(place, await places[place].start())
  })
  afterAll(() => Promise.all([...grounds.values()].map(ground => ground.stop())))

  for (const subject of chosen) {
    for (const door of doors) {
      for (const check of [...stolenDatabase, ...tenants]) {
        if (check.doors && !check.doors.includes(door)) continue
        it(`${door}, ${subject.name}: fails when a store gets the id: ${check.name}`, () =>
          expectFailure(check, new Stage({ subject, ground: grounds.get(subject.place) as Ground, door })))
      }
    }
  }
})
