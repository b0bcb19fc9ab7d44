import { afterAll, beforeAll, describe, it } from 'vitest'
import { full } from '../../support/full.ts'
import { durability } from '../hard-cases/durability.ts'
import { lostAnswer } from '../hard-cases/h02-lost-answer.ts'
import { regenerateRaces } from '../hard-cases/h03-regenerate.ts'
import { lateRequest } from '../hard-cases/h04-late-request.ts'
import { loggedOutEverywhere } from '../hard-cases/h07-log-out-everywhere.ts'
import { sessionLimits } from '../hard-cases/h10-session-limit.ts'
import { clocks } from '../hard-cases/h11-clocks.ts'
import { tenants } from '../hard-cases/h14-tenants.ts'
import { handles } from '../hard-cases/h23-handles.ts'
import { backChannelLogout } from '../hard-cases/h25-idp.ts'
import { noLostUpdate } from '../promises/01-no-lost-update.ts'
import { deadStaysDead } from '../promises/02-dead-stays-dead.ts'
import { exactlyN } from '../promises/03-exactly-n.ts'
import { failures } from '../promises/05-06-failure.ts'
import { cheapReads } from '../promises/14-cheap-reads.ts'
import { logOutEverywhere } from '../promises/16-log-out-everywhere.ts'
import { stolenDatabase } from '../promises/21-stolen-database.ts'
import { type Ground, type PlaceName, places, subjects } from '../subjects.ts'
import type { Check } from './check.ts'
import { type Door, Stage } from './stage.ts'

const promises: readonly Check[] = [
  ...noLostUpdate,
  ...deadStaysDead,
  ...exactlyN,
  ...failures,
  ...cheapReads,
  ...logOutEverywhere,
  ...stolenDatabase,
]
const hardCases: readonly Check[] = [
  ...lostAnswer,
  ...regenerateRaces,
  ...lateRequest,
  ...loggedOutEverywhere,
  ...sessionLimits,
  ...clocks,
  ...tenants,
  ...handles,
  ...backChannelLogout,
  ...durability,
]

export const doors: readonly Door[] = ['native', 'drop-in']

/** As the databases come, each with another share of what they all could play. */
const shares: readonly PlaceName[] = ['redis', 'postgres', 'mysql', 'mongodb', 'sqlite', 'file']
const SHARES = 4

/**
 * `npm test` plays on each database at least one check of each promise and hard case, and a quarter of the others, another quarter on the
 * next one: stores pass the kit before, and differ little here. In memory it plays all of them, `npm run test:full` all everywhere.
 */
function shareOf(place: PlaceName, checks: readonly Check[]): readonly Check[] {
  const share = shares.indexOf(place) % SHARES
  if (full || share < 0 || process.env.HOLDFAST_INCREMENTS) return checks
  const seen = new Map<string, number>()
  return checks.filter(({ name }) => {
    const [group] = name.split(':') as [string]
    const count = seen.get(group) ?? 0
    seen.set(group, count + 1)
    return count === 0 || count % SHARES === share
  })
}

/**
 * Every check, with each client of a place, whose server is started once for all of them; the second door with the first client. Stores do
 * not know by which door a session came, and their clients have the kit: `npm test` plays the first client, by the first door.
 */
export async function playAt(place: PlaceName): Promise<void> {
  let ground: Ground
  beforeAll(async () => {
    ground = await places[place].start()
  })
  afterAll(() => ground?.stop())

  const ofPlace = subjects.filter(one => one.place === place)
  for (const [n, subject] of (full ? ofPlace : ofPlace.slice(0, 1)).entries()) {
    const missing = await subject.missing?.()
    for (const door of n === 0 && places[place].bothDoors && (full || places[place].kind === 'process') ? doors : doors.slice(0, 1)) {
      describe.skipIf(missing !== undefined)(
        `Koa 3, ${door}, ${subject.name}${missing === undefined ? '' : ` (skipped: ${missing})`}`,
        () => {
          for (const { name, doors: only = doors, on, once, timeout, run } of shareOf(place, [...promises, ...hardCases])) {
            if (!only.includes(door) || on?.(place, door) === false || (once && n > 0)) continue
            it(name, () => run(new Stage({ subject, ground, door })), timeout)
          }
        },
      )
    }
  }
}
