// Processes that are killed, at the worst moment.
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Ground, type PlaceName, places, type Subject, subjects } from '../stores/subjects.ts'
import { full } from '../support/full.ts'
import { underFault } from './fault.ts'
import { labels } from './labels.ts'
import { build, targetOf } from './site.ts'

beforeAll(() => build(), 300_000)

const PLACES: readonly PlaceName[] = full ? ['redis', 'postgres', 'mysql', 'mongodb', 'sqlite', 'file'] : ['redis']

describe.each(PLACES)('%s', place => {
  const subject = subjects.find(one => one.place === place) as Subject
  let ground: Ground
  let missing: string | undefined
  beforeAll(async () => {
    missing = await subject.missing?.()
    if (missing === undefined) ground = await places[place].start()
  }, 300_000)
  afterAll(() => ground?.stop())

  it('a process that is killed between the answer of the store and its own has lost nothing that it had acknowledged', async test => {
    test.skip(missing !== undefined, missing)
    await underFault({
      store: labels[place],
      fault: 'process killed after the store has answered',
      target: targetOf(subject, ground),
      promised: true,
      operations: full ? 100 : 40,
      async inject({ site }) {
        for (const worker of site.workers) {
          const { stopped } = await worker.stopAt('committed')
          await stopped()
          await worker.kill()
          await worker.start()
        }
        return `${site.workers.length} processes were killed with a write that was committed and not answered`
      },
    })
  }, 300_000)
})
