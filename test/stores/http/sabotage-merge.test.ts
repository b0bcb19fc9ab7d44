// The tests of the tests: an engine that puts this request's data in the place of the other's, where it should merge them.
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { noLostUpdate } from '../promises/01-no-lost-update.ts'
import { type Ground, type PlaceName, places, subjects } from '../subjects.ts'
import { expectFailure } from './expect-failure.ts'
import { doors } from './play.ts'
import { Stage } from './stage.ts'

vi.mock('../../../src/core/merge.ts', async original => ({
  ...(await original<typeof import('../../../src/core/merge.ts')>()),
  merge: (_base: object, mine: object) => ({ outcome: 'merged', data: mine }),
}))

const chosen: readonly PlaceName[] = ['memory', 'postgres']

describe.each(chosen)('%s', place => {
  let ground: Ground
  beforeAll(async () => {
    ground = await places[place].start()
  })
  afterAll(() => ground?.stop())

  const [subject] = subjects.filter(one => one.place === place)
  if (!subject) throw new Error(`no store lives in ${place}`)
  for (const door of place === 'memory' ? doors : (['native'] as const)) {
    for (const check of noLostUpdate) {
      if (check.doors && !check.doors.includes(door)) continue
      it(`${door}: fails when the merge takes mine whole: ${check.name}`, () => expectFailure(check, new Stage({ subject, ground, door })))
    }
  }
})
