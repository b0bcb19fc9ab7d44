// The tests of the tests: what shows a promise fails when what keeps the promise is taken out.
import { afterAll, beforeAll, describe, it } from 'vitest'
import { lostAnswer } from '../hard-cases/h02-lost-answer.ts'
import { regenerateRaces } from '../hard-cases/h03-regenerate.ts'
import { lateRequest } from '../hard-cases/h04-late-request.ts'
import { clocks } from '../hard-cases/h11-clocks.ts'
import { noLostUpdate } from '../promises/01-no-lost-update.ts'
import { deadStaysDead } from '../promises/02-dead-stays-dead.ts'
import { exactlyN } from '../promises/03-exactly-n.ts'
import { failures } from '../promises/05-06-failure.ts'
import { logOutEverywhere } from '../promises/16-log-out-everywhere.ts'
import { type Ground, type PlaceName, places, subjects } from '../subjects.ts'
import type { Check } from './check.ts'
import { expectFailure } from './expect-failure.ts'
import { doors } from './play.ts'
import {
  forgetful,
  leavingOne,
  replacingBlindly,
  type Sabotage,
  touchingBlindly,
  withInserts,
  withoutErrors,
  withoutTombstones,
  withoutVersionCheck,
} from './sabotage.ts'
import { Stage } from './stage.ts'

interface Proof {
  when: string
  sabotage: () => Sabotage
  checks: readonly Check[]
}

const named = (checks: readonly Check[], word: string) => checks.filter(({ name }) => name.includes(word))

const proofs: readonly Proof[] = [
  {
    when: 'the version check is taken out',
    sabotage: () => withoutVersionCheck,
    checks: [...noLostUpdate, ...named(exactlyN, 'overlapping')],
  },
  { when: 'a save or a touch may insert', sabotage: withInserts, checks: named(deadStaysDead, 'brings nothing back') },
  { when: "a failed write's error is swallowed", sabotage: () => withoutErrors, checks: named(failures, 'the store fails') },
  {
    when: "one of a user's sessions is left",
    sabotage: () => leavingOne,
    checks: [...named(logOutEverywhere, 'revokeAll ends'), ...named(logOutEverywhere, 'held in its handler')],
  },
  { when: 'a store does not know its own writes again', sabotage: forgetful, checks: named(lostAnswer, 'concurrent') },
  { when: 'a new id is given blindly', sabotage: () => replacingBlindly, checks: named(regenerateRaces, 'acknowledged') },
  { when: 'a touch sets what it is told', sabotage: () => touchingBlindly, checks: named(clocks, 'shortened') },
  { when: 'what has ended is merely not there', sabotage: () => withoutTombstones, checks: named(lateRequest, 'opens after the login') },
]

/** The memory, and a real server. */
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
    describe(`${door}, ${subject.name}`, () => {
      for (const { when, sabotage, checks } of proofs) {
        for (const check of checks) {
          const { name, doors: only = doors, on, timeout } = check
          if (!only.includes(door) || on?.(place, door) === false) continue
          it(`fails when ${when}: ${name}`, () => expectFailure(check, new Stage({ subject, ground, door, sabotage: sabotage() })), timeout)
        }
      }
    })
  }
})
